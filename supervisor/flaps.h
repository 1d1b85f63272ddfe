/* SPDX-License-Identifier: MIT */
/*
 * A color that falls and rises again and again: healthy by its probes, but not to be relied on.
 * From its third fall within a minute on it flaps, until it has been flawless for a while: two
 * seconds at first, twice as long after each fall more, half a minute at most. Pure, like the
 * verdict that it looks at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "verdict.h"

#define FLAPS_FALLS	    3
#define FLAPS_WINDOW_USEC   UINT64_C(60000000)
#define FLAPS_HOLD_MIN_USEC UINT64_C(2000000)
#define FLAPS_HOLD_MAX_USEC UINT64_C(30000000)

/* Zero: it never fell. */
struct flaps {
	bool flapping;
	uint64_t fell_usec[FLAPS_FALLS]; /* the last ones, oldest first; 0: none */
	uint64_t hold_usec;		 /* so long it has to be flawless, if it flaps */
};

/* Its process died, or its probes made a healthy color sick. CLOCK_MONOTONIC. */
void flaps_fell(struct flaps *flaps, uint64_t now_usec);

/* Ends the flapping when its time has come. Returns when to look again if nothing happens until
 * then: USEC_INFINITY if time alone ends nothing. */
uint64_t flaps_follow(struct flaps *flaps, const struct verdict *verdict, uint64_t now_usec);
