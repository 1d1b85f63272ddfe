/* SPDX-License-Identifier: MIT */
/*
 * bluegreenctl: a table of verbs over the supervisor's D-Bus object. Three of them are about
 * applications themselves (ctl-new.h). What the parts of it share.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Exit statuses; bluegreenctl(1). */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNKNOWN = 3, /* interrupted, or somebody went: the outcome is not known */
};

struct ctl {
	const char *app;
	bool json;
	bool color;    /* the terminal may be painted */
	bool terminal; /* stdout is one */
	bool unicode;
	bool quiet;	    /* the supervisor itself tells the journal what we would */
	const char *sha256; /* --sha256=, or "" */
	bool prometheus;
	/* Of `new' and `remove'; NULL: not given. */
	const char *listen, *ports, *user, *exec;
	bool no_start, keep_data;
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

/* A method of the supervisor's object; its arguments are strings, NULL behind the last. */
struct ctl_method {
	const char *name;
	const char *arguments[2];
};

#define CTL_ID_MAX 33
/* Seconds as people write them: 0.1, not 0.10000000000000001. */
#define CTL_REAL   JSON_REAL_PRECISION(16)

/* "bluegreenctl --app NAME", as a hint has to say it; "bluegreenctl" for `app'. */
const char *ctl_command(const struct ctl *ctl);

/* ctl-bus.c: one call, its answer as JSON; NULL after it was told on stderr why not, and
 * *ret_exit says what that means. */
json_t *ctl_call(struct ctl *ctl, const struct ctl_method *method, int *ret_exit);
/* The same for a method that answers with a cycle's id. */
int ctl_begin(struct ctl *ctl, const struct ctl_method *method, char id[static CTL_ID_MAX]);
int ctl_connect(struct ctl *ctl);
/* ctl-owner.c: waits a moment for a supervisor that is being replaced or started again. True if one
 * has the name now. */
bool ctl_await_owner(struct ctl *ctl);
/* "app.bluegreen.NAME" */
const char *ctl_bus_name(const struct ctl *ctl);

/* ctl-follow.c: calls a method that begins a cycle or takes one back, shows its steps, and waits
 * until it has ended. */
int ctl_follow(struct ctl *ctl, const struct ctl_method *method);
