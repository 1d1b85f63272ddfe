/* SPDX-License-Identifier: MIT */
/*
 * How answers look on a screen: what the screens of the verbs are made of, and the screens. A key
 * that is missing, because the supervisor is of another version, is shown as nothing.
 */
#pragma once

#include "ctl.h"

enum paint {
	PAINT_PLAIN,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_GOOD,
	PAINT_BAD,
	PAINT_BUSY,
	PAINT_BLUE,
	PAINT_GREEN,
	PAINT_COUNT,
};

#define DURATION_MAX 32

/* The text in at least `width` columns, painted; width 0: as it is. */
void screen_text(const struct ctl *ctl, enum paint paint, int width, const char *text);
/* A word of the supervisor, painted as it deserves. */
void screen_word(const struct ctl *ctl, int width, const char *word);
/* The left margin; "": of a line that goes on with the one before. */
void screen_label(const struct ctl *ctl, const char *label);
/* One step's line; elapsed: seconds, or < 0 for none. */
void screen_step(const struct ctl *ctl, const char *name, const char *state, double elapsed,
	const char *detail);
void screen_steps(const struct ctl *ctl, const json_t *steps);
/* "340 ms", "12.3 s", "4 min 10 s", "3 h 5 min", "2 d 4 h". Returns buffer. */
const char *duration_format(double seconds, char buffer[static DURATION_MAX]);
const char *ago_format(double realtime, char buffer[static DURATION_MAX]);
/* "" and 0 for what is not there. */
const char *json_word(const json_t *object, const char *key);
double json_figure(const json_t *object, const char *key);

/* ctl-screen-status.c */
void screen_status(const struct ctl *ctl, const json_t *status);

/* ctl-screen-numbers.c, and the same in Prometheus' words (ctl-prometheus.c) */
void screen_numbers(const struct ctl *ctl, const json_t *numbers);
void prometheus_numbers(const struct ctl *ctl, const json_t *numbers);

/* ctl-screen-cycle.c: one line about a cycle; many of them; everything that is known of one. */
void screen_summary(const struct ctl *ctl, const json_t *cycle);
void screen_history(const struct ctl *ctl, const json_t *history);
void screen_cycle(const struct ctl *ctl, const json_t *cycle);
/* What was replaced: a line a file, with its package and the colors that ran it. */
void screen_causes(const struct ctl *ctl, const char *label, const json_t *causes);
/* What was served and what waited; nothing if nobody counted. */
void screen_counts(const struct ctl *ctl, const json_t *cycle);

/* ctl-screen-plan.c */
void screen_plan(const struct ctl *ctl, const json_t *plan);
void screen_releases(const struct ctl *ctl, const json_t *releases);
