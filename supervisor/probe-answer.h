/* SPDX-License-Identifier: MIT */
/*
 * What was heard of an answer, and what that says: verdict and reason. It knows no connection and
 * no clock. Pure but for the bytes of the body, which are allocated.
 */
#pragma once

#include <stddef.h>

#include "probe.h"

#define PROBE_BODY_MAX 65536 /* bytes of a body that are looked at; a probe's page is smaller */

/* How it ended. */
enum probe_end {
	PROBE_END_WHOLE,   /* the answer is whole, or as much of it as is looked at */
	PROBE_END_REFUSED, /* nobody listens */
	PROBE_END_LATE,	   /* the deadline came first */
	PROBE_END_BROKEN,  /* anything else */
	PROBE_END_COUNT,
};

/* Zero at first. */
struct probe_answer {
	unsigned int status;
	char status_text[64]; /* "500 Internal Server Error" */
	char *body;
	size_t body_size;
};

/* Takes one line of a head; a status line begins the answer (anew, after a 1xx). */
void probe_answer_take_header(struct probe_answer *answer, const char *line, size_t size);

/* Takes a piece of the body: how many bytes are looked at, fewer than size at the end of
 * PROBE_BODY_MAX; or -ENOMEM. */
long probe_answer_take_body(struct probe_answer *answer, const char *bytes, size_t size);

void probe_answer_clear(struct probe_answer *answer);

/* `detail` says more of PROBE_END_BROKEN, "" if nothing is known. Sets everything in *ret_result
 * but duration_usec. */
void probe_answer_judge(const struct probe_answer *answer, const struct probe_request *request,
	enum probe_end end, const char *detail, struct probe_result *ret_result);
