/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "latency.h"
#include "steer.h"

static void the_buckets_end_where_the_contract_says(void **state)
{
	(void)state;
	assert_int_equal(latency_bound(0), 500);
	assert_int_equal(latency_bound(1), 594);
	assert_int_equal(latency_bound(2), 707);
	assert_int_equal(latency_bound(3), 840);
	assert_int_equal(latency_bound(4), 1000);
	assert_int_equal(latency_bound(44), 1024000);
	assert_int_equal(latency_bound(62), 23170475);
	assert_true(latency_bound(63) == UINT64_MAX);
	assert_true(latency_bound(64) == UINT64_MAX);
}

static void each_is_a_fourth_root_of_two_wider(void **state)
{
	(void)state;
	for (unsigned int bucket = 0; bucket + 4 < LATENCY_BUCKETS - 1; bucket++) {
		uint64_t later = latency_bound(bucket + 4);

		assert_true(latency_bound(bucket + 1) > latency_bound(bucket));
		/* But for the fraction of a microsecond. */
		assert_true(later == 2 * latency_bound(bucket) ||
			    later == 2 * latency_bound(bucket) + 1);
	}
}

static void a_latency_is_in_the_bucket_whose_bound_it_does_not_pass(void **state)
{
	(void)state;
	for (unsigned int bucket = 0; bucket < LATENCY_BUCKETS - 1; bucket++) {
		assert_int_equal(latency_bucket(latency_bound(bucket)), bucket);
		assert_int_equal(latency_bucket(latency_bound(bucket) + 1), bucket + 1);
	}
	assert_int_equal(latency_bucket(0), 0);
	assert_int_equal(latency_bucket(UINT64_C(24000000)), LATENCY_BUCKETS - 1);
	assert_int_equal(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}

static void the_seam_says_the_same(void **state)
{
	(void)state;
	assert_int_equal(LATENCY_BUCKETS, STEER_LATENCY_BUCKETS);
	for (unsigned int bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
		assert_true(steer_latency_bound(bucket) == latency_bound(bucket));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_buckets_end_where_the_contract_says),
		cmocka_unit_test(each_is_a_fourth_root_of_two_wider),
		cmocka_unit_test(a_latency_is_in_the_bucket_whose_bound_it_does_not_pass),
		cmocka_unit_test(the_seam_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
