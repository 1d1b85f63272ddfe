/* SPDX-License-Identifier: MIT */
/*
 * deploy.c, steps.c and app.c above the fakes, story by story: what becomes of a cycle. What
 * becomes of it under each fault at each place, test-explore.c asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fake/fake-event.h"
#include "../fake/judge.h"
#include "../fake/stand.h"
#include "report.h"
#include "steps.h"

#define HORIZON_USEC (250 * WORLD_SEC)

static const char config[] = "[Probe]\nInterval=500ms\nTimeout=1s\nStartTimeout=20s\nSoak=1s\n"
			     "WarmUp=/warm\n"
			     "[Hold]\nLimit=8s\n"
			     "[Drain]\nRequests=2s\nStreams=4s\n";

static void cycle_begin(void)
{
	static const struct judge_order order = {.in_place = true};

	stand_begin(config);
	judge_begin(&order);
}

static void cycle_play(void)
{
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.code = 2;
	if (stand_app())
		stand_deploy();
	stand_run_cycle(HORIZON_USEC);
}

static void a_cycle_ends_well(void **state)
{
	(void)state;
	cycle_begin();
	cycle_play();
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.processes[COLOR_BLUE].code, 2);
	assert_int_equal(world.processes[COLOR_GREEN].code, 2);
	assert_int_equal(world.record.outcome, RECORD_SUCCEEDED);
	assert_true(world.record.committed);
	stand_run(WORLD_SEC);
	judge_end(JUDGE_STRICT);
	assert_string_equal(judge_broken(), "");
	stand_end();
}

static uint64_t reads_interrupted, writes_interrupted_from, writes_interrupted;

static void watch_interruptions(void)
{
	if (!judge_is_served(ROUTE_READS))
		reads_interrupted++;
	if (!judge_is_served(ROUTE_WRITES)) {
		if (writes_interrupted_from == 0)
			writes_interrupted_from = fake_event_now();
		writes_interrupted = fake_event_now() - writes_interrupted_from;
	}
}

static void reads_flow_all_the_time_and_writes_wait_no_longer_than_they_must(void **state)
{
	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	reads_interrupted = writes_interrupted = writes_interrupted_from = 0;
	world.watch = watch_interruptions;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_int_equal(reads_interrupted, 0);
	/* the start, two probes, and the drain before; the soak has passed meanwhile */
	assert_true(writes_interrupted >= 3 * WORLD_SEC);
	assert_true(writes_interrupted < 3500 * WORLD_MSEC);
	stand_end();
}

static void broken_code_degrades_and_is_blamed(enum mood mood, const char *step)
{
	struct app_view view;

	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.code = 2;
	world.code_mood = mood;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_string_equal(world.record.step, step);
	assert_int_equal(strncmp(world.record.reason, step, strlen(step)), 0);
	stand_view(&view);
	assert_int_equal(view.state, APP_DEGRADED);
	assert_int_equal(world.processes[COLOR_GREEN].code, 1);
	assert_true(judge_is_served(ROUTE_READS));
	assert_string_equal(judge_broken(), "");
	/* The code is repaired, and the next cycle ends well. */
	world.code = 3;
	world.code_mood = MOOD_WELL;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.processes[COLOR_BLUE].code, 3);
	assert_int_equal(world.processes[COLOR_GREEN].code, 3);
	stand_end();
}

static void code_that_exits_fails_at_healthy_before_the_deadline(void **state)
{
	uint64_t began;

	(void)state;
	broken_code_degrades_and_is_blamed(MOOD_EXITS, "healthy");
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.code_mood = MOOD_EXITS;
	began = fake_event_now();
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	/* Three times it was tried; nobody waits for the rest of the start time-out. */
	assert_true(fake_event_now() - began < 6 * WORLD_SEC);
	stand_end();
}

static void code_that_answers_500_fails_at_healthy(void **state)
{
	(void)state;
	broken_code_degrades_and_is_blamed(MOOD_ERRORS, "healthy");
	assert_non_null(strstr(fake_report_last(REPORT_CYCLE_BEGUN), "root"));
}

static void code_that_never_answers_fails_at_healthy(void **state)
{
	(void)state;
	broken_code_degrades_and_is_blamed(MOOD_HANGS, "healthy");
}

static void code_repaired_in_place_of_a_crash_loop_returns_by_itself(void **state)
{
	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.code_mood = MOOD_EXITS;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_false(judge_is_served(ROUTE_WRITES));
	world.code_mood = MOOD_WELL;
	stand_run(10 * WORLD_SEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	stand_end();
}

static void a_sick_green_is_restarted_before_the_cycle(void **state)
{
	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world_set_mood(COLOR_GREEN, MOOD_ERRORS);
	stand_run(5 * WORLD_SEC);
	world.code = 2;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(judge_broken(), "");
	stand_end();
}

static void a_green_that_stays_sick_stops_the_cycle_before_blue_is_touched(void **state)
{
	unsigned before;

	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.code_mood = MOOD_ERRORS;
	world_set_mood(COLOR_GREEN, MOOD_ERRORS);
	stand_run(5 * WORLD_SEC);
	before = world.processes[COLOR_BLUE].invocation;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_string_equal(world.record.step, "preflight");
	assert_int_equal(world.processes[COLOR_BLUE].invocation, before);
	assert_true(judge_is_served(ROUTE_WRITES));
	stand_end();
}

static void a_bad_configuration_changes_nothing(void **state)
{
	unsigned blue, green;

	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	blue = world.processes[COLOR_BLUE].invocation;
	green = world.processes[COLOR_GREEN].invocation;
	stand_configure("[Probe]\nIntervall=1s\n");
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_non_null(strstr(world.record.reason, "app.conf:2"));
	assert_int_equal(world.processes[COLOR_BLUE].invocation, blue);
	assert_int_equal(world.processes[COLOR_GREEN].invocation, green);
	stand_end();
}

static void both_colors_run_after_a_reload_even_if_an_administrator_stopped_one(void **state)
{
	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world_stop(COLOR_GREEN);
	stand_run(5 * WORLD_SEC);
	assert_false(world.processes[COLOR_GREEN].running);
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_true(world_is_well(COLOR_GREEN));
	stand_end();
}

static void a_second_cycle_waits_and_a_third_takes_its_place(void **state)
{
	char first[RECORD_ID_MAX], second[RECORD_ID_MAX], third[RECORD_ID_MAX];

	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	snprintf(first, sizeof(first), "%s", stand_deploy());
	stand_run(WORLD_SEC);
	snprintf(second, sizeof(second), "%s", stand_deploy());
	assert_int_equal(stand_finished(), 0);
	snprintf(third, sizeof(third), "%s", stand_deploy());
	assert_int_equal(stand_finished(), 1);
	assert_string_equal(stand_outcome(), "superseded");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(world.record.id, first);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(world.record.id, third);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(stand_finished(), 3);
	assert_int_not_equal(strcmp(first, second), 0);
	stand_end();
}

static void a_row_that_is_not_in_the_table_walks_back(void **state)
{
	(void)state;
	cycle_begin();
	world.recorded = true;
	world.record = (struct record){
		.id = "0123456789abcdef0123456789abcdef", .outcome = RECORD_RUNNING};
	snprintf(world.record.step, sizeof(world.record.step), "a-row-of-tomorrow");
	stand_open();
	stand_run_cycle(HORIZON_USEC);
	assert_int_equal(world.record.outcome, RECORD_INTERRUPTED);
	assert_non_null(strstr(world.record.reason, "a-row-of-tomorrow"));
	stand_run(WORLD_SEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	stand_end();
}

/* Runs until the row is recorded. */
static void run_to_step(const char *name)
{
	for (int i = 0; i < 100000 && strcmp(world.record.step, name) != 0; i++)
		stand_run(WORLD_MSEC);
	assert_string_equal(world.record.step, name);
}

static void a_green_that_dies_while_blue_is_drained_takes_the_cycle_back_at_once(void **state)
{
	uint64_t died;

	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.connections_stay = true;
	stand_deploy();
	run_to_step("drain");
	stand_run(100 * WORLD_MSEC);
	world_crash(COLOR_GREEN);
	died = fake_event_now();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_int_equal(strncmp(world.record.reason, "drain: ", 7), 0);
	assert_true(fake_event_now() - died < 200 * WORLD_MSEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	stand_end();
}

static void a_supervisor_that_comes_back_does_not_restart_the_only_one_that_is_well(void **state)
{
	(void)state;
	cycle_begin();
	world.recorded = true;
	world.record = (struct record){
		.id = "0123456789abcdef0123456789abcdef", .outcome = RECORD_RUNNING};
	snprintf(world.record.step, sizeof(world.record.step), "restart");
	world_set_mood(COLOR_GREEN, MOOD_HANGS);
	stand_open();
	stand_run_cycle(HORIZON_USEC);
	assert_int_equal(world.record.outcome, RECORD_FAILED);
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	stand_run(WORLD_SEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	stand_end();
}

static void a_cycle_that_cannot_be_recorded_restarts_nothing(void **state)
{
	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.disk_full = true;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	assert_int_equal(world.processes[COLOR_GREEN].invocation, 1);
	stand_end();
	/* In the middle, before the restart: the same. */
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	world.connections_stay = true;
	stand_deploy();
	run_to_step("drain");
	world.disk_full = true;
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	stand_run(WORLD_SEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	/* When there is room again, how it ended is written down. */
	world.disk_full = false;
	stand_run(10 * WORLD_SEC);
	assert_int_equal(world.record.outcome, RECORD_FAILED);
	stand_end();
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < steps_fallback_count; i++) {
		const struct step *step = &steps_fallback[i];
		bool found = !step->resume;

		assert_non_null(step->name);
		assert_non_null(step->text);
		assert_non_null(step->meaning);
		assert_non_null(step->progress);
		assert_non_null(step->limit);
		assert_true(!step->undo == !step->undone);
		for (size_t j = 0; j < steps_fallback_count; j++) {
			assert_true(i == j || strcmp(step->name, steps_fallback[j].name) != 0);
			found |= step->resume && strcmp(step->resume, steps_fallback[j].name) == 0;
		}
		assert_true(found);
	}
}

/* The first place of this name in the life that is being played. */
static size_t place_of(const char *name)
{
	size_t place = 0;

	while (place < world_places() && strcmp(world_place_name(place), name) != 0)
		place++;
	assert_true(place < world_places());
	return place;
}

static void begin_with_everything_down(void)
{
	cycle_begin();
	world_stop(COLOR_BLUE);
	world_stop(COLOR_GREEN);
}

static void a_first_start_that_was_refused_is_asked_for_again(void **state)
{
	const unsigned refused = 1; /* fake-manager.c: FATE_REFUSED */
	size_t place;

	(void)state;
	begin_with_everything_down();
	stand_open();
	stand_run(2 * WORLD_SEC);
	place = place_of("job");
	stand_end();

	begin_with_everything_down();
	world_deviate(place, refused);
	world_deviate(place + 1, refused);
	stand_open();
	stand_run(WORLD_SEC);
	assert_false(world.processes[COLOR_BLUE].running && world.processes[COLOR_GREEN].running);
	stand_run(9 * WORLD_SEC);
	assert_true(judge_is_served(ROUTE_WRITES));
	assert_true(world_is_well(COLOR_GREEN));
	/* What an administrator stops from then on stays so. */
	world_stop(COLOR_GREEN);
	stand_run(9 * WORLD_SEC);
	assert_false(world.processes[COLOR_GREEN].running);
	stand_end();
}

static void a_refused_restart_leaves_blue_on_the_port_where_it_listens(void **state)
{
	static const char moved[] = "[App]\nBluePort=9100\n"
				    "[Probe]\nInterval=500ms\nTimeout=1s\nSoak=1s\n";
	struct app_view view;
	size_t place;

	(void)state;
	cycle_begin();
	cycle_play();
	place = place_of("job"); /* blue's restart */
	stand_end();

	for (int refused = 1; refused >= 0; refused--) {
		cycle_begin();
		world_deviate(place, (unsigned)refused);
		stand_open();
		stand_run(2 * WORLD_SEC);
		stand_configure(moved);
		stand_deploy();
		stand_run_cycle(HORIZON_USEC);
		assert_string_equal(stand_outcome(), refused ? "failed" : "succeeded");
		stand_view(&view);
		assert_int_equal(view.instances[COLOR_BLUE]->port, refused ? 9000 : 9100);
		/* So says the environment file, which a supervisor that comes back reads. */
		world_kill();
		stand_run(5 * WORLD_SEC);
		stand_view(&view);
		assert_int_equal(view.instances[COLOR_BLUE]->port, refused ? 9000 : 9100);
		assert_true(judge_is_served(ROUTE_WRITES));
		stand_end();
	}
}

/* A world's clock runs a thousand times as fast as the wall's, as if that one had been set back. */
static void a_cycle_takes_as_long_as_it_took_whatever_the_wall_clock_says(void **state)
{
	uint64_t began, took;

	(void)state;
	cycle_begin();
	stand_open();
	stand_run(2 * WORLD_SEC);
	began = fake_event_now();
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	took = fake_event_now() - began;
	assert_true(took > WORLD_SEC);
	assert_in_range(world.record.ended_realtime_usec - world.record.started_realtime_usec,
		took - took / 10, took);
	stand_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(a_cycle_ends_well),
		cmocka_unit_test(reads_flow_all_the_time_and_writes_wait_no_longer_than_they_must),
		cmocka_unit_test(code_that_exits_fails_at_healthy_before_the_deadline),
		cmocka_unit_test(code_that_answers_500_fails_at_healthy),
		cmocka_unit_test(code_that_never_answers_fails_at_healthy),
		cmocka_unit_test(code_repaired_in_place_of_a_crash_loop_returns_by_itself),
		cmocka_unit_test(a_sick_green_is_restarted_before_the_cycle),
		cmocka_unit_test(a_green_that_stays_sick_stops_the_cycle_before_blue_is_touched),
		cmocka_unit_test(a_bad_configuration_changes_nothing),
		cmocka_unit_test(
			both_colors_run_after_a_reload_even_if_an_administrator_stopped_one),
		cmocka_unit_test(a_second_cycle_waits_and_a_third_takes_its_place),
		cmocka_unit_test(a_row_that_is_not_in_the_table_walks_back),
		cmocka_unit_test(
			a_green_that_dies_while_blue_is_drained_takes_the_cycle_back_at_once),
		cmocka_unit_test(
			a_supervisor_that_comes_back_does_not_restart_the_only_one_that_is_well),
		cmocka_unit_test(a_cycle_that_cannot_be_recorded_restarts_nothing),
		cmocka_unit_test(a_first_start_that_was_refused_is_asked_for_again),
		cmocka_unit_test(a_refused_restart_leaves_blue_on_the_port_where_it_listens),
		cmocka_unit_test(a_cycle_takes_as_long_as_it_took_whatever_the_wall_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
