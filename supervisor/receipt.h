/* SPDX-License-Identifier: MIT */
/*
 * What one cycle did, collected while it runs: what the probes were answered, what the gate said,
 * and what the relay has counted between begin and end. Times are CLOCK_MONOTONIC as the caller
 * gives them. No I/O, no JSON; copied and thrown away like any struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy.h"
#include "probe.h"
#include "record.h"
#include "steer.h"

/* A color that flaps makes a span an answer: the first minutes of it tell enough. */
#define RECEIPT_SPANS_MAX 128
#define RECEIPT_GATE_MAX  32 /* a verdict a step of the ramp, and the probation's */
#define RECEIPT_NOTES_MAX 32
#define RECEIPT_TEXT_MAX  320 /* bytes of a sentence; what is longer is cut */

/* Answers of one color in a row that were the same. */
struct receipt_span {
	enum color color;
	enum probe_verdict verdict;
	unsigned int status;			      /* 0: no answer */
	uint64_t first_usec, last_usec, longest_usec; /* longest: duration of a probe */
	uint64_t count;
};

struct receipt_sentence {
	uint64_t usec;
	char text[RECEIPT_TEXT_MAX];
};

/* The oldest are kept, later ones are only counted. */
struct receipt {
	char id[RECORD_ID_MAX]; /* of the cycle; "": nothing was begun */
	uint64_t begun_usec;
	struct receipt_span spans[RECEIPT_SPANS_MAX];
	size_t span_count;
	size_t current[COLOR_COUNT]; /* 1 + the color's latest span; 0: none, or it was lost */
	uint64_t answers_lost;
	struct receipt_sentence gate[RECEIPT_GATE_MAX], notes[RECEIPT_NOTES_MAX];
	size_t gate_count, note_count;
	uint64_t sentences_lost;

	bool counted;	 /* latest is there, and served says what was counted since the first */
	bool began_anew; /* the relay did, in the middle: what is counted is the least it can be */
	struct steer_counters latest;
	struct receipt_served {
		uint64_t reads, writes, errors, failed;
	} served[COLOR_COUNT];
	uint64_t held, hold_expired;
	struct steer_cut cut;
	uint64_t hold_longest_before_usec; /* the relay's longest ever, before the cycle */
	/* The longest of this cycle, if it was the longest ever; else 0: it was no longer than
	 * hold_longest_before_usec. */
	uint64_t hold_longest_usec;
};

/* counters: of just now; NULL if none are known, then the first that receipt_counters() brings are
 * the base. */
void receipt_begin(struct receipt *receipt, const struct record *record,
	const struct steer_counters *counters, uint64_t usec);

/* A probe of the color was answered, or was not, at that time. */
void receipt_probe(struct receipt *receipt, enum color color, const struct probe_result *result,
	uint64_t usec);

/* What the gate said, and everything else that is not a row's own word: a drain that cut, a
 * failover. One sentence each. */
void receipt_gate(struct receipt *receipt, const char *sentence, uint64_t usec);
void receipt_note(struct receipt *receipt, const char *sentence, uint64_t usec);

/* Fresh counters: any number of times, and at the end. */
void receipt_counters(struct receipt *receipt, const struct steer_counters *counters);

/* The relay's control connection broke: counters that have not gone down may still be new ones. */
void receipt_relay_lost(struct receipt *receipt);

/* What the supervisor itself adds to a cycle of `total`: all but the rows that wait for the app,
 * its clients, its administrator's limits or somebody's server. */
uint64_t receipt_own_usec(uint64_t total_usec, const struct step *steps,
	const struct step_story *stories, size_t count);
