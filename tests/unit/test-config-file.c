/* SPDX-License-Identifier: MIT */
/*
 * config-file.c and what config.c says of lines that it does not understand.
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
#include "guarded.h"

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
		"a.conf:2: there is no section [Pope]; there are [App], [Probe], [Route], [Hold], "
		"[Drain], [Fallback], [Release], [Gate], [Hooks], [Upgrade], [Notify]");
	assert_refused("[App]\nblueport=1\n",
		"a.conf:2: there is no key blueport= in [App]; there are BluePort=, GreenPort=, "
		"Strategy=, Protocol=");
	assert_refused(
		"[App]\nTimeout=1\n", "a.conf:2: Timeout= does not belong in [App] but in [Probe]");
	assert_refused("[App]\nProtocols=http\n",
		"a.conf:2: there is no key Protocols= in [App]; there are BluePort=, GreenPort=, "
		"Strategy=, Protocol=");
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

/* A text cut anywhere is read or refused, and nothing is touched behind its NUL. */
static void text_cut_at_every_byte_is_read_up_to_its_end(void **state)
{
	static const char whole[] =
		"\xef\xbb\xbf[App]\r\nBluePort=1 \\\n#\n\\\n2\n[Probe]\nWarmUp='/\\x41' "
		"\"/\\u00e4\"\n"
		"[Fallback]\nEnvironment=A=\\101 \\\n \"B=\\s\"\n[Hold]\nLimit=1min 30.5s\n";

	(void)state;
	for (size_t size = 0; size < sizeof(whole); size++) {
		struct config_text text = {"a.conf", guarded_copy(whole, size + 1), size};
		struct config *config = NULL;

		text.content[size] = '\0';
		config_build("app", &text, 1, error, &config);
		config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax_of_systemd_is_read),
		cmocka_unit_test(continued_last_line_is_whole),
		cmocka_unit_test(broken_syntax_names_its_line),
		cmocka_unit_test(nul_byte_is_named),
		cmocka_unit_test(unknown_words_are_named_with_the_known),
		cmocka_unit_test(long_words_are_cut_in_the_sentence),
		cmocka_unit_test(key_given_twice_is_refused),
		cmocka_unit_test(text_cut_at_every_byte_is_read_up_to_its_end),
	};

	return cmocka_run_group_tests_name("config-file", tests, NULL, NULL);
}
