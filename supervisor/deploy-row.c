/* SPDX-License-Identifier: MIT */
/*
 * Knows what is done with a row whichever way the cycle goes: its story, its record, its deadline,
 * its end. Knows no order.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "deploy-inside.h"
#include "report.h"
#include "text.h"

static const char *const state_names[STEP_STATE_COUNT] = {
	[STEP_PENDING] = "pending",
	[STEP_BEGUN] = "begun",
	[STEP_SUCCEEDED] = "done",
	[STEP_BROKEN] = "failed",
	[STEP_UNDOING] = "undoing",
	[STEP_UNDONE] = "undone",
};

/* What the journal is told of a state; a row that waits for its turn is no news. */
static const enum report_message state_messages[STEP_STATE_COUNT] = {
	[STEP_PENDING] = REPORT_DEBUG,
	[STEP_BEGUN] = REPORT_STEP_BEGUN,
	[STEP_SUCCEEDED] = REPORT_STEP_DONE,
	[STEP_BROKEN] = REPORT_STEP_FAILED,
	[STEP_UNDOING] = REPORT_DEBUG,
	[STEP_UNDONE] = REPORT_STEP_UNDONE,
};

const char *step_state_name(enum step_state state)
{
	return state_names[state];
}

uint64_t deploy_now(const struct deploy *deploy)
{
	uint64_t usec = 0;

	(void)sd_event_now(deploy->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static uint64_t now_realtime(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * USEC_PER_SEC + (uint64_t)time.tv_nsec / NSEC_PER_USEC;
}

/* The only place where a row's state changes. */
void deploy_story_enter(struct deploy *deploy, enum step_state state, const char *text)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct step_story *story = &deploy->stories[deploy->at];
	struct report_fields fields = {
		.step = step->name, .cycle = deploy->record.id, .release = deploy->record.release};

	story->state = state;
	if (state == STEP_BEGUN || state == STEP_UNDOING)
		story->begun_usec = deploy_now(deploy);
	else if (story->begun_usec)
		story->took_usec = deploy_now(deploy) - story->begun_usec;
	if (text != story->text)
		snprintf(story->text, sizeof(story->text), "%s", text);
	if (state == STEP_BEGUN)
		report(state_messages[state], &fields, "%s: %s", step->name, step->text);
	else
		report(state_messages[state], &fields, "%s %s after %.3f s%s%s", step->name,
			state_names[state], (double)story->took_usec / USEC_PER_SEC,
			*story->text ? ": " : "", story->text);
	if (deploy->events.step)
		deploy->events.step(deploy->owner, step, story);
}

/* On the disk the outcome is said as soon as it is known: whoever reads `undoing` goes on. */
int deploy_record_save(struct deploy *deploy)
{
	struct record record = deploy->record;
	int r;

	if (record.undoing)
		record.outcome = deploy->back;
	r = record_write(deploy->plan.state_dir, &record);

	if (r < 0)
		report(REPORT_RECORD_LOST, NULL, "%s/cycle cannot be written: %s",
			deploy->plan.state_dir, strerror(-r));
	return r;
}

void deploy_turn_soon(struct deploy *deploy)
{
	(void)sd_event_source_set_enabled(deploy->turn, SD_EVENT_ONESHOT);
}

void deploy_deadline_arm(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	uint64_t limit = step->limit(deploy->plan.stage);

	if (deploy->phase == DEPLOY_BACK && step->undo_limit)
		limit = step->undo_limit(deploy->plan.stage);
	deploy->expired = false;
	if (sd_event_source_set_time_relative(deploy->deadline, limit) >= 0)
		(void)sd_event_source_set_enabled(deploy->deadline, SD_EVENT_ONESHOT);
}

void deploy_row_leave(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];

	(void)sd_event_source_set_enabled(deploy->deadline, SD_EVENT_OFF);
	if (step->end)
		step->end(deploy->plan.stage);
	deploy->running = false;
}

/* The end of the cycle; it is the owner's to free it, from here if it likes. */
void deploy_enter_ended(struct deploy *deploy)
{
	struct record *record = &deploy->record;
	struct record ended;
	int r;

	deploy->phase = DEPLOY_ENDED;
	record->undoing = false;
	/* It goes to callers over D-Bus. */
	text_repair(record->reason);
	record->ended_realtime_usec = now_realtime();
	/* How long it took is what the record is asked for. Both times are of the clock as it is
	 * now: it may have been set meanwhile. */
	if (deploy->begun_usec)
		record->started_realtime_usec =
			record->ended_realtime_usec - (deploy_now(deploy) - deploy->begun_usec);
	else if (record->started_realtime_usec > record->ended_realtime_usec)
		record->started_realtime_usec = record->ended_realtime_usec;
	r = deploy_record_save(deploy);
	ended = *record;
	deploy->events.ended(deploy->owner, &ended, r >= 0);
}

static bool row_is_final(const struct deploy *deploy, size_t row)
{
	const struct step *step = &deploy->plan.steps[row];

	return step->no_way_back && step->no_way_back(deploy->plan.stage);
}

/* The first row from here back that nothing leads behind; plan.count if there is none. */
size_t deploy_row_final(const struct deploy *deploy, size_t from)
{
	for (size_t i = from + 1; i-- > 0;)
		if (row_is_final(deploy, i))
			return i;
	return deploy->plan.count;
}

/* The row that leads no way back, of those that have begun; plan.count if there is none. */
size_t deploy_reached_final(const struct deploy *deploy)
{
	return deploy->reached > 0 ? deploy_row_final(deploy, deploy->reached - 1)
				   : deploy->plan.count;
}

/* From the last row that has begun: one that goes on where another supervisor was killed may not be
 * there again. Where there is no way back nothing is undone: what the rows have done is then the
 * best that there is. */
void deploy_enter_back(struct deploy *deploy, enum record_outcome outcome)
{
	deploy->phase = DEPLOY_BACK;
	deploy->back = outcome;
	deploy->at = deploy->reached > 0 ? deploy->reached - 1 : 0;
	if (deploy_reached_final(deploy) < deploy->plan.count) {
		deploy->record.outcome = outcome;
		deploy_enter_ended(deploy);
		return;
	}
	deploy->record.undoing = true;
	deploy_turn_soon(deploy);
}
