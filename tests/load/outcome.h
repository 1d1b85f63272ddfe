/* SPDX-License-Identifier: MIT */
/*
 * The words of the verdict: what was asked, and what became of it. README.md explains them.
 */
#pragma once

#include <stdbool.h>

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

const char *kind_name(enum kind kind);		/* "get", ... */
const char *outcome_name(enum outcome outcome); /* "answered", "early-eof", ... */
bool outcome_is_failure(enum outcome outcome);
bool kind_is_write(enum kind kind);
