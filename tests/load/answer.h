/* SPDX-License-Identifier: MIT */
/*
 * Reads one HTTP/1.1 answer as it comes. The judge has a reader of its own: one shared with the
 * relay would overlook the relay's mistakes. No I/O; the body goes to a sink and is not kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "color.h"

#define ANSWER_HEAD_MAX 16384
#define ID_SIZE		24 /* "5f3a9c01-00001234" and some room */

enum answer_state {
	ANSWER_HEAD,
	ANSWER_LENGTH,	    /* Content-Length bytes */
	ANSWER_CHUNK_LINE,  /* a chunk's size */
	ANSWER_CHUNK,	    /* its bytes */
	ANSWER_CHUNK_END,   /* the CRLF behind them */
	ANSWER_TRAILER,	    /* lines behind the last chunk */
	ANSWER_UNTIL_CLOSE, /* ends with the connection */
	ANSWER_WHOLE,
	ANSWER_BAD, /* not HTTP: see flaw */
};

struct answer {
	enum answer_state state;
	unsigned int status;
	bool closes; /* announced: this is the connection's last answer */
	bool retry_after;
	bool event_stream;
	bool began;	  /* a byte of it has come */
	enum color color; /* X-Color; COLOR_COUNT: not said */
	char id[ID_SIZE]; /* X-Request-Id; "" if not said */
	char accept[32];  /* Sec-WebSocket-Accept */
	uint64_t remaining;
	uint64_t body_size; /* bytes of the body so far */
	const char *flaw;
	size_t line_size; /* bytes of the head, chunk line or trailer so far */
	char line[ANSWER_HEAD_MAX];
};

struct answer_sink {
	void (*take)(void *owner, const char *bytes, size_t size);
	void *owner;
};

void answer_begin(struct answer *answer);

/* Returns how many bytes belong to the answer: all, unless it became whole or bad before. */
size_t answer_feed(
	struct answer *answer, const char *bytes, size_t size, const struct answer_sink *sink);

/* The connection has ended. True if the answer is whole thereby (or was). */
bool answer_end(struct answer *answer);
