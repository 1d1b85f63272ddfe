/* SPDX-License-Identifier: MIT */
/*
 * Knows what can be asked before a cycle: which releases there are, what it would do, and what its
 * preflight would find. Changes nothing: a cycle that runs, and the stories of the last one, go by
 * the table that they began with.
 */
#include <errno.h>
#include <stdio.h>

#include "app-inside.h"

int app_releases(struct app *app, struct release **ret_releases, size_t *ret_count)
{
	if (!app->config->release_directory)
		return -ENOENT;
	return release_list(app->config->release_directory, ret_releases, ret_count);
}

/* The file as it is now, as the cycle would read it; if it is bad, what is in force. */
static void config_foresee(struct app *app, struct app_forecast *forecast)
{
	struct preflight_finding *finding = &forecast->findings[0];
	char error[CONFIG_ERROR_MAX];

	forecast->stage.config = app->config;
	if (config_load(app->dirs.config, app->name, error, &forecast->config) >= 0) {
		forecast->stage.config = forecast->config;
		return;
	}
	*finding = (struct preflight_finding){
		.subject = "configuration",
		.answer = PREFLIGHT_REFUSES,
	};
	snprintf(finding->text, sizeof(finding->text), "%.*s", STEP_TEXT_MAX - 1, error);
	forecast->count = 1;
}

void app_foresee(struct app *app, const char *release, struct app_forecast *ret_forecast)
{
	struct deploy_plan plan;

	*ret_forecast = (struct app_forecast){.stage = app->stage};
	config_foresee(app, ret_forecast);
	app_plan_choose(app_strategy(app, ret_forecast->stage.config), &ret_forecast->stage, &plan);
	ret_forecast->steps = plan.steps;
	ret_forecast->step_count = plan.count;
	snprintf(ret_forecast->release, sizeof(ret_forecast->release), "%s", release);
	/* As a reload does: what the primary has now. */
	if (!*release && ret_forecast->stage.config->release_directory &&
		!ret_forecast->stage.config->release_snapshot[0])
		(void)release_linked(
			app->dirs.state, ret_forecast->stage.primary, ret_forecast->release);
	ret_forecast->count += preflight_look(&ret_forecast->stage, ret_forecast->release,
		&ret_forecast->findings[ret_forecast->count]);
}

struct app_forecast *app_forecast_clear(struct app_forecast *forecast)
{
	forecast->config = config_free(forecast->config);
	return NULL;
}
