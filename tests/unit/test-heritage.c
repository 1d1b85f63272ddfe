/* SPDX-License-Identifier: MIT */
/*
 * app-heritage.c: what a supervisor is told by the one whose place it takes, and when that may be.
 */
#include <stdlib.h>

#include "base/fd.h"
#include "cycle-stand.h"

static void begin(void)
{
	stand_begin(FIXED);
	stand_release("v1");
	stand_open();
	stand_run(5 * WORLD_SEC);
}

static const char *next_learnt;

/* Before the next one has heard anything of its world. */
static void tell(void)
{
	if (!next_learnt || !stand_app() || world.dead)
		return;
	app_inherit(stand_app(), next_learnt);
	next_learnt = NULL;
}

/* The next supervisor in the same process; NULL: one that was told nothing. */
static void follow(const char *learnt)
{
	world_kill();
	next_learnt = learnt;
	world.watch = tell;
	stand_run(10 * WORLD_SEC);
	assert_null(next_learnt);
}

static void what_was_stopped_by_hand_stays_stopped(void **state)
{
	_cleanup_free_ char *learnt = NULL;

	(void)state;
	begin();
	world_stop(COLOR_GREEN);
	stand_run(5 * WORLD_SEC);
	learnt = app_bequeath(stand_app());
	assert_non_null(learnt);
	follow(learnt);
	assert_false(world_is_well(COLOR_GREEN));
	assert_true(world_is_well(COLOR_BLUE));
}

/* So that the story before is about what was told. */
static void a_supervisor_that_was_told_nothing_starts_both(void **state)
{
	(void)state;
	begin();
	world_stop(COLOR_GREEN);
	stand_run(5 * WORLD_SEC);
	follow(NULL);
	assert_true(world_is_well(COLOR_GREEN));
}

static void what_was_told_is_told_on(void **state)
{
	static const char words[] =
		"asked=blue flaps-blue=1:4000000:11:22:33 asked=green flaps-green=0:0:0:0:44 "
		"degraded nobody repaired=55";
	_cleanup_free_ char *learnt = NULL;

	(void)state;
	begin();
	app_inherit(stand_app(), words);
	learnt = app_bequeath(stand_app());
	assert_non_null(learnt);
	assert_string_equal(learnt, words);
}

static void what_is_not_understood_counts_for_nothing(void **state)
{
	static const char *const words[] = {
		"",
		"   ",
		"asked",
		"asked=",
		"asked=red",
		"flaps-blue=",
		"flaps-blue=1",
		"flaps-blue=1:2",
		"flaps-blue=1:2:3:4",
		"flaps-blue=1:2:3:4:5:6",
		"flaps-blue=1:30000001:3:4:5",
		"flaps-blue=x",
		"tomorrow=1",
		"=",
		"degradedx",
	};
	_cleanup_free_ char *before = NULL;

	(void)state;
	begin();
	before = app_bequeath(stand_app());
	assert_non_null(before);
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		_cleanup_free_ char *after = NULL;

		app_inherit(stand_app(), words[i]);
		after = app_bequeath(stand_app());
		assert_non_null(after);
		assert_string_equal(after, before);
	}
}

static void a_cycle_is_under_way_from_its_begin_to_its_end(void **state)
{
	(void)state;
	begin();
	assert_null(app_what_is_under_way(stand_app()));
	stand_deploy();
	assert_non_null(app_what_is_under_way(stand_app()));
	stand_deploy();
	assert_string_equal(
		app_what_is_under_way(stand_app()), "a cycle runs and another one waits");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(app_what_is_under_way(stand_app()), "a cycle runs");
	stand_run_cycle(HORIZON_USEC);
	stand_run(WORLD_SEC);
	assert_int_equal(stand_finished(), 2);
	assert_null(app_what_is_under_way(stand_app()));
}

static void a_window_is_under_way(void **state)
{
	(void)state;
	stand_begin(SWAP);
	stand_release("v1");
	stand_open();
	stand_run(5 * WORLD_SEC);
	stand_deploy_release("v2");
	run_to_step("window");
	assert_string_equal(app_what_is_under_way(stand_app()), "a cycle runs");
}

static void a_start_is_under_way(void **state)
{
	(void)state;
	stand_begin(FIXED);
	world_stop(COLOR_GREEN);
	stand_open();
	for (int i = 0; i < 1000 && !app_what_is_under_way(stand_app()); i++)
		stand_run(WORLD_MSEC);
	assert_string_equal(app_what_is_under_way(stand_app()), "green is being started");
	stand_run(20 * WORLD_SEC);
	assert_null(app_what_is_under_way(stand_app()));
}

int main(void)
{
#define story(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		story(what_was_stopped_by_hand_stays_stopped),
		story(a_supervisor_that_was_told_nothing_starts_both),
		story(what_was_told_is_told_on),
		story(what_is_not_understood_counts_for_nothing),
		story(a_cycle_is_under_way_from_its_begin_to_its_end),
		story(a_window_is_under_way),
		story(a_start_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
