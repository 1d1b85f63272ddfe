/* SPDX-License-Identifier: MIT */
/*
 * Knows the order of rows; knows no color, no unit and no route.
 */
#include "deploy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "report.h"
#include "text.h"

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

static uint64_t now(const struct deploy *deploy)
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
static void story_enter(struct deploy *deploy, enum step_state state, const char *text)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct step_story *story = &deploy->stories[deploy->at];
	struct report_fields fields = {
		.step = step->name, .cycle = deploy->record.id, .release = deploy->record.release};

	story->state = state;
	if (state == STEP_BEGUN || state == STEP_UNDOING)
		story->begun_usec = now(deploy);
	else if (story->begun_usec)
		story->took_usec = now(deploy) - story->begun_usec;
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
static int record_save(struct deploy *deploy)
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

static void turn_soon(struct deploy *deploy)
{
	(void)sd_event_source_set_enabled(deploy->turn, SD_EVENT_ONESHOT);
}

static void deadline_arm(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	uint64_t limit = step->limit(deploy->plan.stage);

	if (deploy->phase == DEPLOY_BACK && step->undo_limit)
		limit = step->undo_limit(deploy->plan.stage);
	deploy->expired = false;
	if (sd_event_source_set_time_relative(deploy->deadline, limit) >= 0)
		(void)sd_event_source_set_enabled(deploy->deadline, SD_EVENT_ONESHOT);
}

static void row_leave(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];

	(void)sd_event_source_set_enabled(deploy->deadline, SD_EVENT_OFF);
	if (step->end)
		step->end(deploy->plan.stage);
	deploy->running = false;
}

/* The end of the cycle; it is the owner's to free it, from here if it likes. */
static void deploy_enter_ended(struct deploy *deploy)
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
			record->ended_realtime_usec - (now(deploy) - deploy->begun_usec);
	else if (record->started_realtime_usec > record->ended_realtime_usec)
		record->started_realtime_usec = record->ended_realtime_usec;
	r = record_save(deploy);
	ended = *record;
	deploy->events.ended(deploy->owner, &ended, r >= 0);
}

static bool row_is_final(const struct deploy *deploy, size_t row)
{
	const struct step *step = &deploy->plan.steps[row];

	return step->no_way_back && step->no_way_back(deploy->plan.stage);
}

/* The first row from here back that nothing leads behind; plan.count if there is none. */
static size_t row_final(const struct deploy *deploy, size_t from)
{
	for (size_t i = from + 1; i-- > 0;)
		if (row_is_final(deploy, i))
			return i;
	return deploy->plan.count;
}

/* The row that leads no way back, of those that have begun; plan.count if there is none. */
static size_t reached_final(const struct deploy *deploy)
{
	return deploy->reached > 0 ? row_final(deploy, deploy->reached - 1) : deploy->plan.count;
}

/* From the last row that has begun: one that goes on where another supervisor was killed may not be
 * there again. Where there is no way back nothing is undone: what the rows have done is then the
 * best that there is. */
static void deploy_enter_back(struct deploy *deploy, enum record_outcome outcome)
{
	deploy->phase = DEPLOY_BACK;
	deploy->back = outcome;
	deploy->at = deploy->reached > 0 ? deploy->reached - 1 : 0;
	if (reached_final(deploy) < deploy->plan.count) {
		deploy->record.outcome = outcome;
		deploy_enter_ended(deploy);
		return;
	}
	deploy->record.undoing = true;
	turn_soon(deploy);
}

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

	row_leave(deploy);
	story_enter(deploy, STEP_BROKEN, why);
	if (step->failure == STEP_GOES_ON) {
		deploy->at++;
		turn_soon(deploy);
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
	bool behind = deploy->at > 0 && row_final(deploy, deploy->at - 1) < deploy->plan.count;
	struct record before = deploy->record;
	/* One that is gone through again after a kill does not make one forget how far it went. */
	size_t furthest = deploy->reached > deploy->at ? deploy->reached - 1 : deploy->at;

	snprintf(deploy->record.step, sizeof(deploy->record.step), "%s",
		deploy->plan.steps[furthest].name);
	deploy->record.committed |= step->commits;
	if (step->note)
		step->note(deploy->plan.stage, &deploy->record);
	/* What is accepted must be on the disk before the other color is touched. */
	if (record_save(deploy) >= 0 || (behind && !step->commits))
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
	row_leave(deploy);
	story_enter(deploy, STEP_BROKEN, why);
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
	story_enter(deploy, STEP_BEGUN, "");
	deadline_arm(deploy);
	if (step->begin && step->begin(deploy->plan.stage, why) < 0) {
		row_not_begun(deploy, why);
		return;
	}
	if (deploy->reached <= deploy->at)
		deploy->reached = deploy->at + 1;
	turn_soon(deploy);
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
		row_leave(deploy);
		story_enter(deploy, STEP_SUCCEEDED, text);
		deploy->at++;
		turn_soon(deploy);
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

static void back_begin(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];

	snprintf(deploy->record.step, sizeof(deploy->record.step), "%s", step->name);
	if (step->note)
		step->note(deploy->plan.stage, &deploy->record);
	/* To go back is allowed from memory. */
	(void)record_save(deploy);
	deploy->running = true;
	story_enter(deploy, STEP_UNDOING, deploy->stories[deploy->at].text);
	deadline_arm(deploy);
	step->undo(deploy->plan.stage);
	turn_soon(deploy);
}

/* A second sentence beside why the cycle failed. */
static void reason_add(struct deploy *deploy, const char *step, const char *text)
{
	char *reason = deploy->record.reason;
	size_t used = strlen(reason), left = sizeof(deploy->record.reason) - used;

	snprintf(reason + used, left, "; and %s was not undone: %s", step, text);
}

static void back_ask(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];
	struct step_story *story = &deploy->stories[deploy->at];
	char text[STEP_TEXT_MAX] = "";
	enum step_progress progress = step->undone(deploy->plan.stage, text);

	if (progress == STEP_WAITING && !deploy->expired) {
		snprintf(story->text, sizeof(story->text), "%s", text);
		return;
	}
	row_leave(deploy);
	if (progress != STEP_DONE)
		reason_add(deploy, step->name, *text ? text : "it took too long");
	story_enter(deploy, progress == STEP_DONE ? STEP_UNDONE : STEP_BROKEN, text);
	if (deploy->at-- == 0)
		deploy->at = deploy->plan.count;
	turn_soon(deploy);
}

/* What was not accepted after all has replaced nothing. */
static void uncommit(struct deploy *deploy)
{
	deploy->record.committed = false;
	memcpy(deploy->record.previous, deploy->previous, sizeof(deploy->record.previous));
}

static void turn_back(struct deploy *deploy)
{
	const struct step *steps = deploy->plan.steps;

	if (deploy->running) {
		back_ask(deploy);
		return;
	}
	for (; deploy->at < deploy->plan.count; deploy->at--) {
		if (steps[deploy->at].undo) {
			back_begin(deploy);
			return;
		}
		if (steps[deploy->at].commits)
			uncommit(deploy);
		if (deploy->at == 0)
			break;
	}
	deploy->record.outcome = deploy->back;
	deploy_enter_ended(deploy);
}

int deploy_abort(struct deploy *deploy, const char *reason, const char **ret_row)
{
	size_t final;

	if (deploy->phase != DEPLOY_FORWARD)
		return 0;
	final = reached_final(deploy);
	if (final < deploy->plan.count) {
		*ret_row = deploy->plan.steps[final].name;
		return -EBUSY;
	}
	snprintf(deploy->record.reason, sizeof(deploy->record.reason), "%s", reason);
	if (deploy->running) {
		row_leave(deploy);
		story_enter(deploy, STEP_BROKEN, reason);
	}
	deploy_enter_back(deploy, RECORD_ABORTED);
	return 0;
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
		turn_back(deploy);
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
	turn_soon(deploy);
	return 0;
}

void deploy_poke(struct deploy *deploy)
{
	if (deploy && deploy->running)
		turn_soon(deploy);
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
		row_leave(deploy);
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
	deploy->begun_usec = now(deploy);
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
		turn_soon(deploy);
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
		turn_soon(deploy);
	}
	*ret_deploy = deploy;
	return 0;
}
