/* SPDX-License-Identifier: MIT */
/*
 * Which route serves best, from what the supervisor is about to do (the stance) and how the two
 * colors stand. Whatever the stance, a healthy color is never left without a route while it is
 * the only one. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "color.h"
#include "config.h"
#include "route.h"

enum stance_kind {
	STANCE_STEADY,	 /* the primary serves, the other one stands by */
	STANCE_TURNED,	 /* reads on the other one, writes still on the primary: its reads end */
	STANCE_SHIELDED, /* reads on the other one, writes wait: nothing goes to the primary */
	STANCE_ALONE,	 /* all on the primary: nothing goes to the other one */
	STANCE_SHARED,	 /* the primary has `share` per cent, the other one what it may take */
	STANCE_COUNT,
};

struct stance {
	enum stance_kind kind;
	enum color primary;
	uint8_t share; /* 0..100, of STANCE_SHARED */
};

enum standing {
	STANDING_UNKNOWN, /* not probed often enough to say */
	STANDING_HEALTHY,
	STANDING_STARTING, /* will perhaps be healthy soon */
	STANDING_SICK,	   /* its process is there, but does not answer as it should */
	STANDING_GONE,	   /* no process */
	STANDING_COUNT,
};

/* How the colors stand. */
struct stance_view {
	enum standing standing[COLOR_COUNT];
	bool writer[COLOR_COUNT];   /* its process was started as a primary: it can take writes */
	bool flapping[COLOR_COUNT]; /* healthy, but it has been sick again and again */
	enum fallback_writes writes;
};

/* "steady", "turned", "shielded", "alone", "shared". */
const char *stance_name(enum stance_kind kind);

enum stance_answer {
	STANCE_UNDECIDED, /* too little is known yet: nothing is to be said */
	STANCE_STANDS,	  /* the route said last is the best */
	STANCE_CHANGES,	  /* to *ret_route */
};

/* now: the route said last, or NULL if none was: then the relay still follows the one of an
 * earlier supervisor. *ret_route is written for STANCE_CHANGES only. */
enum stance_answer stance_route(const struct stance *stance, const struct stance_view *view,
	const struct route *now, struct route *ret_route);
