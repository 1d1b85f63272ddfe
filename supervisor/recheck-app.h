/* SPDX-License-Identifier: MIT */
/*
 * What follows from what is outdated of one app: a cycle now, one when the maintenance window
 * opens, or only a word; and for our own programs, that the installed ones take over.
 */
#pragma once

#include <stdint.h>

#include "recheck-bus.h"
#include "recheck-note.h"

struct recheck {
	struct bus *bus;
	const char *config_dir; /* /etc/app-bluegreen */
	const char *asked_dir;	/* /var/lib/app-bluegreen/recheck */
	struct note_dirs dirs;
};

/* Waits until nobody installs packages and no cycle runs, looks, acts, and waits until the cycle
 * has ended: so the next app is not restarted at the same time. What goes wrong is logged; -errno.
 */
int app_recheck(const struct recheck *recheck, const char *app);

/* Prints what is outdated, a line each; changes nothing. */
int app_list(const struct recheck *recheck, const char *app);
