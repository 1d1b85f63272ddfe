/* SPDX-License-Identifier: MIT */
/*
 * What several rows do alike, by color. For steps.c only.
 */
#pragma once

#include "steps.h"

/* An answer of the relay takes milliseconds; this is for one that is being restarted. */
#define ROUTE_LIMIT_USEC UINT64_C(15000000)
/* systemd's DefaultTimeoutStopSec=, and a little. */
#define STOP_LIMIT_USEC	 UINT64_C(100000000)
/* So often may a unit end by itself before it counts as broken. */
#define CRASHES_MAX	 3

uint64_t act_now(const struct stage *stage);
void act_poke_at(struct stage *stage, uint64_t usec);

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

int act_restart_begin(
	struct stage *stage, enum color color, uint64_t limit_usec, char why[static STEP_TEXT_MAX]);
enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);

int act_healthy_begin(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);
enum step_progress act_healthy_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX]);

int act_warm_up_begin(struct stage *stage, char why[static STEP_TEXT_MAX]);
enum step_progress act_warm_up_progress(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* Gives up job, drain, probe and timer. */
void act_end(struct stage *stage);
void act_restart_end(struct stage *stage);
