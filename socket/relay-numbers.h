/* SPDX-License-Identifier: MIT */
/*
 * What the workers counted, as numbers for operators: of each color since its present release came
 * to it, and of the releases before. Kept by the control thread alone; the workers only count.
 * Plain data without a pointer, so that it can be handed over as one block.
 */
#pragma once

#include "relay.h"

/* Earlier releases of a color whose sums stay readable: a release that was taken back, the one
 * before it, and one more deployment of two steps. */
#define NUMBERS_EARLIER_MAX 4

/* What stands for a release in the protocol, NUL included: a tag of 63 bytes at most. */
#define NUMBERS_RELEASE_MAX 64

/* What only grows. Nothing but uint64_t: one is subtracted from the other as a row of them. */
struct numbers {
	uint64_t requests[ROUTE_CLASS_COUNT]; /* answered */
	uint64_t status[STATUS_CLASSES];
	uint64_t latency[LATENCY_BUCKETS], latency_usec;
	uint64_t failed, errors, held, again, refused, reset;
	uint64_t to_app, to_clients;
	uint64_t connects, streams;
	uint64_t endings[ENDING_COUNT];
};

struct numbers_earlier {
	char release[NUMBERS_RELEASE_MAX];
	uint64_t since_usec, until_usec; /* CLOCK_MONOTONIC */
	struct numbers sum;
};

struct numbers_color {
	char release[NUMBERS_RELEASE_MAX]; /* "": nobody has said one */
	uint64_t since_usec;		   /* it came, or the relay began to count */
	struct numbers base;		   /* the totals of that moment */
	uint64_t earlier_count;
	struct numbers_earlier earlier[NUMBERS_EARLIER_MAX]; /* the last one first */
};

struct numbers_book {
	struct numbers_color colors[COLOR_COUNT];
};

/* Begins to count at `now`; the book was zeroed. */
void numbers_begin(struct numbers_book *book, uint64_t now);

/* The color runs this release from now on; "" says nothing of it. Where it is another one than
 * before, its numbers begin anew and those of the former one are closed. The first one that is said
 * only gives a name to what is counted already. */
void numbers_release(struct numbers_book *book, const struct relay_totals *totals, enum color color,
	const char *release, uint64_t now);

/* The workers' counters were lost and begin at 0: the numbers of the present releases do so, too.
 */
void numbers_count_anew(struct numbers_book *book, uint64_t now);

/* Of the color since its release came. */
struct numbers numbers_of(
	const struct numbers_book *book, const struct relay_totals *totals, enum color color);

/* A worker's counters, added to the totals. */
void numbers_add(struct relay_totals *totals, const struct worker_counters *counters);
