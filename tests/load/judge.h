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
#include "histogram.h"
#include "ledger.h"

#define PREFIX_SIZE   9	   /* eight hex digits, new for every run */
#define FAILURES_KEPT 50   /* as sentences; all are counted */
#define FAILURES_TOLD 20   /* of these, on stderr while they happen */
#define SECONDS_MAX   7200 /* of the line of time; what comes later is in the last */

/* What was asked. */
enum kind {
	KIND_GET,
	KIND_POST,
	KIND_WEBSOCKET, /* opening a WebSocket */
	KIND_ECHO,	/* a message and its echo */
	KIND_EVENTS,	/* an event stream, until its first event */
	KIND_DOWNLOAD,
	KIND_UPLOAD,
	KIND_COUNT,
};

enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_HELD_REFUSED, /* 503 with Retry-After, and --hold-ok */
	OUTCOME_CUT,	      /* a stream that just stopped, and --cut-ok */
	/* From here on: failed */
	OUTCOME_REFUSED,	/* no connection */
	OUTCOME_RESET,		/* ECONNRESET, EPIPE with the request on its way */
	OUTCOME_EARLY_EOF,	/* the connection ended before the answer did */
	OUTCOME_TIMEOUT,	/* nothing whole within --timeout */
	OUTCOME_5XX,		/* a server error */
	OUTCOME_STATUS,		/* another status than expected */
	OUTCOME_BAD_HTTP,	/* not HTTP/1.1 (or not RFC 6455) */
	OUTCOME_WRONG_BODY,	/* not the answer to this request */
	OUTCOME_BY_FALLBACK,	/* a write that a fallback says it has executed */
	OUTCOME_ANSWERED_TWICE, /* more bytes than one answer has */
	OUTCOME_NEVER_SENT,	/* due, but no connection was free until the end */
	OUTCOME_ABANDONED,	/* still under way when the run had to end */
	OUTCOME_COUNT,
};

/* One exchange. */
struct ticket {
	enum kind kind;
	uint32_t number;
	uint64_t intended; /* when it was due: latency counts from here */
	char id[ID_SIZE];
};

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

const char *kind_name(enum kind kind);		/* "get", ... */
const char *outcome_name(enum outcome outcome); /* "answered", "early-eof", ... */
bool outcome_is_failure(enum outcome outcome);
bool kind_is_write(enum kind kind);

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
