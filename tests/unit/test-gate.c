/* SPDX-License-Identifier: MIT */
/*
 * gate.c: verdicts by table, and a simulation with a fixed seed of how often chance alone is called
 * a breach, and how soon a bad release is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "gate.h"

static const struct gate_limits limits = {
	.max_error_rate = 0.01,
	.max_latency_ratio = 2,
	.min_requests = 50,
};

static uint64_t bounds[GATE_BUCKETS];
static char reason[GATE_REASON_MAX];

/* 1 ms, 2 ms, ... 63 ms, and the rest. */
static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < GATE_BUCKETS; i++)
		bounds[i] = i + 1 < GATE_BUCKETS ? (i + 1) * 1000 : UINT64_MAX;
	return 0;
}

static enum gate_verdict judge(const struct gate_sample *fresh, const struct gate_sample *old)
{
	memset(reason, 0, sizeof(reason));
	return gate_judge(&limits, fresh, old, bounds, reason);
}

static void errors_are_judged_by_table(void **state)
{
	static const struct {
		uint64_t requests, errors, old_requests, old_errors;
		enum gate_verdict verdict;
	} cases[] = {
		{0, 0, 0, 0, GATE_NOT_ENOUGH},
		{49, 49, 1000, 0, GATE_NOT_ENOUGH},
		{50, 0, 0, 0, GATE_PASSED},
		{50, 1, 0, 0, GATE_PASSED},
		{50, 2, 0, 0, GATE_BREACHED}, /* Wilson: 1.36 % */
		{50, 50, 0, 0, GATE_BREACHED},
		{100, 2, 1000, 0, GATE_PASSED}, /* 0.68 % */
		{100, 5, 1000, 0, GATE_BREACHED},
		{100, 5, 1000, 50, GATE_PASSED}, /* the old one is as bad */
		{100, 30, 1000, 50, GATE_BREACHED},
		{100000, 1000, 0, 0, GATE_PASSED}, /* exactly the limit */
		{100000, 1100, 0, 0, GATE_BREACHED},
		{100, 100, 100, 100, GATE_PASSED}, /* both broken: no reason to go back */
		{UINT64_MAX, 0, UINT64_MAX, 0, GATE_PASSED},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct gate_sample fresh = {cases[i].requests, cases[i].errors, {0}};
		struct gate_sample old = {cases[i].old_requests, cases[i].old_errors, {0}};

		if (judge(&fresh, &old) != cases[i].verdict)
			fail_msg("case %zu is not \"%s\": %s", i,
				gate_verdict_name(cases[i].verdict), reason);
		assert_true(strlen(reason) > 40);
	}
}

/* count latencies in one bucket, and a slow share of them in another. */
static struct gate_sample slow(uint64_t count, size_t bucket, uint64_t slow_count, size_t slow_one)
{
	struct gate_sample sample = {.requests = count};

	sample.latency[bucket] = count - slow_count;
	sample.latency[slow_one] += slow_count;
	return sample;
}

static void latencies_are_judged_by_table(void **state)
{
	const struct {
		struct gate_sample fresh, old;
		enum gate_verdict verdict;
	} cases[] = {
		{slow(1000, 4, 0, 0), slow(1000, 4, 0, 0), GATE_PASSED},
		{slow(1000, 30, 0, 0), slow(1000, 4, 0, 0), GATE_BREACHED},
		/* 3 % slow are seen in p99, 0.5 % are not. */
		{slow(1000, 4, 30, 40), slow(1000, 4, 0, 0), GATE_BREACHED},
		{slow(1000, 4, 5, 40), slow(1000, 4, 0, 0), GATE_PASSED},
		/* Under 10 ms never; nine times as slow, but who notices. */
		{slow(1000, 9, 0, 0), slow(1000, 0, 0, 0), GATE_PASSED},
		{slow(1000, 11, 0, 0), slow(1000, 0, 0, 0), GATE_BREACHED},
		/* Exactly twice is tolerated: the bucket's lower end 10 ms, 2 x 5 ms. */
		{slow(1000, 20, 0, 0), slow(1000, 9, 0, 0), GATE_PASSED},
		{slow(1000, 21, 0, 0), slow(1000, 9, 0, 0), GATE_BREACHED},
		/* Too few on either side. */
		{slow(1000, 40, 0, 0), slow(49, 4, 0, 0), GATE_PASSED},
		{slow(49, 40, 0, 0), slow(1000, 4, 0, 0), GATE_NOT_ENOUGH},
		{slow(1000, 40, 0, 0), slow(0, 0, 0, 0), GATE_PASSED},
		/* One slow answer of 52 is no percentile. */
		{slow(52, 4, 1, 40), slow(1000, 4, 0, 0), GATE_PASSED},
		{slow(499, 40, 0, 0), slow(1000, 4, 0, 0), GATE_PASSED},
		{slow(500, 40, 0, 0), slow(1000, 4, 0, 0), GATE_BREACHED},
		/* The last bucket has no end. */
		{slow(1000, 63, 0, 0), slow(1000, 63, 0, 0), GATE_PASSED},
		{slow(1000, 63, 0, 0), slow(1000, 20, 0, 0), GATE_BREACHED},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (judge(&cases[i].fresh, &cases[i].old) != cases[i].verdict)
			fail_msg("case %zu is not \"%s\": %s", i,
				gate_verdict_name(cases[i].verdict), reason);
}

static void a_ratio_of_nothing_is_not_looked_at(void **state)
{
	struct gate_limits errors_only = limits;
	struct gate_sample fresh = slow(1000, 60, 0, 0), old = slow(1000, 1, 0, 0);

	(void)state;
	errors_only.max_latency_ratio = 0;
	assert_int_equal(gate_judge(&errors_only, &fresh, &old, bounds, reason), GATE_PASSED);
	assert_non_null(strstr(reason, "not compared"));
}

static void the_reason_has_the_figures(void **state)
{
	struct gate_sample fresh = {40, 7, {0}}, old = {1000, 10, {0}};

	(void)state;
	assert_int_equal(judge(&fresh, &old), GATE_NOT_ENOUGH);
	assert_string_equal(reason,
		"the new release has answered 40 requests, 7 of them with errors; fewer than "
		"MinRequests=50 are not enough evidence");
	fresh.requests = 60;
	assert_int_equal(judge(&fresh, &old), GATE_BREACHED);
	assert_non_null(strstr(reason, "7 of 60 requests to the new release failed (11.67 %"));
	assert_non_null(strstr(reason, "tolerate 2.00 %"));
	assert_string_equal(gate_verdict_name(GATE_PASSED), "passed");
	assert_string_equal(gate_verdict_name(GATE_NOT_ENOUGH), "not enough evidence");
}

static void counters_are_subtracted_or_began_anew(void **state)
{
	struct gate_sample before = slow(100, 1, 10, 2), after = slow(150, 1, 12, 2), span;

	(void)state;
	after.errors = 3;
	before.errors = 1;
	gate_sample_since(&after, &before, &span);
	assert_int_equal(span.requests, 50);
	assert_int_equal(span.errors, 2);
	assert_int_equal(span.latency[1], 48);
	assert_int_equal(span.latency[2], 2);
	gate_sample_since(&before, &after, &span);
	assert_memory_equal(&span, &before, sizeof(span));
	/* One that went back is enough; and the result may be written over what it is of. */
	before = after;
	before.latency[5] = 1;
	gate_sample_since(&after, &before, &before);
	assert_memory_equal(&before, &after, sizeof(after));
}

/* xorshift64*: the same on each machine. */
static double chance(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (double)((*seed * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* Latencies of 5 to 15 ms with a tail of 3 %, that reaches the last bucket. */
static void request_add(struct gate_sample *sample, double error_rate, uint64_t *seed)
{
	double tail = chance(seed);

	sample->requests++;
	sample->errors += chance(seed) < error_rate;
	sample->latency[tail < 0.03 ? 15 + (size_t)(48 * chance(seed))
				    : 5 + (size_t)(10 * chance(seed))]++;
}

static void equal_releases_are_hardly_ever_a_breach(void **state)
{
	static const double rates[] = {0.001, 0.005};
	static const unsigned int sizes[] = {50, 200, 2000};
	uint64_t seed = UINT64_C(88172645463325252);

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rates) * ELEMENTS(sizes); i++) {
		double rate = rates[i % ELEMENTS(rates)];
		unsigned int size = sizes[i / ELEMENTS(rates)], breaches = 0;

		for (int run = 0; run < 1000; run++) {
			struct gate_sample fresh = {0}, old = {0};

			for (unsigned int n = 0; n < size; n++) {
				request_add(&fresh, rate, &seed);
				request_add(&old, rate, &seed);
			}
			breaches += judge(&fresh, &old) == GATE_BREACHED;
		}
		print_message("# %g %% errors on both sides, %u requests: %u of 1000 breach\n",
			100 * rate, size, breaches);
		assert_in_range(breaches, 0, 40);
	}
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Asked after each request, as a gate that looks all the time would be. */
static void one_in_twenty_500s_is_found(void **state)
{
	uint64_t seed = UINT64_C(362436069362436069);
	unsigned int needed[1000];

	(void)state;
	for (size_t run = 0; run < ELEMENTS(needed); run++) {
		struct gate_sample fresh = {0}, old = {.requests = 1000, .errors = 1};

		do
			request_add(&fresh, 0.05, &seed);
		while (fresh.requests < 5000 && judge(&fresh, &old) != GATE_BREACHED);
		needed[run] = (unsigned int)fresh.requests;
	}
	qsort(needed, ELEMENTS(needed), sizeof(*needed), compare);
	print_message("# 5 %% of 500s at MaxErrorRate=1%%: found after %u requests (median), "
		      "%u (of 95 in 100 runs)\n",
		needed[500], needed[950]);
	assert_in_range(needed[500], 50, 150);
	assert_in_range(needed[999], 50, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_judged_by_table),
		cmocka_unit_test(latencies_are_judged_by_table),
		cmocka_unit_test(a_ratio_of_nothing_is_not_looked_at),
		cmocka_unit_test(the_reason_has_the_figures),
		cmocka_unit_test(counters_are_subtracted_or_began_anew),
		cmocka_unit_test(equal_releases_are_hardly_ever_a_breach),
		cmocka_unit_test(one_in_twenty_500s_is_found),
	};

	return cmocka_run_group_tests_name("gate", tests, setup, NULL);
}
