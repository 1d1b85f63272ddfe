/* SPDX-License-Identifier: MIT */
/*
 * What a color was started on: the fingerprints of [Upgrade] WatchPath= and of its release, in a
 * file for each color. They are of this boot: the directory is in /run, and root's alone.
 */
#pragma once

#include "color.h"
#include "config.h"
#include "recheck-findings.h"

struct note_dirs {
	const char *notes; /* /run/app-bluegreen/recheck; made if it is not there */
	const char *state; /* /var/lib/app-bluegreen */
};

/* -errno: then there is no note, also not the one before. -E2BIG: there is one, of a part. */
int note_take(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color);

/* Adds what is different. -ENOENT: there is no note, nothing is known. -E2BIG as above. */
int note_compare(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color, struct findings *findings);
