/* SPDX-License-Identifier: MIT */
/*
 * The words of the control protocol (README.md) and what they mean. Pure. Words are separated by
 * one space; each function writes into the text it is given. 0, or -EINVAL with nothing returned.
 */
#pragma once

#include "relay-numbers.h"

/* "blue=127.0.0.1:9000 green=127.0.0.1:9001" */
int words_backends(char *words, struct plan *plan);
/* "hold-usec=N hold-requests=N hold-bytes=N" */
int words_limits(char *words, struct plan *plan);
/* "http", "tcp" */
int words_protocol(char *words, struct plan *plan);
/* "trust=127.0.0.0/8,::1 accept-proxy=no|yes send-proxy=no|v1|v2" */
int words_clients(char *words, struct plan *plan);
/* "none", "address fresh=green key=32HEX", or "cookie fresh=green key=32HEX life-usec=N blue=TAG
 * green=TAG name=NAME" (the name may be missing); the cookie's life begins at `now`. Of an affinity
 * that ends, what its cookies were is kept. */
int words_affinity(char *words, uint64_t now, struct affinity_plan *affinity);
/* "blue scope=all requests-usec=N streams-usec=N"; the limits begin at `now`. */
int words_drain(char *words, uint64_t now, enum color *ret_color, struct plan_drain *ret_drain);

/* "reads", "all"; "none". */
const char *words_scope(enum drain_extent extent);

/* relay-words-numbers.c: "blue=1.4.2 green=1.4.1"; an empty one says nothing of its color. */
int words_release(char *words, char ret_release[static COLOR_COUNT][NUMBERS_RELEASE_MAX]);

/* "blue", "blue earlier=1" (the release before; 2 is the one before that), "relay". */
struct numbers_question {
	bool of_relay;
	enum color color;
	uint32_t earlier; /* 0: of the present release */
};
int words_numbers_question(char *words, struct numbers_question *ret_question);

/* "blue release=1.4.2 for-usec=N reads=N ..."; fits into an answer, whatever the numbers are. */
void words_numbers(const struct numbers_book *book, const struct relay_totals *totals,
	const struct numbers_question *question, uint64_t now, char *buffer, size_t size);

/* "blue.reads=N ..."; cut at size. */
void words_counters(const struct relay_totals *totals, char *buffer, size_t size);
