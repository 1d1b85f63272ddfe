/* SPDX-License-Identifier: MIT */
/*
 * Why an exchange (a request and its response) ended: one table, for the answers that the relay
 * gives of its own, for its counters and for its log.
 */
#pragma once

#include <stdbool.h>

enum ending {
	ENDING_DONE,		/* the response was passed on whole */
	ENDING_BAD_REQUEST,	/* 400 */
	ENDING_TARGET_TOO_LONG, /* 414 */
	ENDING_HEAD_TOO_LARGE,	/* 431 */
	ENDING_NOT_IMPLEMENTED, /* 501 */
	ENDING_VERSION,		/* 505 */
	ENDING_CONNECT_METHOD,	/* 405: we are no forward proxy */
	ENDING_OPTIONS_HERE,	/* 200: Max-Forwards let it come this far and no further */
	ENDING_TRACE_HERE,	/* 405: the same; nothing is reflected here */
	ENDING_PROXY_HEADER,	/* a front end did not say, or not rightly, for whom it speaks */
	ENDING_MISDIRECTED,	/* 421: for a secured connection, which this one is not */
	ENDING_CLIENT_SLOW,	/* 408: the head or the body did not come in time */
	ENDING_CLIENT_GONE,	/* it closed or reset before it had its answer */
	ENDING_CLIENT_STALLED,	/* it does not read */
	ENDING_HOLD_EXPIRED,	/* 503: held for as long as is allowed */
	ENDING_HOLD_FULL,	/* 503: too many, or too many bytes, are held already */
	ENDING_HOLD_LEFT,	/* 503, for who only closed its sending half: it may be gone, so its
				 * request is not sent */
	ENDING_TOO_MANY_CLIENTS,  /* 503: the limit of client connections */
	ENDING_NO_MEMORY,	  /* 503 */
	ENDING_BACKEND_RESET,	  /* 502: closed or reset before its response began */
	ENDING_BACKEND_BAD,	  /* 502: its answer is not HTTP/1.x, or of doubtful framing */
	ENDING_BACKEND_TRUNCATED, /* it ended in the middle of its response: cut, not completed */
	ENDING_BACKEND_SLOW,	  /* 504: no first byte in time, or it stopped in the middle */
	ENDING_CUT,		  /* 504: a drain's limit; what was sent may have been executed */
	ENDING_SHUTDOWN,	  /* the relay itself stops */
	ENDING_TUNNEL_RESET,	  /* a color broke off what is relayed as bytes */
	ENDING_COUNT,
};

/* A word for counters and logs: "backend-reset". */
const char *ending_name(enum ending ending);

/* The status line's "502 Bad Gateway" of the answer that the relay gives of its own, or NULL where
 * none can be given. */
const char *ending_status(enum ending ending);

/* One sentence for the body of that answer. */
const char *ending_sentence(enum ending ending);

/* One sentence for operators. */
const char *ending_reason(enum ending ending);

/* True for what a color did wrong: counted as `failed` for it. */
bool ending_blames_backend(enum ending ending);
