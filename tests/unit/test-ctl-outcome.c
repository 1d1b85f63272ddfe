/* SPDX-License-Identifier: MIT */
/*
 * ctl-outcome.c: what a script learns from the exit status, and a person from the last line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl-follow.h"

static struct ctl ctl;

/* How it ended, with what was said on stdout and stderr. */
static char *out, *err;

static int tell(struct follow *follow)
{
	FILE *real_out = stdout, *real_err = stderr;
	size_t out_size, err_size;
	int r;

	free(out);
	free(err);
	stdout = open_memstream(&out, &out_size);
	stderr = open_memstream(&err, &err_size);
	r = follow_tell(follow);
	fclose(stdout);
	fclose(stderr);
	stdout = real_out;
	stderr = real_err;
	return r;
}

static struct follow ended(const char *outcome)
{
	struct follow follow = {
		.ctl = &ctl,
		.id = "0123456789abcdef0123456789abcdef",
		.ended = true,
	};

	ctl = (struct ctl){.app = "shop"};
	snprintf(follow.outcome, sizeof(follow.outcome), "%s", outcome);
	strcpy(follow.reason, "healthy: answered 500");
	follow.cycle = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:f, s:f}", "id", follow.id,
		"outcome", outcome, "primary", "green", "former", "blue", "1.1", "green", "1.0",
		"started", 1.0, "ended", 2.0);
	return follow;
}

static void assert_exit(const char *outcome, bool takes_back, int status, const char *words)
{
	struct follow follow = ended(outcome);

	follow.takes_back = takes_back;
	assert_int_equal(tell(&follow), status);
	if (!strstr(err, words))
		fail_msg("%s: \"%s\" is not in: %s", outcome, words, err);
	json_decref(follow.cycle);
}

static void who_deployed_wants_it_to_have_succeeded(void **state)
{
	(void)state;
	assert_exit("succeeded", false, CTL_OK, "");
	assert_string_equal(err, "");
	assert_exit("failed", false, CTL_FAILED,
		"the cycle failed at healthy: answered 500; see `bluegreenctl --app shop history "
		"01234567'");
	assert_exit("aborted", false, CTL_FAILED, "was taken back: healthy");
	assert_exit("superseded", false, CTL_FAILED, "was superseded: healthy");
	assert_exit("interrupted", false, CTL_UNKNOWN, "was interrupted at healthy");
}

static void who_takes_back_wants_it_to_be_aborted(void **state)
{
	(void)state;
	assert_exit("aborted", true, CTL_OK, "");
	assert_string_equal(err, "");
	assert_exit("succeeded", true, CTL_FAILED, "succeeded before it could be taken back");
	assert_exit("failed", true, CTL_FAILED, "failed at");
	assert_exit("interrupted", true, CTL_UNKNOWN, "was interrupted at");
}

static void an_outcome_of_a_later_version_is_not_known(void **state)
{
	(void)state;
	assert_exit("postponed", false, CTL_UNKNOWN, "does not know");
}

static void a_supervisor_that_went_or_a_signal_leaves_it_open(void **state)
{
	struct follow follow = ended("");

	(void)state;
	follow.ended = false;
	assert_int_equal(tell(&follow), CTL_UNKNOWN);
	assert_non_null(strstr(err, "cycle 01234567 goes on without this program"));
	follow.lost = true;
	assert_int_equal(tell(&follow), CTL_UNKNOWN);
	assert_non_null(strstr(err, "the supervisor of shop went in the middle"));
	json_decref(follow.cycle);
}

static void a_rollback_says_how_long_the_route_took(void **state)
{
	struct follow follow = ended("aborted");
	json_t *cycle;

	(void)state;
	follow.takes_back = follow.switched = true;
	follow.switch_seconds = 0.0012;
	follow.switched_after = 0.0123;
	assert_int_equal(tell(&follow), CTL_OK);
	assert_non_null(strstr(out,
		"1.0 has the traffic again: the route changed in 1.2 ms, 12.3 ms after the "
		"command"));
	ctl.json = true;
	assert_int_equal(tell(&follow), CTL_OK);
	cycle = json_loads(out, 0, NULL);
	assert_non_null(cycle);
	assert_true(json_real_value(json_object_get(cycle, "rollback_seconds")) == 0.0123);
	assert_true(json_real_value(json_object_get(cycle, "route_seconds")) == 0.0012);
	json_decref(cycle);
	json_decref(follow.cycle);
}

/* systemd runs it for a reload: the supervisor has told the journal already. */
static void in_the_journal_only_failures_are_said(void **state)
{
	struct follow follow = ended("succeeded");

	(void)state;
	ctl.quiet = true;
	assert_int_equal(tell(&follow), CTL_OK);
	assert_string_equal(out, "");
	json_decref(follow.cycle);
	follow = ended("failed");
	ctl.quiet = true;
	assert_int_equal(tell(&follow), CTL_FAILED);
	assert_non_null(strstr(err, "failed at healthy"));
	json_decref(follow.cycle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_deployed_wants_it_to_have_succeeded),
		cmocka_unit_test(who_takes_back_wants_it_to_be_aborted),
		cmocka_unit_test(an_outcome_of_a_later_version_is_not_known),
		cmocka_unit_test(a_supervisor_that_went_or_a_signal_leaves_it_open),
		cmocka_unit_test(a_rollback_says_how_long_the_route_took),
		cmocka_unit_test(in_the_journal_only_failures_are_said),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	free(out);
	free(err);
	return r;
}
