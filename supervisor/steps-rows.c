/* SPDX-License-Identifier: MIT */
/*
 * Knows what a row does with which color; knows neither which row comes next (steps.c) nor how it
 * is done by means of systemd, relay and disk (steps-acts.h).
 */
#include "steps-rows.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "steps-acts.h"
#include "text.h"

static enum color fallback(const struct stage *stage)
{
	return color_other(stage->primary);
}

/* As long as the primary is taken out, or about to be, the fallback must be there for it. */
bool row_check_fallback_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, stage->primary, why);
}

bool row_check_primary_serves(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_other(stage, fallback(stage), why);
}

bool row_check_restart_fresh(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, stage->fresh, why);
}

bool row_check_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_check_restart(stage, fallback(stage), why);
}

/* Under swap another supervisor may have started it, as what it took it for. */
bool row_check_fresh_writes(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	if (act_instance(stage, stage->fresh)->role == ROLE_PRIMARY)
		return true;
	snprintf(why, STEP_TEXT_MAX, "%s was started as a fallback and cannot take writes",
		color_name(stage->fresh));
	return false;
}

int row_begin_before(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_hook_begin(stage, stage->config->hook_before, why);
}

enum step_progress row_progress_before(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_hook_progress(stage, stage->config->hook_before, text);
}

int row_begin_after(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_hook_begin(stage, stage->config->hook_after, why);
}

enum step_progress row_progress_after(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_hook_progress(stage, stage->config->hook_after, text);
}

int row_begin_turn(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, fallback(stage), true);
	watch_take_stance(stage->watch, STANCE_TURNED);
	return 0;
}

int row_begin_shield(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, fallback(stage), true);
	watch_take_stance(stage->watch, STANCE_SHIELDED);
	return 0;
}

int row_begin_alone(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->primary, true);
	watch_take_stance(stage->watch, STANCE_ALONE);
	return 0;
}

int row_begin_drain(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_is_routed(stage) ? act_drain_begin(stage, stage->primary, DRAIN_ALL, why) : 0;
}

int row_begin_restart(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, stage->fresh, ROLE_PRIMARY, stage->release,
		limit_restart(stage), why);
}

int row_begin_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	return act_start(stage, JOB_RESTART, fallback(stage), ROLE_FALLBACK, stage->release,
		limit_restart(stage), why);
}

int row_begin_healthy(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
	return act_healthy_begin(stage, stage->fresh, why);
}

int row_begin_healthy_fallback(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	watch_take_stance(stage->watch, STANCE_STEADY);
	return act_healthy_begin(stage, fallback(stage), why);
}

int row_begin_soak(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->fresh, true);
	return 0;
}

int row_begin_return(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->fresh, true);
	if (stage->config->ramp_count == 0 || !*stage->trial_process)
		act_trial_begin(stage);
	watch_take_stance(stage->watch, STANCE_STEADY);
	return 0;
}

int row_begin_switch(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	stage->primary = stage->fresh;
	watch_set_primary(stage->watch, stage->primary);
	return row_begin_return(stage, why);
}

int row_begin_window(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	stage->since_usec = act_now(stage);
	watch_take_stance(stage->watch, STANCE_STEADY);
	return 0;
}

/* Where there is nobody else to read from, the primary's reads do not end. */
enum step_progress row_progress_settle(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct route *route = watch_route(stage->watch);

	if (route && route->weight[ROUTE_READS][stage->primary] != ROUTE_NEVER)
		return STEP_DONE;
	return act_drain_progress(stage, stage->primary, DRAIN_READS, text);
}

/* A supervisor that comes back here has to know how the fallback is before the primary is
 * restarted. */
enum step_progress row_progress_shield(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (watch_standing(stage->watch, fallback(stage)) == STANDING_UNKNOWN) {
		snprintf(text, STEP_TEXT_MAX, "%s has not been probed often enough",
			color_name(fallback(stage)));
		return STEP_WAITING;
	}
	return act_route_progress(stage, text);
}

enum step_progress row_progress_drain(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_drain_progress(stage, stage->primary, DRAIN_ALL, text);
}

/* The same for the other color: nothing new goes to it, and what it has begun ends. */
enum step_progress row_progress_drain_other(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->drain && act_route_progress(stage, text) == STEP_WAITING)
		return STEP_WAITING;
	return act_drain_progress(stage, fallback(stage), DRAIN_ALL, text);
}

enum step_progress row_progress_restart(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, stage->fresh, text);
}

enum step_progress row_progress_restart_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_restart_progress(stage, fallback(stage), text);
}

enum step_progress row_progress_healthy(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, stage->fresh, text);
}

enum step_progress row_progress_healthy_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX])
{
	return act_healthy_progress(stage, fallback(stage), text);
}

enum step_progress row_progress_soak(struct stage *stage, char text[static STEP_TEXT_MAX])
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
enum step_progress row_progress_return(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);

	if (instance_is_healthy(fresh))
		return act_route_progress(stage, text);
	instance_explain(fresh, text, STEP_TEXT_MAX);
	return fresh->verdict.health == HEALTH_SICK ? STEP_FAILED : STEP_WAITING;
}

/* The old release is still there, warm: to go back costs one route change. */
enum step_progress row_progress_window(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);
	uint64_t until = stage->since_usec + stage->config->window_usec;
	char command[TEXT_COMMAND_MAX];

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
	snprintf(text, STEP_TEXT_MAX, "%s stays warm; `%s rollback' returns to it at once",
		color_name(fallback(stage)), text_command(stage->config->app, command));
	return STEP_WAITING;
}

void row_undo_turn(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_STEADY);
}

void row_undo_shield(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_TURNED);
}

void row_undo_ramp(struct stage *stage)
{
	watch_take_stance(
		stage->watch, stage->strategy == STRATEGY_SWAP ? STANCE_ALONE : STANCE_SHIELDED);
}

void row_undo_return(struct stage *stage)
{
	watch_take_stance(stage->watch, STANCE_SHIELDED);
}

void row_undo_switch(struct stage *stage)
{
	stage->primary = color_other(stage->fresh);
	watch_set_primary(stage->watch, stage->primary);
	watch_take_stance(stage->watch, STANCE_ALONE);
}

void row_note_switch(const struct stage *stage, struct record *record)
{
	record->primary = record->undoing ? color_other(stage->fresh) : stage->fresh;
}

/* From now on a rollback goes to what was there before; a reload changes nothing about that. */
void row_note_commit(const struct stage *stage, struct record *record)
{
	enum color old =
		stage->strategy == STRATEGY_SWAP ? color_other(stage->fresh) : stage->fresh;
	const char *former = record->former[old];

	if (*former && strcmp(former, record->release) != 0)
		memcpy(record->previous, former, sizeof(record->previous));
}

/* Nothing was copied for a release that has a name already. */
void row_learn_snapshot(const struct stage *stage, struct record *record)
{
	if (*stage->snapshot_tag)
		snprintf(record->release, sizeof(record->release), "%s", stage->snapshot_tag);
}

bool row_always(const struct stage *stage)
{
	(void)stage;
	return true;
}

/* Code in place has no former release; and to restart on the same one again would help nobody. */
bool row_has_no_former(const struct stage *stage)
{
	const char *former = act_former(stage, stage->fresh);

	return !*former || strcmp(former, stage->release) == 0;
}
