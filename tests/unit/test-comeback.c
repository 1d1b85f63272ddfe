/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor makes of the world that it comes back to, after a crash and after a reboot.
 */
#include "base/fd.h"
#include "cycle-stand.h"

static unsigned target_stops;
static const char *kill_at; /* the supervisor, before anything comes of the row */

static void look(void)
{
	static bool before;

	if (before && !world.target_active)
		target_stops++;
	before = world.target_active;
	if (kill_at && strcmp(world.record.step, kill_at) == 0) {
		kill_at = NULL;
		world_kill();
	}
}

static void begin(const char *config)
{
	stand_begin(config);
	stand_release("v1");
	stand_open();
	stand_run(2 * WORLD_SEC);
	target_stops = 0;
	world.watch = look;
}

/* Nothing of /run is left, and nobody is started but by the supervisor. */
static void reboot(void)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		world_stop(color);
		world.told[color] = false;
	}
	world.target_active = false;
	fake_steer_restart();
	world_kill();
}

static void who_comes_back_leaves_the_target_alone(void **state)
{
	(void)state;
	begin(FIXED);
	assert_true(world.target_active);
	world_kill();
	stand_run(5 * WORLD_SEC);
	assert_true(world.target_active);
	assert_int_equal(target_stops, 0);
}

/* Of what is bound to the target it is not known which primary it follows. */
static void who_was_killed_at_the_switch_restarts_the_target_once(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("observe");
	assert_int_equal(world.target_restarts, 1);
	world_kill();
	stand_run(2 * WORLD_SEC);
	assert_int_equal(world.target_restarts, 1);
	stand_run_cycle(HORIZON_USEC);
	stand_deploy_release("v3");
	world.target_restarts = 0;
	kill_at = "switch";
	stand_run_cycle(HORIZON_USEC);
	assert_null(kill_at);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.target_restarts, 1);
}

static void a_reboot_before_the_switch_does_not_make_a_read_only_primary(void **state)
{
	static const char *const rows[] = {"vacate", "start", "healthy", "switch", "observe"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(SWAP);
		stand_deploy_release("v2");
		run_to_step(rows[i]);
		reboot();
		stand_run_cycle(HORIZON_USEC);
		stand_run(WORLD_SEC);
		assert_int_equal(world.processes[world.record.primary].role, ROLE_PRIMARY);
		assert_int_equal(
			world.processes[color_other(world.record.primary)].role, ROLE_FALLBACK);
		assert_true(world.route.weight[ROUTE_WRITES][world.record.primary] > 0);
		assert_true(world.target_active);
		stand_end();
	}
	begin(SWAP);
}

/* Neither was told anything since the boot but this. */
static unsigned primaries_running(void)
{
	unsigned count = 0;

	for (enum color color = 0; color < COLOR_COUNT; color++)
		count += world.processes[color].running &&
			 world.processes[color].role == ROLE_PRIMARY;
	return count;
}

static void at_no_time_after_a_reboot_are_there_two_primaries(void **state)
{
	static const char *const rows[] = {
		"start", "healthy", "switch", "observe", "window", "drain-fallback"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool accepted = i >= 4;

		begin(SWAP);
		stand_deploy_release("v2");
		run_to_step(rows[i]);
		reboot();
		for (int j = 0; j < 30000; j++) {
			stand_run(WORLD_MSEC);
			assert_true(primaries_running() <= 1);
		}
		assert_string_equal(stand_outcome(), accepted ? "succeeded" : "interrupted");
		runs(COLOR_BLUE, accepted ? 2 : 1, accepted ? ROLE_FALLBACK : ROLE_PRIMARY);
		runs(COLOR_GREEN, accepted ? 2 : 1, accepted ? ROLE_PRIMARY : ROLE_FALLBACK);
		assert_true(world.target_active);
		stand_end();
	}
	begin(SWAP);
}

static void after_a_reboot_in_the_window_a_rollback_is_a_cycle_of_its_own(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	reboot();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_true(world.target_active);
}

static void after_a_reboot_behind_the_window_one_is_a_fallback(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("healthy-fallback");
	reboot();
	stand_run_cycle(HORIZON_USEC);
	stand_run(WORLD_SEC);
	assert_string_equal(stand_outcome(), "succeeded");
	runs(COLOR_GREEN, 2, ROLE_PRIMARY);
	runs(COLOR_BLUE, 2, ROLE_FALLBACK);
}

static void who_comes_back_swaps_as_the_file_says(void **state)
{
	(void)state;
	begin(SWAP);
	world_kill();
	do
		stand_run(WORLD_MSEC);
	while (world.dead || !stand_app());
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.record.strategy, STRATEGY_SWAP);
	assert_int_equal(world.record.primary, COLOR_GREEN);
}

static void behind_the_commit_a_rollback_goes_to_the_release_that_was_replaced(void **state)
{
	(void)state;
	begin(FIXED);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	stand_deploy_release("v3");
	run_to_step("healthy-fallback");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	stand_run_cycle(HORIZON_USEC);
	runs(COLOR_BLUE, 2, ROLE_PRIMARY);
	runs(COLOR_GREEN, 2, ROLE_FALLBACK);
}

static void before_the_commit_a_rollback_takes_the_cycle_back(void **state)
{
	(void)state;
	begin(FIXED);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	stand_deploy_release("v3");
	run_to_step("observe");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "aborted");
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 2, ROLE_PRIMARY);
	runs(COLOR_GREEN, 2, ROLE_FALLBACK);
	assert_string_equal(world.record.release, "v3");
}

static void who_was_taken_back_leaves_the_release_before_that_one(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	stand_deploy_release("v3");
	run_to_step("window");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "aborted");
	assert_string_equal(world.record.previous, "v1");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_int_equal(world.processes[world.record.primary].code, 1);
}

/* Somebody has stopped it: there is nothing warm to go back to at once. */
static void a_rollback_to_a_color_that_is_down_is_a_cycle_of_its_own(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	world_stop(COLOR_BLUE);
	stand_run(WORLD_SEC);
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	stand_run(WORLD_SEC);
	runs(world.record.primary, 1, ROLE_PRIMARY);
	runs(color_other(world.record.primary), 1, ROLE_FALLBACK);
}

/* What the file says now is for the next cycle. */
static void a_reboot_between_an_edit_and_its_cycle_starts_what_ran(void **state)
{
	static const char *const edits[] = {"[Probe]\nStartTimeout=20s\n",
		"[Probe]\nStartTimeout=20s\n[Release]\nDirectory=/srv/elsewhere\n"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(edits); i++) {
		begin(FIXED);
		stand_deploy_release("v2");
		stand_run_cycle(HORIZON_USEC);
		world.missing = 2;
		world.code = 9;
		stand_configure(edits[i]);
		reboot();
		stand_run(20 * WORLD_SEC);
		runs(COLOR_BLUE, 2, ROLE_PRIMARY);
		runs(COLOR_GREEN, 2, ROLE_FALLBACK);
		assert_string_equal(world.parts[COLOR_BLUE].release, "v2");
		stand_end();
	}
	begin(FIXED);
}

static bool was_spared(const char *tag)
{
	for (size_t i = 0; i < ELEMENTS(world.spared); i++)
		if (strcmp(world.spared[i], tag) == 0)
			return true;
	return false;
}

static void who_waits_finds_his_release(void **state)
{
	(void)state;
	begin(FIXED);
	stand_deploy_release("v2");
	run_to_step("restart");
	stand_deploy_release("v7");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_true(was_spared("v1"));
	assert_true(was_spared("v2"));
	assert_true(was_spared("v7"));
	stand_run_cycle(HORIZON_USEC);
	assert_false(was_spared("v1"));
}

int main(void)
{
#define story(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		story(who_comes_back_leaves_the_target_alone),
		story(who_was_killed_at_the_switch_restarts_the_target_once),
		story(a_reboot_before_the_switch_does_not_make_a_read_only_primary),
		story(at_no_time_after_a_reboot_are_there_two_primaries),
		story(after_a_reboot_in_the_window_a_rollback_is_a_cycle_of_its_own),
		story(after_a_reboot_behind_the_window_one_is_a_fallback),
		story(who_comes_back_swaps_as_the_file_says),
		story(behind_the_commit_a_rollback_goes_to_the_release_that_was_replaced),
		story(before_the_commit_a_rollback_takes_the_cycle_back),
		story(who_was_taken_back_leaves_the_release_before_that_one),
		story(who_waits_finds_his_release),
		story(a_reboot_between_an_edit_and_its_cycle_starts_what_ran),
		story(a_rollback_to_a_color_that_is_down_is_a_cycle_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
