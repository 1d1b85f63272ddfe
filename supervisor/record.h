/* SPDX-License-Identifier: MIT */
/*
 * The record of the cycle under way, or of the last one, on disk: what a supervisor that was
 * killed reads when it comes back. Text, KEY=VALUE a line, first `FORMAT=N`, last `END=1` (so
 * that a torn file is seen). An older format is read too; of a newer one, the keys that are known
 * here. A seam: tests/fake/fake-record.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "color.h"
#include "config.h"

#define RECORD_ID_MAX	  33
#define RECORD_WORD_MAX	  64
#define RECORD_REASON_MAX 512

enum record_outcome {
	RECORD_RUNNING, /* a step was begun and its end is not known */
	RECORD_SUCCEEDED,
	RECORD_FAILED,	    /* walked back, or degraded: see the reason */
	RECORD_INTERRUPTED, /* the supervisor was gone in the middle; what it found was put in order
			     */
	RECORD_ABORTED,	    /* walked back because somebody asked for it */
	RECORD_OUTCOME_COUNT,
};

struct record {
	char id[RECORD_ID_MAX];	    /* 32 hexadecimal digits (sd_id128) */
	char step[RECORD_WORD_MAX]; /* the row's name, written before it begins */
	enum record_outcome outcome;
	bool committed;		/* past the commit row */
	bool undoing;		/* walking back */
	enum strategy strategy; /* which table the step is a row of */
	enum color primary;	/* who is the primary, as of the step that is named */
	enum color fresh; /* who gets the release first; under `fallback` that is the primary */
	char former[COLOR_COUNT][RECORD_WORD_MAX]; /* what each color ran before the cycle */
	char previous[RECORD_WORD_MAX]; /* the release that a rollback goes to; "": none */
	char verb[RECORD_WORD_MAX];	/* "reload", "deploy", "rollback", "upgrade", "repair" */
	char cause[RECORD_REASON_MAX];	/* of an upgrade: what was replaced; else "" */
	uint64_t started_realtime_usec, ended_realtime_usec; /* CLOCK_REALTIME; 0: not yet */
	uint32_t asked_by_uid;
	uint32_t asked_by_pid;
	char asked_by[RECORD_WORD_MAX]; /* user name, or "" */
	char release[RECORD_WORD_MAX];	/* "" for code deployed in place */
	char reason[RECORD_REASON_MAX]; /* one sentence, if it failed */
};

const char *record_outcome_name(enum record_outcome outcome);

/* dir: /var/lib/app-bluegreen/APP. Returns 0 when the record is durable (file_write_atomic). */
int record_write(const char *dir, const struct record *record);

/*
 * 0, or -ENOENT if there is none. A torn, empty or foreign file gives -EBADMSG, after it was
 * renamed to `cycle.bad` beside it (or cycle.bad.1 .. .9), for a person to look at.
 */
int record_read(const char *dir, struct record *ret_record);
