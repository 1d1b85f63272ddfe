/* SPDX-License-Identifier: MIT */
/*
 * Knows what becomes of a swap in whose middle the host went down: at boot one color starts as a
 * primary, never both. Does not know how rows go on from there, or back (deploy.h).
 */
#include <errno.h>
#include <stdio.h>

#include "app-inside.h"
#include "environment.h"

/* Nothing of /run is left: neither color was told anything since the host booted. */
static bool host_has_booted(const struct app *app)
{
	struct environment_part part;

	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (environment_read(app->dirs.runtime, color, &part) != -ENOENT)
			return false;
	return true;
}

/* Under fixed roles there is one primary in every row. */
bool app_boot_follow(struct app *app)
{
	struct record *record = &app->record;
	char why[STEP_TEXT_MAX];

	if (!host_has_booted(app))
		return false;
	if (record->strategy != STRATEGY_SWAP || record->undoing)
		return true;
	if (!record->committed) {
		/* The color that served is the primary; the other one comes up as what it was. */
		record->undoing = true;
		record->primary = color_other(record->fresh);
		app_primary_take(app, record->primary);
		app->stage.fresh = record->fresh;
		(void)stage_equip(&app->stage, record->fresh, ROLE_FALLBACK,
			record->former[record->fresh], why);
	} else if (stage_has_two_primaries(record)) {
		/* Nobody is warm any more: the window has closed with the host. */
		snprintf(record->step, sizeof(record->step), "restart-fallback");
	}
	return true;
}
