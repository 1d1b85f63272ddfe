/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cookie.h"
#include "guarded.h"

/* The pairs of a value as "text[name|value]", one behind the other. */
static const char *pairs(const char *value)
{
	static char text[512];
	size_t size = strlen(value), length = 0;
	const char *at = guarded_copy(value, size), *end = at + size;
	struct cookie_pair pair;

	text[0] = '\0';
	while (cookie_next(&at, end, &pair))
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%.*s[%.*s|%.*s]",
			(int)pair.length, pair.text, (int)pair.name_length, pair.text,
			(int)pair.value_length, pair.value);
	return text;
}

static void pairs_come_one_by_one(void **state)
{
	static const struct {
		const char *value, *wanted;
	} rows[] = {
		{"", ""},
		{" ", ""},
		{";", ""},
		{" ;\t; ", ""},
		{"a=1", "a=1[a|1]"},
		{"a=1; b=2", "a=1[a|1]b=2[b|2]"},
		{"a=1;b=2;", "a=1[a|1]b=2[b|2]"},
		{" a=1 ;\tb=2\t", "a=1[a|1]b=2[b|2]"},
		{"a=", "a=[a|]"},
		{"=1", "=1[|1]"},
		{"a", "a[|a]"},
		{"a=b=c", "a=b=c[a|b=c]"},
		{"a=\"x y\"", "a=\"x y\"[a|\"x y\"]"},
		{"a =1", "a =1[a |1]"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_string_equal(pairs(rows[i].value), rows[i].wanted);
}

static void a_name_is_compared_whole_and_as_it_is_spelled(void **state)
{
	static const char *const others[] = {
		"NAME=1", "nam=1", "names=1", "name", "=name", "name =1"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		const char *at = others[i];
		struct cookie_pair pair;

		assert_true(cookie_next(&at, at + strlen(at), &pair));
		assert_false(cookie_is_named(&pair, "name"));
	}
}

static void the_field_is_known_in_any_spelling(void **state)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: x\r\ncOOkie: a\r\nCookie2: b\r\nCooki: c\r\n\r\n";
	static const bool wanted[] = {false, true, false, false};
	struct http1_head head;
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(http1_request_parse(text, sizeof(text) - 1, &seen, &head), HTTP1_OK);
	assert_int_equal(head.header_count, ELEMENTS(wanted));
	for (size_t i = 0; i < ELEMENTS(wanted); i++)
		assert_int_equal(cookie_is_field(text, &head.headers[i]), wanted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_come_one_by_one),
		cmocka_unit_test(a_name_is_compared_whole_and_as_it_is_spelled),
		cmocka_unit_test(the_field_is_known_in_any_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
