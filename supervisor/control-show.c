/* SPDX-License-Identifier: MIT */
/*
 * Knows the keys of what is shown; does not know who asks.
 */
#include "control-show.h"

#include <errno.h>
#include <time.h>

#include "base/fd.h"
#include "environment.h"
#include "steps.h"

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

	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:i, s:i, s:f, s:i, s:s, s:f, s:s, s:b}",
		"role", role_name(instance->color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK),
		"health", health_name(instance->verdict.health), "healthy",
		instance_is_healthy(instance), "unit", instance->unit, "activity",
		instance->known ? unit_activity_name(status->activity) : "unknown", "sub_state",
		status->sub_state, "pid", (int)status->main_pid, "restarts", (int)status->restarts,
		"since", realtime_of(status->active_since_usec), "port", (int)instance->port,
		"probe", instance->probed ? answer->reason : "", "probe_seconds",
		instance->probed ? (double)answer->duration_usec / USEC_PER_SEC : 0.0, "result",
		status->result, "restarting", status->restarting);
}

static json_t *show_counters(const struct steer_counters *counters)
{
	json_t *object = json_pack("{s:I, s:I, s:f, s:I, s:I, s:I}", "held",
		(json_int_t)counters->held, "holding", (json_int_t)counters->holding,
		"hold_longest", (double)counters->hold_longest_usec / USEC_PER_SEC, "hold_expired",
		(json_int_t)counters->hold_expired, "cut", (json_int_t)counters->cut, "connections",
		(json_int_t)counters->connections);

	for (enum color color = 0; object && color < COLOR_COUNT; color++)
		(void)json_object_set_new(object, color_name(color),
			json_pack("{s:I, s:I, s:I, s:I, s:I}", "reads",
				(json_int_t)counters->reads[color], "writes",
				(json_int_t)counters->writes[color], "failed",
				(json_int_t)counters->failed[color], "inflight",
				(json_int_t)counters->inflight[color], "streams",
				(json_int_t)counters->streams[color]));
	return object;
}

static json_t *show_step(const struct step *step, const struct step_story *story)
{
	uint64_t took = story->took_usec;

	if (story->state == STEP_BEGUN || story->state == STEP_UNDOING)
		took = now_usec() - story->begun_usec;
	return json_pack("{s:s, s:s, s:s, s:f, s:s}", "step", step->name, "text", step->text,
		"state", step_state_name(story->state), "seconds", (double)took / USEC_PER_SEC,
		"detail", story->text);
}

json_t *show_cycle(const struct app_view *view, const struct record *record, const char *outcome)
{
	json_t *steps = json_array();
	json_t *object;

	/* The stories are those of the record in the view, or of nobody. */
	for (size_t i = 0;
		view->stories && i < view->step_count && strcmp(view->record.id, record->id) == 0;
		i++)
		(void)json_array_append_new(steps, show_step(&view->steps[i], &view->stories[i]));
	object = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:f, s:f, s:s, s:I, s:I, s:s, s:o}",
		"id", record->id, "outcome", outcome, "step", record->step, "reason",
		record->reason, "committed", record->committed, "undoing", record->undoing,
		"started", (double)record->started_realtime_usec / USEC_PER_SEC, "ended",
		(double)record->ended_realtime_usec / USEC_PER_SEC, "asked_by", record->asked_by,
		"asked_by_uid", (json_int_t)record->asked_by_uid, "asked_by_pid",
		(json_int_t)record->asked_by_pid, "release", record->release, "steps", steps);
	return object;
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
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:b}, s:f}", "app", view->name,
		"version", VERSION, "state", app_state_name(view->state), "reason", view->reason,
		"route", route, "colors", colors, "relay", "connected", view->relay_connected,
		"hold_limit", (double)view->config->hold_usec / USEC_PER_SEC);
	if (!object)
		return NULL;
	if (view->counted)
		(void)json_object_set_new(json_object_get(object, "relay"), "counters",
			show_counters(&view->counters));
	if (view->recorded)
		(void)json_object_set_new(object, "cycle",
			show_cycle(view, &view->record, record_outcome_name(view->record.outcome)));
	if (view->queued)
		(void)json_object_set_new(
			object, "queued", show_cycle(view, &view->queue, "queued"));
	return object;
}

json_t *show_plan(const struct app_view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < view->step_count; i++) {
		const struct step *step = &view->steps[i];

		(void)json_array_append_new(array,
			json_pack("{s:s, s:s, s:f, s:s, s:b}", "step", step->name, "text",
				step->text, "limit",
				step->limit ? (double)step->limit(view->stage) / USEC_PER_SEC : 0.0,
				"on_failure", step->meaning, "undone", step->undo != NULL));
	}
	return array;
}

json_t *show_progress(const char *id, const struct step *step, const struct step_story *story)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "step", step->name, "state",
		step_state_name(story->state), "text", step->text, "detail", story->text, "usec",
		(json_int_t)story->took_usec);
}
