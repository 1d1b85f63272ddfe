/* SPDX-License-Identifier: MIT */
/*
 * Words of eight bytes must say of each byte what the table says, wherever it stands, and nothing
 * behind the end is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "guarded.h"
#include "http1-parts.h"

#define LONGEST 26

static const struct {
	const char *(*behind)(const char *at, const char *end);
	uint8_t class;
} rows[] = {
	{http1_skip_token, HTTP1_CLASS_TOKEN},
	{http1_skip_target, HTTP1_CLASS_TARGET},
	{http1_skip_value, HTTP1_CLASS_VALUE},
};

static size_t length_by_table(const char *text, size_t size, uint8_t class)
{
	size_t n = 0;

	while (n < size && http1_is(text[n], class))
		n++;
	return n;
}

static void expect_as_the_table(const char *text, size_t size)
{
	const char *copy = guarded_copy(text, size);

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(rows[i].behind(copy, copy + size) - copy,
			length_by_table(text, size, rows[i].class));
}

static void every_byte_counts_at_every_place(void **state)
{
	char text[LONGEST];

	(void)state;
	for (int byte = 0; byte < 256; byte++)
		for (size_t place = 0; place < LONGEST; place++) {
			memset(text, 'a', sizeof(text));
			text[place] = (char)byte;
			expect_as_the_table(text, sizeof(text));
		}
}

static void every_pair_of_bytes_counts_where_one_could_hide_the_other(void **state)
{
	char text[] = "Accept-Charset12";

	(void)state;
	for (int first = 0; first < 256; first++)
		for (int second = 0; second < 256; second++) {
			text[2] = (char)first;
			text[3] = (char)second;
			expect_as_the_table(text, sizeof(text) - 1);
		}
}

static void every_length_ends_where_its_bytes_end(void **state)
{
	static const char text[LONGEST + 1] = "abcdefghijklmnopqrstuvwxyz";

	(void)state;
	for (size_t size = 0; size <= LONGEST; size++)
		expect_as_the_table(text, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_counts_at_every_place),
		cmocka_unit_test(every_pair_of_bytes_counts_where_one_could_hide_the_other),
		cmocka_unit_test(every_length_ends_where_its_bytes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
