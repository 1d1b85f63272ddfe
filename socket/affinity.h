/* SPDX-License-Identifier: MIT */
/*
 * How a client keeps its color while the traffic is shared: it has a place from 0 to 99, and is on
 * the fresh color if its place is below the share of that color. So who came to it stays there
 *while the share grows, and who did not comes at most once.
 *
 * The place is a keyed hash of the client's address, or is told by a cookie of ours,
 *
 *	bluegreen=RELEASE.PLACE.MAC
 *
 * which RELEASE names for people, and MAC (SipHash-2-4 of `RELEASE.PLACE`) keeps from being chosen:
 * without the key nobody makes one, and a place that chance gave can only be given back or thrown
 * away. 64 bits are enough here: guessing one takes 2^63 requests to us while one key lasts, which
 * is a ramp, and wins nothing but a place that a few dozen visits without a cookie win as well.
 *
 * Pure: no I/O, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "route.h"
#include "siphash.h"

#define AFFINITY_PLACES	     100
#define AFFINITY_NOWHERE     AFFINITY_PLACES /* a place not known yet */
#define AFFINITY_RELEASE_MAX 64		     /* NUL included; as steer.h has it */
#define AFFINITY_NAME_MAX    65		     /* of the cookie, NUL included */
/* RELEASE.PLACE.MAC, NUL included. */
#define AFFINITY_VALUE_MAX   (AFFINITY_RELEASE_MAX + 3 + 17)
#define AFFINITY_LINE_MAX    (AFFINITY_NAME_MAX + AFFINITY_VALUE_MAX + 96)

struct affinity_plan {
	enum affinity kind;
	enum color fresh;
	struct siphash_key key;
	char release[COLOR_COUNT][AFFINITY_RELEASE_MAX]; /* "": the color's name stands for it */
	char name[AFFINITY_NAME_MAX];			 /* of the last cookie there was */
	uint64_t life_usec; /* the clock's time when the last of them ends; 0: there was none */
};

/* True if requests must be looked at: nothing else may cost the others more than this. */
static inline bool affinity_is_active(const struct affinity_plan *plan)
{
	return plan->kind != AFFINITY_NONE || plan->life_usec != 0;
}

/* The share of `fresh` in percent, if both colors have one. */
bool affinity_share(
	const struct route *route, enum route_class class, enum color fresh, uint8_t *ret_share);

/* The place of an address; false where it is not known. */
bool affinity_place_of_address(
	const struct siphash_key *key, const struct endpoint *client, uint8_t *ret_place);

/* What a cookie of this color calls it. */
const char *affinity_tag(const struct affinity_plan *plan, enum color color);

enum affinity_seal {
	AFFINITY_STRANGE, /* no cookie that we could have made */
	AFFINITY_FORGED,  /* of our form, but not made with this key: of an earlier ramp perhaps */
	AFFINITY_SEALED,
};

/* Reads a cookie's value; *ret_place is set on AFFINITY_SEALED. */
enum affinity_seal affinity_read(
	const struct affinity_plan *plan, const char *value, size_t length, uint8_t *ret_place);

/* True if the (sealed) value names this release. */
bool affinity_names(const char *value, size_t length, const char *tag);

/* A whole Set-Cookie line, CRLF included; returns its length. */
size_t affinity_line(const struct affinity_plan *plan, const char *tag, uint8_t place, uint64_t now,
	char out[static AFFINITY_LINE_MAX]);
/* The same, which makes the client forget it. */
size_t affinity_line_forget(const struct affinity_plan *plan, char out[static AFFINITY_LINE_MAX]);

/* Places for those who have none: by chance, but each once in a hundred, so that the shares are
 * true of a few clients too. All zero at first, but for a random key. */
struct affinity_deck {
	struct siphash_key key;
	uint64_t drawn;
	uint8_t left;
	uint8_t places[AFFINITY_PLACES];
};

uint8_t affinity_deal(struct affinity_deck *deck);
