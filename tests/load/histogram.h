/* SPDX-License-Identifier: MIT */
/*
 * Times in microseconds, counted in buckets that are never wider than 1/64 of their value, up to
 * 2^40 us (12 days); the maximum is kept exactly. Shared by the load client and the bench.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_MAX_BITS 40
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t total;
	uint64_t max;
	uint64_t count[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t usec);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The time that `share` (0..1) of all were not above; 0 if there are none. Never above max. */
uint64_t histogram_percentile(const struct histogram *h, double share);
