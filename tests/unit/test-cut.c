/* SPDX-License-Identifier: MIT */
/*
 * Cycles that are cut, twice or at a bad moment, above the fakes: what the exploration has found,
 * story by story.
 */
#include "../fake/judge.h"
#include "cycle-stand.h"

/* Of the fakes' fates. */
enum { FATE_FAILS = 1, FATE_KILL_AFTER = 3 };

static void begin(const char *config)
{
	static const struct judge_order order = {.in_place = false};

	stand_begin(config);
	stand_release("v1");
	judge_begin(&order);
	stand_open();
	stand_run(2 * WORLD_SEC);
}

/* The cycle has ended and everything came to rest. */
static void ended(const char *outcome)
{
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), outcome);
	stand_run(8 * WORLD_SEC);
	judge_end(JUDGE_CONSISTENT);
	assert_string_equal(judge_broken(), "");
}

/* The next place of this name, if all goes well from here on. */
static void deviate_next(const char *name, unsigned alternative)
{
	size_t from = world_places(), place = from;

	/* Places are numbered as they come: this one is looked for in a life that ends here. */
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	while (place < world_places() && strcmp(world_place_name(place), name) != 0)
		place++;
	assert_true(place < world_places());
	stand_end();
	begin(SWAP);
	assert_int_equal(world_places(), from);
	world_deviate(place, alternative);
}

static void a_commit_that_cannot_be_recorded_has_not_happened(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("observe");
	world.disk_full = true;
	while (world.route.weight[ROUTE_WRITES][COLOR_BLUE] != ROUTE_WEIGHT_MAX)
		stand_run(WORLD_MSEC);
	world.disk_full = false;
	ended("failed");
	assert_false(world.record.committed);
	assert_int_equal(world.record.primary, COLOR_BLUE);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void a_start_that_cannot_be_prepared_leaves_the_link_as_it_was(void **state)
{
	(void)state;
	begin(SWAP);
	deviate_next("environment", FATE_FAILS);
	stand_deploy_release("v2");
	ended("failed");
	assert_string_equal(world.links[COLOR_GREEN], "v1");
	/* So what starts by itself is what ran. */
	world_crash(COLOR_GREEN);
	stand_run(8 * WORLD_SEC);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void who_was_told_to_be_the_primary_and_not_yet_started_gets_no_writes(void **state)
{
	(void)state;
	begin(SWAP);
	deviate_next("environment", FATE_KILL_AFTER);
	stand_deploy_release("v2");
	stand_run(50 * WORLD_MSEC);
	assert_int_equal(world.parts[COLOR_GREEN].role, ROLE_PRIMARY);
	assert_int_equal(world.processes[COLOR_GREEN].role, ROLE_FALLBACK);
	world_crash(COLOR_BLUE);
	stand_run(2 * WORLD_SEC);
	assert_int_equal(world.route.weight[ROUTE_WRITES][COLOR_GREEN], ROUTE_NEVER);
	stand_run_cycle(HORIZON_USEC);
	stand_run(8 * WORLD_SEC);
	judge_end(JUDGE_CONSISTENT);
	assert_string_equal(judge_broken(), "");
}

/* A row that is done at once is only seen between two events. */
static void kill_at_soak(void)
{
	if (world.crashes > 0 || strcmp(world.record.step, "soak") != 0)
		return;
	world_kill();
	world_crash(COLOR_GREEN);
}

static void a_fresh_color_that_is_down_when_the_supervisor_returns_is_still_the_next_primary(
	void **state)
{
	(void)state;
	begin(SWAP);
	world.watch = kill_at_soak;
	stand_deploy_release("v2");
	ended("succeeded");
	assert_int_equal(world.crashes, 1);
	runs(COLOR_GREEN, 2, ROLE_PRIMARY);
	runs(COLOR_BLUE, 2, ROLE_FALLBACK);
}

static void a_cycle_that_is_cut_twice_does_not_forget_how_far_it_went(void **state)
{
	(void)state;
	begin(FIXED);
	stand_deploy_release("v2");
	run_to_step("restart");
	world_kill();
	/* It is back, and at the row before. */
	stand_run(200 * WORLD_MSEC);
	assert_string_equal(world.record.step, "restart");
	world_kill();
	ended("succeeded");
	runs(COLOR_BLUE, 2, ROLE_PRIMARY);
}

static void a_way_back_waits_for_the_color_that_serves_meanwhile(void **state)
{
	(void)state;
	begin(FIXED);
	world.bad_percent = 20;
	stand_deploy_release("v2");
	run_to_step("healthy");
	while (world.route.weight[ROUTE_WRITES][COLOR_BLUE] != ROUTE_WEIGHT_MAX)
		stand_run(WORLD_MSEC);
	world_crash(COLOR_GREEN);
	ended("failed");
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

int main(void)
{
#define story(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		story(a_commit_that_cannot_be_recorded_has_not_happened),
		story(a_start_that_cannot_be_prepared_leaves_the_link_as_it_was),
		story(who_was_told_to_be_the_primary_and_not_yet_started_gets_no_writes),
		story(a_fresh_color_that_is_down_when_the_supervisor_returns_is_still_the_next_primary),
		story(a_cycle_that_is_cut_twice_does_not_forget_how_far_it_went),
		story(a_way_back_waits_for_the_color_that_serves_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
