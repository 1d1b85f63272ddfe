/* SPDX-License-Identifier: MIT */
/*
 * Log-linear buckets: a value below 64 has its own; above, each power of two is cut into 64.
 */
#include "histogram.h"

#define SUB_COUNT (UINT64_C(1) << HISTOGRAM_SUB_BITS)

static unsigned int bucket_of(uint64_t usec)
{
	unsigned int bits, shift;

	if (usec < SUB_COUNT)
		return (unsigned int)usec;
	if (usec >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS - 1;
	bits = 64 - (unsigned int)__builtin_clzll(usec);
	shift = bits - HISTOGRAM_SUB_BITS - 1;
	/* The leading one is worth SUB_COUNT here, so that buckets follow without a hole. */
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned int)(usec >> shift);
}

/* The highest value that falls into the bucket. */
static uint64_t bucket_top(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * SUB_COUNT)
		return bucket;
	shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	return (((bucket & (SUB_COUNT - 1)) + SUB_COUNT + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t usec)
{
	h->count[bucket_of(usec)]++;
	h->total++;
	if (usec > h->max)
		h->max = usec;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
	into->total += from->total;
	if (from->max > into->max)
		into->max = from->max;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t wanted, seen = 0;

	if (h->total == 0)
		return 0;
	wanted = (uint64_t)(share * (double)h->total + 0.999999);
	if (wanted < 1)
		wanted = 1;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= wanted)
			return bucket_top(i) < h->max ? bucket_top(i) : h->max;
	}
	return h->max;
}
