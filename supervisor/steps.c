/* SPDX-License-Identifier: MIT */
/*
 * Knows what a step does; knows neither which comes next (deploy.c) nor who asked for it. The
 * table is at the end.
 */
#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "steps-acts.h"

/* As long as blue is taken out, or about to be, green must be there for it. */
static bool check_green_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, COLOR_BLUE, why);
}

static bool check_blue_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, COLOR_GREEN, why);
}

static bool check_restart_blue(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, COLOR_BLUE, why);
}

static bool check_restart_green(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, COLOR_GREEN, why);
}

static int begin_turn(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, COLOR_GREEN, true);
	watch_take_stance(stage->watch, STANCE_TURNED);
	return 0;
}

static int begin_shield(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, COLOR_GREEN, true);
	watch_take_stance(stage->watch, STANCE_SHIELDED);
	return 0;
}

static int begin_drain(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_drain_begin(stage, COLOR_BLUE, DRAIN_ALL, why);
}

static int begin_restart_blue(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, COLOR_BLUE, limit_restart(stage), why);
}

static int begin_restart_green(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, COLOR_GREEN, limit_restart(stage), why);
}

static int begin_healthy_blue(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(stage->watch, STANCE_SHIELDED);
	return act_healthy_begin(stage, COLOR_BLUE, why);
}

static int begin_healthy_green(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(stage->watch, STANCE_STEADY);
	return act_healthy_begin(stage, COLOR_GREEN, why);
}

static int begin_soak(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, COLOR_BLUE, true);
	return 0;
}

static int begin_return(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, COLOR_BLUE, true);
	watch_take_stance(stage->watch, STANCE_STEADY);
	return 0;
}

static int begin_alone(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	watch_take_stance(stage->watch, STANCE_ALONE);
	return 0;
}

static enum step_progress progress_route(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (watch_is_settled(stage->watch))
		return STEP_DONE;
	snprintf(text, STEP_TEXT_MAX,
		steer_is_connected(stage->steer)
			? "the relay has not said yet that it follows the route"
			: "the relay does not answer on its control socket");
	return STEP_WAITING;
}

/* Where there is nobody else to read from, blue's reads do not end. */
static enum step_progress progress_settle(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct route *route = watch_route(stage->watch);

	if (route && route->weight[ROUTE_READS][COLOR_BLUE] != ROUTE_NEVER)
		return STEP_DONE;
	return act_drain_progress(stage, COLOR_BLUE, DRAIN_READS, text);
}

/* A supervisor that comes back here has to know how green is before blue is restarted. */
static enum step_progress progress_shield(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (watch_standing(stage->watch, COLOR_GREEN) == STANDING_UNKNOWN) {
		snprintf(text, STEP_TEXT_MAX, "green has not been probed often enough");
		return STEP_WAITING;
	}
	return progress_route(stage, text);
}

static enum step_progress progress_drain(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_drain_progress(stage, COLOR_BLUE, DRAIN_ALL, text);
}

static enum step_progress progress_restart_blue(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, COLOR_BLUE, text);
}

static enum step_progress progress_restart_green(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, COLOR_GREEN, text);
}

static enum step_progress progress_healthy_blue(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, COLOR_BLUE, text);
}

static enum step_progress progress_healthy_green(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, COLOR_GREEN, text);
}

static enum step_progress progress_soak(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *blue = instances_get(stage->instances, COLOR_BLUE);
	uint64_t started =
		blue->status.active_since_usec ? blue->status.active_since_usec : USEC_INFINITY;
	uint64_t until = verdict_soaked_at(&blue->verdict, started, stage->config->probe.soak_usec);

	if (!instance_is_healthy(blue)) {
		instance_explain(blue, text, STEP_TEXT_MAX);
		return STEP_FAILED;
	}
	if (until <= act_now(stage))
		return STEP_DONE;
	snprintf(text, STEP_TEXT_MAX, "blue has to stay healthy a little longer");
	if (until != USEC_INFINITY)
		act_poke_at(stage, until);
	return STEP_WAITING;
}

/* Blue must be the one that is routed to, not only be wished for. */
static enum step_progress progress_return(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *blue = instances_get(stage->instances, COLOR_BLUE);

	if (instance_is_healthy(blue))
		return progress_route(stage, text);
	instance_explain(blue, text, STEP_TEXT_MAX);
	return blue->verdict.health == HEALTH_SICK ? STEP_FAILED : STEP_WAITING;
}

static enum step_progress progress_observe(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *blue = instances_get(stage->instances, COLOR_BLUE);
	uint64_t until = stage->since_usec + stage->config->probe.soak_usec;

	if (!instance_is_healthy(blue)) {
		instance_explain(blue, text, STEP_TEXT_MAX);
		return STEP_FAILED;
	}
	if (until <= act_now(stage))
		return STEP_DONE;
	snprintf(text, STEP_TEXT_MAX, "blue is watched under traffic");
	act_poke_at(stage, until);
	return STEP_WAITING;
}

static int begin_observe(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, COLOR_BLUE, true);
	stage->since_usec = act_now(stage);
	return 0;
}

static enum step_progress progress_drain_green(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->drain && progress_route(stage, text) == STEP_WAITING)
		return STEP_WAITING;
	return act_drain_progress(stage, COLOR_GREEN, DRAIN_ALL, text);
}

static void undo_turn(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_STEADY);
}

static void undo_shield(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_TURNED);
}

const struct step steps_fallback[] = {
	{
		.name = "preflight",
		.text = "read the configuration, find relay and units, make sure that green can "
			"serve",
		.meaning = "nothing was changed",
		.limit = limit_preflight,
		.begin = act_preflight_begin,
		.progress = act_preflight_progress,
		.end = act_end,
	},
	{
		.name = "turn",
		.text = "reads go to green, writes still to blue",
		.meaning = "all traffic goes back to blue",
		.limit = limit_route,
		.check = check_green_serves,
		.begin = begin_turn,
		.progress = progress_route,
		.undo = undo_turn,
		.undone = progress_route,
		.end = act_end,
	},
	{
		.name = "settle",
		.text = "reads and event streams in flight on blue end",
		.meaning = "all traffic goes back to blue",
		.limit = limit_settle,
		.check = check_green_serves,
		.progress = progress_settle,
		.end = act_end,
	},
	{
		.name = "shield",
		.text = "writes wait; nothing new goes to blue",
		.meaning = "all traffic goes back to blue",
		.limit = limit_route,
		.check = check_green_serves,
		.begin = begin_shield,
		.progress = progress_shield,
		.undo = undo_shield,
		.undone = progress_route,
		.end = act_end,
	},
	{
		.name = "drain",
		.text = "what blue has begun ends; no connection to it is left",
		.meaning = "all traffic goes back to blue",
		.limit = limit_drain,
		.check = check_green_serves,
		.begin = begin_drain,
		.progress = progress_drain,
		.end = act_end,
	},
	{
		.name = "restart",
		.text = "blue restarts on the new code",
		.meaning = "green goes on serving reads; writes return when blue is healthy",
		.no_way_back = true,
		.resume = "shield",
		.limit = limit_restart,
		.check = check_restart_blue,
		.begin = begin_restart_blue,
		.progress = progress_restart_blue,
		.end = act_end,
	},
	{
		.name = "healthy",
		.text = "blue answers its probes",
		.meaning = "green goes on serving reads; writes return when blue is healthy",
		.resume = "healthy",
		.limit = limit_healthy,
		.begin = begin_healthy_blue,
		.progress = progress_healthy_blue,
		.end = act_end,
	},
	{
		.name = "soak",
		.text = "blue stays healthy for a while, without traffic",
		.meaning = "green goes on serving reads; writes return when blue is healthy",
		.resume = "healthy",
		.limit = limit_soak,
		.begin = begin_soak,
		.progress = progress_soak,
		.end = act_end,
	},
	{
		.name = "warm-up",
		.text = "blue is asked for the pages that it should have ready",
		.meaning = "reported; the cycle goes on",
		.failure = STEP_GOES_ON,
		.resume = "healthy",
		.limit = limit_warm_up,
		.begin = act_warm_up_begin,
		.progress = act_warm_up_progress,
		.end = act_end,
	},
	{
		.name = "return",
		.text = "traffic returns to blue, the writes that waited first",
		.meaning = "green goes on serving reads; writes return when blue is healthy",
		.resume = "return",
		.limit = limit_route,
		.begin = begin_return,
		.progress = progress_return,
		.end = act_end,
	},
	{
		.name = "observe",
		.text = "blue is watched under traffic",
		.meaning = "blue is shielded again; green serves reads",
		.resume = "return",
		.limit = limit_observe,
		.begin = begin_observe,
		.progress = progress_observe,
		.end = act_end,
	},
	{
		.name = "commit",
		.text = "the new code is accepted",
		.meaning = "green keeps the old code",
		.commits = true,
		.resume = "commit",
		.limit = limit_route,
		.progress = progress_return,
		.end = act_end,
	},
	{
		.name = "drain-green",
		.text = "nothing new goes to green; what it has begun ends",
		.meaning = "blue serves on the new code; green keeps the old one",
		.resume = "commit",
		.limit = limit_drain_green,
		.check = check_blue_serves,
		.begin = begin_alone,
		.progress = progress_drain_green,
		.end = act_end,
	},
	{
		.name = "restart-green",
		.text = "green restarts on the new code",
		.meaning = "blue serves on the new code; green is not ready to stand in",
		.resume = "commit",
		.limit = limit_restart,
		.check = check_restart_green,
		.begin = begin_restart_green,
		.progress = progress_restart_green,
		.end = act_end,
	},
	{
		.name = "healthy-green",
		.text = "green answers its probes and stands by",
		.meaning = "blue serves on the new code; green is not ready to stand in",
		.resume = "healthy-green",
		.limit = limit_healthy,
		.begin = begin_healthy_green,
		.progress = progress_healthy_green,
		.end = act_end,
	},
};

const size_t steps_fallback_count = ELEMENTS(steps_fallback);
