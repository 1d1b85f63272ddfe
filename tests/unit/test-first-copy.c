/* SPDX-License-Identifier: MIT */
/*
 * [Release] Snapshot= at the edges of a life: the first start, a change-over from code in place, a
 * copy that cannot be made, and a supervisor that is killed beside it.
 */
#include "base/fd.h"
#include "cycle-stand.h"

#define IN_PLACE                                                                                   \
	"[Probe]\nInterval=500ms\nTimeout=1s\nStartTimeout=20s\nSoak=1s\n"                         \
	"[Hold]\nLimit=8s\n[Drain]\nRequests=2s\nStreams=4s\n[Gate]\nProbation=1s\n"
#define COPIED	    FIXED "[Release]\nSnapshot=/usr/share/notes\n"
#define SWAP_COPIED SWAP "[Release]\nSnapshot=/usr/share/notes\n"

/* Nothing runs, nothing is linked, nobody was told anything. */
static void begin_fresh(const char *config)
{
	stand_begin(config);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		world_stop(color);
}

static void begin_on_copies(const char *config)
{
	stand_begin(config);
	stand_release("v1");
	world.copied = 1;
	stand_open();
	stand_run(2 * WORLD_SEC);
}

static const char *reason(void)
{
	static struct app_view view;

	stand_view(&view);
	return view.reason;
}

static void nobody_starts_before_the_first_copy(void **state)
{
	(void)state;
	begin_fresh(COPIED);
	stand_open();
	stand_run(200 * WORLD_MSEC);
	assert_false(world.processes[COLOR_BLUE].running);
	assert_false(world.processes[COLOR_GREEN].running);
	assert_non_null(strstr(reason(), "the code is being copied"));
	stand_run(8 * WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_string_equal(world.links[COLOR_BLUE], "v1");
	assert_string_equal(world.links[COLOR_GREEN], "v1");
	assert_string_equal(world.parts[COLOR_BLUE].release, "v1");
	assert_int_equal(world.copies_begun, 1);
	assert_string_equal(reason(), "");
}

static void who_reloads_meanwhile_comes_behind_it(void **state)
{
	(void)state;
	begin_fresh(COPIED);
	stand_open();
	stand_run(100 * WORLD_MSEC);
	stand_deploy();
	assert_int_equal(stand_finished(), 0);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(world.record.release, "v1");
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
}

static void what_cannot_be_copied_is_said_and_tried_again(void **state)
{
	(void)state;
	begin_fresh(COPIED);
	world.copy_fails = true;
	stand_open();
	stand_run(25 * WORLD_SEC);
	assert_false(world.processes[COLOR_BLUE].running);
	assert_in_range(world.copies_begun, 2, 4);
	assert_non_null(strstr(reason(), "there is no copy of the code to run: there is no room"));
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	assert_non_null(strstr(world.record.reason, "preflight: "));
	assert_non_null(strstr(world.record.reason, "there is no room"));
	world.copy_fails = false;
	stand_run(20 * WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
}

/* It must be there whenever systemd starts a color, whose unit may look for it already. */
static void code_in_place_gets_its_first_copy_before_the_cycle(void **state)
{
	(void)state;
	stand_begin(IN_PLACE);
	stand_open();
	stand_run(2 * WORLD_SEC);
	stand_configure(COPIED);
	stand_deploy();
	stand_run(400 * WORLD_MSEC);
	assert_string_equal(world.links[COLOR_BLUE], "v1");
	assert_string_equal(world.links[COLOR_GREEN], "v1");
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 1);
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(world.record.release, "v1");
	assert_string_equal(world.parts[COLOR_GREEN].release, "v1");
	assert_int_equal(world.processes[COLOR_BLUE].invocation, 2);
}

static void a_reload_deploys_what_was_installed_since(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin_on_copies(i ? SWAP_COPIED : COPIED);
		world.code = 2;
		stand_deploy();
		stand_run_cycle(HORIZON_USEC);
		assert_string_equal(stand_outcome(), "succeeded");
		assert_string_equal(world.record.release, "v2");
		assert_string_equal(world.record.previous, "v1");
		runs(world.record.primary, 2, ROLE_PRIMARY);
		runs(color_other(world.record.primary), 2, ROLE_FALLBACK);
		assert_int_equal(stand_rollback(""), 0);
		stand_run_cycle(HORIZON_USEC);
		runs(world.record.primary, 1, ROLE_PRIMARY);
		assert_int_equal(world.copies_begun, 1);
		stand_end();
	}
	begin_on_copies(COPIED);
}

static void who_crashes_meanwhile_comes_back_on_the_old_code(void **state)
{
	(void)state;
	begin_on_copies(COPIED);
	world.code = 2;
	world.code_mood = MOOD_EXITS;
	world_crash(COLOR_BLUE);
	world_crash(COLOR_GREEN);
	stand_run(20 * WORLD_SEC);
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_int_equal(world.copies_begun, 0);
}

static void code_that_is_no_good_stays_copied_and_is_gone_back_from(void **state)
{
	(void)state;
	begin_on_copies(COPIED);
	world.code = 2;
	world.code_mood = MOOD_ERRORS;
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "failed");
	runs(COLOR_BLUE, 1, ROLE_PRIMARY);
	runs(COLOR_GREEN, 1, ROLE_FALLBACK);
	assert_int_equal(world.copied, 2);
}

static void a_copy_that_was_cut_from_its_trial_was_never_tried(void **state)
{
	(void)state;
	begin_on_copies(COPIED);
	world.code = 2;
	stand_deploy();
	run_to_step("turn");
	assert_int_equal(world.copied, 2);
	world_kill();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "interrupted");
	assert_int_equal(world.copied, 0);
	stand_deploy();
	stand_run_cycle(HORIZON_USEC);
	assert_string_equal(stand_outcome(), "succeeded");
	assert_string_equal(world.record.release, "v2");
}

int main(void)
{
#define story(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		story(nobody_starts_before_the_first_copy),
		story(who_reloads_meanwhile_comes_behind_it),
		story(what_cannot_be_copied_is_said_and_tried_again),
		story(code_in_place_gets_its_first_copy_before_the_cycle),
		story(a_reload_deploys_what_was_installed_since),
		story(who_crashes_meanwhile_comes_back_on_the_old_code),
		story(code_that_is_no_good_stays_copied_and_is_gone_back_from),
		story(a_copy_that_was_cut_from_its_trial_was_never_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
