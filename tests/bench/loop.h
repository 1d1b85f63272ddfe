/* SPDX-License-Identifier: MIT */
/*
 * N connections that ask, and when: each as soon as it has its answer, or at times that were fixed
 * beforehand. Latencies of the latter count from these times: what has to wait because the answers
 * before it are late is late itself.
 */
#pragma once

#include "../load/histogram.h"
#include "connection.h"

enum loop_kind {
	LOOP_CLOSED,
	LOOP_OPEN,
};

struct loop {
	enum loop_kind kind;
	struct traffic traffic;
	size_t count;	/* of connections */
	double rate;	/* LOOP_OPEN: requests a second */
	uint64_t limit; /* LOOP_CLOSED: of requests; UINT64_MAX */

	/* What it found. */
	uint64_t errors;
	struct histogram times; /* since loop_count() */

	/* Its own. */
	struct connection *connections;
	bool filling, counting;
	uint64_t counted_from;
	uint64_t asked, answered;    /* in all, less what broke */
	size_t filled;		     /* connections that had their first answer */
	size_t broken;		     /* and not asked again yet */
	uint64_t retry;		     /* when they are */
	struct connection **resting; /* a ring of those without a request */
	size_t rest_first, rest_count;
	double due; /* LOOP_OPEN: the next request, in usec */
	uint64_t random;
};

/* The connections, none of them open. -errno. */
int loop_prepare(struct loop *loop);

/* Lets each connection ask once, few at a time, and returns when all were answered; -ETIMEDOUT
 * if that takes longer than a minute. loop->filled says how many were. */
int loop_fill(struct loop *loop);

/* From now on times are counted. */
void loop_count(struct loop *loop);

/* Goes on so long, or until `limit` requests were answered. */
void loop_run(struct loop *loop, uint64_t usec);

/* LOOP_OPEN: waits for the answers to all that was due; what stays out is an error. */
void loop_finish(struct loop *loop);
