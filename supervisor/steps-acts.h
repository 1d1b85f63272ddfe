/* SPDX-License-Identifier: MIT */
/*
 * What several rows do alike, by color. For steps.c only.
 */
#pragma once

#include "environment.h"
#include "steps.h"

/* So often may a unit end by itself before it counts as broken. */
#define CRASHES_MAX 3

const struct instance *act_instance(const struct stage *stage, enum color color);
struct environment act_environment(const struct stage *stage, enum color color);
uint64_t act_now(const struct stage *stage);
void act_poke_at(struct stage *stage, uint64_t usec);

/* How long the rows may take. */
uint64_t limit_route(const struct stage *stage);
uint64_t limit_preflight(const struct stage *stage);
uint64_t limit_settle(const struct stage *stage);
uint64_t limit_drain(const struct stage *stage);
uint64_t limit_drain_green(const struct stage *stage);
uint64_t limit_restart(const struct stage *stage);
uint64_t limit_healthy(const struct stage *stage);
uint64_t limit_soak(const struct stage *stage);
uint64_t limit_warm_up(const struct stage *stage);
uint64_t limit_observe(const struct stage *stage);

/* False if the color is healthy and the other one is known not to be. */
bool act_check_other(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);
/* False unless the other one is healthy, or the color is known not to be. */
bool act_check_restart(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);

int act_preflight_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_preflight_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

struct drain_order act_drain_order(
	const struct stage *stage, enum color color, enum drain_scope scope);
int act_drain_begin(struct stage *stage, enum color color, enum drain_scope scope,
	char why[static STEP_TEXT_MAX]);
/* Begins it, if that has not been done yet. */
enum step_progress act_drain_progress(struct stage *stage, enum color color, enum drain_scope scope,
	char text[static STEP_TEXT_MAX]);

/* Begins a job on a color's unit; how it ended is in the stage. */
int act_job_begin(struct stage *stage, enum job_verb verb, enum color color, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX]);
/* The same for a new process, after it was equipped. */
int act_start(struct stage *stage, enum job_verb verb, enum color color, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX]);
enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);

int act_healthy_begin(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);
enum step_progress act_healthy_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);

int act_warm_up_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_warm_up_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* Gives up job, drain, probe and timer. */
void act_end(struct stage *stage);
