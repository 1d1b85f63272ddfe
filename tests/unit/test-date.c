/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "date.h"

static void a_date_is_written_as_http_writes_it(void **state)
{
	static const struct {
		time_t now;
		const char *text;
	} dates[] = {
		{784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
		{0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
		{-1, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
		{951827696, "Date: Tue, 29 Feb 2000 12:34:56 GMT\r\n"},
		{4107542399, "Date: Sun, 28 Feb 2100 23:59:59 GMT\r\n"},
		{4107542400, "Date: Mon, 01 Mar 2100 00:00:00 GMT\r\n"},
		{253402300799, "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"},
		{INT64_MAX, "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"},
	};
	char line[DATE_LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(dates); i++) {
		date_line(dates[i].now, line);
		assert_string_equal(line, dates[i].text);
	}
}

/* Against the C library, in its own locale: each day of the week, and each month. */
static void a_date_agrees_with_the_c_library(void **state)
{
	char line[DATE_LINE_SIZE], wanted[64];
	struct tm tm;

	(void)state;
	for (time_t now = 1700000000; now < 1800000000; now += 1000003) {
		date_line(now, line);
		assert_int_equal(
			strftime(wanted, sizeof(wanted), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
				gmtime_r(&now, &tm)),
			strlen(line));
		assert_string_equal(line, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_date_is_written_as_http_writes_it),
		cmocka_unit_test(a_date_agrees_with_the_c_library),
	};

	return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
