/* SPDX-License-Identifier: MIT */
/*
 * The engine of a cycle. It knows only order: rows of a table one after the other, each recorded
 * durably before it begins and each with a deadline; back over those that have a way back when one
 * fails; and, after the supervisor was killed, on from the row that the record names. What a row
 * does is in steps.c.
 *
 * A row is not driven by events but asked how it stands, when it has begun and whenever something
 * may have changed (deploy_poke()): an answer that comes late or never is no special case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "record.h"

#define STEP_TEXT_MAX RECORD_REASON_MAX

struct stage; /* what the rows act upon: steps.h */

enum step_progress {
	STEP_WAITING, /* text: what it waits for */
	STEP_DONE,    /* text: what is worth telling, or "" */
	STEP_FAILED,  /* text: why */
};

enum step_failure {
	STEP_WALKS_BACK, /* what was done is undone, as far as there is a way back */
	STEP_GOES_ON,	 /* it is reported, and the cycle goes on */
};

/* A row. Only name, text, failure and progress must be there. */
struct step {
	const char *name;
	const char *text;    /* what it does, for people */
	const char *meaning; /* what its failure means, for people */
	enum step_failure failure;
	bool commits; /* when it has begun, the new code is accepted */
	bool starts;  /* it tells a color its part and then starts it: a supervisor that was killed
		       * in it cannot know whether the process that is there was told so */
	const char
		*resume; /* a supervisor that was killed in it goes on here; NULL: it walks back */

	/* True if, once it has begun, neither it nor anything before it can be undone. NULL: never.
	 */
	bool (*no_way_back)(const struct stage *stage);
	/* What the record must say before it begins, or before it is undone (record->undoing). */
	void (*note)(const struct stage *stage, struct record *record);
	/* What the record says from the next row on, because this one is done. */
	void (*learn)(const struct stage *stage, struct record *record);
	uint64_t (*limit)(const struct stage *stage);
	uint64_t (*undo_limit)(const struct stage *stage); /* NULL: the same */
	/* Must hold before it begins and as long as it runs. False, and why, if it does not. */
	bool (*check)(struct stage *stage, char why[static STEP_TEXT_MAX]);
	/* 0; or -errno and why, when nothing was done that its undo must take back. */
	int (*begin)(struct stage *stage, char why[static STEP_TEXT_MAX]);
	enum step_progress (*progress)(struct stage *stage, char text[static STEP_TEXT_MAX]);
	/* Gives up what is still under way; after each end, done or not. */
	void (*end)(struct stage *stage);
	/* Begins to take it back, and how that stands. What cannot be taken back in time is told,
	 * and the rows before it are undone all the same. */
	void (*undo)(struct stage *stage);
	enum step_progress (*undone)(struct stage *stage, char text[static STEP_TEXT_MAX]);
};

enum step_state {
	STEP_PENDING,
	STEP_BEGUN,
	STEP_SUCCEEDED,
	STEP_BROKEN, /* failed, whatever followed from it */
	STEP_UNDOING,
	STEP_UNDONE,
	STEP_STATE_COUNT,
};

/* "pending", "begun", "done", "failed", "undoing", "undone". */
const char *step_state_name(enum step_state state);

/* How a row of this cycle went. */
struct step_story {
	enum step_state state;
	uint64_t begun_usec; /* CLOCK_MONOTONIC; 0: not begun by this supervisor */
	uint64_t took_usec;  /* once it has ended */
	char text[STEP_TEXT_MAX];
};

struct deploy;

struct deploy_events {
	/* A row has entered a state. */
	void (*step)(void *owner, const struct step *step, const struct step_story *story);
	/* The cycle has ended and its record was written (durable: whether that succeeded). */
	void (*ended)(void *owner, const struct record *record, bool durable);
};

/* What a cycle runs on; copied, the pointers must outlive it. */
struct deploy_plan {
	const struct step *steps;
	size_t count;
	struct stage *stage;
	const char *state_dir;
};

/*
 * Begins a cycle, or goes on with that of a supervisor that was killed, forward or back by the row
 * that the record names (a row that this table does not have walks back from its end). The first
 * row begins from the loop.
 */
int deploy_begin(sd_event *event, const struct deploy_plan *plan, const struct record *record,
	const struct deploy_events *events, void *owner, struct deploy **ret_deploy);
int deploy_resume(sd_event *event, const struct deploy_plan *plan, const struct record *record,
	const struct deploy_events *events, void *owner, struct deploy **ret_deploy);

/* Walks back because somebody asked for it, and ends as `aborted`. reason: one sentence. -EBUSY,
 * and the name of the row, if there is no way back any more; 0 too if it walks back already. */
int deploy_abort(struct deploy *deploy, const char *reason, const char **ret_row);

/* Stops where it is; the record stays and names the row. */
struct deploy *deploy_free(struct deploy *deploy);
DEFINE_CLEANUP(struct deploy, deploy_free);

/* Something may have changed. Costs nothing if it has not. */
void deploy_poke(struct deploy *deploy);

const struct record *deploy_record(const struct deploy *deploy);
/* The row under way; NULL between two, and at the end. */
const struct step *deploy_step(const struct deploy *deploy);
/* One story a row, in the table's order. */
const struct step_story *deploy_stories(const struct deploy *deploy);
