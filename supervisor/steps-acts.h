/* SPDX-License-Identifier: MIT */
/*
 * What several rows do alike, by color. For the tables and what they are made of only.
 */
#pragma once

#include "environment.h"
#include "steps.h"

/* So often may a unit end by itself before it counts as broken. */
#define CRASHES_MAX 3

const struct instance *act_instance(const struct stage *stage, enum color color);
uint64_t act_now(const struct stage *stage);
void act_poke_at(struct stage *stage, uint64_t usec);
/* Is there a route at all? */
bool act_is_routed(const struct stage *stage);

/* How long the rows may take. */
uint64_t limit_route(const struct stage *stage);
uint64_t limit_preflight(const struct stage *stage);
uint64_t limit_fetch(const struct stage *stage);
uint64_t limit_snapshot(const struct stage *stage);
uint64_t limit_hook(const struct stage *stage);
uint64_t limit_settle(const struct stage *stage);
uint64_t limit_drain(const struct stage *stage);       /* of the primary, while writes wait */
uint64_t limit_drain_other(const struct stage *stage); /* of the other one */
uint64_t limit_restart(const struct stage *stage);
uint64_t limit_put_back(const struct stage *stage);
uint64_t limit_healthy(const struct stage *stage);
uint64_t limit_soak(const struct stage *stage);
uint64_t limit_warm_up(const struct stage *stage);
uint64_t limit_ramp(const struct stage *stage);
uint64_t limit_observe(const struct stage *stage);
uint64_t limit_window(const struct stage *stage);
uint64_t limit_prune(const struct stage *stage);

/* False if the color is healthy and the other one is known not to be. */
bool act_check_other(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);
/* False unless the other one is healthy, or the color is known not to be. */
bool act_check_restart(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);

/* The relay follows the route of the stance. */
enum step_progress act_route_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

int act_preflight_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_preflight_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

struct drain_order act_drain_order(
	const struct stage *stage, enum color color, enum drain_scope scope);
int act_drain_begin(struct stage *stage, enum color color, enum drain_scope scope,
	char why[static STEP_TEXT_MAX]);
/* Begins it, if that has not been done yet. */
enum step_progress act_drain_progress(struct stage *stage, enum color color, enum drain_scope scope,
	char text[static STEP_TEXT_MAX]);

/* steps-start.c. Begins a job on a unit; how it ended is in the stage. */
int act_job_begin(struct stage *stage, enum job_verb verb, const char *unit, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX]);
/* The same for a new process, after it was equipped. */
int act_start(struct stage *stage, enum job_verb verb, enum color color, enum role role,
	const char *release, uint64_t limit_usec, char why[static STEP_TEXT_MAX]);
void act_start_end(struct stage *stage);
enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);
int act_healthy_begin(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);
enum step_progress act_healthy_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);

/* steps-back.c. The fresh color goes back to what it was before the cycle. */
void act_put_back_begin(struct stage *stage);
enum step_progress act_put_back_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);
/* What the cycle can go back to: the release that the color ran before; "" if there is none. */
const char *act_former(const struct stage *stage, enum color color);

/* steps-warm.c */
int act_warm_up_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_warm_up_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* steps-trial.c */
void act_trial_begin(struct stage *stage);
int act_ramp_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_ramp_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);
void act_ramp_end(struct stage *stage);
int act_observe_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_observe_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* steps-release.c */
int act_fetch_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_fetch_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);
/* Can both units read it, now that it is there? */
bool act_release_is_usable(
	struct stage *stage, const char *release, char text[static STEP_TEXT_MAX]);
int act_prune_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_prune_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);
int act_hook_begin(struct stage *stage, const char *unit, char why[static STEP_TEXT_MAX]);
enum step_progress act_hook_progress(
	struct stage *stage, const char *unit, char text[static STEP_TEXT_MAX]);

/* steps-snapshot.c */
int act_snapshot_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_snapshot_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* Gives up job, drain, probe, fetch, snapshot, prune and timer. */
void act_end(struct stage *stage);
