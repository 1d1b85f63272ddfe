/* SPDX-License-Identifier: MIT */
/*
 * The tables, and nothing else: which row comes after which, and what it means. What a row does
 * stands in steps-rows.c.
 */
#include "steps.h"

#include "base/fd.h"
#include "steps-acts.h"
#include "steps-rows.h"

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
#define ROW_SNAPSHOT                                                                               \
	{                                                                                          \
		.name = "snapshot",                                                                \
		.text = "what is installed in place is copied into a release, as Snapshot= says",  \
		.meaning = "nothing was restarted, and no half of a copy is left",                 \
		.learn = row_learn_snapshot, .limit = limit_snapshot, .begin = act_snapshot_begin, \
		.progress = act_snapshot_progress, .end = act_end,                                 \
	}
#define ROW_BEFORE                                                                                 \
	{                                                                                          \
		.name = "before", .text = "the hook BeforeRestart= runs, a migration say",         \
		.meaning = "nothing was restarted", .limit = limit_hook,                           \
		.begin = row_begin_before, .progress = row_progress_before, .end = act_end,        \
	}
#define ROW_DRAIN_FALLBACK                                                                         \
	{                                                                                          \
		.name = "drain-fallback",                                                          \
		.text = "nothing new goes to the fallback; what it has begun ends",                \
		.meaning = "the primary serves on the new code; the fallback keeps the old one",   \
		.resume = "drain-fallback", .limit = limit_drain_other,                            \
		.check = row_check_primary_serves, .begin = row_begin_alone,                       \
		.progress = row_progress_drain_other, .end = act_end,                              \
	}
#define ROW_RESTART_FALLBACK                                                                       \
	{                                                                                          \
		.name = "restart-fallback",                                                        \
		.text = "the fallback restarts on the new code, read-only",                        \
		.meaning = "the primary serves on the new code; the fallback is not ready to "     \
			   "stand in",                                                             \
		.resume = "drain-fallback", .no_way_back = row_always, .starts = true,             \
		.limit = limit_restart, .check = row_check_restart_fallback,                       \
		.begin = row_begin_restart_fallback, .progress = row_progress_restart_fallback,    \
		.end = act_end,                                                                    \
	}
#define ROW_HEALTHY_FALLBACK                                                                       \
	{                                                                                          \
		.name = "healthy-fallback",                                                        \
		.text = "the fallback answers its probes and stands by",                           \
		.meaning = "the primary serves on the new code; the fallback is not ready to "     \
			   "stand in",                                                             \
		.resume = "healthy-fallback", .limit = limit_healthy,                              \
		.begin = row_begin_healthy_fallback, .progress = row_progress_healthy_fallback,    \
		.end = act_end,                                                                    \
	}
#define ROW_AFTER                                                                                  \
	{                                                                                          \
		.name = "after", .text = "the hook AfterDeploy= runs",                             \
		.meaning = "reported; the cycle goes on", .failure = STEP_GOES_ON,                 \
		.resume = "prune", .limit = limit_hook, .begin = row_begin_after,                  \
		.progress = row_progress_after, .end = act_end,                                    \
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
	ROW_SNAPSHOT,
	ROW_BEFORE,
	{
		.name = "turn",
		.text = "reads go to the fallback, writes still to the primary",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_route,
		.check = row_check_fallback_serves,
		.begin = row_begin_turn,
		.progress = act_route_progress,
		.undo = row_undo_turn,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "settle",
		.text = "reads and event streams in flight on the primary end",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_settle,
		.check = row_check_fallback_serves,
		.progress = row_progress_settle,
		.end = act_end,
	},
	{
		.name = "shield",
		.text = "writes wait; nothing new goes to the primary",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_route,
		.check = row_check_fallback_serves,
		.begin = row_begin_shield,
		.progress = row_progress_shield,
		.undo = row_undo_shield,
		.undone = act_route_progress,
		.end = act_end,
	},
	{
		.name = "drain",
		.text = "what the primary has begun ends; no connection to it is left",
		.meaning = "all traffic goes back to the primary",
		.limit = limit_drain,
		.check = row_check_fallback_serves,
		.begin = row_begin_drain,
		.progress = row_progress_drain,
		.end = act_end,
	},
	{
		.name = "restart",
		.text = "the primary restarts on the new code",
		.meaning = PUT_BACK,
		.starts = true,
		.no_way_back = row_has_no_former,
		.resume = "shield",
		.limit = limit_restart,
		.check = row_check_restart_fresh,
		.begin = row_begin_restart,
		.progress = row_progress_restart,
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
		.begin = row_begin_healthy,
		.progress = row_progress_healthy,
		.end = act_end,
	},
	{
		.name = "soak",
		.text = "the primary stays healthy for a while, without traffic",
		.meaning = PUT_BACK,
		.resume = "healthy",
		.limit = limit_soak,
		.begin = row_begin_soak,
		.progress = row_progress_soak,
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
		.undo = row_undo_ramp,
		.undone = act_route_progress,
		.end = act_ramp_end,
	},
	{
		.name = "return",
		.text = "all traffic returns to the primary, the writes that waited first",
		.meaning = PUT_BACK,
		.resume = "return",
		.limit = limit_route,
		.begin = row_begin_return,
		.progress = row_progress_return,
		.undo = row_undo_return,
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
		.note = row_note_commit,
		.no_way_back = row_always,
		.resume = "commit",
		.limit = limit_route,
		.progress = row_progress_return,
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
	ROW_SNAPSHOT,
	ROW_BEFORE,
	{
		.name = "vacate",
		.text = "nothing new goes to the idle color; what it has begun ends",
		.meaning = STAYS,
		.limit = limit_drain_other,
		.check = row_check_primary_serves,
		.begin = row_begin_alone,
		.progress = row_progress_drain_other,
		.undo = row_undo_turn,
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
		.check = row_check_restart_fresh,
		.begin = row_begin_restart,
		.progress = row_progress_restart,
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
		.begin = row_begin_healthy,
		.progress = row_progress_healthy,
		.end = act_end,
	},
	{
		.name = "soak",
		.text = "it stays healthy for a while, without traffic",
		.meaning = STAYS,
		.resume = "healthy",
		.limit = limit_soak,
		.begin = row_begin_soak,
		.progress = row_progress_soak,
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
		.check = row_check_fresh_writes,
		.begin = act_ramp_begin,
		.progress = act_ramp_progress,
		.undo = row_undo_ramp,
		.undone = act_route_progress,
		.end = act_ramp_end,
	},
	{
		.name = "switch",
		.text = "the color with the new release becomes the primary",
		.meaning = RETURNS,
		.resume = "switch",
		.note = row_note_switch,
		.limit = limit_route,
		.check = row_check_fresh_writes,
		.begin = row_begin_switch,
		.progress = row_progress_return,
		.undo = row_undo_switch,
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
		.note = row_note_commit,
		.resume = "commit",
		.limit = limit_route,
		.progress = row_progress_return,
		.end = act_end,
	},
	{
		.name = "window",
		.text = "the old release stays warm, for a rollback within the Window=",
		.meaning = RETURNS,
		.resume = "window",
		.limit = limit_window,
		.begin = row_begin_window,
		.progress = row_progress_window,
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
