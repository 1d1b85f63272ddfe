/* SPDX-License-Identifier: MIT */
/*
 * Is the new release worse than the old one? Judged by what the relay has counted of both: error
 * rate and p99 of the latency. With few requests it says so, instead of guessing: a difference
 * counts only if chance does not explain it (95 %). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GATE_BUCKETS	64 /* of a histogram of latencies: as the relay counts, steer.h */
#define GATE_REASON_MAX 256

struct gate_limits {
	double max_error_rate;	  /* 0..1: so much above the old release's own rate is tolerated */
	double max_latency_ratio; /* p99 of the new to that of the old; 0: not looked at */
	uint32_t min_requests;	  /* of the new release; fewer are not enough evidence */
};

/* What a release did in a span of time. */
struct gate_sample {
	uint64_t requests, errors;
	uint64_t latency[GATE_BUCKETS];
};

enum gate_verdict {
	GATE_PASSED,
	GATE_BREACHED,
	GATE_NOT_ENOUGH, /* evidence: others decide */
	GATE_VERDICT_COUNT,
};

/* "passed", "breached", "not enough evidence". */
const char *gate_verdict_name(enum gate_verdict verdict);

/*
 * old may be empty (requests 0): then the error rate is compared with 0, and latency is not looked
 * at. bounds: the upper end of each bucket in microseconds, the last UINT64_MAX. A p99 under 10 ms
 * is never a breach, and of fewer than 500 requests on either side there is none. reason: one
 * sentence with the figures, for each verdict.
 */
enum gate_verdict gate_judge(const struct gate_limits *limits, const struct gate_sample *fresh,
	const struct gate_sample *old, const uint64_t bounds[static GATE_BUCKETS],
	char reason[static GATE_REASON_MAX]);

/* Counters only grow; after - before, or `after` itself where the counter began anew. */
void gate_sample_since(const struct gate_sample *after, const struct gate_sample *before,
	struct gate_sample *ret_sample);
