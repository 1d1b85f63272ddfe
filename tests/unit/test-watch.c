/* SPDX-License-Identifier: MIT */
/*
 * watch.c and instance.c above the fakes: what the supervisor does about health when no cycle runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../fake/fake-event.h"
#include "../fake/stand.h"
#include "report.h"

static const char config[] = "[Probe]\nInterval=1s\nTimeout=2s\nStartTimeout=20s\n";

static const char *route_now(void)
{
	static char text[ROUTE_TEXT_MAX];

	return route_format(&world.route, text);
}

#define STEADY	 "reads=blue:100,green:0 writes=blue:100"
#define ALONE	 "reads=blue:100 writes=blue:100"
#define SHIELDED "reads=green:100 writes=hold"
#define HELD	 "reads=hold writes=hold"

static int steady(void **state)
{
	(void)state;
	stand_begin(config);
	stand_open();
	stand_run(2 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
	return 0;
}

static int cold(void **state)
{
	(void)state;
	stand_begin(config);
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		world.processes[color] = (struct world_process){.stopped = true};
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	stand_end();
	return 0;
}

static enum app_state state_now(void)
{
	struct app_view view;

	stand_view(&view);
	return view.state;
}

static void a_blue_that_crashes_is_shielded_at_once_and_traffic_returns(void **state)
{
	(void)state;
	world_crash(COLOR_BLUE);
	stand_run(10 * WORLD_MSEC);
	assert_string_equal(route_now(), SHIELDED);
	assert_int_equal(state_now(), APP_DEGRADED);
	/* a second until systemd starts it, three until it listens, two probes */
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
	assert_int_equal(state_now(), APP_STEADY);
	assert_int_equal(fake_report_count(REPORT_DEGRADED), 1);
	assert_int_equal(fake_report_count(REPORT_RESTORED), 1);
}

static void a_blue_that_answers_errors_is_shielded_after_fall_probes(void **state)
{
	(void)state;
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(1500 * WORLD_MSEC);
	assert_string_equal(route_now(), STEADY);
	stand_run(2 * WORLD_SEC);
	assert_string_equal(route_now(), SHIELDED);
	world_set_mood(COLOR_BLUE, MOOD_WELL);
	stand_run(2500 * WORLD_MSEC);
	assert_string_equal(route_now(), STEADY);
}

static void one_bad_answer_is_no_reason(void **state)
{
	(void)state;
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(1 * WORLD_SEC);
	world_set_mood(COLOR_BLUE, MOOD_WELL);
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
	assert_int_equal(fake_report_count(REPORT_COLOR_SICK), 0);
}

static void a_color_that_the_relay_saw_refuse_is_asked_at_once(void **state)
{
	(void)state;
	/* It listens no more, and systemd has not noticed. */
	world_close(COLOR_BLUE);
	fake_steer_refuse(COLOR_BLUE);
	stand_run(600 * WORLD_MSEC);
	assert_string_equal(route_now(), SHIELDED);
}

static void a_green_that_is_sick_stands_by_no_more(void **state)
{
	(void)state;
	world_set_mood(COLOR_GREEN, MOOD_ERRORS);
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), ALONE);
	assert_int_equal(state_now(), APP_DEGRADED);
	world_set_mood(COLOR_GREEN, MOOD_WELL);
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
}

static void the_last_one_that_was_well_is_never_taken_out(void **state)
{
	(void)state;
	world_crash(COLOR_GREEN);
	world.code_mood = MOOD_ERRORS;
	stand_run(1 * WORLD_SEC);
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(60 * WORLD_SEC);
	assert_int_equal(world.route.weight[ROUTE_READS][COLOR_BLUE], ROUTE_WEIGHT_MAX);
	assert_int_equal(world.route.weight[ROUTE_WRITES][COLOR_BLUE], ROUTE_WEIGHT_MAX);
	assert_int_equal(fake_report_count(REPORT_NOBODY_HEALTHY), 1);
}

static void two_that_are_gone_are_waited_for_and_the_first_one_back_gets_the_traffic(void **state)
{
	(void)state;
	world_crash(COLOR_BLUE);
	world_stop(COLOR_GREEN);
	stand_run(100 * WORLD_MSEC);
	assert_string_equal(route_now(), HELD);
	stand_run(6 * WORLD_SEC);
	assert_string_equal(route_now(), ALONE);
}

static void what_an_administrator_stops_stays_stopped(void **state)
{
	(void)state;
	world_stop(COLOR_BLUE);
	stand_run(60 * WORLD_SEC);
	assert_false(world.processes[COLOR_BLUE].running);
	assert_string_equal(route_now(), SHIELDED);
	/* What he starts again is welcome. */
	world_start(COLOR_BLUE);
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
}

static void a_crash_loop_is_told_once(void **state)
{
	(void)state;
	world.code_mood = MOOD_EXITS;
	world_crash(COLOR_BLUE);
	stand_run(60 * WORLD_SEC);
	assert_true(world.processes[COLOR_BLUE].restarts > 20);
	assert_int_equal(fake_report_count(REPORT_COLOR_SICK), 1);
	assert_int_equal(fake_report_count(REPORT_DEGRADED), 1);
	assert_string_equal(route_now(), SHIELDED);
}

static void a_cold_start_starts_both_and_holds_everything_until_one_is_well(void **state)
{
	(void)state;
	stand_open();
	stand_run(2 * WORLD_SEC);
	assert_true(world.processes[COLOR_BLUE].running);
	assert_true(world.processes[COLOR_GREEN].running);
	assert_string_equal(route_now(), HELD);
	assert_int_equal(state_now(), APP_STARTING);
	stand_run(2 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
	assert_int_equal(fake_report_count(REPORT_COLOR_SICK), 0);
	assert_int_equal(fake_report_count(REPORT_DEGRADED), 0);
}

static unsigned routes_said_before_known;

static void watch_first_route(void)
{
	struct app_view view;

	if (!stand_app())
		return;
	stand_view(&view);
	if (view.route && (view.instances[COLOR_BLUE]->verdict.health == HEALTH_UNKNOWN ||
				  view.instances[COLOR_GREEN]->verdict.health == HEALTH_UNKNOWN))
		routes_said_before_known++;
}

static void a_supervisor_that_comes_back_asks_before_it_says_a_route(void **state)
{
	(void)state;
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(10 * WORLD_SEC);
	assert_string_equal(route_now(), SHIELDED);
	routes_said_before_known = 0;
	world.watch = watch_first_route;
	world_kill();
	stand_run(10 * WORLD_SEC);
	assert_int_equal(world.crashes, 1);
	assert_int_equal(routes_said_before_known, 0);
	assert_string_equal(route_now(), SHIELDED);
}

static void a_supervisor_that_comes_back_does_not_wait_long_for_a_color_that_hangs(void **state)
{
	(void)state;
	world_set_mood(COLOR_BLUE, MOOD_HANGS);
	world_kill();
	stand_run(4 * WORLD_SEC);
	assert_string_equal(route_now(), SHIELDED);
}

static void a_relay_that_comes_back_is_told_again(void **state)
{
	(void)state;
	fake_steer_restart();
	assert_string_equal(route_now(), HELD);
	stand_run(1 * WORLD_SEC);
	assert_string_equal(route_now(), STEADY);
	assert_int_equal(fake_report_count(REPORT_RELAY_LOST), 1);
}

static void the_environment_is_written_before_a_start_and_left_alone_otherwise(void **state)
{
	struct app_view view;

	(void)state;
	stand_open();
	stand_run(6 * WORLD_SEC);
	/* The port of one that runs is that of its start, whatever the file says since. */
	stand_configure("[App]\nBluePort=9100\n");
	world_kill();
	stand_run(2 * WORLD_SEC);
	stand_view(&view);
	assert_int_equal(view.instances[COLOR_BLUE]->port, 9000);
	assert_int_equal(view.config->ports[COLOR_BLUE], 9100);
}

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(a_blue_that_crashes_is_shielded_at_once_and_traffic_returns, steady),
		story(a_blue_that_answers_errors_is_shielded_after_fall_probes, steady),
		story(one_bad_answer_is_no_reason, steady),
		story(a_color_that_the_relay_saw_refuse_is_asked_at_once, steady),
		story(a_green_that_is_sick_stands_by_no_more, steady),
		story(the_last_one_that_was_well_is_never_taken_out, steady),
		story(two_that_are_gone_are_waited_for_and_the_first_one_back_gets_the_traffic,
			steady),
		story(what_an_administrator_stops_stays_stopped, steady),
		story(a_crash_loop_is_told_once, steady),
		story(a_cold_start_starts_both_and_holds_everything_until_one_is_well, cold),
		story(a_supervisor_that_comes_back_asks_before_it_says_a_route, steady),
		story(a_supervisor_that_comes_back_does_not_wait_long_for_a_color_that_hangs,
			steady),
		story(a_relay_that_comes_back_is_told_again, steady),
		story(the_environment_is_written_before_a_start_and_left_alone_otherwise, cold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
