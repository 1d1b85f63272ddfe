/* SPDX-License-Identifier: MIT */
/*
 * hours.c: what is a list of hours, which minute is one of them, and when the next begins, also in
 * the nights in which clocks are put forward and back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fd.h"
#include "hours.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* 2026-11-23, a Monday, 00:00 UTC. */
#define MONDAY 1795392000

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static struct hours of(const char *text)
{
	struct hours hours = {0};

	assert_int_equal(hours_parse(text, &hours), 0);
	return hours;
}

static void no_hours_are_any_time(void **state)
{
	struct hours hours = of(" ");

	(void)state;
	assert_int_equal(hours.count, 0);
	assert_true(hours_open(&hours, MONDAY));
	assert_int_equal(hours_next(&hours, MONDAY + 7), MONDAY + 7);
}

static void a_span_is_every_days_and_ends_before_its_end(void **state)
{
	struct hours hours = of("02:00-05:30");

	(void)state;
	for (int day = 0; day < 7; day++) {
		time_t midnight = MONDAY + day * DAY;

		assert_false(hours_open(&hours, midnight + 2 * HOUR - 1));
		assert_true(hours_open(&hours, midnight + 2 * HOUR));
		assert_true(hours_open(&hours, midnight + 5 * HOUR + 30 * MINUTE - 1));
		assert_false(hours_open(&hours, midnight + 5 * HOUR + 30 * MINUTE));
	}
}

static void days_stand_for_the_spans_behind_them(void **state)
{
	struct hours hours = of("04:00-05:00 Mon..Wed,Fri 02:00-03:00 23:00-24:00 Sun 00:00-24:00");

	(void)state;
	assert_int_equal(hours.count, 4);
	assert_int_equal(hours.spans[0].days, 0x7f);
	assert_int_equal(hours.spans[1].days, 0x2e);
	assert_int_equal(hours.spans[2].days, 0x2e);
	assert_int_equal(hours.spans[3].days, 0x01);
	assert_true(hours_open(&hours, MONDAY + 2 * HOUR));
	assert_true(hours_open(&hours, MONDAY + DAY - 1));
	assert_false(hours_open(&hours, MONDAY + 3 * DAY + 2 * HOUR)); /* Thursday */
	assert_true(hours_open(&hours, MONDAY + 3 * DAY + 4 * HOUR));
	assert_true(hours_open(&hours, MONDAY + 6 * DAY + 12 * HOUR));
	assert_false(hours_open(&hours, MONDAY + 7 * DAY));
}

static void days_go_over_the_end_of_the_week(void **state)
{
	struct hours hours = of("Fri..Mon 01:00-02:00");

	(void)state;
	assert_int_equal(hours.spans[0].days, 0x63);
}

static void a_night_belongs_to_the_day_it_begins_on(void **state)
{
	struct hours hours = of("Mon 22:00-04:00");

	(void)state;
	assert_false(hours_open(&hours, MONDAY + 3 * HOUR));
	assert_true(hours_open(&hours, MONDAY + 22 * HOUR));
	assert_true(hours_open(&hours, MONDAY + DAY + 4 * HOUR - 1));
	assert_false(hours_open(&hours, MONDAY + DAY + 4 * HOUR));
	assert_false(hours_open(&hours, MONDAY + DAY + 22 * HOUR));
}

static void what_is_no_such_list_is_refused(void **state)
{
	static const char *const bad[] = {"2:00-05:00", "02:00", "02:00-", "02:00-05:00x",
		"24:00-05:00", "02:00-24:01", "02:60-05:00", "-05:00", "02:00 - 05:00", "Mon",
		"02:00-05:00 Mon", "Mon Tue 02:00-05:00", "mon 02:00-05:00", "Mon.. 02:00-05:00",
		"Mon, 02:00-05:00", "Monday 02:00-05:00", ",Mon 02:00-05:00",
		"Mon..Tue..Wed 02:00-05:00", "02:00-05:00,06:00-07:00", "\xc3\xa4", "02:0a-05:00"};
	struct hours hours = of("01:00-02:00");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(hours_parse(bad[i], &hours), -EINVAL);
	assert_int_equal(hours_parse("01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 "
				     "01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 "
				     "01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 01:00-02:00 "
				     "01:00-02:00 01:00-02:00",
				 &hours),
		-E2BIG);
	/* Nothing is written on failure. */
	assert_int_equal(hours.count, 1);
	assert_int_equal(hours.spans[0].from, 60);
}

static void the_next_begin_is_found(void **state)
{
	struct hours hours = of("Sat 02:00-05:00");

	(void)state;
	assert_int_equal(hours_next(&hours, MONDAY + 7), MONDAY + 5 * DAY + 2 * HOUR);
	assert_int_equal(hours_next(&hours, MONDAY + 5 * DAY + 3 * HOUR + 1),
		MONDAY + 5 * DAY + 3 * HOUR + 1);
	assert_int_equal(
		hours_next(&hours, MONDAY + 5 * DAY + 5 * HOUR), MONDAY + 12 * DAY + 2 * HOUR);
}

/* Europe: at 01:00 UTC on 2026-03-29 clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 to
 * 02:00. */
static void clocks_are_put_forward_and_back(void **state)
{
	const time_t forward = 1774746000, back = 1792890000;
	struct hours skipped = of("Sun 02:30-02:45"), over = of("Sun 02:30-04:00");

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	/* The span is not there in that night: the next one is a week (less the hour) later. */
	assert_int_equal(
		hours_next(&skipped, forward - HOUR), forward + 7 * DAY - HOUR + 30 * MINUTE);
	/* Its begin was skipped, but not all of it. */
	assert_int_equal(hours_next(&over, forward - HOUR), forward);
	/* It is there twice. */
	assert_true(hours_open(&skipped, back - 30 * MINUTE));
	assert_true(hours_open(&skipped, back + 30 * MINUTE));
	set_zone("UTC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_hours_are_any_time),
		cmocka_unit_test(a_span_is_every_days_and_ends_before_its_end),
		cmocka_unit_test(days_stand_for_the_spans_behind_them),
		cmocka_unit_test(days_go_over_the_end_of_the_week),
		cmocka_unit_test(a_night_belongs_to_the_day_it_begins_on),
		cmocka_unit_test(what_is_no_such_list_is_refused),
		cmocka_unit_test(the_next_begin_is_found),
		cmocka_unit_test(clocks_are_put_forward_and_back),
	};

	set_zone("UTC");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
