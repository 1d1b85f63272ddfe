/* SPDX-License-Identifier: MIT */
/*
 * What the relay has counted for operators, as the seam tells it: each color since its release came
 * to it, and its releases before. What each number counts: socket/README.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "color.h"

#define STEER_RELEASE_MAX 64

/* Latencies are counted in buckets, each a fourth root of 2 wider than the one before: bucket 0
 * ends at 0.5 ms, the last but one at 23.2 s, the last has no end. */
#define STEER_LATENCY_BUCKETS 64

#define STEER_STATUS_CLASSES 5	/* 1xx to 5xx */
#define STEER_ENDINGS_MAX    40 /* kinds that are looked at; a later relay may know more */
#define STEER_ENDING_MAX     24 /* bytes of a name, NUL included */
#define STEER_EARLIER_MAX    4

/* Why exchanges ended: "done", "backend-reset" ... */
struct steer_endings {
	size_t count;
	struct {
		char name[STEER_ENDING_MAX];
		uint64_t count;
	} of[STEER_ENDINGS_MAX];
};

/* Of a color under one release. */
struct steer_sum {
	char release[STEER_RELEASE_MAX]; /* a tag, "@..." for code in place, "" if nobody said it */
	uint64_t for_usec;		 /* so long it has been, or was, there */
	uint64_t ago_usec;		 /* it went; 0: it is there */
	uint64_t reads, writes, failed, errors;
	uint64_t held, again, refused, reset;
	uint64_t bytes_to_app, bytes_to_clients;
	uint64_t connects, streams_ever;
	uint64_t status[STEER_STATUS_CLASSES];
	uint64_t latency[STEER_LATENCY_BUCKETS], latency_usec;
	struct steer_endings endings;
};

struct steer_color_numbers {
	uint64_t inflight, streams, connections, pooled; /* now */
	struct steer_sum sum;
	size_t earlier_count;
	struct steer_sum earlier[STEER_EARLIER_MAX]; /* the last one first */
};

struct steer_numbers {
	struct steer_color_numbers colors[COLOR_COUNT];
	uint64_t clients, clients_ever, clients_refused, idle_closed, shed, begun;
	uint64_t held, holding, hold_longest_usec, hold_expired, cut;
	struct steer_endings endings; /* of exchanges that had no color */
};

/* One sentence: what an ending's name means; "" for one that we do not know. Pure. */
const char *steer_ending_reason(const char *name);
