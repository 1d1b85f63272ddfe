/* SPDX-License-Identifier: MIT */
/*
 * What an app was given a cycle for, last: so that what the cycle could not cure does not begin one
 * every day. A file whose place was taken by yet another one since is a new finding.
 */
#pragma once

#include <stdbool.h>

#include "recheck-bus.h"
#include "recheck-findings.h"

#define ASKED_BYTES_MAX (1 << 20)

struct asked {
	char id[BUS_ID_MAX]; /* of the cycle; "": none */
	char *lines;	     /* a sorted line a file; NULL: none */
};

struct asked_place {
	const char *dir, *name;
};

/* Without a file, or with one that is not of this form, nothing was asked. */
void asked_read(const struct asked_place *place, struct asked *ret_asked);
void asked_free(struct asked *asked);

/* True if it was asked for each of those from `first` to `last`. */
bool asked_covers(const struct asked *asked, const struct findings *findings, enum subject first,
	enum subject last);

/* What was asked for is these now. */
int asked_write(const struct asked_place *place, const char *id, const struct findings *findings,
	enum subject first, enum subject last);
void asked_forget(const struct asked_place *place);
