/* SPDX-License-Identifier: MIT */
/*
 * Knows the order of rows; knows no color, no unit and no route.
 */
#include "deploy-inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

/* The name of the row leads, because the reason is all that some people see. */
static void reason_take(struct record *record, const struct step *step, const char *why)
{
	snprintf(record->reason, sizeof(record->reason), "%s: %.*s", step->name,
		(int)(sizeof(record->reason) - RECORD_WORD_MAX - 3), why);
}

/* The row at `at` has failed, or could not begin. */
static void row_failed(struct deploy *deploy, const char *why)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct record *record = &deploy->record;

	deploy_row_leave(deploy);
	deploy_story_enter(deploy, STEP_BROKEN, why);
	if (step->failure == STEP_GOES_ON) {
		deploy->at++;
		deploy_turn_soon(deploy);
		return;
	}
	reason_take(record, step, why);
	if (deploy->reached == 0) {
		record->outcome = RECORD_FAILED;
		deploy_enter_ended(deploy);
		return;
	}
	deploy_enter_back(deploy, RECORD_FAILED);
}

/* A cycle that cannot be recorded is not begun; past the row without a way back it goes on from
 * memory, because to stop there would help nobody. */
static bool row_is_recorded(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	bool behind =
		deploy->at > 0 && deploy_row_final(deploy, deploy->at - 1) < deploy->plan.count;
	struct record before = deploy->record;
	/* One that is gone through again after a kill does not make one forget how far it went. */
	size_t furthest = deploy->reached > deploy->at ? deploy->reached - 1 : deploy->at;

	snprintf(deploy->record.step, sizeof(deploy->record.step), "%s",
		deploy->plan.steps[furthest].name);
	deploy->record.committed |= step->commits;
	if (step->note)
		step->note(deploy->plan.stage, &deploy->record);
	/* What is accepted must be on the disk before the other color is touched. */
	if (deploy_record_save(deploy) >= 0 || (behind && !step->commits))
		return true;
	/* What the row would have made true is not. */
	deploy->record = before;
	return false;
}

/* Something of ours stood in the way of a row's begin: a disk, a file, the bus. What is accepted by
 * then is not taken back for that. */
static void row_not_begun(struct deploy *deploy, const char *why)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct record *record = &deploy->record;

	if (!record->committed || step->failure == STEP_GOES_ON) {
		row_failed(deploy, why);
		return;
	}
	deploy_row_leave(deploy);
	deploy_story_enter(deploy, STEP_BROKEN, why);
	reason_take(record, step, why);
	record->outcome = RECORD_FAILED;
	deploy_enter_ended(deploy);
}

static void row_begin(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	char why[STEP_TEXT_MAX] = "";

	if (step->check && !step->check(deploy->plan.stage, why)) {
		row_failed(deploy, why);
		return;
	}
	if (!row_is_recorded(deploy)) {
		row_not_begun(deploy,
			"the step cannot be recorded durably, so it was not begun; is the disk of "
			"the state directory full or read-only?");
		return;
	}
	deploy->running = true;
	deploy_story_enter(deploy, STEP_BEGUN, "");
	deploy_deadline_arm(deploy);
	if (step->begin && step->begin(deploy->plan.stage, why) < 0) {
		row_not_begun(deploy, why);
		return;
	}
	if (deploy->reached <= deploy->at)
		deploy->reached = deploy->at + 1;
	deploy_turn_soon(deploy);
}

static void row_expire(struct deploy *deploy, const char *text)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	double seconds = (double)step->limit(deploy->plan.stage) / USEC_PER_SEC;
	char why[STEP_TEXT_MAX];

	snprintf(why, sizeof(why), "not done within %.0f s%s%.*s", seconds, *text ? ": " : "",
		STEP_TEXT_MAX - 64, text);
	row_failed(deploy, why);
}

static void row_ask(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct step_story *story = &deploy->stories[deploy->at];
	char text[STEP_TEXT_MAX] = "";

	if (step->check && !step->check(deploy->plan.stage, text)) {
		row_failed(deploy, text);
		return;
	}
	switch (step->progress(deploy->plan.stage, text)) {
	case STEP_WAITING:
		if (deploy->expired)
			row_expire(deploy, text);
		else
			snprintf(story->text, sizeof(story->text), "%s", text);
		return;
	case STEP_DONE:
		deploy_row_leave(deploy);
		if (step->learn)
			step->learn(deploy->plan.stage, &deploy->record);
		deploy_story_enter(deploy, STEP_SUCCEEDED, text);
		deploy->at++;
		deploy_turn_soon(deploy);
		return;
	case STEP_FAILED:
		row_failed(deploy, text);
		return;
	}
}

static void turn_forward(struct deploy *deploy)
{
	if (deploy->at == deploy->plan.count) {
		deploy->record.outcome = RECORD_SUCCEEDED;
		deploy_enter_ended(deploy);
	} else if (deploy->running) {
		row_ask(deploy);
	} else {
		row_begin(deploy);
	}
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct deploy *deploy = userdata;

	(void)source;
	switch (deploy->phase) {
	case DEPLOY_FORWARD:
		turn_forward(deploy);
		break;
	case DEPLOY_BACK:
		deploy_turn_back(deploy);
		break;
	case DEPLOY_ENDED:
		break;
	}
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct deploy *deploy = userdata;

	(void)source;
	(void)usec;
	deploy->expired = true;
	deploy_turn_soon(deploy);
	return 0;
}

void deploy_poke(struct deploy *deploy)
{
	if (deploy && deploy->running)
		deploy_turn_soon(deploy);
}

const struct record *deploy_record(const struct deploy *deploy)
{
	return &deploy->record;
}

const struct step *deploy_step(const struct deploy *deploy)
{
	return deploy->running ? &deploy->plan.steps[deploy->at] : NULL;
}

const struct step_story *deploy_stories(const struct deploy *deploy)
{
	return deploy->stories;
}

struct deploy *deploy_free(struct deploy *deploy)
{
	if (!deploy)
		return NULL;
	if (deploy->running)
		deploy_row_leave(deploy);
	sd_event_source_disable_unref(deploy->turn);
	sd_event_source_disable_unref(deploy->deadline);
	sd_event_unref(deploy->event);
	free(deploy->stories);
	free(deploy);
	return NULL;
}

int deploy_begin(sd_event *event, const struct deploy_plan *plan, const struct record *record,
	const struct deploy_events *events, void *owner, struct deploy **ret_deploy)
{
	_cleanup_(cleanup_deploy_free) struct deploy *deploy = calloc(1, sizeof(*deploy));
	int r;

	if (!deploy)
		return -ENOMEM;
	deploy->event = sd_event_ref(event);
	deploy->plan = *plan;
	deploy->events = *events;
	deploy->owner = owner;
	deploy->record = *record;
	memcpy(deploy->previous, record->previous, sizeof(deploy->previous));
	deploy->begun_usec = deploy_now(deploy);
	deploy->stories = calloc(plan->count, sizeof(*deploy->stories));
	if (!deploy->stories)
		return -ENOMEM;
	r = sd_event_add_defer(event, &deploy->turn, on_turn, deploy);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(
		event, &deploy->deadline, CLOCK_MONOTONIC, 0, 0, on_deadline, deploy);
	if (r >= 0)
		r = sd_event_source_set_enabled(deploy->deadline, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_deploy = take_ptr(deploy);
	return 0;
}

static size_t row_find(const struct deploy_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->steps[i].name, name) == 0)
			return i;
	return plan->count;
}

int deploy_resume(sd_event *event, const struct deploy_plan *plan, const struct record *record,
	const struct deploy_events *events, void *owner, struct deploy **ret_deploy)
{
	size_t row = row_find(plan, record->step);
	struct deploy *deploy;
	int r;

	r = deploy_begin(event, plan, record, events, owner, &deploy);
	if (r < 0)
		return r;
	deploy->begun_usec = 0;
	deploy->reached = row < plan->count ? row + 1 : plan->count;
	if (row < plan->count && !record->undoing && plan->steps[row].resume) {
		deploy->at = row_find(plan, plan->steps[row].resume);
		for (size_t i = 0; i < deploy->at; i++) {
			deploy->stories[i].state = STEP_SUCCEEDED;
			snprintf(deploy->stories[i].text, sizeof(deploy->stories[i].text),
				"by the supervisor before");
		}
	} else if (row == plan->count && record->committed) {
		/* Accepted is accepted, whatever a later version has done after that. */
		snprintf(deploy->record.reason, sizeof(deploy->record.reason),
			"%s: the supervisor was gone in the middle of it, and this version knows "
			"no "
			"such step; the release had been accepted and stays",
			record->step);
		deploy->phase = DEPLOY_BACK;
		deploy->back = RECORD_INTERRUPTED;
		deploy->at = plan->count;
		deploy_turn_soon(deploy);
	} else {
		bool known = row < plan->count;

		deploy->at = known ? row : plan->count - 1;
		if (record->undoing && record->outcome != RECORD_RUNNING) {
			deploy->record.outcome = RECORD_RUNNING;
			deploy->back = record->outcome;
		} else {
			deploy->back = RECORD_INTERRUPTED;
			snprintf(deploy->record.reason, sizeof(deploy->record.reason),
				known ? "%s: the supervisor was gone in the middle of it; what was "
					"done was taken back"
				      : "%s: the supervisor was gone in the middle of it, and this "
					"version knows no such step",
				record->step);
		}
		deploy->phase = DEPLOY_BACK;
		deploy->record.undoing = true;
		deploy_turn_soon(deploy);
	}
	*ret_deploy = deploy;
	return 0;
}
