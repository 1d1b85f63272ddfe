/* SPDX-License-Identifier: MIT */
/*
 * Knows the calendar and how HTTP writes it; no locale, no time zone, no clock.
 */
#include "date.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */
#define DAY	    86400

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* gmtime_r() would read the file of the time zone, and the relay opens none. Day 0 is the first of
 * January 1970. */
static void calendar(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
	static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = 1970, month = 0, length = 365;

	for (; day >= length; length = is_leap(year) ? 366 : 365) {
		day -= length;
		year++;
	}
	for (;; month++) {
		length = lengths[month] + (month == 1 && is_leap(year));
		if (day < length)
			break;
		day -= length;
	}
	*ret_year = year;
	*ret_month = month;
	*ret_day = (int)day + 1;
}

void date_line(time_t now, char ret_line[static DATE_LINE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t second = now;
	int year, month, day, n;

	if (second < 0)
		second = 0;
	if (second > LAST_SECOND)
		second = LAST_SECOND;
	calendar(second / DAY, &year, &month, &day);
	n = snprintf(ret_line, DATE_LINE_SIZE, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		days + 3 * ((second / DAY + 4) % 7), day, months + 3 * month, year,
		(int)(second % DAY / 3600), (int)(second % 3600 / 60), (int)(second % 60));
	assert(n == DATE_LINE_SIZE - 1);
	(void)n;
}
