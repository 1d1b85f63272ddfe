/* SPDX-License-Identifier: MIT */
/*
 * The funnel: every exchange is issued here and settled here, once, with one outcome. Counts by
 * kind and color, remembers the first failures in words, and a line for every second.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "ledger.h"
#include "tally.h"

#define PREFIX_SIZE   9	 /* eight hex digits, new for every run */
#define FAILURES_KEPT 50 /* as sentences; all are counted */
#define FAILURES_TOLD 20 /* of these, on stderr while they happen */

/* One exchange. */
struct ticket {
	enum kind kind;
	uint32_t number;
	uint64_t intended; /* when it was due: latency counts from here */
	char id[ID_SIZE];
};

struct judge {
	char prefix[PREFIX_SIZE];
	struct ledger *ledger;
	uint64_t began, ended;
	uint64_t busy;					/* issued and not settled */
	struct cell cells[KIND_COUNT][COLOR_COUNT + 1]; /* the last: no color named */
	struct connection_counts connections;
	uint64_t echoes, events;
	uint64_t last_read, longest_silence, longest_silence_at; /* between two answered reads */
	bool reads_begun;
	uint64_t late[OUTCOME_COUNT]; /* failures found after settling */
	char *failures[FAILURES_KEPT];
	size_t failure_count;
	bool quiet;
	struct second seconds[SECONDS_MAX];
};

int judge_open(struct judge **ret_judge);
struct judge *judge_close(struct judge *judge);
DEFINE_CLEANUP(struct judge, judge_close);

int judge_issue(struct judge *judge, enum kind kind, uint64_t intended, struct ticket *ret_ticket);

/* The detail is told with a failure. color: COLOR_COUNT if the answer named none. */
void judge_settle(struct judge *judge, const struct ticket *ticket, enum outcome outcome,
	enum color color, const char *detail);

/* An exchange that was settled turns out badly: answered again, or its stream was cut. */
void judge_settle_late(
	struct judge *judge, const struct ticket *ticket, enum outcome outcome, const char *detail);

/* Keeps a sentence about a failure, if there is still room. */
void judge_tell(struct judge *judge, const char *sentence);

/* No read is begun any more: a silence that nothing ends from now on is not the server's. */
void judge_reads_over(struct judge *judge);

/* Of all kinds and colors, the late ones included. */
uint64_t judge_count(const struct judge *judge, enum outcome outcome);
uint64_t judge_failures(const struct judge *judge);

/*
 * Does the answer belong to the ticket? It must carry the id and a color in its head, and in its
 * body the receipt `ID COLOR ROLE METHOD`. `previous`: the id asked before on this connection, or
 * "": its answer coming again is told apart. Returns the outcome; *ret_why is set on failure.
 */
enum outcome judge_answer(const struct ticket *ticket, const struct answer *answer,
	const char *previous, const char *body, size_t body_size, const char **ret_why);
