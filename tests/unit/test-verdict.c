/* SPDX-License-Identifier: MIT */
/*
 * verdict.c: rise, fall, start deadline and soak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "verdict.h"

#define RISE 2
#define FALL 3

/* The process, before its first probe. */
#define STARTED (USEC_PER_SEC / 2)

/* One character a probe and a second: `+` passed, `-` failed. */
static enum health feed(struct verdict *verdict, const char *answers, uint64_t first_second)
{
	enum health health = verdict->health;

	for (size_t i = 0; answers[i]; i++)
		health = verdict_feed(
			verdict, answers[i] == '+', (first_second + i) * USEC_PER_SEC, RISE, FALL);
	return health;
}

static void nothing_is_known_before_the_first_probe(void **state)
{
	struct verdict zero = {0};

	(void)state;
	assert_int_equal(zero.health, HEALTH_UNKNOWN);
	assert_int_equal(verdict_healthy_since(&zero), 0);
	assert_true(verdict_soaked_at(&zero, STARTED, 0) == USEC_INFINITY);
}

static void rise_answers_in_a_row_make_healthy(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	assert_int_equal(feed(&verdict, "+", 1), HEALTH_UNKNOWN);
	assert_int_equal(feed(&verdict, "-+", 2), HEALTH_UNKNOWN);
	assert_int_equal(feed(&verdict, "+", 4), HEALTH_HEALTHY);
	assert_int_equal(verdict_healthy_since(&verdict), 4 * USEC_PER_SEC);
}

static void fall_failures_in_a_row_make_sick(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	assert_int_equal(feed(&verdict, "++--+--", 1), HEALTH_HEALTHY);
	assert_int_equal(verdict_healthy_since(&verdict), 2 * USEC_PER_SEC);
	assert_int_equal(feed(&verdict, "-", 8), HEALTH_SICK);
	assert_int_equal(verdict_healthy_since(&verdict), 0);
	assert_int_equal(feed(&verdict, "-+-+", 9), HEALTH_SICK);
	assert_int_equal(feed(&verdict, "+", 13), HEALTH_HEALTHY);
	assert_int_equal(verdict_healthy_since(&verdict), 13 * USEC_PER_SEC);
}

static void what_was_found_sick_is_said_to_be_sick(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	assert_int_equal(feed(&verdict, "--", 1), HEALTH_UNKNOWN);
	assert_int_equal(feed(&verdict, "-", 3), HEALTH_SICK);
}

static void failures_mean_nothing_while_it_starts(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_start(&verdict, 10 * USEC_PER_SEC);
	assert_int_equal(feed(&verdict, "---------", 1), HEALTH_STARTING);
	assert_int_equal(feed(&verdict, "-", 10), HEALTH_SICK);
}

static void it_may_become_healthy_past_its_start_deadline(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_start(&verdict, 2 * USEC_PER_SEC);
	assert_int_equal(feed(&verdict, "--", 1), HEALTH_SICK);
	assert_int_equal(feed(&verdict, "++", 3), HEALTH_HEALTHY);
}

static void one_pass_before_the_start_deadline_is_not_enough(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_start(&verdict, 5 * USEC_PER_SEC);
	assert_int_equal(feed(&verdict, "-+", 1), HEALTH_STARTING);
	assert_int_equal(feed(&verdict, "-", 6), HEALTH_SICK);
}

static void a_start_forgets_what_was_before(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	assert_int_equal(feed(&verdict, "+++", 1), HEALTH_HEALTHY);
	verdict_start(&verdict, USEC_INFINITY);
	assert_int_equal(verdict.health, HEALTH_STARTING);
	assert_int_equal(verdict_healthy_since(&verdict), 0);
	assert_int_equal(feed(&verdict, "+", 5), HEALTH_STARTING);
	assert_int_equal(feed(&verdict, "+", 6), HEALTH_HEALTHY);
}

static void the_condemned_is_sick_until_it_rises(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	assert_int_equal(feed(&verdict, "++", 1), HEALTH_HEALTHY);
	verdict_condemn(&verdict);
	assert_int_equal(verdict.health, HEALTH_SICK);
	assert_true(verdict_soaked_at(&verdict, STARTED, 0) == USEC_INFINITY);
	assert_int_equal(feed(&verdict, "+", 3), HEALTH_SICK);
	assert_int_equal(feed(&verdict, "+", 4), HEALTH_HEALTHY);
}

static void a_start_that_is_not_known_does_not_shorten_the_soak(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	feed(&verdict, "++", 1);
	assert_int_equal(
		verdict_soaked_at(&verdict, USEC_INFINITY, USEC_PER_SEC), 3 * USEC_PER_SEC);
}

static void a_failure_begins_the_soak_anew(void **state)
{
	struct verdict verdict;
	uint64_t soak = 3 * USEC_PER_SEC;

	(void)state;
	verdict_reset(&verdict);
	feed(&verdict, "++", 1);
	assert_int_equal(verdict_soaked_at(&verdict, STARTED, soak), STARTED + soak);
	feed(&verdict, "+", 3);
	assert_int_equal(verdict_soaked_at(&verdict, STARTED, soak), STARTED + soak);
	feed(&verdict, "-", 4);
	assert_true(verdict_soaked_at(&verdict, STARTED, soak) == USEC_INFINITY);
	feed(&verdict, "++", 5);
	assert_int_equal(verdict_soaked_at(&verdict, STARTED, soak), 8 * USEC_PER_SEC);
	/* It has been healthy all the time: one failure did not make it sick. */
	assert_int_equal(verdict_healthy_since(&verdict), 2 * USEC_PER_SEC);
}

static void a_soak_without_end_never_ends(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	feed(&verdict, "++", 1);
	assert_true(verdict_soaked_at(&verdict, STARTED, USEC_INFINITY) == USEC_INFINITY);
	assert_true(verdict_soaked_at(&verdict, STARTED, USEC_INFINITY - 1) == USEC_INFINITY);
}

static void counters_do_not_run_over(void **state)
{
	struct verdict verdict;

	(void)state;
	verdict_reset(&verdict);
	verdict.passed = UINT32_MAX;
	verdict.health = HEALTH_HEALTHY;
	assert_int_equal(feed(&verdict, "+", 1), HEALTH_HEALTHY);
	assert_int_equal(verdict.passed, UINT32_MAX);
	verdict.passed = 0;
	verdict.failed = UINT32_MAX;
	assert_int_equal(feed(&verdict, "-", 2), HEALTH_SICK);
	assert_int_equal(verdict.failed, UINT32_MAX);
}

static void each_health_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(health_name(HEALTH_UNKNOWN), "unknown");
	assert_string_equal(health_name(HEALTH_STARTING), "starting");
	assert_string_equal(health_name(HEALTH_HEALTHY), "healthy");
	assert_string_equal(health_name(HEALTH_SICK), "sick");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_first_probe),
		cmocka_unit_test(rise_answers_in_a_row_make_healthy),
		cmocka_unit_test(fall_failures_in_a_row_make_sick),
		cmocka_unit_test(what_was_found_sick_is_said_to_be_sick),
		cmocka_unit_test(failures_mean_nothing_while_it_starts),
		cmocka_unit_test(it_may_become_healthy_past_its_start_deadline),
		cmocka_unit_test(one_pass_before_the_start_deadline_is_not_enough),
		cmocka_unit_test(a_start_forgets_what_was_before),
		cmocka_unit_test(the_condemned_is_sick_until_it_rises),
		cmocka_unit_test(a_start_that_is_not_known_does_not_shorten_the_soak),
		cmocka_unit_test(a_failure_begins_the_soak_anew),
		cmocka_unit_test(a_soak_without_end_never_ends),
		cmocka_unit_test(counters_do_not_run_over),
		cmocka_unit_test(each_health_has_a_name),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
