/* SPDX-License-Identifier: MIT */
/*
 * Knows the keys of what is shown; does not know who asks.
 */
#include "control-show.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "environment.h"
#include "steps.h"
#include "text.h"

json_t *show_text(const char *sentence)
{
	_cleanup_free_ char *text = strdup(sentence);

	if (!text)
		return NULL;
	text_repair(text);
	return json_string(text);
}

/* Seconds on the wall clock, for people, of a time on CLOCK_MONOTONIC; 0: never. */
static double realtime_of(uint64_t monotonic_usec)
{
	struct timespec time;
	double elapsed;

	if (monotonic_usec == 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &time);
	elapsed = (double)(now_usec() - monotonic_usec) / USEC_PER_SEC;
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9 - elapsed;
}

static json_t *show_color(const struct instance *instance)
{
	const struct unit_status *status = &instance->status;
	const struct probe_result *answer = &instance->answer;

	return json_pack(
		"{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:i, s:i, s:f, s:i, s:s, s:f, s:s, s:b}",
		"role", role_name(instance->role), "release", instance->release, "health",
		health_name(instance->verdict.health), "healthy", instance_is_healthy(instance),
		"unit", instance->unit, "activity",
		instance->known ? unit_activity_name(status->activity) : "unknown", "sub_state",
		status->sub_state, "pid", (int)status->main_pid, "restarts", (int)status->restarts,
		"since", realtime_of(status->active_since_usec), "port", (int)instance->port,
		"probe", instance->probed ? answer->reason : "", "probe_seconds",
		instance->probed ? (double)answer->duration_usec / USEC_PER_SEC : 0.0, "result",
		status->result, "restarting", status->restarting);
}

static json_t *show_counters(const struct steer_counters *counters)
{
	json_t *object = json_pack("{s:I, s:I, s:f, s:I, s:I, s:I, s:I}", "held",
		(json_int_t)counters->held, "holding", (json_int_t)counters->holding,
		"hold_longest", (double)counters->hold_longest_usec / USEC_PER_SEC, "hold_expired",
		(json_int_t)counters->hold_expired, "cut", (json_int_t)counters->cut.exchanges,
		"cut_streams", (json_int_t)counters->cut.streams, "connections",
		(json_int_t)counters->connections);

	for (enum color color = 0; object && color < COLOR_COUNT; color++)
		(void)json_object_set_new(object, color_name(color),
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "reads",
				(json_int_t)counters->reads[color], "writes",
				(json_int_t)counters->writes[color], "errors",
				(json_int_t)counters->errors[color], "failed",
				(json_int_t)counters->failed[color], "inflight",
				(json_int_t)counters->inflight[color], "streams",
				(json_int_t)counters->streams[color]));
	return object;
}

/* While the traffic is shared: who has how much of it, in per cent. */
static json_t *show_shares(const struct route *route)
{
	for (enum route_class class = 0; class < ROUTE_CLASS_COUNT; class ++) {
		double blue = route->weight[class][COLOR_BLUE];
		double green = route->weight[class][COLOR_GREEN];

		if (blue > 0 && green > 0)
			return json_pack("{s:f, s:f}", "blue", 100.0 * blue / (blue + green),
				"green", 100.0 * green / (blue + green));
	}
	return NULL;
}

/* While the old color is kept as it is: how long still, and what a rollback leads to. */
static json_t *show_window(const struct app_view *view)
{
	uint64_t elapsed;
	double left;

	if (view->state != APP_CYCLE || strcmp(view->record.step, "window") != 0 || !view->stories)
		return NULL;
	for (size_t i = 0; i < view->step_count; i++) {
		if (strcmp(view->steps[i].name, "window") != 0 ||
			view->stories[i].state != STEP_BEGUN)
			continue;
		elapsed = now_usec() - view->stories[i].begun_usec;
		left = ((double)view->config->window_usec - (double)elapsed) / USEC_PER_SEC;
		return json_pack("{s:f, s:s}", "seconds_left", left > 0 ? left : 0, "former",
			view->instances[color_other(view->stage->primary)]->release);
	}
	return NULL;
}

/* What is not always there. */
static void add_cycles(json_t *object, const struct app_view *view)
{
	json_t *shares = view->route ? show_shares(view->route) : NULL;
	json_t *window = show_window(view);

	if (shares)
		(void)json_object_set_new(object, "ramp", shares);
	if (window)
		(void)json_object_set_new(object, "window", window);
	if (view->recorded)
		(void)json_object_set_new(object, "cycle",
			show_cycle(view, &view->record, record_outcome_name(view->record.outcome)));
	if (view->queued)
		(void)json_object_set_new(
			object, "queued", show_cycle(view, &view->queue, "queued"));
}

json_t *show_status(const struct app_view *view)
{
	json_t *object, *colors = json_object();
	char route[ROUTE_TEXT_MAX] = "";

	for (enum color color = 0; color < COLOR_COUNT; color++)
		(void)json_object_set_new(
			colors, color_name(color), show_color(view->instances[color]));
	if (view->route)
		route_format(view->route, route);
	object = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:{s:b}, s:f}", "app", view->name,
		"version", VERSION, "state", app_state_name(view->state), "reason",
		show_text(view->reason), "primary", color_name(view->stage->primary), "route",
		route, "colors", colors, "relay", "connected", view->relay_connected, "hold_limit",
		(double)view->config->hold_usec / USEC_PER_SEC);
	if (!object)
		return NULL;
	if (view->counted)
		(void)json_object_set_new(json_object_get(object, "relay"), "counters",
			show_counters(&view->counters));
	add_cycles(object, view);
	return object;
}

json_t *show_steps(const struct app_forecast *forecast)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < forecast->step_count; i++) {
		const struct step *step = &forecast->steps[i];
		uint64_t limit = step->limit ? step->limit(&forecast->stage) : 0;

		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:f, s:s, s:b}", "step", step->name, "text",
				       step->text, "limit", (double)limit / USEC_PER_SEC,
				       "on_failure", step->meaning, "undone", step->undo != NULL));
	}
	return array;
}

json_t *show_forecast(const struct app_forecast *forecast)
{
	json_t *findings = json_array();

	for (size_t i = 0; findings && i < forecast->count; i++) {
		const struct preflight_finding *finding = &forecast->findings[i];

		(void)json_array_append_new(
			findings, json_pack("{s:s, s:s, s:o}", "subject", finding->subject,
					  "answer", preflight_answer_name(finding->answer), "text",
					  show_text(finding->text)));
	}
	return json_pack("{s:s, s:o, s:o}", "release", forecast->release, "steps",
		show_steps(forecast), "preflight", findings);
}

static bool is_run_by(const struct app_view *view, const struct release *release, enum color color)
{
	return strcmp(view->instances[color]->release, release->tag) == 0;
}

/* Whose link leads to it: he runs it at his next start. */
static bool is_linked_by(
	const struct app_view *view, const struct release *release, enum color color)
{
	char tag[RELEASE_TAG_MAX];

	return release_linked(view->stage->state_dir, color, tag) >= 0 &&
	       strcmp(tag, release->tag) == 0;
}

/* The primary is the first of the colors, if it is one of them. */
static json_t *show_release(const struct app_view *view, const struct release *release)
{
	const enum color order[] = {view->stage->primary, color_other(view->stage->primary)};
	json_t *colors = json_array(), *links = json_array();

	for (size_t i = 0; i < ELEMENTS(order); i++) {
		if (is_run_by(view, release, order[i]))
			(void)json_array_append_new(colors, json_string(color_name(order[i])));
		if (is_linked_by(view, release, order[i]))
			(void)json_array_append_new(links, json_string(color_name(order[i])));
	}
	return json_pack("{s:s, s:f, s:o, s:o, s:b}", "tag", release->tag, "since",
		(double)release->since_usec / USEC_PER_SEC, "colors", colors, "links", links,
		"primary", is_run_by(view, release, order[0]));
}

json_t *show_releases(const struct app_view *view, const struct release *releases, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		(void)json_array_append_new(array, show_release(view, &releases[i]));
	return array;
}

json_t *show_news(const struct app_view *view, const struct show_news *news)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct timespec time;
	json_t *object;

	(void)gethostname(host, sizeof(host) - 1);
	clock_gettime(CLOCK_REALTIME, &time);
	object = json_pack("{s:s, s:s, s:o, s:s, s:f}", "app", view->name, "event", news->event,
		"reason", show_text(news->reason), "host", host, "time",
		(double)time.tv_sec + (double)time.tv_nsec / 1e9);
	if (object && news->outcome) {
		(void)json_object_set_new(object, "outcome", json_string(news->outcome));
		(void)json_object_set_new(object, "id", json_string(news->id));
		(void)json_object_set_new(object, "release", json_string(news->release));
		(void)json_object_set_new(object, "cause", show_text(news->cause));
	}
	return object;
}

json_t *show_progress(const char *id, const struct step *step, const struct step_story *story)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "id", id, "step", step->name, "state",
		step_state_name(story->state), "text", step->text, "detail", show_text(story->text),
		"usec", (json_int_t)story->took_usec);
}
