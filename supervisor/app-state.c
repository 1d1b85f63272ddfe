/* SPDX-License-Identifier: MIT */
/*
 * Knows what is true of the whole, and tells when it has changed; changes nothing itself.
 */
#include <stdio.h>
#include <string.h>

#include "app-inside.h"
#include "report.h"

static const char *const state_names[APP_STATE_COUNT] = {
	[APP_STARTING] = "starting",
	[APP_STEADY] = "steady",
	[APP_DEGRADED] = "degraded",
	[APP_CYCLE] = "cycle",
};

const char *app_state_name(enum app_state state)
{
	return state_names[state];
}

static enum app_state state_derive(const struct app *app, char *reason, size_t size)
{
	const struct instance *blue = instances_get(app->instances, COLOR_BLUE);
	const struct instance *green = instances_get(app->instances, COLOR_GREEN);
	char why[APP_ERROR_MAX / 2];

	reason[0] = '\0';
	if (app->running)
		return APP_CYCLE;
	if (instance_is_healthy(blue) && instance_is_healthy(green)) {
		if (steer_is_connected(app->steer))
			return APP_STEADY;
		snprintf(reason, size, "the relay does not answer on its control socket");
		return APP_DEGRADED;
	}
	if (!instance_is_healthy(blue)) {
		instance_explain(blue, why, sizeof(why));
		snprintf(reason, size, "blue is %s: %s", health_name(blue->verdict.health), why);
	} else {
		instance_explain(green, why, sizeof(why));
		snprintf(reason, size, "green is %s and cannot stand in: %s",
			health_name(green->verdict.health), why);
	}
	/* At the beginning it takes a while; later, whoever starts is missed. */
	if (app->state == APP_STARTING && blue->verdict.health != HEALTH_SICK &&
		green->verdict.health != HEALTH_SICK)
		return APP_STARTING;
	return APP_DEGRADED;
}

void app_status_say(struct app *app, const char *reason)
{
	const struct route *route = watch_route(app->watch);
	const struct step *step = app->running ? deploy_step(app->deploy) : NULL;
	char line[sizeof(app->status)], text[ROUTE_TEXT_MAX] = "the relay keeps its route";

	if (route)
		route_format(route, text);
	if (step)
		snprintf(line, sizeof(line), "cycle: %s: %s; %s", step->name, step->text, text);
	else
		snprintf(line, sizeof(line), "%s%s%s; %s", state_names[app->state],
			*reason ? ": " : "", reason, text);
	/* Each line wakes systemd and all who listen to it. */
	if (strcmp(line, app->status) == 0)
		return;
	memcpy(app->status, line, sizeof(line));
	report_status("%s", line);
}

/* Tells what has become of the whole; only changes are news. */
void app_state_follow(struct app *app)
{
	const struct instance *blue = instances_get(app->instances, COLOR_BLUE);
	const struct instance *green = instances_get(app->instances, COLOR_GREEN);
	char reason[APP_ERROR_MAX];
	enum app_state state = state_derive(app, reason, sizeof(reason));
	enum app_state before = app->state;
	bool nobody = blue->verdict.health == HEALTH_SICK && green->verdict.health == HEALTH_SICK;

	app->state = state;
	app_status_say(app, reason);
	if (nobody && !app->nobody)
		report(REPORT_NOBODY_HEALTHY, NULL, "neither color is healthy; %s", reason);
	app->nobody = nobody;
	if (state == before)
		return;
	if (state == APP_DEGRADED)
		report(REPORT_DEGRADED, NULL, "degraded: %s", reason);
	else if (state == APP_STEADY && app->degraded)
		report(REPORT_RESTORED, NULL, "blue serves, and green can stand in again");
	app->degraded = state == APP_DEGRADED || (app->degraded && state != APP_STEADY);
}

void app_look(struct app *app, struct app_view *ret_view)
{
	*ret_view = (struct app_view){
		.name = app->name,
		.config = app->config,
		.route = watch_route(app->watch),
		.relay_connected = steer_is_connected(app->steer),
		.counted = app->counted,
		.counters = app->counters,
		.recorded = app->running || app->recorded,
		.record = app->running ? *deploy_record(app->deploy) : app->record,
		.stories = app->deploy ? deploy_stories(app->deploy) : NULL,
		.steps = app->plan.steps,
		.step_count = app->plan.count,
		.stage = &app->stage,
		.queued = app->queued,
		.queue = app->queue,
	};
	for (enum color color = 0; color < COLOR_COUNT; color++)
		ret_view->instances[color] = instances_get(app->instances, color);
	ret_view->state = state_derive(app, ret_view->reason, sizeof(ret_view->reason));
}

int app_count(struct app *app)
{
	return steer_ask_counters(app->steer);
}
