/* SPDX-License-Identifier: MIT */
/*
 * Knows the statistics of a comparison; does not know where counters come from or what a verdict
 * leads to.
 *
 * Errors: the lower end of Wilson's score interval, one-sided, so that one error among a few
 * requests is no breach, however large the share. Latencies: a confidence interval of a quantile
 * has order statistics as its ends (the number of values below the quantile is binomial), which
 * needs no idea of how latencies are distributed; a bucket gives the value of a rank to its width.
 */
#include "gate.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#define Z	   1.6448536269514722 /* of the normal distribution: 95 %, one-sided */
#define QUANTILE   0.99
#define FLOOR_USEC 10000 /* nobody notices; a busy machine makes such figures jump */

/* So many answers have five that are slower than their p99. Of fewer, one slow answer would decide
 * about the release. */
#define P99_REQUESTS 500

static const char *const verdict_names[GATE_VERDICT_COUNT] = {
	[GATE_PASSED] = "passed",
	[GATE_BREACHED] = "breached",
	[GATE_NOT_ENOUGH] = "not enough evidence",
};

/* p99 lies between the two with 95 % on each side. */
struct span {
	uint64_t low_usec, high_usec;
};

const char *gate_verdict_name(enum gate_verdict verdict)
{
	assert(verdict < GATE_VERDICT_COUNT);
	return verdict_names[verdict];
}

/* Newton's, so that libm is not needed for two roots. */
static double root(double square)
{
	double x = square > 1 ? square : 1;

	if (square <= 0)
		return 0;
	for (int i = 0; i < 64; i++)
		x = (x + square / x) / 2;
	return x;
}

static double rate_of(const struct gate_sample *sample)
{
	if (sample->requests == 0)
		return 0;
	if (sample->errors >= sample->requests)
		return 1;
	return (double)sample->errors / (double)sample->requests;
}

static double wilson_lower(const struct gate_sample *sample)
{
	double n = (double)sample->requests, p = rate_of(sample);
	double middle = p + Z * Z / (2 * n);
	double half = Z * root(p * (1 - p) / n + Z * Z / (4 * n * n));
	double lower = (middle - half) / (1 + Z * Z / n);

	return lower > 0 ? lower : 0;
}

static uint64_t latencies(const struct gate_sample *sample)
{
	uint64_t count = 0;

	for (size_t i = 0; i < GATE_BUCKETS; i++)
		count += sample->latency[i];
	return count;
}

/* The bucket of the value that has this rank among the ordered, from 1. */
static size_t bucket_of(const struct gate_sample *sample, uint64_t rank)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < GATE_BUCKETS; i++) {
		seen += sample->latency[i];
		if (seen >= rank)
			return i;
	}
	return GATE_BUCKETS - 1;
}

static struct span p99_of(
	const struct gate_sample *sample, const uint64_t bounds[static GATE_BUCKETS])
{
	uint64_t count = latencies(sample), low, high;
	double n = (double)count, half = Z * root(n * QUANTILE * (1 - QUANTILE)), below;
	struct span span = {.high_usec = UINT64_MAX};
	size_t bucket;

	below = n * QUANTILE - half;
	low = below < 1 ? 1 : (uint64_t)below;
	bucket = bucket_of(sample, low);
	span.low_usec = bucket == 0 ? 0 : bounds[bucket - 1];

	/* Rounded up. A rank beyond the last: how slow it may be is not known. */
	high = (uint64_t)(n * QUANTILE + half);
	high += (double)high < n * QUANTILE + half;
	if (high <= count)
		span.high_usec = bounds[bucket_of(sample, high)];
	return span;
}

static enum gate_verdict judge_latency(const struct gate_limits *limits,
	const struct gate_sample *fresh, const struct gate_sample *old, const uint64_t *bounds,
	char reason[static GATE_REASON_MAX])
{
	struct span new_p99, old_p99;

	const uint64_t needed =
		limits->min_requests > P99_REQUESTS ? limits->min_requests : P99_REQUESTS;

	if (limits->max_latency_ratio <= 0 || latencies(fresh) < needed || latencies(old) < needed)
		return GATE_NOT_ENOUGH;
	new_p99 = p99_of(fresh, bounds);
	old_p99 = p99_of(old, bounds);
	if (new_p99.low_usec <= FLOOR_USEC || old_p99.high_usec == UINT64_MAX ||
		(double)new_p99.low_usec <= limits->max_latency_ratio * (double)old_p99.high_usec)
		return GATE_PASSED;
	snprintf(reason, GATE_REASON_MAX,
		"the 99th percentile of the new release's latency is at least %.1f ms, more than "
		"%g times the old release's, which is at most %.1f ms (of %llu and %llu requests)",
		(double)new_p99.low_usec / 1000, limits->max_latency_ratio,
		(double)old_p99.high_usec / 1000, (unsigned long long)latencies(fresh),
		(unsigned long long)latencies(old));
	return GATE_BREACHED;
}

enum gate_verdict gate_judge(const struct gate_limits *limits, const struct gate_sample *fresh,
	const struct gate_sample *old, const uint64_t bounds[static GATE_BUCKETS],
	char reason[static GATE_REASON_MAX])
{
	unsigned long long errors = fresh->errors, requests = fresh->requests;
	double tolerated = limits->max_error_rate + rate_of(old);
	enum gate_verdict latency;

	if (requests == 0 || requests < limits->min_requests) {
		snprintf(reason, GATE_REASON_MAX,
			"the new release has answered %llu requests, %llu of them with errors; "
			"fewer than MinRequests=%u are not enough evidence",
			requests, errors, limits->min_requests);
		return GATE_NOT_ENOUGH;
	}
	if (wilson_lower(fresh) > tolerated) {
		snprintf(reason, GATE_REASON_MAX,
			"%llu of %llu requests to the new release failed (%.2f %%, at least "
			"%.2f %% if it was no chance); MaxErrorRate= and the old release's own "
			"%.2f %% tolerate %.2f %%",
			errors, requests, 100 * rate_of(fresh), 100 * wilson_lower(fresh),
			100 * rate_of(old), 100 * tolerated);
		return GATE_BREACHED;
	}
	latency = judge_latency(limits, fresh, old, bounds, reason);
	if (latency == GATE_BREACHED)
		return latency;
	snprintf(reason, GATE_REASON_MAX,
		"%llu of %llu requests to the new release failed (%.2f %%), with %.2f %% "
		"tolerated; "
		"its latency %s",
		errors, requests, 100 * rate_of(fresh), 100 * tolerated,
		latency == GATE_PASSED ? "is within its limit" : "was not compared");
	return GATE_PASSED;
}

/* If one counter has gone back, all have begun anew: they are one relay's. */
static bool began_anew(const struct gate_sample *after, const struct gate_sample *before)
{
	if (after->requests < before->requests || after->errors < before->errors)
		return true;
	for (size_t i = 0; i < GATE_BUCKETS; i++)
		if (after->latency[i] < before->latency[i])
			return true;
	return false;
}

void gate_sample_since(const struct gate_sample *after, const struct gate_sample *before,
	struct gate_sample *ret_sample)
{
	static const struct gate_sample nothing;
	const struct gate_sample *from = began_anew(after, before) ? &nothing : before;
	struct gate_sample sample;

	sample.requests = after->requests - from->requests;
	sample.errors = after->errors - from->errors;
	for (size_t i = 0; i < GATE_BUCKETS; i++)
		sample.latency[i] = after->latency[i] - from->latency[i];
	*ret_sample = sample;
}
