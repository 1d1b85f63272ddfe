/* SPDX-License-Identifier: MIT */
/*
 * Knows what can be asked before a cycle: which releases there are, and what would be found.
 * Changes nothing.
 */
#include <errno.h>

#include "app-inside.h"

int app_releases(struct app *app, struct release **ret_releases, size_t *ret_count)
{
	if (!app->config->release_directory)
		return -ENOENT;
	return release_list(app->config->release_directory, ret_releases, ret_count);
}

size_t app_plan(struct app *app, const char *release,
	struct preflight_finding findings[static PREFLIGHT_MAX])
{
	char linked[RELEASE_TAG_MAX] = "";

	if (!app->running)
		app_plan_take(app, app_strategy(app));
	/* As a reload does: what the primary has now. */
	if (!*release && app->config->release_directory &&
		release_linked(app->dirs.state, app->stage.primary, linked) >= 0)
		release = linked;
	return preflight_look(&app->stage, release, findings);
}
