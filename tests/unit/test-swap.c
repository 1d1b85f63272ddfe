/* SPDX-License-Identifier: MIT */
/*
 * Releases, strategy `swap`, ramps, gates, hooks and rollbacks above the fakes, story by story.
 */
#include <errno.h>

#include "cycle-stand.h"
#include "report.h"

static uint64_t unserved[ROUTE_CLASS_COUNT]; /* how long a class was served by nobody who is well */
static uint64_t looked_usec;

static bool is_served(enum route_class class)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (world.route.weight[class][color] > 0 && world_is_well(color))
			return true;
	return false;
}

static void look(void)
{
	uint64_t now = fake_event_now();

	for (enum route_class class = 0; class < ROUTE_CLASS_COUNT; class ++)
		if (!is_served(class))
			unserved[class] += now - looked_usec;
	looked_usec = now;
}

static void begin(const char *config)
{
	stand_begin(config);
	stand_release("v1");
	stand_open();
	stand_run(2 * WORLD_SEC);
	memset(unserved, 0, sizeof(unserved));
	looked_usec = fake_event_now();
	world.watch = look;
}

static const char *route_now(void)
{
	static char text[ROUTE_TEXT_MAX];

	return route_format(&world.route, text);
}

static void a_swap_makes_the_idle_color_the_primary_and_no_write_waits(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(unserved[ROUTE_READS], 0);
	assert_int_equal(unserved[ROUTE_WRITES], 0);
	stand_run(WORLD_SEC);
	runs(COLOR_GREEN, 2, ROLE_PRIMARY);
	runs(COLOR_BLUE, 2, ROLE_FALLBACK);
	assert_string_equal(route_now(), "reads=blue:0,green:100 writes=green:100");
	assert_int_equal(world.record.primary, COLOR_GREEN);
	/* The next one goes the other way. */
	stand_deploy_release("v3");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(unserved[ROUTE_WRITES], 0);
	runs(COLOR_BLUE, 3, ROLE_PRIMARY);
	runs(COLOR_GREEN, 3, ROLE_FALLBACK);
}

static void inside_the_window_a_rollback_is_one_route_change(void **state)
{
	uint64_t asked;

	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	stand_run(WORLD_SEC);
	assert_string_equal(route_now(), "reads=blue:0,green:100 writes=blue:0,green:100");
	asked = fake_event_now();
	assert_int_equal(stand_rollback(""), 0);
	while (world.route.weight[ROUTE_WRITES][COLOR_BLUE] != ROUTE_WEIGHT_MAX)
		stand_run(WORLD_MSEC);
	assert_true(fake_event_now() - asked < 5 * WORLD_MSEC);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "aborted");
	assert_non_null(strstr(world.record.reason, "rolled back by uid 0"));
	assert_false(world.record.committed);
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	assert_string_equal(route_now(), "reads=blue:100,green:0 writes=blue:100");
	assert_int_equal(unserved[ROUTE_WRITES], 0);
}

static void a_supervisor_killed_in_the_window_still_knows_the_way_back(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	world_kill();
	stand_run(2 * WORLD_SEC);
	assert_int_equal(world.crashes, 1);
	assert_string_equal(route_now(), "reads=blue:0,green:100 writes=blue:0,green:100");
	assert_int_equal(stand_rollback("v1"), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "aborted");
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void a_rollback_after_the_window_is_a_cycle_of_its_own(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	/* A reload in between does not make one forget. */
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(world.record.release, "v2");
	assert_int_equal(stand_rollback(""), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(world.record.release, "v1");
	assert_string_equal(world.record.verb, "rollback");
	stand_run(WORLD_SEC);
	assert_int_equal(world.processes[COLOR_BLUE].code, 1);
	assert_int_equal(world.processes[COLOR_GREEN].code, 1);
}

static void a_release_that_crashes_in_the_window_is_taken_back(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	stand_run(WORLD_SEC);
	world_crash(COLOR_GREEN);
	stand_run(20 * WORLD_MSEC);
	assert_int_equal(world.route.weight[ROUTE_WRITES][COLOR_BLUE], ROUTE_WEIGHT_MAX);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	stand_run(5 * WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void broken_code_is_taken_back(const char *config, enum mood mood)
{
	begin(config);
	world.code_mood = mood;
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_int_equal(strncmp(world.record.reason, "healthy: ", 9), 0);
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_string_equal(route_now(), "reads=blue:100,green:0 writes=blue:100");
	assert_int_equal(unserved[ROUTE_READS], 0);
	stand_end();
}

static void a_release_that_does_not_become_healthy_is_taken_back(void **state)
{
	(void)state;
	for (enum mood mood = MOOD_ERRORS; mood < MOOD_COUNT; mood++) {
		broken_code_is_taken_back(FIXED, mood);
		broken_code_is_taken_back(SWAP, mood);
		assert_int_equal(unserved[ROUTE_WRITES], 0);
	}
	begin(SWAP);
}

static void a_release_that_answers_errors_under_traffic_is_taken_back(void **state)
{
	static const char *const configs[] = {FIXED, SWAP};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(configs[i]);
		world.bad_percent = 5;
		stand_deploy_release("v2");
		stand_run_cycle(HORIZON_USEC);
		assert_string_equal(stand_outcome(), "failed");
		assert_int_equal(strncmp(world.record.reason, "observe: ", 9), 0);
		stand_run(WORLD_SEC);
		runs(COLOR_BLUE, 1, ROLE_PRIMARY);
		runs(COLOR_GREEN, 1, ROLE_FALLBACK);
		assert_int_equal(unserved[ROUTE_READS], 0);
		stand_end();
	}
	begin(SWAP);
}

/* What waited comes all at once, and queues in the new process. */
static void only_the_first_moments_of_a_release_may_be_slow(void **state)
{
	static const struct {
		unsigned slow_seconds;
		const char *outcome;
	} releases[] = {{2, "succeeded"}, {100, "failed"}};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(releases); i++) {
		begin(FIXED "[Route]\nRamp=50%:15s\n");
		world.slow_seconds = releases[i].slow_seconds;
		stand_deploy_release("v2");
		stand_run_cycle(HORIZON_USEC);
		assert_string_equal(stand_outcome(), releases[i].outcome);
		stand_end();
	}
	begin(SWAP);
}

static void a_release_that_ends_in_its_probation_is_taken_back_however_soon_it_returns(void **state)
{
	(void)state;
	begin(FIXED);
	world.start_usec = WORLD_MSEC;
	stand_deploy_release("v2");
	run_to_step("observe");
	stand_run(100 * WORLD_MSEC);
	world_start(COLOR_BLUE); /* a new process: the old one is gone */
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
}

static void a_ramp_shares_reads_and_with_two_primaries_writes_too(void **state)
{
	(void)state;
	begin(SWAP "[Route]\nRamp=10%:2s 50%:2s\n");
	stand_deploy_release("v2");
	run_to_step("ramp");
	stand_run(100 * WORLD_MSEC);
	assert_string_equal(route_now(), "reads=blue:90,green:10 writes=blue:90,green:10");
	stand_run(2 * WORLD_SEC);
	assert_string_equal(route_now(), "reads=blue:50,green:50 writes=blue:50,green:50");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	stand_end();

	begin(FIXED "[Route]\nRamp=10%:2s 50%:2s\n");
	stand_deploy_release("v2");
	run_to_step("ramp");
	stand_run(100 * WORLD_MSEC);
	assert_string_equal(route_now(), "reads=blue:10,green:90 writes=blue:100");
	stand_run(2 * WORLD_SEC);
	assert_string_equal(route_now(), "reads=blue:50,green:50 writes=blue:100");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
}

static void a_breach_in_the_ramp_goes_back_by_itself(void **state)
{
	(void)state;
	begin(SWAP "[Route]\nRamp=10%:10s\n");
	world.bad_percent = 10;
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_int_equal(strncmp(world.record.reason, "ramp: ", 6), 0);
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void who_aborts_gets_the_release_before_from_every_step_that_has_a_way_back(void **state)
{
	static const char *const fixed[] = {"settle", "drain", "restart", "healthy", "observe"};
	static const char *const swap[] = {"vacate", "start", "healthy", "observe", "window"};
	const size_t count = sizeof(fixed) / sizeof(fixed[0]);

	(void)state;
	for (size_t i = 0; i < 2 * count; i++) {
		begin(i < count ? FIXED : SWAP);
		stand_deploy_release("v2");
		run_to_step(i < count ? fixed[i] : swap[i - count]);
		assert_int_equal(stand_abort(), 0);
		stand_run_cycle(HORIZON_USEC);
		assert_string_equal(stand_outcome(), "aborted");
		stand_run(WORLD_SEC);
		runs(COLOR_BLUE, 1, ROLE_PRIMARY);
		runs(COLOR_GREEN, 1, ROLE_FALLBACK);
		assert_string_equal(route_now(), "reads=blue:100,green:0 writes=blue:100");
		assert_int_equal(unserved[ROUTE_READS], 0);
		stand_end();
	}
	begin(SWAP);
	assert_int_equal(stand_abort(), -ESRCH);
	stand_deploy_release("v2");
	run_to_step("restart-fallback");
	assert_int_equal(stand_abort(), -EBUSY);
	assert_non_null(strstr(stand_error(), "restart-fallback"));
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
}

static void a_cycle_that_waits_cuts_the_window_short(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	stand_deploy_release("v3");
	stand_run(100 * WORLD_MSEC);
	assert_string_not_equal(world.record.step, "window");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(world.record.release, "v3");
	assert_string_equal(stand_outcome(), "succeeded");
	runs(COLOR_BLUE, 3, ROLE_PRIMARY);
}

static void a_primary_that_is_sick_is_replaced_where_it_is(void **state)
{
	(void)state;
	begin(SWAP);
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(5 * WORLD_SEC);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.record.strategy, STRATEGY_FALLBACK);
	assert_int_equal(unserved[ROUTE_READS] < 5 * WORLD_SEC, 1);
	stand_run(WORLD_SEC);
	runs(COLOR_BLUE, 2, ROLE_PRIMARY);
	runs(COLOR_GREEN, 2, ROLE_FALLBACK);
}

static void the_primary_is_known_without_a_record_too(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	world.recorded = false;
	world_kill();
	stand_run(5 * WORLD_SEC);
	assert_string_equal(route_now(), "reads=blue:0,green:100 writes=green:100");
}

static void the_target_is_active_while_a_primary_takes_writes(void **state)
{
	(void)state;
	begin(FIXED);
	assert_true(world.target_active);
	stand_deploy_release("v2");
	run_to_step("restart");
	assert_false(world.target_active);
	stand_run_cycle(HORIZON_USEC);
	stand_run(WORLD_SEC);
	assert_true(world.target_active);
	world_crash(COLOR_BLUE);
	stand_run(100 * WORLD_MSEC);
	assert_false(world.target_active);
}

static void a_hook_runs_once_before_anything_is_restarted(void **state)
{
	(void)state;
	begin(SWAP "[Hooks]\nBeforeRestart=app-migrate.service\nAfterDeploy=app-tell.service\n");
	stand_deploy_release("v2");
	run_to_step("vacate");
	assert_int_equal(world.hooks_run, 1);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_int_equal(world.hooks_run, 2);
}

static void a_slow_start_gives_the_reads_back_little_by_little(void **state)
{
	(void)state;
	begin(FIXED "[Route]\nSlowStart=10s\n");
	world_crash(COLOR_BLUE);
	stand_run(5 * WORLD_SEC);
	assert_in_range(world.route.weight[ROUTE_READS][COLOR_BLUE], 10, 30);
	assert_int_equal(world.route.weight[ROUTE_WRITES][COLOR_BLUE], ROUTE_WEIGHT_MAX);
	stand_run(5 * WORLD_SEC);
	assert_in_range(world.route.weight[ROUTE_READS][COLOR_BLUE], 50, 80);
	stand_run(6 * WORLD_SEC);
	assert_string_equal(route_now(), "reads=blue:100,green:0 writes=blue:100");
}

static void two_primaries_without_a_record_become_a_primary_and_a_fallback(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	run_to_step("window");
	world.recorded = false;
	world_kill();
	stand_run(30 * WORLD_SEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(world.record.verb, "repair");
	runs(COLOR_GREEN, 2, ROLE_PRIMARY);
	runs(COLOR_BLUE, 2, ROLE_FALLBACK);
	assert_string_equal(route_now(), "reads=blue:0,green:100 writes=green:100");
	assert_int_equal(unserved[ROUTE_READS], 0);
}

static void a_primary_that_was_started_as_a_fallback_is_started_anew(void **state)
{
	(void)state;
	begin(SWAP);
	stand_deploy_release("v2");
	stand_run_cycle(HORIZON_USEC);
	runs(COLOR_BLUE, 2, ROLE_FALLBACK);
	/* Somebody's record says that blue is the primary. */
	world.record.primary = COLOR_BLUE;
	world_kill();
	stand_run(40 * WORLD_SEC);
	assert_string_equal(world.record.verb, "repair");
	assert_int_equal(world.record.outcome, RECORD_SUCCEEDED);
	runs(COLOR_BLUE, 2, ROLE_PRIMARY);
	runs(COLOR_GREEN, 2, ROLE_FALLBACK);
}

int main(void)
{
#define story(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		story(a_swap_makes_the_idle_color_the_primary_and_no_write_waits),
		story(inside_the_window_a_rollback_is_one_route_change),
		story(a_supervisor_killed_in_the_window_still_knows_the_way_back),
		story(a_rollback_after_the_window_is_a_cycle_of_its_own),
		story(a_release_that_crashes_in_the_window_is_taken_back),
		story(a_release_that_does_not_become_healthy_is_taken_back),
		story(a_release_that_answers_errors_under_traffic_is_taken_back),
		story(only_the_first_moments_of_a_release_may_be_slow),
		story(a_release_that_ends_in_its_probation_is_taken_back_however_soon_it_returns),
		story(a_ramp_shares_reads_and_with_two_primaries_writes_too),
		story(a_breach_in_the_ramp_goes_back_by_itself),
		story(who_aborts_gets_the_release_before_from_every_step_that_has_a_way_back),
		story(a_cycle_that_waits_cuts_the_window_short),
		story(a_primary_that_is_sick_is_replaced_where_it_is),
		story(the_primary_is_known_without_a_record_too),
		story(two_primaries_without_a_record_become_a_primary_and_a_fallback),
		story(a_primary_that_was_started_as_a_fallback_is_started_anew),
		story(the_target_is_active_while_a_primary_takes_writes),
		story(a_hook_runs_once_before_anything_is_restarted),
		story(a_slow_start_gives_the_reads_back_little_by_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
