/* SPDX-License-Identifier: MIT */
/*
 * What of an app is outdated: its two colors, and our own programs that serve it.
 */
#pragma once

#include "config.h"
#include "recheck-bus.h"
#include "recheck-findings.h"
#include "recheck-note.h"

#define UNIT_MAX (CONFIG_APP_MAX + 32)

/* "app@blue.service", "app-bluegreen.service", "app-bluegreen-relay.service". */
void subject_unit(const char *app, enum subject subject, char unit[static UNIT_MAX]);

/* Each with its package. What could not be looked at is logged, and the rest is looked at: 0, or
 * the first -errno. */
int app_look(struct bus *bus, const struct note_dirs *dirs, const char *app,
	const struct config *config, struct findings *findings);
