/* SPDX-License-Identifier: MIT */
/*
 * config.c and config-keys.c: what each key may be and what it is by default. Syntax has
 * test-config-file.c, values have test-config-value.c, files test-config-load.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config-builder.h"
#include "config-keys.h"

#define MANUAL	"supervisor/app-bluegreen.conf.5"
#define SHIPPED "units/app.conf"

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

#define PROXIES                                                                                    \
	"none, or at most 32 addresses or prefixes like 192.0.2.0/24 or 2001:db8::/32 without "    \
	"bits behind the prefix, and localhost, which counts as two"

static void value_out_of_range_says_what_is_allowed(void **state)
{
	static const char *const bad[][3] = {
		{"App", "BluePort=0", "a port from 1 to 65535"},
		{"App", "BluePort=65536", "a port from 1 to 65535"},
		{"App", "GreenPort=http", "a port from 1 to 65535"},
		{"App", "GreenPort=9 001", "a port from 1 to 65535"},
		{"App", "GreenPort=99999999999999999999", "a port from 1 to 65535"},
		{"App", "Strategy=Fallback", "fallback or swap"},
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
		{"Route", "TrustedProxies=10.0.0.1/8", PROXIES},
		{"Route", "TrustedProxies=proxy.example", PROXIES},
		{"Route", "TrustedProxies=none localhost", PROXIES},
		{"Route", "TrustedProxies=10.0.0.0/8,::1", PROXIES},
		{"Route", "AcceptProxyProtocol=v1", "yes or no"},
		{"Route", "SendProxyProtocol=yes", "no, v1 or v2"},
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

static void clients_and_their_front_ends(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = build("");
	char text[TRUST_TEXT_MAX];

	(void)state;
	assert_string_equal(trust_text(&config->trusted_proxies, text), "127.0.0.0/8,::1");
	assert_false(config->accept_proxy);
	assert_int_equal(config->send_proxy, PROXY_VERSION_NONE);
	config_free(config);
	config = build("[Route]\nTrustedProxies=192.0.2.0/24  2001:db8::1\nAcceptProxyProtocol=on\n"
		       "SendProxyProtocol=v2\n");
	assert_string_equal(trust_text(&config->trusted_proxies, text), "192.0.2.0/24,2001:db8::1");
	assert_true(config->accept_proxy);
	assert_int_equal(config->send_proxy, PROXY_VERSION_2);
	config_free(config);
	config = build("[Route]\nTrustedProxies=none\nAcceptProxyProtocol=No\n");
	assert_int_equal(config->trusted_proxies.count, 0);
	assert_false(config->accept_proxy);
}

static void thirty_three_front_ends_are_too_many(void **state)
{
	char text[600] = "[Route]\nTrustedProxies=";
	struct config *config;

	(void)state;
	for (int i = 0; i < TRUST_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " 10.0.0.%d", i);
	config = build(text);
	assert_int_equal(config->trusted_proxies.count, TRUST_MAX);
	config_free(config);
	strcat(text, " ::1");
	assert_non_null(strstr(refusal(text), "or at most 32 addresses or prefixes"));
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
	assert_false(config_app_valid("recheck"));
	assert_true(config_app_valid("recheck2"));
	memset(longest, 'a', sizeof(longest));
	longest[CONFIG_APP_MAX] = '\0';
	assert_false(config_app_valid(longest));
	longest[CONFIG_APP_MAX - 1] = '\0';
	assert_true(config_app_valid(longest));
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

/* In the file as shipped, each key is a comment with its default. */
static void shipped_file_shows_the_defaults(void **state)
{
	char line[256], section[32] = "", name[32], value[64];
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	_cleanup_free_ char *text = NULL;
	size_t shown = 0;
	FILE *file;

	(void)state;
	assert_return_code(file_read(SHIPPED, CONFIG_FILE_MAX, &text, NULL), 0);
	config = build(text);
	file = fopen(SHIPPED, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		int index;

		if (sscanf(line, "[%31[A-Za-z]]", section) == 1)
			continue;
		*value = '\0';
		if (sscanf(line, "#%31[A-Za-z]=%63[^\n]", name, value) < 1 ||
			line[1 + strlen(name)] != '=')
			continue;
		index = config_keys_find(section, name);
		if (index < 0)
			fail_msg("%s shows %s= in [%s], which is no key", SHIPPED, name, section);
		assert_string_equal(value, config_keys_at((size_t)index)->initial);
		shown++;
	}
	fclose(file);
	assert_int_equal(shown, config_keys_count());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_is_all_defaults),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(empty_value_restores_the_default),
		cmocka_unit_test(later_file_replaces_key_by_key),
		cmocka_unit_test(value_out_of_range_says_what_is_allowed),
		cmocka_unit_test(clients_and_their_front_ends),
		cmocka_unit_test(thirty_three_front_ends_are_too_many),
		cmocka_unit_test(seventeen_words_are_too_many),
		cmocka_unit_test(equal_ports_are_refused_where_they_were_given_last),
		cmocka_unit_test(probe_longer_than_the_start_is_refused),
		cmocka_unit_test(name_of_an_app_is_checked),
		cmocka_unit_test(manual_page_has_the_keys_and_defaults_of_the_table),
		cmocka_unit_test(shipped_file_shows_the_defaults),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
