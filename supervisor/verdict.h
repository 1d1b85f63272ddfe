/* SPDX-License-Identifier: MIT */
/*
 * What a row of probe answers says of a color: is it healthy, since when, has it stayed so long
 * enough. Pure: it is fed with answers and times; who probes, and what follows from a verdict, is
 * not known here.
 *
 *	UNKNOWN  -- rise answers in a row --> HEALTHY,  fall failures in a row --> SICK
 *	STARTING -- rise answers in a row --> HEALTHY,  a failure after the deadline --> SICK
 *	HEALTHY  -- fall failures in a row --> SICK
 *	SICK     -- rise answers in a row --> HEALTHY
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum health {
	HEALTH_UNKNOWN,	 /* not probed often enough to say; what was found running */
	HEALTH_STARTING, /* we have (re)started it: failures mean nothing until its deadline */
	HEALTH_HEALTHY,
	HEALTH_SICK,
	HEALTH_COUNT,
};

/* Zero is HEALTH_UNKNOWN. Everybody may read `health`; only verdict.c writes. */
struct verdict {
	enum health health;
	uint32_t passed, failed;      /* in a row, until now; one of them is 0 */
	uint64_t start_deadline_usec; /* of HEALTH_STARTING */
	uint64_t healthy_since_usec;  /* of HEALTH_HEALTHY: when the last of `rise` came */
	uint64_t flawless_since_usec; /* of HEALTH_HEALTHY: the same, or the first answer after a
				       * failure that did not make it sick */
};

/* "unknown", "starting", "healthy", "sick". */
const char *health_name(enum health health);

/* Nothing is known: HEALTH_UNKNOWN. */
void verdict_reset(struct verdict *verdict);

/* The unit was started: HEALTH_STARTING, until `rise` answers, or a failure after the deadline
 * (CLOCK_MONOTONIC; USEC_INFINITY: never sick by itself). */
void verdict_start(struct verdict *verdict, uint64_t deadline_usec);

/* Known without a probe: its process is gone. HEALTH_SICK. */
void verdict_condemn(struct verdict *verdict);

/* Takes one probe's answer and returns what is true now. rise, fall: 1 or more. */
enum health verdict_feed(
	struct verdict *verdict, bool passed, uint64_t now_usec, uint32_t rise, uint32_t fall);

/* When it became healthy; 0 if it is not. */
uint64_t verdict_healthy_since(const struct verdict *verdict);

/* When its soak will have ended if no probe fails until then (it may be in the past);
 * USEC_INFINITY if it is not healthy, or its last probe failed. The soak is counted from the
 * process's start (writes wait for its end, so a slow start counts towards it); a probe that fails
 * once it is healthy begins it anew. */
uint64_t verdict_soaked_at(
	const struct verdict *verdict, uint64_t started_usec, uint64_t soak_usec);
