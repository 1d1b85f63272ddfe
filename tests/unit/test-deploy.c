/* SPDX-License-Identifier: MIT */
/*
 * deploy.c, steps.c and app.c above the fakes: what each fault at each place leads to. Everything
 * that the supervisor asks of the world is a place where something can go wrong; the last tests try
 * every one of them with everything that can happen there, and many pairs.
 *
 * DEPLOY_PAIRS=N in the environment: how many pairs of faults are tried.
 * DEPLOY_LIFE=PLACE:ALTERNATIVE,...  WORLD_VERBOSE=1: one life, told in full.
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
#include "../fake/stand.h"
#include "report.h"
#include "steps.h"

#define PAIRS_DEFAULT	  4000
#define HORIZON_USEC	  (250 * WORLD_SEC)
/* Found sick, decided, said: as long as somebody who is well may be without the traffic. */
#define READS_LIMIT_USEC  (10 * WORLD_SEC)
/* Writes may wait for a whole cycle that takes its time. */
#define WRITES_LIMIT_USEC (40 * WORLD_SEC)
/* Whoever was well so recently may be taken to be well. */
#define MEMORY_USEC	  (10 * WORLD_SEC)

static const char config[] = "[Probe]\nInterval=500ms\nTimeout=1s\nStartTimeout=20s\nSoak=1s\n"
			     "WarmUp=/warm\n"
			     "[Hold]\nLimit=8s\n"
			     "[Drain]\nRequests=2s\nStreams=4s\n";

static char broken[512]; /* the first invariant that did not hold */
static uint64_t reads_lost_since, writes_lost_since;
static uint64_t last_well[COLOR_COUNT];
static size_t killed_at; /* the row of the cycle that was cut; SIZE_MAX: none was */

static size_t row_of(const char *name);

static void breaks(const char *what)
{
	if (!*broken)
		snprintf(broken, sizeof(broken), "at %.3f s: %s",
			(double)(fake_event_now() - 1000000000) / 1e6, what);
}

/* The weighted colors, or the standby if none of them accepts a connection. */
static bool class_is_served(enum route_class class)
{
	bool accepted = false;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (world.route.weight[class][color] <= 0)
			continue;
		accepted |= world.processes[color].listening;
		if (world_is_well(color))
			return true;
	}
	for (enum color color = 0; color < COLOR_COUNT && !accepted; color++)
		if (world.route.weight[class][color] == ROUTE_STANDBY && world_is_well(color))
			return true;
	return false;
}

/* How long nobody was asked although somebody has been well all the time. */
static uint64_t lost_for(uint64_t *since, bool served, uint64_t well_since)
{
	uint64_t now = fake_event_now();
	uint64_t from;

	if (served || well_since == 0 || !world.relay_up || world.relay_deaf) {
		*since = 0;
		return 0;
	}
	if (*since == 0)
		*since = now;
	from = *since > well_since ? *since : well_since;
	return now > from ? now - from : 0;
}

/* States are counted by what they are made of, in a set of their hashes. */
#define STATES_MAX 262144
static uint64_t states[STATES_MAX];
static size_t state_count;

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 29;
}

static void state_count_in(void)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct app_view view;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct world_process *process = &world.processes[color];

		mix(&hash, (uint64_t)(process->running | process->listening << 1 |
				      process->stopped << 2 | process->mood << 3 |
				      process->code << 6));
		mix(&hash, (uint64_t)(world.route.weight[ROUTE_READS][color] + 1));
		mix(&hash, (uint64_t)(world.route.weight[ROUTE_WRITES][color] + 1));
	}
	mix(&hash, (uint64_t)(world.relay_up | world.relay_deaf << 1 | world.disk_full << 2 |
			      (stand_app() != NULL) << 3));
	if (stand_app()) {
		stand_view(&view);
		mix(&hash, view.state);
		for (enum color color = 0; color < COLOR_COUNT; color++)
			mix(&hash, view.instances[color]->verdict.health);
		for (size_t i = 0; view.stories && i < view.step_count; i++)
			mix(&hash, view.stories[i].state);
		mix(&hash, view.record.outcome);
	}
	for (size_t i = hash % STATES_MAX; state_count < STATES_MAX / 2; i = (i + 1) % STATES_MAX) {
		if (states[i] == hash)
			return;
		if (states[i] == 0) {
			states[i] = hash ? hash : 1;
			state_count++;
			return;
		}
	}
}

static void watch_everything(void)
{
	uint64_t well_since = 0;

	if (!stand_app() && killed_at == SIZE_MAX && world.recorded &&
		world.record.outcome == RECORD_RUNNING)
		killed_at = row_of(world.record.step);

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		uint64_t since = world.processes[color].well_since_usec;

		if (since == 0)
			continue;
		last_well[color] = fake_event_now();
		if (well_since == 0 || since < well_since)
			well_since = since;
	}
	if (lost_for(&reads_lost_since, class_is_served(ROUTE_READS), well_since) >
		READS_LIMIT_USEC)
		breaks("a color is well, and reads do not get to it");
	if (lost_for(&writes_lost_since, class_is_served(ROUTE_WRITES),
		    world.processes[COLOR_BLUE].well_since_usec) > WRITES_LIMIT_USEC)
		breaks("blue is well, and writes do not get to it");
	state_count_in();
}

static void watch_restart(enum color color)
{
	enum color other = color_other(color);

	if (world_is_well(color) && !world_is_well(other) &&
		fake_event_now() - last_well[other] > MEMORY_USEC)
		breaks("the only healthy color is restarted");
	if (world_is_well(color) && world.relay_up && !world.relay_deaf &&
		route_uses(&world.route, color))
		breaks("a color is restarted while traffic goes to it");
}

/* What must be true when everything has come to rest. */
static void check_end(void)
{
	struct app_view view;

	stand_view(&view);
	if (view.state == APP_CYCLE)
		breaks("the cycle never ends");
	if (world.recorded && world.record.outcome == RECORD_RUNNING && !world.disk_full)
		breaks("the record says that the cycle still runs");
	if ((world_is_well(COLOR_BLUE) || world_is_well(COLOR_GREEN)) &&
		!class_is_served(ROUTE_READS))
		breaks("in the end reads are not served");
	if (world_is_well(COLOR_BLUE) && !class_is_served(ROUTE_WRITES))
		breaks("in the end writes are not served");
	/* A process that is told to be sick for ever is nobody's to heal but the next cycle's. */
	if (!world_is_well(COLOR_BLUE) && !world_is_well(COLOR_GREEN) &&
		(world.processes[COLOR_BLUE].mood == MOOD_WELL ||
			world.processes[COLOR_GREEN].mood == MOOD_WELL))
		breaks("in the end nobody is well");
	if (strcmp(stand_outcome(), "succeeded") == 0 && world.code_mood == MOOD_WELL &&
		(world.processes[COLOR_BLUE].code != 2 || world.processes[COLOR_GREEN].code != 2))
		breaks("a cycle that succeeded left old code");
	if (strcmp(stand_outcome(), "succeeded") == 0 && world.code_mood != MOOD_WELL)
		breaks("a cycle with broken code succeeded");
}

static size_t row_of(const char *name)
{
	for (size_t i = 0; i < steps_fallback_count; i++)
		if (strcmp(steps_fallback[i].name, name) == 0)
			return i;
	return 0;
}

/* A kill alone is no reason for a cycle to fail: before `restart` it is taken back, from there on
 * it is finished. */
static void check_kill(void)
{
	enum record_outcome wanted =
		killed_at < row_of("restart") ? RECORD_INTERRUPTED : RECORD_SUCCEEDED;

	if (killed_at != SIZE_MAX && world.record.outcome != wanted)
		breaks(wanted == RECORD_SUCCEEDED
				? "a cycle that was cut after the restart was not finished"
				: "a cycle that was cut before the restart was not taken back");
}

static void cycle_begin(void)
{
	broken[0] = '\0';
	reads_lost_since = writes_lost_since = 0;
	killed_at = SIZE_MAX;
	memset(last_well, 0, sizeof(last_well));
	stand_begin(config);
	world.watch = watch_everything;
	world.restarting = watch_restart;
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

struct fault {
	size_t place;
	unsigned alternative;
};

/* One life with these faults; true if every invariant held. */
static bool life(const struct fault *faults, size_t count)
{
	cycle_begin();
	for (size_t i = 0; i < count; i++)
		world_deviate(faults[i].place, faults[i].alternative);
	cycle_play();
	stand_run(HORIZON_USEC);
	check_end();
	if (count == 1 && world.crashes > 0)
		check_kill();
	if (*broken)
		for (size_t i = 0; i < count; i++)
			print_message("# place %zu (%s), alternative %u: %s\n", faults[i].place,
				world_place_name(faults[i].place), faults[i].alternative, broken);
	stand_end();
	return !*broken;
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
	check_end();
	assert_string_equal(broken, "");
	stand_end();
}

static uint64_t reads_interrupted, writes_interrupted_from, writes_interrupted;

static void watch_interruptions(void)
{
	if (!class_is_served(ROUTE_READS))
		reads_interrupted++;
	if (!class_is_served(ROUTE_WRITES)) {
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
	assert_true(class_is_served(ROUTE_READS));
	assert_string_equal(broken, "");
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
	assert_false(class_is_served(ROUTE_WRITES));
	world.code_mood = MOOD_WELL;
	stand_run(10 * WORLD_SEC);
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_string_equal(broken, "");
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
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_true(class_is_served(ROUTE_WRITES));
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
	assert_true(class_is_served(ROUTE_WRITES));
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
		assert_true(class_is_served(ROUTE_WRITES));
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

/* How many places the cycle has when all goes well: each is tried. */
static size_t places_of_a_good_cycle(void)
{
	size_t places;

	cycle_begin();
	cycle_play();
	places = world_places();
	stand_end();
	return places;
}

static void every_fault_at_every_place_ends_served(void **state)
{
	size_t places = places_of_a_good_cycle();
	size_t lives = 0, bad = 0;

	(void)state;
	assert_true(places > 50);
	for (size_t place = 0; place < places; place++) {
		/* The life before this one had the same places up to this one. */
		unsigned alternatives = world_place_alternatives(place);

		for (unsigned alternative = 1; alternative < alternatives; alternative++) {
			const struct fault fault = {place, alternative};

			lives++;
			bad += !life(&fault, 1);
		}
	}
	print_message("# %zu lives with one fault each, at %zu places: %zu states explored\n",
		lives, places, state_count);
	assert_int_equal(bad, 0);
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void many_pairs_of_faults_end_served(void **state)
{
	const char *wanted = getenv("DEPLOY_PAIRS");
	size_t pairs = wanted ? strtoul(wanted, NULL, 10) : PAIRS_DEFAULT;
	size_t places = places_of_a_good_cycle();
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < pairs; i++) {
		struct fault faults[2];

		for (size_t j = 0; j < 2; j++) {
			/* The second may come after what the first has changed. */
			size_t place = random_next(&seed) % (places + j * places / 2);
			unsigned alternatives = world_place_alternatives(place);

			faults[j].place = place;
			faults[j].alternative =
				alternatives > 1
					? 1 + (unsigned)(random_next(&seed) % (alternatives - 1))
					: 0;
		}
		bad += !life(faults, 2);
	}
	print_message("# %zu lives with two faults each: %zu states explored in all\n", pairs,
		state_count);
	assert_int_equal(bad, 0);
}

/* To look at what the exploration has found. */
static int one_life(const char *text)
{
	struct fault faults[8];
	size_t count = 0;
	char *end = NULL;

	for (; *text && count < 8; text = *end == ',' ? end + 1 : end) {
		faults[count].place = strtoul(text, &end, 10);
		faults[count].alternative = *end == ':' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
		count++;
	}
	return life(faults, count) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	const char *wanted = getenv("DEPLOY_LIFE");
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
		cmocka_unit_test(every_fault_at_every_place_ends_served),
		cmocka_unit_test(many_pairs_of_faults_end_served),
	};

	if (wanted)
		return one_life(wanted);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
