/* SPDX-License-Identifier: MIT */
/*
 * flaps.c: from the third fall within a minute on a color has to earn its trust again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "flaps.h"

#define SEC UINT64_C(1000000)

static struct flaps flaps;
static struct verdict well;

static int begin(void **state)
{
	(void)state;
	flaps = (struct flaps){0};
	well = (struct verdict){.health = HEALTH_HEALTHY, .passed = 2};
	return 0;
}

static void fall_at(uint64_t second)
{
	flaps_fell(&flaps, second * SEC);
}

/* Flawless since then: when the trust is back. */
static uint64_t trusted_after(uint64_t second)
{
	well.flawless_since_usec = second * SEC;
	return (flaps_follow(&flaps, &well, second * SEC) - well.flawless_since_usec) / SEC;
}

static void two_falls_are_bad_luck(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(110);
	assert_false(flaps.flapping);
	assert_true(flaps_follow(&flaps, &well, 111 * SEC) == USEC_INFINITY);
}

static void the_third_fall_within_a_minute_is_flapping(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(130);
	fall_at(160);
	assert_true(flaps.flapping);
}

static void three_falls_in_more_than_a_minute_are_none(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(130);
	fall_at(161);
	assert_false(flaps.flapping);
	fall_at(162);
	assert_true(flaps.flapping);
}

static void it_ends_when_it_was_flawless_for_long_enough(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(105);
	fall_at(110);
	well.flawless_since_usec = 112 * SEC;
	assert_true(flaps_follow(&flaps, &well, 113 * SEC) == 114 * SEC);
	assert_true(flaps.flapping);
	assert_true(flaps_follow(&flaps, &well, 114 * SEC) == USEC_INFINITY);
	assert_false(flaps.flapping);
}

static void each_fall_more_doubles_the_wait_up_to_half_a_minute(void **state)
{
	static const uint64_t waits[] = {2, 4, 8, 16, 30, 30};
	uint64_t second = 110;

	(void)state;
	fall_at(100);
	fall_at(105);
	for (size_t i = 0; i < ELEMENTS(waits); i++, second += 5) {
		fall_at(second);
		assert_int_equal(trusted_after(second + 1), waits[i]);
	}
}

static void one_that_was_trusted_again_and_falls_soon_waits_longer(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(105);
	fall_at(110);
	well.flawless_since_usec = 111 * SEC;
	flaps_follow(&flaps, &well, 113 * SEC);
	assert_false(flaps.flapping);
	fall_at(114);
	assert_true(flaps.flapping);
	assert_int_equal(trusted_after(115), 4);
}

static void after_a_good_minute_it_begins_anew(void **state)
{
	(void)state;
	for (uint64_t second = 100; second < 130; second += 5)
		fall_at(second);
	well.flawless_since_usec = 130 * SEC;
	flaps_follow(&flaps, &well, 160 * SEC);
	assert_false(flaps.flapping);
	fall_at(300);
	fall_at(301);
	assert_false(flaps.flapping);
	fall_at(302);
	assert_int_equal(trusted_after(303), 2);
}

static void only_a_flawless_color_earns_trust(void **state)
{
	(void)state;
	fall_at(100);
	fall_at(101);
	fall_at(102);
	well.flawless_since_usec = 103 * SEC;
	well.failed = 1;
	assert_true(flaps_follow(&flaps, &well, 200 * SEC) == USEC_INFINITY);
	well = (struct verdict){.health = HEALTH_SICK};
	assert_true(flaps_follow(&flaps, &well, 200 * SEC) == USEC_INFINITY);
	well = (struct verdict){.health = HEALTH_STARTING};
	assert_true(flaps_follow(&flaps, &well, 200 * SEC) == USEC_INFINITY);
	assert_true(flaps.flapping);
	/* The next fall does not set it free, however long ago the others were. */
	fall_at(400);
	assert_true(flaps.flapping);
	well = (struct verdict){.health = HEALTH_HEALTHY, .passed = 2};
	assert_int_equal(trusted_after(401), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_falls_are_bad_luck, begin),
		cmocka_unit_test_setup(the_third_fall_within_a_minute_is_flapping, begin),
		cmocka_unit_test_setup(three_falls_in_more_than_a_minute_are_none, begin),
		cmocka_unit_test_setup(it_ends_when_it_was_flawless_for_long_enough, begin),
		cmocka_unit_test_setup(each_fall_more_doubles_the_wait_up_to_half_a_minute, begin),
		cmocka_unit_test_setup(
			one_that_was_trusted_again_and_falls_soon_waits_longer, begin),
		cmocka_unit_test_setup(after_a_good_minute_it_begins_anew, begin),
		cmocka_unit_test_setup(only_a_flawless_color_earns_trust, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
