/* SPDX-License-Identifier: MIT */
/*
 * config-value.c and config-words.c: one value at a time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config-value.h"
#include "config-words.h"
#include "config.h"

#define UNTOUCHED UINT64_C(0xdead)

static uint64_t usec_of(const char *text)
{
	uint64_t usec = UNTOUCHED;

	assert_return_code(config_parse_usec(text, &usec), 0);
	return usec;
}

static int usec_error(const char *text)
{
	uint64_t usec = UNTOUCHED;
	int r = config_parse_usec(text, &usec);

	assert_int_equal(usec, UNTOUCHED);
	return r;
}

static void times_are_those_of_systemd(void **state)
{
	(void)state;
	assert_int_equal(usec_of("0"), 0);
	assert_int_equal(usec_of("5"), 5 * USEC_PER_SEC);
	assert_int_equal(usec_of("  5s "), 5 * USEC_PER_SEC);
	assert_int_equal(usec_of("5 s"), 5 * USEC_PER_SEC);
	assert_int_equal(usec_of("1min 30s"), 90 * USEC_PER_SEC);
	assert_int_equal(usec_of("2h30min"), 9000 * USEC_PER_SEC);
	assert_int_equal(usec_of("1m"), 60 * USEC_PER_SEC);
	assert_int_equal(usec_of("1M"), 2629800 * USEC_PER_SEC);
	assert_int_equal(usec_of("1month"), 2629800 * USEC_PER_SEC);
	assert_int_equal(usec_of("500ms"), 500 * USEC_PER_MSEC);
	assert_int_equal(usec_of("500msec"), 500 * USEC_PER_MSEC);
	assert_int_equal(usec_of("7us"), 7);
	assert_int_equal(usec_of("7\xc2\xb5s"), 7);
	assert_int_equal(usec_of("1.5s"), 1500 * USEC_PER_MSEC);
	assert_int_equal(usec_of(".5h"), 1800 * USEC_PER_SEC);
	assert_int_equal(usec_of("0.000001"), 1);
	assert_int_equal(usec_of("1d 1w 1y"), (86400 + 604800 + 31557600) * USEC_PER_SEC);
	assert_true(usec_of(" infinity ") == USEC_INFINITY);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "s", "-1", "+1", "1x", "1 x", "1.s", ".", "1..5",
		"1sx", "1 s x", "0x10", "infinity 1s", "infinitys", "1,5s", "1s,", "five", "1e3"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(usec_error(bad[i]), -EINVAL);
}

static void time_without_end_is_said_with_infinity_only(void **state)
{
	(void)state;
	assert_int_equal(usec_of("18446744073709551614us"), UINT64_MAX - 1);
	assert_int_equal(usec_error("18446744073709551615us"), -ERANGE);
	assert_int_equal(usec_error("18446744073709551616us"), -ERANGE);
	assert_int_equal(usec_error("99999999999999999999999s"), -ERANGE);
	assert_int_equal(usec_error("600000y"), -ERANGE);
	assert_int_equal(usec_error("18446744073709551614us 1us 1us"), -ERANGE);
}

static void sizes_have_factors_of_1024(void **state)
{
	uint64_t bytes = UNTOUCHED;

	(void)state;
	assert_return_code(config_parse_bytes("64M", &bytes), 0);
	assert_int_equal(bytes, 64 << 20);
	assert_return_code(config_parse_bytes("0.5K", &bytes), 0);
	assert_int_equal(bytes, 512);
	assert_return_code(config_parse_bytes("123", &bytes), 0);
	assert_int_equal(bytes, 123);
	assert_return_code(config_parse_bytes("1G 1B", &bytes), 0);
	assert_int_equal(bytes, (1 << 30) + 1);
	assert_return_code(config_parse_bytes("15E", &bytes), 0);
	assert_int_equal(bytes, UINT64_C(15) << 60);
	assert_int_equal(config_parse_bytes("16E", &bytes), -ERANGE);
	assert_int_equal(config_parse_bytes("1KB", &bytes), -EINVAL);
	assert_int_equal(config_parse_bytes("1k", &bytes), -EINVAL);
	assert_int_equal(config_parse_bytes("", &bytes), -EINVAL);
	assert_int_equal(config_parse_bytes("infinity", &bytes), -EINVAL);
}

static void numbers_are_digits(void **state)
{
	uint64_t number = UNTOUCHED, max = UNTOUCHED;

	(void)state;
	assert_return_code(config_value_number("18446744073709551615", &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(config_value_number("18446744073709551616", &number), -ERANGE);
	assert_int_equal(config_value_number("", &number), -EINVAL);
	assert_int_equal(config_value_number("-1", &number), -EINVAL);
	assert_int_equal(config_value_number("1 ", &number), -EINVAL);
	assert_return_code(config_value_range("7", &number, &max), 0);
	assert_int_equal(number, 7);
	assert_int_equal(max, 7);
	assert_return_code(config_value_range("7-9", &number, &max), 0);
	assert_int_equal(max, 9);
	assert_int_equal(config_value_range("9-7", &number, &max), -EINVAL);
	assert_int_equal(config_value_range("7-", &number, &max), -EINVAL);
	assert_int_equal(config_value_range("-7", &number, &max), -EINVAL);
	assert_int_equal(config_value_range("7-8-9", &number, &max), -EINVAL);
	assert_int_equal(config_value_range("7 - 8", &number, &max), -EINVAL);
}

/* The words, each in brackets: "[a][b c]"; or the error. */
static const char *split(const char *text)
{
	static char all[256];
	char *words[4 + 1];
	int r;

	r = config_words_split(text, 4, words);
	if (r < 0)
		return r == -EINVAL ? "EINVAL" : r == -E2BIG ? "E2BIG" : "?";
	all[0] = '\0';
	for (int i = 0; words[i]; i++) {
		r--;
		strcat(all, "[");
		strcat(all, words[i]);
		strcat(all, "]");
		free(words[i]);
	}
	assert_int_equal(r, 0);
	return all;
}

static void words_are_quoted_as_systemd_does(void **state)
{
	(void)state;
	assert_string_equal(split(""), "");
	assert_string_equal(split(" \t "), "");
	assert_string_equal(split("a"), "[a]");
	assert_string_equal(split("  a \t b  "), "[a][b]");
	assert_string_equal(split("\"a b\" 'c \"d'"), "[a b][c \"d]");
	assert_string_equal(split("A=\"b c\"d"), "[A=b cd]");
	assert_string_equal(split("'' \"\""), "[][]");
	assert_string_equal(split("a\\ b"), "EINVAL");
	assert_string_equal(split("a\\sb \\\"c\\' '\\''"), "[a b][\"c'][']");
	assert_string_equal(split("\\x41\\102\\u0043 \\U0001f600"), "[ABC][\xf0\x9f\x98\x80]");
	assert_string_equal(split("\\u00e4\\u20ac"), "[\xc3\xa4\xe2\x82\xac]");
	assert_string_equal(split("\\a\\b\\f\\n\\r\\t\\v\\\\"), "[\a\b\f\n\r\t\v\\]");
	assert_string_equal(split("a b c d"), "[a][b][c][d]");
	assert_string_equal(split("a b c d e"), "E2BIG");
}

static void broken_words_are_refused(void **state)
{
	static const char *const bad[] = {"'a", "a\"", "\"a'", "\\", "a\\", "'\\", "\\q", "\\x4",
		"\\x4g", "\\x00", "\\xff", "\\000", "\\400", "\\12", "\\u123", "\\ud800", "\\u0000",
		"\\U00110000", "\\U0001f60"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_string_equal(split(bad[i]), "EINVAL");
}

static bool utf8(const char *text)
{
	return config_value_is_utf8(text, strlen(text));
}

static void utf8_is_that_of_rfc_3629(void **state)
{
	(void)state;
	assert_true(utf8(""));
	assert_true(utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f"));
	assert_true(utf8("\xf4\x8f\xbf\xbf"));
	assert_true(utf8("\xed\x9f\xbf\xee\x80\x80"));
	assert_false(utf8("\x80"));
	assert_false(utf8("\xc3"));
	assert_false(utf8("\xc3x"));
	assert_false(utf8("\xe2\x82"));
	assert_false(utf8("\xc0\x80"));
	assert_false(utf8("\xc1\xbf"));
	assert_false(utf8("\xe0\x9f\xbf"));
	assert_false(utf8("\xed\xa0\x80"));
	assert_false(utf8("\xf0\x8f\xbf\xbf"));
	assert_false(utf8("\xf4\x90\x80\x80"));
	assert_false(utf8("\xf5\x80\x80\x80"));
	assert_false(utf8("\xff"));
	/* Only the bytes that it is told of. */
	assert_false(config_value_is_utf8("\xc3\xa4", 1));
}

static void paths_hosts_and_assignments_are_told(void **state)
{
	char longest[3000];

	(void)state;
	assert_true(config_value_is_path("/"));
	assert_true(config_value_is_path("/a?b=%20&c"));
	assert_false(config_value_is_path(""));
	assert_false(config_value_is_path("a"));
	assert_false(config_value_is_path("/\xc3\xa4"));
	assert_false(config_value_is_path("/a\x7f"));
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(config_value_is_path(longest));
	longest[2000] = '\0';
	assert_true(config_value_is_path(longest));
	assert_true(config_value_is_host("notes.example"));
	assert_true(config_value_is_host("[::1]:80"));
	assert_false(config_value_is_host(""));
	assert_false(config_value_is_host("a/b"));
	assert_true(config_value_is_assignment("_A1="));
	assert_true(config_value_is_assignment("a=b=c d"));
	assert_false(config_value_is_assignment("=b"));
	assert_false(config_value_is_assignment("1a=b"));
	assert_false(config_value_is_assignment("a-b=c"));
	assert_false(config_value_is_assignment("a"));
	assert_false(config_value_is_assignment("a=\t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_those_of_systemd),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(time_without_end_is_said_with_infinity_only),
		cmocka_unit_test(sizes_have_factors_of_1024),
		cmocka_unit_test(numbers_are_digits),
		cmocka_unit_test(words_are_quoted_as_systemd_does),
		cmocka_unit_test(broken_words_are_refused),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
		cmocka_unit_test(paths_hosts_and_assignments_are_told),
	};

	return cmocka_run_group_tests_name("config-value", tests, NULL, NULL);
}
