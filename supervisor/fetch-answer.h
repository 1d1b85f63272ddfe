/* SPDX-License-Identifier: MIT */
/*
 * What the head of an answer says of the file that is downloaded: which one it is, and which part
 * of it comes. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fetch-file.h"

/* What the server says of its answer; of the last one, when there were redirects. */
struct answer {
	char etag[VALIDATOR_MAX], modified[VALIDATOR_MAX];
	bool ranged; /* Content-Range: bytes FIRST-LAST/WHOLE, or bytes * /WHOLE */
	uint64_t first, whole;
};

/* Takes a line of a head, which may end with CR and LF; the line is cut there. */
void answer_take(struct answer *answer, char *line);
/* What tells whether a later answer is of the same file; "": nothing does. */
const char *answer_validator(const struct answer *answer);
