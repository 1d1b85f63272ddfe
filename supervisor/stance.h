/* SPDX-License-Identifier: MIT */
/*
 * Which route serves best, from what the supervisor is about to do (the stance) and how the two
 * colors stand. Whatever the stance, a healthy color is never left without a route while it is
 * the only one. Pure.
 */
#pragma once

#include <stdbool.h>

#include "color.h"
#include "config.h"
#include "route.h"

enum stance {
	STANCE_STEADY,	 /* blue serves, green stands by */
	STANCE_TURNED,	 /* reads on green, writes still on blue: blue's reads end */
	STANCE_SHIELDED, /* reads on green, writes wait: nothing goes to blue */
	STANCE_ALONE,	 /* all on blue: nothing goes to green */
	STANCE_COUNT,
};

enum standing {
	STANDING_UNKNOWN, /* not probed often enough to say */
	STANDING_HEALTHY,
	STANDING_STARTING, /* will perhaps be healthy soon */
	STANDING_SICK,	   /* its process is there, but does not answer as it should */
	STANDING_GONE,	   /* no process */
	STANDING_COUNT,
};

/* "steady", "turned", "shielded", "alone". */
const char *stance_name(enum stance stance);

enum stance_answer {
	STANCE_UNDECIDED, /* too little is known yet: nothing is to be said */
	STANCE_STANDS,	  /* the route said last is the best */
	STANCE_CHANGES,	  /* to *ret_route */
};

/* now: the route said last, or NULL if none was: then the relay still follows the one of an
 * earlier supervisor. *ret_route is written for STANCE_CHANGES only. */
enum stance_answer stance_route(enum stance stance,
	const enum standing standing[static COLOR_COUNT], enum fallback_writes writes,
	const struct route *now, struct route *ret_route);
