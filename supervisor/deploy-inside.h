/* SPDX-License-Identifier: MIT */
/*
 * What deploy.c (forward), deploy-back.c (the way back) and deploy-row.c (what both do with a row)
 * share. Nobody else includes this.
 */
#pragma once

#include "deploy.h"

enum deploy_phase {
	DEPLOY_FORWARD,
	DEPLOY_BACK,
	DEPLOY_ENDED,
};

struct deploy {
	sd_event *event;
	struct deploy_plan plan;
	struct deploy_events events;
	void *owner;
	struct record record;
	enum deploy_phase phase;
	size_t at;		  /* the row */
	size_t reached;		  /* how many rows have begun, by this supervisor or one before */
	bool running;		  /* it has begun, forward or back, and its end is not known */
	enum record_outcome back; /* how it will have ended when it has walked back */
	bool expired;		  /* its deadline has passed */
	uint64_t begun_usec;	  /* the cycle; 0: by another supervisor */
	sd_event_source *turn, *deadline;
	struct step_story *stories;
	char previous[RECORD_WORD_MAX]; /* of the record, as the cycle found it */
};

/* CLOCK_MONOTONIC, as the loop has it. */
uint64_t deploy_now(const struct deploy *deploy);
/* The only place where a row's state changes: the row at `at`. */
void deploy_story_enter(struct deploy *deploy, enum step_state state, const char *text);
int deploy_record_save(struct deploy *deploy);
/* The engine turns again, from the loop. */
void deploy_turn_soon(struct deploy *deploy);
/* Of the row at `at`, forward or back. */
void deploy_deadline_arm(struct deploy *deploy);
void deploy_row_leave(struct deploy *deploy);
/* The first row from here back that nothing leads behind; plan.count if there is none. */
size_t deploy_row_final(const struct deploy *deploy, size_t from);
size_t deploy_reached_final(const struct deploy *deploy);
/* The end of the cycle; it is the owner's to free it, from here if he likes. */
void deploy_enter_ended(struct deploy *deploy);
/* From the last row that has begun. */
void deploy_enter_back(struct deploy *deploy, enum record_outcome outcome);
/* One turn of the way back. */
void deploy_turn_back(struct deploy *deploy);
