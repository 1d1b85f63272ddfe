/* SPDX-License-Identifier: MIT */
/*
 * Knows what a step does; knows neither which comes next (deploy.c) nor who asked for it. The
 * tables are at the end.
 */
#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "steps-acts.h"

static enum color fallback(const struct stage *stage)
{
	return color_other(stage->primary);
}

/* As long as the primary is taken out, or about to be, the fallback must be there for it. */
static bool check_fallback_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, stage->primary, why);
}

static bool check_primary_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, fallback(stage), why);
}

static bool check_restart_fresh(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, stage->fresh, why);
}

static bool check_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, fallback(stage), why);
}

/* Under swap another supervisor may have started it, as what it took it for. */
static bool check_fresh_writes(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	if (act_instance(stage, stage->fresh)->role == ROLE_PRIMARY)
		return true;
	snprintf(why, STEP_TEXT_MAX, "%s was started as a fallback and cannot take writes",
		color_name(stage->fresh));
	return false;
}

static int begin_before(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_hook_begin(stage, stage->config->hook_before, why);
}

static enum step_progress progress_before(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_hook_progress(stage, stage->config->hook_before, text);
}

static int begin_after(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_hook_begin(stage, stage->config->hook_after, why);
}

static enum step_progress progress_after(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_hook_progress(stage, stage->config->hook_after, text);
}

static int begin_turn(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, fallback(stage), true);
	watch_take_stance(stage->watch, STANCE_TURNED);
	return 0;
}

static int begin_shield(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, fallback(stage), true);
	watch_take_stance(stage->watch, STANCE_SHIELDED);
	return 0;
}

static int begin_alone(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->primary, true);
	watch_take_stance(stage->watch, STANCE_ALONE);
	return 0;
}

static int begin_drain(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_is_routed(stage) ? act_drain_begin(stage, stage->primary, DRAIN_ALL, why) : 0;
}

static int begin_restart(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, stage->fresh, ROLE_PRIMARY, stage->release,
		limit_restart(stage), why);
}

static int begin_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, fallback(stage), ROLE_FALLBACK, stage->release,
		limit_restart(stage), why);
}

static int begin_healthy(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
	return act_healthy_begin(stage, stage->fresh, why);
}

static int begin_healthy_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(stage->watch, STANCE_STEADY);
	return act_healthy_begin(stage, fallback(stage), why);
}

static int begin_soak(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->fresh, true);
	return 0;
}

static int begin_return(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->fresh, true);
	if (stage->config->ramp_count == 0 || !*stage->trial_process)
		act_trial_begin(stage);
	watch_take_stance(stage->watch, STANCE_STEADY);
	return 0;
}

static int begin_switch(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	stage->primary = stage->fresh;
	watch_set_primary(stage->watch, stage->primary);
	return begin_return(stage, why);
}

static int begin_window(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	stage->since_usec = act_now(stage);
	watch_take_stance(stage->watch, STANCE_STEADY);
	return 0;
}

/* Where there is nobody else to read from, the primary's reads do not end. */
static enum step_progress progress_settle(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct route *route = watch_route(stage->watch);

	if (route && route->weight[ROUTE_READS][stage->primary] != ROUTE_NEVER)
		return STEP_DONE;
	return act_drain_progress(stage, stage->primary, DRAIN_READS, text);
}

/* A supervisor that comes back here has to know how the fallback is before the primary is
 * restarted. */
static enum step_progress progress_shield(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (watch_standing(stage->watch, fallback(stage)) == STANDING_UNKNOWN) {
		snprintf(text, STEP_TEXT_MAX, "%s has not been probed often enough",
			color_name(fallback(stage)));
		return STEP_WAITING;
	}
	return act_route_progress(stage, text);
}

static enum step_progress progress_drain(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_drain_progress(stage, stage->primary, DRAIN_ALL, text);
}

/* The same for the other color: nothing new goes to it, and what it has begun ends. */
static enum step_progress progress_drain_other(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->drain && act_route_progress(stage, text) == STEP_WAITING)
		return STEP_WAITING;
	return act_drain_progress(stage, fallback(stage), DRAIN_ALL, text);
}

static enum step_progress progress_restart(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, stage->fresh, text);
}

static enum step_progress progress_restart_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, fallback(stage), text);
}

static enum step_progress progress_healthy(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, stage->fresh, text);
}

static enum step_progress progress_healthy_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, fallback(stage), text);
}

static enum step_progress progress_soak(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);
	uint64_t started =
		fresh->status.active_since_usec ? fresh->status.active_since_usec : USEC_INFINITY;
	uint64_t until =
		verdict_soaked_at(&fresh->verdict, started, stage->config->probe.soak_usec);

	if (!instance_is_healthy(fresh)) {
		instance_explain(fresh, text, STEP_TEXT_MAX);
		return STEP_FAILED;
	}
	if (until <= act_now(stage))
		return STEP_DONE;
	snprintf(text, STEP_TEXT_MAX, "%s has to stay healthy a little longer",
		color_name(stage->fresh));
	if (until != USEC_INFINITY)
		act_poke_at(stage, until);
	return STEP_WAITING;
}

/* It must be the one that is routed to, not only be wished for. */
static enum step_progress progress_return(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);

	if (instance_is_healthy(fresh))
		return act_route_progress(stage, text);
	instance_explain(fresh, text, STEP_TEXT_MAX);
	return fresh->verdict.health == HEALTH_SICK ? STEP_FAILED : STEP_WAITING;
}

/* The old release is still there, warm: to go back costs one route change. */
static enum step_progress progress_window(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);
	uint64_t until = stage->since_usec + stage->config->window_usec;

	if (fresh->verdict.health == HEALTH_SICK) {
		instance_explain(fresh, text, STEP_TEXT_MAX);
		return STEP_FAILED;
	}
	if (stage->hurry) {
		snprintf(text, STEP_TEXT_MAX, "cut short: another cycle waits");
		return STEP_DONE;
	}
	if (until <= act_now(stage))
		return STEP_DONE;
	act_poke_at(stage, until);
	snprintf(text, STEP_TEXT_MAX,
		"%s stays warm; `bluegreenctl rollback' returns to it at once",
		color_name(fallback(stage)));
	return STEP_WAITING;
}

static void undo_turn(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_STEADY);
}

static void undo_shield(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_TURNED);
}

static void undo_ramp(struct stage *stage)
{
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
}

static void undo_return(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_SHIELDED);
}

static void undo_switch(struct stage *stage)
{
	stage->primary = color_other(stage->fresh);
	watch_set_primary(stage->watch, stage->primary);
	watch_take_stance(stage->watch, STANCE_ALONE);
}

static void note_switch(const struct stage *stage, struct record *record)
{
	record->primary = record->undoing ? color_other(stage->fresh) : stage->fresh;
}

/* From now on a rollback goes to what was there before; a reload changes nothing about that. */
static void note_commit(const struct stage *stage, struct record *record)
{
	enum color old =
		stage->strategy == STRATEGY_SWAP ? color_other(stage->fresh) : stage->fresh;
	const char *former = record->former[old];

	if (*former && strcmp(former, record->release) != 0)
		memcpy(record->previous, former, sizeof(record->previous));
}

static bool always(const struct stage *stage)
{
	(void)stage;
	return true;
}

/* Code in place has no former release; and to restart on the same one again would help nobody. */
static bool has_no_former(const struct stage *stage)
{
	const char *former = act_former(stage, stage->fresh);

	return !*former || strcmp(former, stage->release) == 0;
}

/* Rows that both tables have. */
#define ROW_PREFLIGHT                                                                              \
	{                                                                                          \
		.name = "preflight",                                                               \
		.text = "read the configuration, find relay, units, release and hooks, make sure " \
			"that the last healthy color is not needed",                               \
		.meaning = "nothing was changed", .limit = limit_preflight,                        \
		.begin = act_preflight_begin, .progress = act_preflight_progress, .end = act_end,  \
	}
#define ROW_FETCH                                                                                  \
	{                                                                                          \
		.name = "fetch",                                                                   \
		.text = "the release is brought from its source, if it is not there",              \
		.meaning = "nothing was changed", .limit = limit_fetch, .begin = act_fetch_begin,  \
		.progress = act_fetch_progress, .end = act_end,                                    \
	}
#define ROW_BEFORE                                                                                 \
	{                                                                                          \
		.name = "before", .text = "the hook BeforeRestart= runs, a migration say",         \
		.meaning = "nothing was restarted", .limit = limit_hook, .begin = begin_before,    \
		.progress = progress_before, .end = act_end,                                       \
	}
#define ROW_DRAIN_FALLBACK                                                                         \
	{                                                                                          \
		.name = "drain-fallback",                                                          \
		.text = "nothing new goes to the fallback; what it has begun ends",                \
		.meaning = "the primary serves on the new code; the fallback keeps the old one",   \
		.resume = "drain-fallback", .limit = limit_drain_other,                            \
		.check = check_primary_serves, .begin = begin_alone,                               \
		.progress = progress_drain_other, .end = act_end,                                  \
	}
#define ROW_RESTART_FALLBACK                                                                       \
	{                                                                                          \
		.name = "restart-fallback",                                                        \
		.text = "the fallback restarts on the new code, read-only",                        \
		.meaning = "the primary serves on the new code; the fallback is not ready to "     \
			   "stand in",                                                             \
		.resume = "drain-fallback", .no_way_back = always, .starts = true,                 \
		.limit = limit_restart, .check = check_restart_fallback,                           \
		.begin = begin_restart_fallback, .progress = progress_restart_fallback,            \
		.end = act_end,                                                                    \
	}
#define ROW_HEALTHY_FALLBACK                                                                       \
	{                                                                                          \
		.name = "healthy-fallback",                                                        \
		.text = "the fallback answers its probes and stands by",                           \
		.meaning = "the primary serves on the new code; the fallback is not ready to "     \
			   "stand in",                                                             \
		.resume = "healthy-fallback", .limit = limit_healthy,                              \
		.begin = begin_healthy_fallback, .progress = progress_healthy_fallback,            \
		.end = act_end,                                                                    \
	}
#define ROW_AFTER                                                                                  \
	{                                                                                          \
		.name = "after", .text = "the hook AfterDeploy= runs",                             \
		.meaning = "reported; the cycle goes on", .failure = STEP_GOES_ON,                 \
		.resume = "prune", .limit = limit_hook, .begin = begin_after,                      \
		.progress = progress_after, .end = act_end,                                        \
	}
#define ROW_PRUNE                                                                                  \
	{                                                                                          \
		.name = "prune",                                                                   \
		.text = "old releases are removed, but for those that Keep= says",                 \
		.meaning = "reported; the cycle goes on", .failure = STEP_GOES_ON,                 \
		.resume = "prune", .limit = limit_prune, .begin = act_prune_begin,                 \
		.progress = act_prune_progress, .end = act_end,                                    \
	}

#define PUT_BACK                                                                                   \
	"the release before returns; if there is none, the fallback goes on serving reads, and "   \
	"writes return when the primary is healthy"

const struct step steps_fallback[] = {
	ROW_PREFLIGHT,
	ROW_FETCH,
	ROW_BEFORE,
	{
		.name = "turn",
		.text = "reads go to the fallback, writes still to the primary",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_route,
		.check = check_fallback_serves,
		.begin = begin_turn,
		.progress = act_route_progress,
		.undo = undo_turn,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "settle",
		.text = "reads and event streams in flight on the primary end",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_settle,
		.check = check_fallback_serves,
		.progress = progress_settle,
		.end = act_end,
	},
	{
		.name = "shield",
		.text = "writes wait; nothing new goes to the primary",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_route,
		.check = check_fallback_serves,
		.begin = begin_shield,
		.progress = progress_shield,
		.undo = undo_shield,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "drain",
		.text = "what the primary has begun ends; no connection to it is left",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_drain,
		.check = check_fallback_serves,
		.begin = begin_drain,
		.progress = progress_drain,
		.end = act_end,
	},
	{
		.name = "restart",
		.text = "the primary restarts on the new code",
		.meaning = PUT_BACK,
		.starts = true,
		.no_way_back = has_no_former,
		.resume = "shield",
		.limit = limit_restart,
		.check = check_restart_fresh,
		.begin = begin_restart,
		.progress = progress_restart,
		.undo_limit = limit_put_back,
		.undo = act_put_back_begin,
		.undone = act_put_back_progress,
		.end = act_end,
	},
	{
		.name = "healthy",
		.text = "the primary answers its probes",
		.meaning = PUT_BACK,
		.resume = "healthy",
		.limit = limit_healthy,
		.begin = begin_healthy,
		.progress = progress_healthy,
		.end = act_end,
	},
	{
		.name = "soak",
		.text = "the primary stays healthy for a while, without traffic",
		.meaning = PUT_BACK,
		.resume = "healthy",
		.limit = limit_soak,
		.begin = begin_soak,
		.progress = progress_soak,
		.end = act_end,
	},
	{
		.name = "warm-up",
		.text = "the primary is asked for the pages that it should have ready",
		.meaning = "reported; the cycle goes on",
		.failure = STEP_GOES_ON,
		.resume = "healthy",
		.limit = limit_warm_up,
		.begin = act_warm_up_begin,
		.progress = act_warm_up_progress,
		.end = act_end,
	},
	{
		.name = "ramp",
		.text = "writes return to the primary, and reads step by step, as Ramp= says",
		.meaning = PUT_BACK,
		.resume = "healthy",
		.limit = limit_ramp,
		.begin = act_ramp_begin,
		.progress = act_ramp_progress,
		.undo = undo_ramp,
		.undone = act_route_progress,
		.end = act_ramp_end,
	},
	{
		.name = "return",
		.text = "all traffic returns to the primary, the writes that waited first",
		.meaning = PUT_BACK,
		.resume = "return",
		.limit = limit_route,
		.begin = begin_return,
		.progress = progress_return,
		.undo = undo_return,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "observe",
		.text = "the primary is watched under traffic, for the Probation=",
		.meaning = PUT_BACK,
		.resume = "return",
		.limit = limit_observe,
		.begin = act_observe_begin,
		.progress = act_observe_progress,
		.end = act_end,
	},
	{
		.name = "commit",
		.text = "the new code is accepted",
		.meaning = "the fallback keeps the old code",
		.commits = true,
		.note = note_commit,
		.no_way_back = always,
		.resume = "commit",
		.limit = limit_route,
		.progress = progress_return,
		.end = act_end,
	},
	ROW_DRAIN_FALLBACK,
	ROW_RESTART_FALLBACK,
	ROW_HEALTHY_FALLBACK,
	ROW_AFTER,
	ROW_PRUNE,
};

#define STAYS	"the old release goes on serving"
#define RETURNS "all traffic goes back to the old release"

const struct step steps_swap[] = {
	ROW_PREFLIGHT,
	ROW_FETCH,
	ROW_BEFORE,
	{
		.name = "vacate",
		.text = "nothing new goes to the idle color; what it has begun ends",
		.meaning = STAYS,
		.limit = limit_drain_other,
		.check = check_primary_serves,
		.begin = begin_alone,
		.progress = progress_drain_other,
		.undo = undo_turn,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "start",
		.text = "the idle color restarts on the new code, as a primary",
		.meaning = STAYS,
		.starts = true,
		.resume = "vacate",
		.limit = limit_restart,
		.check = check_restart_fresh,
		.begin = begin_restart,
		.progress = progress_restart,
		.undo_limit = limit_put_back,
		.undo = act_put_back_begin,
		.undone = act_put_back_progress,
		.end = act_end,
	},
	{
		.name = "healthy",
		.text = "it answers its probes",
		.meaning = STAYS,
		.resume = "healthy",
		.limit = limit_healthy,
		.begin = begin_healthy,
		.progress = progress_healthy,
		.end = act_end,
	},
	{
		.name = "soak",
		.text = "it stays healthy for a while, without traffic",
		.meaning = STAYS,
		.resume = "healthy",
		.limit = limit_soak,
		.begin = begin_soak,
		.progress = progress_soak,
		.end = act_end,
	},
	{
		.name = "warm-up",
		.text = "it is asked for the pages that it should have ready",
		.meaning = "reported; the cycle goes on",
		.failure = STEP_GOES_ON,
		.resume = "healthy",
		.limit = limit_warm_up,
		.begin = act_warm_up_begin,
		.progress = act_warm_up_progress,
		.end = act_end,
	},
	{
		.name = "ramp",
		.text = "traffic goes to the new release step by step, as Ramp= says",
		.meaning = RETURNS,
		.resume = "healthy",
		.limit = limit_ramp,
		.check = check_fresh_writes,
		.begin = act_ramp_begin,
		.progress = act_ramp_progress,
		.undo = undo_ramp,
		.undone = act_route_progress,
		.end = act_ramp_end,
	},
	{
		.name = "switch",
		.text = "the color with the new release becomes the primary",
		.meaning = RETURNS,
		.resume = "switch",
		.note = note_switch,
		.limit = limit_route,
		.check = check_fresh_writes,
		.begin = begin_switch,
		.progress = progress_return,
		.undo = undo_switch,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "observe",
		.text = "it is watched under traffic, for the Probation=",
		.meaning = RETURNS,
		.resume = "switch",
		.limit = limit_observe,
		.begin = act_observe_begin,
		.progress = act_observe_progress,
		.end = act_end,
	},
	{
		.name = "commit",
		.text = "the new release is accepted",
		.meaning = RETURNS,
		.commits = true,
		.note = note_commit,
		.resume = "commit",
		.limit = limit_route,
		.progress = progress_return,
		.end = act_end,
	},
	{
		.name = "window",
		.text = "the old release stays warm, for a rollback within the Window=",
		.meaning = RETURNS,
		.resume = "window",
		.limit = limit_window,
		.begin = begin_window,
		.progress = progress_window,
		.end = act_end,
	},
	ROW_DRAIN_FALLBACK,
	ROW_RESTART_FALLBACK,
	ROW_HEALTHY_FALLBACK,
	ROW_AFTER,
	ROW_PRUNE,
};

const size_t steps_fallback_count = ELEMENTS(steps_fallback);
const size_t steps_swap_count = ELEMENTS(steps_swap);
