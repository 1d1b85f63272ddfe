/* SPDX-License-Identifier: MIT */
/*
 * What must be true of every life of a supervisor over the fakes, in every state that it reaches
 * and in the end, and how many different states those were. It looks at the world, and at the
 * supervisor only to tell states apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route.h"

/* What a life is judged by. */
struct judge_order {
	bool in_place; /* no releases: the code in place cannot be gone back from */
	bool pass;     /* [Fallback] Writes=pass: a fallback answers writes in its way */
};

enum judge_rigor {
	JUDGE_SERVED,	  /* somebody serves, and the record does not lie */
	JUDGE_CONSISTENT, /* two faults: what would be started is what runs or is wanted */
	JUDGE_STRICT,	  /* one, and nobody stopped a color: it went as it should */
};

/* After stand_begin(). Forgets what the life before has broken. */
void judge_begin(const struct judge_order *order);
/* When everything has come to rest. */
void judge_end(enum judge_rigor rigor);
/* The same for the fault itself: a kill alone is no reason for a cycle to fail. */
void judge_kill(void);
/* The first thing that was not true, with its time; "" if there is none. */
const char *judge_broken(void);

/* Somebody who is well has the requests of this class. */
bool judge_is_served(enum route_class class);

/* Of what supervisor and world look like now. */
uint64_t judge_state(void);

/* A set of hashes; one in shared memory may be filled by several processes. */
struct judge_set;
struct judge_set *judge_set_new(void); /* shared, empty */
void judge_set_clear(struct judge_set *set);
bool judge_set_add(struct judge_set *set, uint64_t hash); /* false if it was there */
size_t judge_set_count(const struct judge_set *set);
/* Each state reached is put into both; either may be NULL. */
void judge_count_in(struct judge_set *world, struct judge_set *all);
