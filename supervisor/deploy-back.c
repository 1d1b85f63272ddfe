/* SPDX-License-Identifier: MIT */
/*
 * Knows the way back: over the rows that have one, because a row failed, somebody asked for it, or
 * a supervisor was gone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy-inside.h"

static void back_begin(struct deploy *deploy)
{
	const struct step *step = &deploy->plan.steps[deploy->at];

	snprintf(deploy->record.step, sizeof(deploy->record.step), "%s", step->name);
	if (step->note)
		step->note(deploy->plan.stage, &deploy->record);
	/* To go back is allowed from memory. */
	(void)deploy_record_save(deploy);
	deploy->running = true;
	deploy_story_enter(deploy, STEP_UNDOING, deploy->stories[deploy->at].text);
	deploy_deadline_arm(deploy);
	step->undo(deploy->plan.stage);
	deploy_turn_soon(deploy);
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
	deploy_row_leave(deploy);
	if (progress != STEP_DONE)
		reason_add(deploy, step->name, *text ? text : "it took too long");
	deploy_story_enter(deploy, progress == STEP_DONE ? STEP_UNDONE : STEP_BROKEN, text);
	if (deploy->at-- == 0)
		deploy->at = deploy->plan.count;
	deploy_turn_soon(deploy);
}

/* What was not accepted after all has replaced nothing. */
static void uncommit(struct deploy *deploy)
{
	deploy->record.committed = false;
	memcpy(deploy->record.previous, deploy->previous, sizeof(deploy->record.previous));
}

void deploy_turn_back(struct deploy *deploy)
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
	final = deploy_reached_final(deploy);
	if (final < deploy->plan.count) {
		*ret_row = deploy->plan.steps[final].name;
		return -EBUSY;
	}
	snprintf(deploy->record.reason, sizeof(deploy->record.reason), "%s", reason);
	if (deploy->running) {
		deploy_row_leave(deploy);
		deploy_story_enter(deploy, STEP_BROKEN, reason);
	}
	deploy_enter_back(deploy, RECORD_ABORTED);
	return 0;
}
