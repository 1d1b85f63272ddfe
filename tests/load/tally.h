/* SPDX-License-Identifier: MIT */
/*
 * What is counted, as the report prints it.
 */
#pragma once

#include <stdint.h>

#include "histogram.h"
#include "outcome.h"

#define SECONDS_MAX 7200 /* of the line of time; what comes later is in the last */

struct cell {
	uint64_t outcomes[OUTCOME_COUNT];
	struct histogram answered; /* times of OUTCOME_ANSWERED */
	uint64_t longest;	   /* wait of any outcome */
	uint64_t longest_at;	   /* when that one was due, since the beginning */
};

struct second {
	uint32_t reads, writes, held, failed;
	uint32_t longest_read, longest_write; /* of those settled in it, usec */
};

/* What happened to connections between exchanges: no failure, but worth knowing. */
struct connection_counts {
	uint64_t opened;
	uint64_t announced; /* closed after an answer that said so */
	uint64_t idle_eof;  /* kept alive, closed by the server while nothing was asked */
	uint64_t idle_reset;
	uint64_t unclosed;	/* a close was announced and did not come within a second */
	uint64_t streams_ended; /* event streams and WebSockets that the server ended properly */
	uint64_t streams_cut;	/* ... and those that just stopped (--cut-ok) */
};
