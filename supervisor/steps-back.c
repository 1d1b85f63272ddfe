/* SPDX-License-Identifier: MIT */
/*
 * Knows how the fresh color goes back to what it was before the cycle: nothing goes to it, what it
 * has begun ends, it restarts on the release before, and answers.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "steps-acts.h"

/* A disk or a bus that is away for a moment must not decide which release stays. */
#define BACK_TRIES_MAX	3
#define BACK_AGAIN_USEC (2 * USEC_PER_SEC)

const char *act_former(const struct stage *stage, enum color color)
{
	return stage->record ? stage->record->former[color] : "";
}

/* Under `swap` it was the fallback; under `fallback` it is the primary, and stays it. */
static enum role role_before(const struct stage *stage)
{
	return stage->strategy == STRATEGY_SWAP ? ROLE_FALLBACK : ROLE_PRIMARY;
}

static bool is_as_before(const struct stage *stage)
{
	const struct instance *fresh = act_instance(stage, stage->fresh);

	return !stage->doubt && instance_is_healthy(fresh) && fresh->role == role_before(stage) &&
	       strcmp(fresh->release, act_former(stage, stage->fresh)) == 0;
}

void act_put_back_begin(struct stage *stage)
{
	char why[STEP_TEXT_MAX];

	if (is_as_before(stage)) {
		stage->back = BACK_DONE;
		return;
	}
	/* Perhaps it never left, and cannot be restarted now: whoever starts it, starts that. */
	if (stage->untold)
		(void)stage_equip(stage, stage->fresh, role_before(stage),
			act_former(stage, stage->fresh), why);
	instances_attend(stage->instances, stage->fresh, true);
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
	stage->back = BACK_ROUTE;
	stage->back_tries = 0;
	stage->since_usec = 0;
}

/* From the beginning: what was drained may have had traffic meanwhile. */
static enum step_progress back_wait(struct stage *stage)
{
	stage->drain = drain_end(stage->drain);
	stage->back = BACK_ROUTE;
	return stage->hurry ? STEP_FAILED : STEP_WAITING;
}

static enum step_progress back_again(struct stage *stage)
{
	if (++stage->back_tries == BACK_TRIES_MAX)
		return STEP_FAILED;
	stage->since_usec = act_now(stage) + BACK_AGAIN_USEC;
	act_poke_at(stage, stage->since_usec);
	return back_wait(stage);
}

/* Nothing is drained that cannot be restarted then: the other color has to be well first. */
static enum step_progress back_route(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (act_now(stage) < stage->since_usec) {
		snprintf(text, STEP_TEXT_MAX, "it is tried again in a moment");
		return STEP_WAITING;
	}
	if (!act_check_restart(stage, stage->fresh, text))
		return back_wait(stage);
	return act_route_progress(stage, text);
}

static enum step_progress back_restart(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!act_check_restart(stage, stage->fresh, text))
		return back_wait(stage);
	if (act_start(stage, JOB_RESTART, stage->fresh, role_before(stage),
		    act_former(stage, stage->fresh), limit_restart(stage), text) < 0)
		return back_again(stage);
	stage->back = BACK_RESTART;
	return STEP_WAITING;
}

/* Who took the job's place means it. */
static enum step_progress back_started(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	enum step_progress progress = act_restart_progress(stage, stage->fresh, text);

	if (progress == STEP_FAILED && stage->job_result != JOB_CANCELED)
		return back_again(stage);
	return progress;
}

enum step_progress act_put_back_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	enum step_progress progress;

	switch (stage->back) {
	case BACK_ROUTE:
		progress = back_route(stage, text);
		if (progress != STEP_DONE)
			return progress;
		stage->back = BACK_DRAIN;
		/* fall through */
	case BACK_DRAIN:
		/* A process that is gone has nothing to end. */
		if (instance_is_alive(act_instance(stage, stage->fresh)) &&
			act_drain_progress(stage, stage->fresh, DRAIN_ALL, text) == STEP_WAITING)
			return STEP_WAITING;
		return back_restart(stage, text);
	case BACK_RESTART:
		progress = back_started(stage, text);
		if (progress != STEP_DONE)
			return progress;
		stage->back = BACK_HEALTHY;
		/* fall through */
	case BACK_HEALTHY:
		progress = act_healthy_progress(stage, stage->fresh, text);
		if (progress == STEP_DONE)
			snprintf(text, STEP_TEXT_MAX, "%s is back on %s", color_name(stage->fresh),
				*act_former(stage, stage->fresh) ? act_former(stage, stage->fresh)
								 : "the code in place");
		return progress;
	case BACK_DONE:
		break;
	}
	return STEP_DONE;
}
