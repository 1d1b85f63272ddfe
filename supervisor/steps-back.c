/* SPDX-License-Identifier: MIT */
/*
 * Knows how the fresh color goes back to what it was before the cycle: nothing goes to it, what it
 * has begun ends, it restarts on the release before, and answers.
 */
#include <stdio.h>
#include <string.h>

#include "steps-acts.h"

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

	return instance_is_healthy(fresh) && fresh->role == role_before(stage) &&
	       strcmp(fresh->release, act_former(stage, stage->fresh)) == 0;
}

void act_put_back_begin(struct stage *stage)
{
	if (is_as_before(stage)) {
		stage->back = BACK_DONE;
		return;
	}
	instances_attend(stage->instances, stage->fresh, true);
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
	stage->back = BACK_ROUTE;
}

static enum step_progress back_restart(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!act_check_restart(stage, stage->fresh, text))
		return STEP_FAILED;
	if (act_start(stage, JOB_RESTART, stage->fresh, role_before(stage),
		    act_former(stage, stage->fresh), limit_restart(stage), text) < 0)
		return STEP_FAILED;
	stage->back = BACK_RESTART;
	return STEP_WAITING;
}

enum step_progress act_put_back_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	enum step_progress progress;

	switch (stage->back) {
	case BACK_ROUTE:
		if (act_route_progress(stage, text) == STEP_WAITING)
			return STEP_WAITING;
		stage->back = BACK_DRAIN;
		/* fall through */
	case BACK_DRAIN:
		/* A process that is gone has nothing to end. */
		if (instance_is_alive(act_instance(stage, stage->fresh)) &&
			act_drain_progress(stage, stage->fresh, DRAIN_ALL, text) == STEP_WAITING)
			return STEP_WAITING;
		return back_restart(stage, text);
	case BACK_RESTART:
		progress = act_restart_progress(stage, stage->fresh, text);
		if (progress == STEP_DONE)
			stage->back = BACK_HEALTHY;
		else
			return progress;
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
