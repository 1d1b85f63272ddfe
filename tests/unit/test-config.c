/* SPDX-License-Identifier: MIT */
/*
 * config.c, config-file.c, config-keys.c, config-load.c: from files to one configuration, or to the
 * sentence that says why not. Values and words have test-config-value.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config-keys.h"
#include "config.h"

#define MANUAL "supervisor/app-bluegreen.conf.5"

static char error[CONFIG_ERROR_MAX];

/* Builds from texts, called a.conf, b.conf, ... */
static struct config *build_all(const char *const *contents, size_t count, int *ret_r)
{
	static const char *const names[] = {"a.conf", "b.conf", "c.conf"};
	struct config_text texts[ELEMENTS(names)] = { 0 };
	struct config *config = NULL;

	error[0] = '\0';
	for (size_t i = 0; i < count; i++)
		texts[i] = (struct config_text){
			.name = names[i],
			.content = strdup(contents[i]),
			.size = strlen(contents[i]),
		};
	*ret_r = config_build("app", texts, count, error, &config);
	for (size_t i = 0; i < count; i++)
		free(texts[i].content);
	return config;
}

static struct config *build(const char *text)
{
	struct config *config;
	int r;

	config = build_all(&text, 1, &r);
	if (r < 0)
		fail_msg("%s", error);
	return config;
}

/* The sentence that says why not. */
static const char *refusal(const char *text)
{
	struct config *config;
	int r;

	config = build_all(&text, 1, &r);
	assert_true(r < 0);
	assert_null(config);
	return error;
}

#define assert_refused(text, sentence) assert_string_equal(refusal(text), sentence)

static void empty_file_is_all_defaults(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = build("");

	(void)state;
	assert_string_equal(config->app, "app");
	assert_int_equal(config->ports[COLOR_BLUE], 9000);
	assert_int_equal(config->ports[COLOR_GREEN], 9001);
	assert_string_equal(config->probe.path, "/");
	assert_int_equal(config->probe.status_min, 200);
	assert_int_equal(config->probe.status_max, 299);
	assert_null(config->probe.body);
	assert_null(config->probe.host);
	assert_int_equal(config->probe.interval_usec, USEC_PER_SEC);
	assert_int_equal(config->probe.timeout_usec, 5 * USEC_PER_SEC);
	assert_int_equal(config->probe.start_timeout_usec, 90 * USEC_PER_SEC);
	assert_int_equal(config->probe.rise, 2);
	assert_int_equal(config->probe.fall, 3);
	assert_int_equal(config->probe.soak_usec, 3 * USEC_PER_SEC);
	assert_null(config->probe.warm_up[0]);
	assert_int_equal(config->hold_usec, 30 * USEC_PER_SEC);
	assert_int_equal(config->hold_requests, 512);
	assert_int_equal(config->hold_bytes, 64 << 20);
	assert_int_equal(config->drain_requests_usec, 30 * USEC_PER_SEC);
	assert_int_equal(config->drain_streams_usec, 300 * USEC_PER_SEC);
	assert_string_equal(config->fallback_environment[0], "READ_ONLY=1");
	assert_null(config->fallback_environment[1]);
	assert_int_equal(config->fallback_writes, FALLBACK_WRITES_HOLD);
}

static void every_key_is_taken(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = build(
		"[App]\nBluePort=8001\nGreenPort=8002\nStrategy=fallback\n"
		"[Probe]\nPath=/health?deep=1\nExpectStatus=204\nExpectBody=\"ok\": \\true\n"
		"Host=notes.example:80\nInterval=500ms\nTimeout=2\nStartTimeout=2min 30s\nRise=4\n"
		"Fall=5\nSoak=0\nWarmUp=/a '/b'\n"
		"[Hold]\nLimit=1h\nRequests=7\nBytes=1.5M\n"
		"[Drain]\nRequests=0\nStreams=1d\n"
		"[Fallback]\nEnvironment=A=1 \"B=two words\" C=\nWrites=pass\n");

	(void)state;
	assert_int_equal(config->ports[COLOR_BLUE], 8001);
	assert_int_equal(config->ports[COLOR_GREEN], 8002);
	assert_string_equal(config->probe.path, "/health?deep=1");
	assert_int_equal(config->probe.status_min, 204);
	assert_int_equal(config->probe.status_max, 204);
	assert_string_equal(config->probe.body, "\"ok\": \\true");
	assert_string_equal(config->probe.host, "notes.example:80");
	assert_int_equal(config->probe.interval_usec, 500 * USEC_PER_MSEC);
	assert_int_equal(config->probe.timeout_usec, 2 * USEC_PER_SEC);
	assert_int_equal(config->probe.start_timeout_usec, 150 * USEC_PER_SEC);
	assert_int_equal(config->probe.rise, 4);
	assert_int_equal(config->probe.fall, 5);
	assert_int_equal(config->probe.soak_usec, 0);
	assert_string_equal(config->probe.warm_up[0], "/a");
	assert_string_equal(config->probe.warm_up[1], "/b");
	assert_null(config->probe.warm_up[2]);
	assert_int_equal(config->hold_usec, 3600 * USEC_PER_SEC);
	assert_int_equal(config->hold_requests, 7);
	assert_int_equal(config->hold_bytes, 3 << 19);
	assert_int_equal(config->drain_requests_usec, 0);
	assert_int_equal(config->drain_streams_usec, 86400 * USEC_PER_SEC);
	assert_string_equal(config->fallback_environment[0], "A=1");
	assert_string_equal(config->fallback_environment[1], "B=two words");
	assert_string_equal(config->fallback_environment[2], "C=");
	assert_null(config->fallback_environment[3]);
	assert_int_equal(config->fallback_writes, FALLBACK_WRITES_PASS);
}

static void empty_value_restores_the_default(void **state)
{
	const char *const texts[] = {
		"[App]\nBluePort=1\n[Probe]\nExpectBody=x\nWarmUp=/a\n[Fallback]\nEnvironment=A=1",
		"[App]\nBluePort=\n[Probe]\nExpectBody=\nWarmUp=  \n[Fallback]\nEnvironment=",
	};
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	int r;

	(void)state;
	config = build_all(texts, 2, &r);
	assert_return_code(r, 0);
	assert_int_equal(config->ports[COLOR_BLUE], 9000);
	assert_null(config->probe.body);
	assert_null(config->probe.warm_up[0]);
	assert_string_equal(config->fallback_environment[0], "READ_ONLY=1");
}

static void later_file_replaces_key_by_key(void **state)
{
	const char *const texts[] = {
		"[App]\nBluePort=1\nGreenPort=2\n[Probe]\nWarmUp=/a /b /c\n",
		"[App]\nBluePort=3\n[Probe]\nWarmUp=/d\n",
		"[App]\nBluePort=4\n",
	};
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	int r;

	(void)state;
	config = build_all(texts, 3, &r);
	assert_return_code(r, 0);
	assert_int_equal(config->ports[COLOR_BLUE], 4);
	assert_int_equal(config->ports[COLOR_GREEN], 2);
	assert_string_equal(config->probe.warm_up[0], "/d");
	assert_null(config->probe.warm_up[1]);
}

static void syntax_of_systemd_is_read(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config =
		build("\xef\xbb\xbf# comment\r\n; another\r\n\r\n  [App]  \r\n"
		      "\tBluePort = 8001 \r\n   # GreenPort=7\n"
		      "[Probe]\nWarmUp=/a \\\n# between\n  ; and this\n   /b \\\r\n/c\n"
		      "ExpectBody=a=b#c;\\\\\n[App]\nGreenPort=8002\n[Hold]");

	(void)state;
	assert_int_equal(config->ports[COLOR_BLUE], 8001);
	assert_int_equal(config->ports[COLOR_GREEN], 8002);
	assert_string_equal(config->probe.warm_up[0], "/a");
	assert_string_equal(config->probe.warm_up[1], "/b");
	assert_string_equal(config->probe.warm_up[2], "/c");
	assert_string_equal(config->probe.body, "a=b#c;\\\\");
}

static void continued_last_line_is_whole(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config =
		build("[Probe]\nExpectBody=one \\\n\nPath=/x\\");

	(void)state;
	assert_string_equal(config->probe.body, "one");
	assert_string_equal(config->probe.path, "/x");
}

static void broken_syntax_names_its_line(void **state)
{
	(void)state;
	assert_refused("[App]\nBluePort\n",
		"a.conf:2: a line must be [SECTION], KEY=VALUE, or a comment (#, ;)");
	assert_refused(
		"[App]\n\n = 5\n", "a.conf:3: no key in front of the =; a line is KEY=VALUE");
	assert_refused(
		"# x\nBluePort=1\n", "a.conf:2: no section yet; put a line like [App] before it");
	assert_refused("[App\n", "a.conf:1: a section's line must be [NAME] and nothing else");
	assert_refused("[]\n", "a.conf:1: a section's line must be [NAME] and nothing else");
	assert_refused("[App] x]\n", "a.conf:1: a section's line must be [NAME] and nothing else");
	assert_refused("[Probe]\nWarmUp=/a \\\n /b \\\n /c\nPath=\x01\n",
		"a.conf:5: a control character; remove it, only tabs may stand in a line");
	assert_refused("[Probe]\nWarmUp=/a \\\n /b \\\n c\nPath=/\n",
		"a.conf:2: WarmUp=/a   /b   c is not possible; it must be at most 16 paths that "
		"begin with /, of visible ASCII characters without #");
	assert_refused("# caf\xe9\n", "a.conf:1: bytes that are not UTF-8; write the line anew");
}

static void nul_byte_is_named(void **state)
{
	char text[] = "[App]\nBlue\0Port=1\n";
	struct config_text file = {"a.conf", text, sizeof(text) - 1};
	struct config *config = NULL;

	(void)state;
	assert_int_equal(config_build("app", &file, 1, error, &config), -EINVAL);
	assert_string_equal(
		error, "a.conf:2: a NUL byte; a configuration file is text, write the line anew");
}

static void unknown_words_are_named_with_the_known(void **state)
{
	(void)state;
	assert_refused("\n[Pope]\n",
		"a.conf:2: there is no section [Pope]; there are [App], [Probe], [Hold], [Drain], "
		"[Fallback]");
	assert_refused("[App]\nblueport=1\n",
		"a.conf:2: there is no key blueport= in [App]; there are BluePort=, GreenPort=, "
		"Strategy=");
	assert_refused(
		"[App]\nTimeout=1\n", "a.conf:2: Timeout= does not belong in [App] but in [Probe]");
	assert_refused("[App]\nProtocol=http\n",
		"a.conf:2: there is no key Protocol= in [App]; there are BluePort=, GreenPort=, "
		"Strategy=");
}

static void long_words_are_cut_in_the_sentence(void **state)
{
	char text[1000] = "[App]\n";

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(text, "\xc3\xa4");
	strcat(text, "=1\n");
	assert_in_range(strlen(refusal(text)), 60, 200);
	/* The cut is not in the middle of a character. */
	assert_non_null(strstr(error, "\xa4= in [App]"));
}

static void key_given_twice_is_refused(void **state)
{
	(void)state;
	assert_refused("[App]\nBluePort=1\nGreenPort=2\n[Hold]\n[App]\nBluePort=1\n",
		"a.conf:6: BluePort= was given in line 2 already; remove one of the two");
	assert_refused("[App]\nBluePort=\nBluePort=1\n",
		"a.conf:3: BluePort= was given in line 2 already; remove one of the two");
}

static void value_out_of_range_says_what_is_allowed(void **state)
{
	static const char *const bad[][3] = {
		{"App", "BluePort=0", "a port from 1 to 65535"},
		{"App", "BluePort=65536", "a port from 1 to 65535"},
		{"App", "GreenPort=http", "a port from 1 to 65535"},
		{"App", "GreenPort=9 001", "a port from 1 to 65535"},
		{"App", "GreenPort=99999999999999999999", "a port from 1 to 65535"},
		{"App", "Strategy=swap", "fallback, the only strategy there is"},
		{"App", "Strategy=Fallback", "fallback, the only strategy there is"},
		{"Probe", "Path=health",
			"a path that begins with /, of visible ASCII characters without #"},
		{"Probe", "Path=/a b",
			"a path that begins with /, of visible ASCII characters without #"},
		{"Probe", "Path=/#x",
			"a path that begins with /, of visible ASCII characters without #"},
		{"Probe", "ExpectStatus=199-299",
			"a status or a range of them from 200 to 599, like 200-299"},
		{"Probe", "ExpectStatus=200-600",
			"a status or a range of them from 200 to 599, like 200-299"},
		{"Probe", "ExpectStatus=299-200",
			"a status or a range of them from 200 to 599, like 200-299"},
		{"Probe", "Host=a b", "a host name with or without a port"},
		{"Probe", "Interval=99ms", "a time from 100ms to 1h"},
		{"Probe", "Interval=infinity", "a time from 100ms to 1h"},
		{"Probe", "Timeout=-1s", "a time from 10ms to 10min"},
		{"Probe", "Timeout=11min", "a time from 10ms to 10min"},
		{"Probe", "StartTimeout=0", "a time from 1s to 1d"},
		{"Probe", "Rise=0", "a number from 1 to 100"},
		{"Probe", "Fall=101", "a number from 1 to 100"},
		{"Probe", "Soak=2h", "a time from 0 to 1h"},
		{"Probe", "WarmUp=/a 'b",
			"at most 16 paths that begin with /, of visible ASCII characters without "
			"#"},
		{"Hold", "Limit=0", "a time from 1s to 1h"},
		{"Hold", "Requests=65537", "a number from 1 to 65536"},
		{"Hold", "Requests=+5", "a number from 1 to 65536"},
		{"Hold", "Bytes=17G", "a size from 64K to 16G"},
		{"Hold", "Bytes=1KB", "a size from 64K to 16G"},
		{"Drain", "Requests=61min", "a time from 0 to 1h"},
		{"Drain", "Streams=2d", "a time from 0 to 1d"},
		{"Fallback", "Environment=READ_ONLY",
			"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
			"BLUEGREEN_\xe2\x80\xa6, which the supervisor sets"},
		{"Fallback", "Environment=PORT=1",
			"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
			"BLUEGREEN_\xe2\x80\xa6, which the supervisor sets"},
		{"Fallback", "Environment=BLUEGREEN_COLOR=red",
			"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
			"BLUEGREEN_\xe2\x80\xa6, which the supervisor sets"},
		{"Fallback", "Environment=A=a\\nB=b",
			"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
			"BLUEGREEN_\xe2\x80\xa6, which the supervisor sets"},
		{"Fallback", "Writes=drop", "hold or pass"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char text[200], sentence[400];

		snprintf(text, sizeof(text), "[%s]\n%s\n", bad[i][0], bad[i][1]);
		snprintf(sentence, sizeof(sentence), "a.conf:2: %s is not possible; it must be %s",
			bad[i][1], bad[i][2]);
		assert_refused(text, sentence);
	}
}

static void seventeen_words_are_too_many(void **state)
{
	char text[300] = "[Probe]\nWarmUp=/0 /1 /2 /3 /4 /5 /6 /7 /8 /9 /a /b /c /d /e /f";
	struct config *config;

	(void)state;
	config = build(text);
	assert_string_equal(config->probe.warm_up[15], "/f");
	assert_null(config->probe.warm_up[16]);
	config_free(config);
	strcat(text, " /g");
	assert_non_null(strstr(refusal(text), "must be at most 16 paths"));
}

static void equal_ports_are_refused_where_they_were_given_last(void **state)
{
	const char *const texts[] = {"[App]\nGreenPort=5\n", "[Hold]\n\n[App]\nBluePort=5\n"};
	int r;

	(void)state;
	assert_null(build_all(texts, 2, &r));
	assert_string_equal(error,
		"b.conf:4: BluePort= and GreenPort= are both 5; each color needs a port of its "
		"own");
	assert_refused("[App]\nBluePort=9001\n",
		"a.conf:2: BluePort= and GreenPort= are both 9001; each color needs a port of its "
		"own");
}

static void probe_longer_than_the_start_is_refused(void **state)
{
	(void)state;
	assert_refused("[Probe]\nStartTimeout=2s\n",
		"a.conf:2: Timeout= is longer than StartTimeout=, so that not even one probe "
		"could end in time; it must be shorter");
}

static void name_of_an_app_is_checked(void **state)
{
	char longest[CONFIG_APP_MAX + 1];

	(void)state;
	assert_true(config_app_valid("app"));
	assert_true(config_app_valid("a1_b"));
	assert_false(config_app_valid(""));
	assert_false(config_app_valid("1a"));
	assert_false(config_app_valid("_a"));
	assert_false(config_app_valid("App"));
	assert_false(config_app_valid("a-b"));
	assert_false(config_app_valid("a/b"));
	assert_false(config_app_valid("a.b"));
	memset(longest, 'a', sizeof(longest));
	longest[CONFIG_APP_MAX] = '\0';
	assert_false(config_app_valid(longest));
	longest[CONFIG_APP_MAX - 1] = '\0';
	assert_true(config_app_valid(longest));
}

/* A text cut anywhere is read or refused, and nothing is touched behind its NUL. */
static void text_cut_at_every_byte_is_read_up_to_its_end(void **state)
{
	static const char whole[] =
		"\xef\xbb\xbf[App]\r\nBluePort=1 \\\n#\n\\\n2\n[Probe]\nWarmUp='/\\x41' "
		"\"/\\u00e4\"\n"
		"[Fallback]\nEnvironment=A=\\101 \\\n \"B=\\s\"\n[Hold]\nLimit=1min 30.5s\n";
	long page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(
		NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_return_code(mprotect(pages + page, (size_t)page, PROT_NONE), errno);
	for (size_t size = 0; size < sizeof(whole); size++) {
		struct config_text text = {"a.conf", pages + page - size - 1, size};
		struct config *config = NULL;

		memcpy(text.content, whole, size);
		text.content[size] = '\0';
		config_build("app", &text, 1, error, &config);
		config_free(config);
	}
	munmap(pages, 2 * (size_t)page);
}

/* Files */

static int setup(void **state)
{
	char *dir = strdup("/tmp/test-config-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static const char *in(const char *dir, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *dir, const char *name, const char *content)
{
	FILE *file = fopen(in(dir, name), "we");

	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static int teardown(void **state)
{
	static const char *const names[] = {"app.conf", "app.conf.d/10-a.conf",
		"app.conf.d/9-b.conf", "app.conf.d/.hidden.conf", "app.conf.d/x.conf~",
		"app.conf.d/null.conf", "app.conf.d/fifo.conf"};
	char *dir = *state;

	for (size_t i = 0; i < ELEMENTS(names); i++)
		unlink(in(dir, names[i]));
	for (int i = 0; i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "app.conf.d/%02d.conf", i);
		unlink(in(dir, name));
	}
	rmdir(in(dir, "app.conf.d"));
	assert_return_code(rmdir(dir), errno);
	free(dir);
	return 0;
}

static void missing_files_are_defaults(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL, *other = NULL;

	assert_return_code(config_load(*state, "app", error, &config), 0);
	assert_int_equal(config->ports[COLOR_BLUE], 9000);
	assert_return_code(config_load("/nonexistent/x", "shop", error, &other), 0);
	assert_string_equal(other->app, "shop");
}

static void drop_ins_are_read_in_the_order_of_their_names(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	const char *dir = *state;

	put(dir, "app.conf", "[App]\nBluePort=1\n[Hold]\nRequests=1\n[Probe]\nRise=9\n");
	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	put(dir, "app.conf.d/10-a.conf", "[App]\nBluePort=2\n[Hold]\nRequests=2\n");
	put(dir, "app.conf.d/9-b.conf", "[App]\nBluePort=3\n");
	put(dir, "app.conf.d/.hidden.conf", "[App]\nBluePort=4\n");
	put(dir, "app.conf.d/x.conf~", "[App]\nBluePort=5\n");
	assert_return_code(symlink("/dev/null", in(dir, "app.conf.d/null.conf")), errno);
	assert_return_code(config_load(dir, "app", error, &config), 0);
	assert_int_equal(config->ports[COLOR_BLUE], 3);
	assert_int_equal(config->hold_requests, 2);
	assert_int_equal(config->probe.rise, 9);
}

static void error_names_the_file_it_is_in(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	put(dir, "app.conf", "[App]\nBluePort=1\n");
	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	put(dir, "app.conf.d/10-a.conf", "[App]\n\nBluePort=x\n");
	assert_int_equal(config_load(dir, "app", error, &config), -EINVAL);
	assert_null(config);
	snprintf(sentence, sizeof(sentence),
		"%s/app.conf.d/10-a.conf:3: BluePort=x is not possible; it must be a port from 1 "
		"to 65535",
		dir);
	assert_string_equal(error, sentence);
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	assert_return_code(mkfifo(in(dir, "app.conf.d/fifo.conf"), 0644), errno);
	assert_int_equal(config_load(dir, "app", error, &config), -EINVAL);
	snprintf(sentence, sizeof(sentence), "%s/app.conf.d/fifo.conf: is not a file; remove it",
		dir);
	assert_string_equal(error, sentence);
}

static void link_to_nothing_is_named(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	assert_return_code(symlink("/nonexistent/x", in(dir, "app.conf.d/null.conf")), errno);
	assert_int_equal(config_load(dir, "app", error, &config), -ENOENT);
	snprintf(sentence, sizeof(sentence),
		"%s/app.conf.d/null.conf: cannot be read: No such file or directory", dir);
	assert_string_equal(error, sentence);
}

static void file_that_is_too_long_is_refused(void **state)
{
	static char text[CONFIG_FILE_MAX + 2];
	struct config *config = NULL;
	const char *dir = *state;

	memset(text, '#', CONFIG_FILE_MAX);
	put(dir, "app.conf", text);
	assert_return_code(config_load(dir, "app", error, &config), 0);
	config = config_free(config);
	text[CONFIG_FILE_MAX] = '#';
	put(dir, "app.conf", text);
	assert_int_equal(config_load(dir, "app", error, &config), -EFBIG);
	assert_non_null(strstr(error, "/app.conf: is longer than 64 KiB; shorten it"));
}

static void too_many_files_are_refused(void **state)
{
	struct config *config = NULL;
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	for (int i = 0; i < CONFIG_FILES_MAX; i++) {
		char name[64];

		snprintf(name, sizeof(name), "app.conf.d/%02d.conf", i);
		put(dir, name, "");
	}
	assert_return_code(config_load(dir, "app", error, &config), 0);
	config = config_free(config);
	put(dir, "app.conf", "");
	assert_int_equal(config_load(dir, "app", error, &config), -E2BIG);
	assert_non_null(strstr(error, "/app.conf.d/63.conf: is one file too many"));
}

/* The manual page */

struct page_key {
	char section[32], name[32], initial[64];
};

static size_t read_page(struct page_key keys[static CONFIG_KEYS_MAX])
{
	char line[512], section[32] = "";
	struct page_key *key = NULL;
	size_t count = 0;
	FILE *page;

	page = fopen(MANUAL, "re");
	if (!page)
		fail_msg("%s cannot be read; run this from the top of the source tree", MANUAL);
	while (fgets(line, sizeof(line), page)) {
		char word[64];

		if (sscanf(line, ".Ss [%31[A-Za-z]]", section) == 1)
			continue;
		if (sscanf(line, ".It Va %31[A-Za-z] Ns =", word) == 1) {
			assert_in_range(count, 0, CONFIG_KEYS_MAX - 1);
			key = &keys[count++];
			*key = (struct page_key){0};
			strcpy(key->section, section);
			strcpy(key->name, word);
		} else if (sscanf(line, "Default: %63[^\n]", word) == 1) {
			assert_non_null(key);
			assert_int_equal(word[strlen(word) - 1], '.');
			word[strlen(word) - 1] = '\0';
			strcpy(key->initial, word);
		}
	}
	fclose(page);
	return count;
}

static void manual_page_has_the_keys_and_defaults_of_the_table(void **state)
{
	struct page_key keys[CONFIG_KEYS_MAX];
	size_t count = read_page(keys);

	(void)state;
	assert_int_equal(count, config_keys_count());
	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = config_keys_at(i);

		assert_string_equal(keys[i].section, key->section);
		assert_string_equal(keys[i].name, key->name);
		assert_string_equal(keys[i].initial, *key->initial ? key->initial : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_is_all_defaults),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(empty_value_restores_the_default),
		cmocka_unit_test(later_file_replaces_key_by_key),
		cmocka_unit_test(syntax_of_systemd_is_read),
		cmocka_unit_test(continued_last_line_is_whole),
		cmocka_unit_test(broken_syntax_names_its_line),
		cmocka_unit_test(nul_byte_is_named),
		cmocka_unit_test(unknown_words_are_named_with_the_known),
		cmocka_unit_test(long_words_are_cut_in_the_sentence),
		cmocka_unit_test(key_given_twice_is_refused),
		cmocka_unit_test(value_out_of_range_says_what_is_allowed),
		cmocka_unit_test(seventeen_words_are_too_many),
		cmocka_unit_test(equal_ports_are_refused_where_they_were_given_last),
		cmocka_unit_test(probe_longer_than_the_start_is_refused),
		cmocka_unit_test(name_of_an_app_is_checked),
		cmocka_unit_test(text_cut_at_every_byte_is_read_up_to_its_end),
		cmocka_unit_test_setup_teardown(missing_files_are_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(
			drop_ins_are_read_in_the_order_of_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(error_names_the_file_it_is_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_file_is_refused_and_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(link_to_nothing_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(file_that_is_too_long_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_files_are_refused, setup, teardown),
		cmocka_unit_test(manual_page_has_the_keys_and_defaults_of_the_table),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
