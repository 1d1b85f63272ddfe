/* SPDX-License-Identifier: MIT */
/*
 * bluegreenctl: a table of verbs over the supervisor's D-Bus object, nothing more. What the parts
 * of it share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Exit statuses; bluegreenctl(1). */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNKNOWN = 3, /* interrupted, or the supervisor went: the outcome is not known */
};

struct ctl {
	const char *app;
	bool json;
	bool color;    /* the terminal may be painted */
	bool terminal; /* stdout is one */
	bool unicode;
	bool quiet; /* the supervisor itself tells the journal what we would */
	sd_bus *bus;
};

struct ctl_verb {
	const char *name;
	const char *arguments; /* for the usage */
	const char *help;
	int arguments_max;
	/* argv: the arguments behind the verb, NULL-terminated. Returns an enum ctl_exit. */
	int (*run)(struct ctl *ctl, char **argv);
};

extern const struct ctl_verb ctl_verbs[];
extern const size_t ctl_verbs_count;
void ctl_usage(FILE *file);

/* ctl-bus.c: one call, its answer as JSON; NULL after it was told on stderr why not, and
 * *ret_exit says what that means. argument NULL: the method takes none. */
json_t *ctl_call(struct ctl *ctl, const char *method, const char *argument, int *ret_exit);
/* Begins a cycle; the same. id: 33 bytes. */
int ctl_deploy(struct ctl *ctl, const char *release, char *id);
int ctl_connect(struct ctl *ctl);
/* "app.bluegreen.NAME" */
const char *ctl_bus_name(const struct ctl *ctl);

/* ctl-follow.c: begins a cycle, shows its steps, and waits until it has ended. */
int ctl_follow(struct ctl *ctl, const char *release);

/* ctl-screen.c */
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

/* The text in at least `width` columns, painted; width 0: as it is. */
void screen_text(const struct ctl *ctl, enum paint paint, int width, const char *text);
void screen_status(const struct ctl *ctl, const json_t *status);
void screen_cycle(const struct ctl *ctl, const json_t *cycle);
void screen_history(const struct ctl *ctl, const json_t *history);
void screen_plan(const struct ctl *ctl, const json_t *plan);
/* One step's line; elapsed: seconds, or < 0 for none. */
void screen_step(const struct ctl *ctl, const char *name, const char *state, double elapsed,
	const char *detail);
const char *json_word(const json_t *object, const char *key);
double json_figure(const json_t *object, const char *key);
