/* SPDX-License-Identifier: MIT */
/*
 * Knows where the buckets end; does not know what is counted in them.
 */
#include "latency.h"

#define FIRST_USEC 500
/* Four buckets an octave: 500 times 2^0, 2^(1/4), 2^(1/2), 2^(3/4), in units of 2^-16 us. */
#define STEPS	   4
#define SHIFT	   16

static const uint64_t octave[STEPS] = {
	(uint64_t)FIRST_USEC << SHIFT,
	38967939,
	46340950,
	55108987,
};

uint64_t latency_bound(unsigned int bucket)
{
	if (bucket >= LATENCY_BUCKETS - 1)
		return UINT64_MAX;
	return octave[bucket % STEPS] << (bucket / STEPS) >> SHIFT;
}

unsigned int latency_bucket(uint64_t usec)
{
	unsigned int bucket;

	if (usec <= FIRST_USEC)
		return 0;
	/* The bucket behind the last whole octave that ends below it; at most three steps follow.
	 */
	bucket = STEPS * (63 - (unsigned int)__builtin_clzll((usec - 1) / FIRST_USEC)) + 1;
	if (bucket >= LATENCY_BUCKETS)
		return LATENCY_BUCKETS - 1;
	while (usec > latency_bound(bucket))
		bucket++;
	return bucket;
}
