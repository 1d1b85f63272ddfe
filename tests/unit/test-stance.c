/* SPDX-License-Identifier: MIT */
/*
 * stance.c: every stance with every pair of standings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "stance.h"

#define BLUE_AND_STANDBY "reads=blue:100,green:0 writes=blue:100"
#define BLUE_ALONE	 "reads=blue:100 writes=blue:100"
#define TURNED		 "reads=green:100 writes=blue:100"
#define SHIELDED	 "reads=green:100 writes=hold"
#define HELD		 "reads=hold writes=hold"
#define STANDS		 "stands"
#define UNDECIDED	 "undecided"

static const char *route_of(enum stance stance, enum standing blue, enum standing green,
	enum fallback_writes writes, const char *now)
{
	static char text[ROUTE_TEXT_MAX];
	const enum standing standing[COLOR_COUNT] = {blue, green};
	struct route before, route;

	if (now)
		assert_int_equal(route_parse(now, &before), 0);
	switch (stance_route(stance, standing, writes, now ? &before : NULL, &route)) {
	case STANCE_UNDECIDED:
		return UNDECIDED;
	case STANCE_STANDS:
		return STANDS;
	case STANCE_CHANGES:
		break;
	}
	return route_format(&route, text);
}

#define check(stance, blue, green, now, wanted)                                                    \
	assert_string_equal(route_of(stance, blue, green, FALLBACK_WRITES_HOLD, now), (wanted))

static void two_that_are_well_get_what_the_stance_says(void **state)
{
	(void)state;
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_HEALTHY, NULL, BLUE_AND_STANDBY);
	check(STANCE_TURNED, STANDING_HEALTHY, STANDING_HEALTHY, BLUE_AND_STANDBY, TURNED);
	check(STANCE_SHIELDED, STANDING_HEALTHY, STANDING_HEALTHY, TURNED, SHIELDED);
	check(STANCE_ALONE, STANDING_HEALTHY, STANDING_HEALTHY, BLUE_AND_STANDBY, BLUE_ALONE);
	check(STANCE_ALONE, STANDING_HEALTHY, STANDING_HEALTHY, BLUE_ALONE, STANDS);
}

static void writes_pass_to_the_fallback_if_it_is_to_answer_them(void **state)
{
	(void)state;
	assert_string_equal(route_of(STANCE_SHIELDED, STANDING_HEALTHY, STANDING_HEALTHY,
				    FALLBACK_WRITES_PASS, TURNED),
		"reads=green:100 writes=green:100");
}

static void the_only_one_that_is_well_gets_the_traffic_whatever_the_stance(void **state)
{
	static const enum standing bad[] = {STANDING_STARTING, STANDING_SICK, STANDING_GONE};

	(void)state;
	for (enum stance stance = 0; stance < STANCE_COUNT; stance++)
		for (size_t i = 0; i < 3; i++) {
			bool standby = stance == STANCE_STEADY && bad[i] == STANDING_STARTING;

			check(stance, bad[i], STANDING_HEALTHY, HELD, SHIELDED);
			check(stance, STANDING_HEALTHY, bad[i], HELD,
				standby ? BLUE_AND_STANDBY : BLUE_ALONE);
		}
}

static void nothing_is_said_while_one_is_unknown(void **state)
{
	(void)state;
	for (enum stance stance = 0; stance < STANCE_COUNT; stance++)
		for (enum standing other = 0; other < STANDING_COUNT; other++) {
			check(stance, STANDING_UNKNOWN, other, NULL, UNDECIDED);
			check(stance, other, STANDING_UNKNOWN, BLUE_ALONE, UNDECIDED);
		}
}

static void the_last_one_keeps_the_traffic_when_both_are_sick(void **state)
{
	(void)state;
	check(STANCE_STEADY, STANDING_SICK, STANDING_SICK, BLUE_AND_STANDBY, STANDS);
	check(STANCE_STEADY, STANDING_SICK, STANDING_GONE, BLUE_AND_STANDBY, STANDS);
	check(STANCE_STEADY, STANDING_SICK, STANDING_SICK, SHIELDED, STANDS);
	check(STANCE_TURNED, STANDING_SICK, STANDING_GONE, BLUE_ALONE, STANDS);
}

static void requests_wait_when_the_last_one_is_gone(void **state)
{
	(void)state;
	check(STANCE_STEADY, STANDING_GONE, STANDING_GONE, BLUE_ALONE, HELD);
	check(STANCE_STEADY, STANDING_GONE, STANDING_STARTING, BLUE_ALONE, HELD);
	check(STANCE_STEADY, STANDING_STARTING, STANDING_GONE, SHIELDED, HELD);
	check(STANCE_STEADY, STANDING_GONE, STANDING_GONE, HELD, STANDS);
}

static void a_cold_start_says_nothing_until_one_is_well(void **state)
{
	(void)state;
	check(STANCE_STEADY, STANDING_STARTING, STANDING_STARTING, NULL, UNDECIDED);
	check(STANCE_STEADY, STANDING_SICK, STANDING_STARTING, NULL, UNDECIDED);
	check(STANCE_STEADY, STANDING_GONE, STANDING_GONE, NULL, HELD);
}

static void a_color_that_is_taken_out_gets_nothing_even_if_the_other_is_sick(void **state)
{
	(void)state;
	check(STANCE_SHIELDED, STANDING_SICK, STANDING_SICK, BLUE_ALONE, SHIELDED);
	check(STANCE_SHIELDED, STANDING_SICK, STANDING_GONE, BLUE_ALONE, HELD);
	check(STANCE_ALONE, STANDING_SICK, STANDING_SICK, SHIELDED, BLUE_ALONE);
	check(STANCE_ALONE, STANDING_GONE, STANDING_SICK, SHIELDED, HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_are_well_get_what_the_stance_says),
		cmocka_unit_test(writes_pass_to_the_fallback_if_it_is_to_answer_them),
		cmocka_unit_test(the_only_one_that_is_well_gets_the_traffic_whatever_the_stance),
		cmocka_unit_test(nothing_is_said_while_one_is_unknown),
		cmocka_unit_test(the_last_one_keeps_the_traffic_when_both_are_sick),
		cmocka_unit_test(requests_wait_when_the_last_one_is_gone),
		cmocka_unit_test(a_cold_start_says_nothing_until_one_is_well),
		cmocka_unit_test(a_color_that_is_taken_out_gets_nothing_even_if_the_other_is_sick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
