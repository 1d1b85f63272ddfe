/* SPDX-License-Identifier: MIT */
/*
 * The one verb: where reads go and where writes go. Reads are the safe methods (RFC 9110
 * section 9.2.1); everything else, an Upgrade request included, is a write.
 *
 * As text, the form in the control protocol, in `bluegreenctl status` and in the journal:
 *
 *	reads=blue:100,green:0 writes=hold
 *
 * Each class is `hold` or a list of COLOR:WEIGHT. The weight is the share (0..100, relative to
 * the sum). A color with weight 0 is a standby: it gets a request only when the chosen color
 * refuses the connection. A color that is not listed gets nothing, ever.
 *
 * Pure: no I/O, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "color.h"

enum route_class {
	ROUTE_READS,
	ROUTE_WRITES,
	ROUTE_CLASS_COUNT,
};

/* How a client keeps its color while the traffic is shared. */
enum affinity {
	AFFINITY_NONE,
	AFFINITY_COOKIE,
	AFFINITY_ADDRESS,
	AFFINITY_COUNT,
};

#define ROUTE_NEVER	 (-1)
#define ROUTE_STANDBY	 0
#define ROUTE_WEIGHT_MAX 100

/* The longest text of a route, NUL included. */
#define ROUTE_TEXT_MAX 96

/* Hold is "no color": both weights are ROUTE_NEVER. */
struct route {
	int8_t weight[ROUTE_CLASS_COUNT][COLOR_COUNT];
};

/* Per worker and class: spreads the shares evenly instead of by chance. Zero at first. */
struct route_turn {
	int32_t credit[COLOR_COUNT];
};

/* "reads", "writes". */
const char *route_class_name(enum route_class class);
/* "none", "cookie", "address". */
const char *affinity_name(enum affinity affinity);

/* Nothing goes anywhere: both classes are held. */
struct route route_held(void);

bool route_equal(const struct route *a, const struct route *b);

/* True if any class may send anything to the color, as a standby too. */
bool route_uses(const struct route *route, enum color color);

/* 0, or -EINVAL; text of anything but the grammar above is refused as a whole. */
int route_parse(const char *text, struct route *ret_route);

/* Always fits in ROUTE_TEXT_MAX; the inverse of route_parse(). Returns buffer. */
const char *route_format(const struct route *route, char buffer[static ROUTE_TEXT_MAX]);

/*
 * Chooses a color for one request of the class; `turn` advances. Colors in `refused` (a bit
 * 1 << color each) are left out. Returns false if none is left: the request is held.
 * Weighted colors come first, a standby only when every weighted one has refused (or there
 * is none).
 */
bool route_pick(const struct route *route, enum route_class class, struct route_turn *turn,
	unsigned int refused, enum color *ret_color);
