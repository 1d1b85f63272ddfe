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

/* Who was started as what, in the words of a test: blue is the primary unless it says otherwise. */
static struct stance stance;
static struct stance_view view;

static int fixed_roles(void **state)
{
	(void)state;
	stance = (struct stance){.primary = COLOR_BLUE, .share = 30};
	view = (struct stance_view){.writer = {[COLOR_BLUE] = true}};
	return 0;
}

static const char *route_of(
	enum stance_kind kind, enum standing blue, enum standing green, const char *now)
{
	static char text[ROUTE_TEXT_MAX];
	struct route before, route;

	stance.kind = kind;
	view.standing[COLOR_BLUE] = blue;
	view.standing[COLOR_GREEN] = green;
	if (now)
		assert_int_equal(route_parse(now, &before), 0);
	switch (stance_route(&stance, &view, now ? &before : NULL, &route)) {
	case STANCE_UNDECIDED:
		return UNDECIDED;
	case STANCE_STANDS:
		return STANDS;
	case STANCE_CHANGES:
		break;
	}
	return route_format(&route, text);
}

#define check(kind, blue, green, now, wanted)                                                      \
	assert_string_equal(route_of(kind, blue, green, now), (wanted))

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
	view.writes = FALLBACK_WRITES_PASS;
	check(STANCE_SHIELDED, STANDING_HEALTHY, STANDING_HEALTHY, TURNED,
		"reads=green:100 writes=green:100");
}

static void the_only_one_that_is_well_gets_the_traffic_whatever_the_stance(void **state)
{
	static const enum standing bad[] = {STANDING_STARTING, STANDING_SICK, STANDING_GONE};

	(void)state;
	for (enum stance_kind kind = 0; kind < STANCE_COUNT; kind++)
		for (size_t i = 0; i < 3; i++) {
			bool standby = kind == STANCE_STEADY && bad[i] == STANDING_STARTING;

			check(kind, bad[i], STANDING_HEALTHY, HELD, SHIELDED);
			check(kind, STANDING_HEALTHY, bad[i], HELD,
				standby ? BLUE_AND_STANDBY : BLUE_ALONE);
		}
}

static void nothing_is_said_while_one_is_unknown(void **state)
{
	(void)state;
	for (enum stance_kind kind = 0; kind < STANCE_COUNT; kind++)
		for (enum standing other = 0; other < STANDING_COUNT; other++) {
			check(kind, STANDING_UNKNOWN, other, NULL, UNDECIDED);
			check(kind, other, STANDING_UNKNOWN, BLUE_ALONE, UNDECIDED);
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

static void shared_traffic_is_reads_only_where_the_other_one_takes_no_writes(void **state)
{
	(void)state;
	check(STANCE_SHARED, STANDING_HEALTHY, STANDING_HEALTHY, SHIELDED,
		"reads=blue:30,green:70 writes=blue:100");
	view.writer[COLOR_GREEN] = true;
	check(STANCE_SHARED, STANDING_HEALTHY, STANDING_HEALTHY, SHIELDED,
		"reads=blue:30,green:70 writes=blue:30,green:70");
}

static void two_writers_stand_in_for_each_other_in_everything(void **state)
{
	(void)state;
	view.writer[COLOR_GREEN] = true;
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_HEALTHY, NULL,
		"reads=blue:100,green:0 writes=blue:100,green:0");
	for (enum stance_kind kind = 0; kind < STANCE_COUNT; kind++)
		check(kind, STANDING_SICK, STANDING_HEALTHY, HELD,
			"reads=green:100 writes=green:100");
}

static void a_green_primary_is_served_like_a_blue_one(void **state)
{
	(void)state;
	stance.primary = COLOR_GREEN;
	view.writer[COLOR_BLUE] = false;
	view.writer[COLOR_GREEN] = true;
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_HEALTHY, NULL,
		"reads=blue:0,green:100 writes=green:100");
	check(STANCE_TURNED, STANDING_HEALTHY, STANDING_HEALTHY, NULL,
		"reads=blue:100 writes=green:100");
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_SICK, NULL, "reads=blue:100 writes=hold");
	check(STANCE_ALONE, STANDING_GONE, STANDING_SICK, HELD, "reads=green:100 writes=green:100");
	check(STANCE_SHIELDED, STANDING_SICK, STANDING_SICK, HELD, "reads=blue:100 writes=hold");
}

static void a_primary_that_falls_again_and_again_keeps_only_the_writes(void **state)
{
	(void)state;
	view.flapping[COLOR_BLUE] = true;
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_HEALTHY, SHIELDED, TURNED);
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_SICK, SHIELDED, BLUE_ALONE);
	view.flapping[COLOR_GREEN] = true;
	check(STANCE_STEADY, STANDING_HEALTHY, STANDING_HEALTHY, SHIELDED, BLUE_AND_STANDBY);
}

int main(void)
{
#define story(name) cmocka_unit_test_setup(name, fixed_roles)
	const struct CMUnitTest tests[] = {
		story(two_that_are_well_get_what_the_stance_says),
		story(writes_pass_to_the_fallback_if_it_is_to_answer_them),
		story(the_only_one_that_is_well_gets_the_traffic_whatever_the_stance),
		story(nothing_is_said_while_one_is_unknown),
		story(the_last_one_keeps_the_traffic_when_both_are_sick),
		story(requests_wait_when_the_last_one_is_gone),
		story(a_cold_start_says_nothing_until_one_is_well),
		story(a_color_that_is_taken_out_gets_nothing_even_if_the_other_is_sick),
		story(shared_traffic_is_reads_only_where_the_other_one_takes_no_writes),
		story(two_writers_stand_in_for_each_other_in_everything),
		story(a_green_primary_is_served_like_a_blue_one),
		story(a_primary_that_falls_again_and_again_keeps_only_the_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
