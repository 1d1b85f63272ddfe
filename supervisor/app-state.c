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

/* True if that is why a color without a release does not run. */
static bool copy_explain(const struct app *app, char *buffer, size_t size)
{
	if (app->first)
		snapshot_describe(app->first, buffer, size);
	else if (*app->stage.uncopied_why)
		snprintf(buffer, size, "there is no copy of the code to run: %.400s",
			app->stage.uncopied_why);
	return app->first || *app->stage.uncopied_why;
}

static enum app_state state_derive(const struct app *app, char *reason, size_t size)
{
	enum color color = watch_primary(app->watch);
	const struct instance *primary = instances_get(app->instances, color);
	const struct instance *fallback = instances_get(app->instances, color_other(color));
	char why[APP_ERROR_MAX / 2];

	reason[0] = '\0';
	if (app->running)
		return APP_CYCLE;
	if (instance_is_healthy(primary) && instance_is_healthy(fallback)) {
		if (app->config->protocol == PROTOCOL_NONE || steer_is_connected(app->steer))
			return APP_STEADY;
		snprintf(reason, size, "the relay does not answer on its control socket");
		return APP_DEGRADED;
	}
	if (!instance_is_healthy(primary)) {
		if (instance_is_alive(primary) || !copy_explain(app, why, sizeof(why)))
			instance_explain(primary, why, sizeof(why));
		snprintf(reason, size, "%s is %s: %s", color_name(color),
			health_name(primary->verdict.health), why);
	} else {
		instance_explain(fallback, why, sizeof(why));
		snprintf(reason, size, "%s is %s and cannot stand in: %s",
			color_name(fallback->color), health_name(fallback->verdict.health), why);
	}
	/* At the beginning it takes a while; later, whoever starts is missed. */
	if (app->state == APP_STARTING && primary->verdict.health != HEALTH_SICK &&
		fallback->verdict.health != HEALTH_SICK)
		return APP_STARTING;
	return APP_DEGRADED;
}

void app_status_say(struct app *app, const char *reason)
{
	const struct route *route = watch_route(app->watch);
	const struct step *step = app->running && !app->finishing ? deploy_step(app->deploy) : NULL;
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

/* For the journal, and for those who are told elsewhere. */
static void turned(
	struct app *app, enum report_message message, const char *event, const char *sentence)
{
	report(message, NULL, "%s", sentence);
	if (app->events.turned)
		app->events.turned(app->owner, event, sentence);
}

/* Tells what has become of the whole; only changes are news. */
void app_state_follow(struct app *app)
{
	const struct instance *blue = instances_get(app->instances, COLOR_BLUE);
	const struct instance *green = instances_get(app->instances, COLOR_GREEN);
	char reason[APP_ERROR_MAX], sentence[APP_ERROR_MAX + 64];
	enum app_state state = state_derive(app, reason, sizeof(reason));
	enum app_state before = app->state;
	bool nobody = blue->verdict.health == HEALTH_SICK && green->verdict.health == HEALTH_SICK;

	app->state = state;
	app_status_say(app, reason);
	if (nobody && !app->nobody) {
		snprintf(sentence, sizeof(sentence), "neither color is healthy; %s", reason);
		turned(app, REPORT_NOBODY_HEALTHY, "nobody-healthy", sentence);
	}
	app->nobody = nobody;
	if (state == before)
		return;
	/* What the supervisor before this one has told already is no news either. */
	if (state == APP_DEGRADED && !(before == APP_STARTING && app->degraded)) {
		snprintf(sentence, sizeof(sentence), "degraded: %s", reason);
		turned(app, REPORT_DEGRADED, "degraded", sentence);
	} else if (state == APP_STEADY && app->degraded) {
		snprintf(sentence, sizeof(sentence),
			"%s serves, and the other color can stand in again",
			color_name(watch_primary(app->watch)));
		turned(app, REPORT_RESTORED, "restored", sentence);
	}
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
		.record =
			app->running && !app->finishing ? *deploy_record(app->deploy) : app->record,
		.stories = app->deploy ? deploy_stories(app->deploy) : NULL,
		.steps = app->plan.steps,
		.step_count = app->plan.count,
		.stage = &app->stage,
		.receipt = *app->receipt.id ? &app->receipt : NULL,
		.causes = app->causes,
		.queued = app->queued,
		.queue = app->queue,
		.queue_causes = app->queue_causes,
	};
	for (enum color color = 0; color < COLOR_COUNT; color++)
		ret_view->instances[color] = instances_get(app->instances, color);
	ret_view->state = state_derive(app, ret_view->reason, sizeof(ret_view->reason));
}

int app_count(struct app *app)
{
	return steer_ask_counters(app->steer);
}

int app_ask_numbers(struct app *app)
{
	return steer_ask_numbers(app->steer);
}
