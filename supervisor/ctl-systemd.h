/* SPDX-License-Identifier: MIT */
/*
 * What the service manager says of its units, and programs that are run to change something. What
 * fails is told on stderr where it is not said otherwise.
 */
#pragma once

#include "ctl.h"

#define SYSTEMD_UNITS_MAX 1024
/* A unit: installed in `path`, or loaded and then in the state `active` ("active", "failed"); the
 * other one is NULL. */
struct systemd_unit {
	const char *name, *path, *active;
};

/* Calls for each unit that is loaded or installed and matches the pattern; one that is both comes
 * twice. A return that is not 0 ends it. 0, what `take` returned, or -errno. */
typedef int (*systemd_unit_fn)(void *owner, const struct systemd_unit *unit);
int systemd_units(struct ctl *ctl, const char *pattern, systemd_unit_fn take, void *owner);
/* For each address that a socket unit names. */
typedef int (*systemd_listen_fn)(void *owner, const char *unit, const char *address);
int systemd_listens(struct ctl *ctl, const char *unit, systemd_listen_fn take, void *owner);

/* Runs a program for so long at most. Its exit status, or -errno; what it said on stderr, cut to a
 * few lines, is in *ret_words, the caller's to free ("" if nothing). */
int program_run(const char *const *argv, unsigned int seconds, char **ret_words);
/* The same, and a sentence if it does not end well. */
int program_must(const char *const *argv, unsigned int seconds, const char *what);
