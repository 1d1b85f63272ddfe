/* SPDX-License-Identifier: MIT */
/*
 * Knows who asks over D-Bus, and what he is told; changes nothing. How it is written down,
 * control-show.c knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "control-inside.h"
#include "control-show.h"

#define ERROR_RELEASES "app.bluegreen.Error.NoReleases"
#define PATIENCE_USEC  (300 * USEC_PER_MSEC)

static int reply_json(sd_bus_message *message, json_t *value)
{
	_cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT | SHOW_REAL) : NULL;

	json_decref(value);
	if (!text)
		return -ENOMEM;
	return sd_bus_reply_method_return(message, "s", text);
}

static int status_reply(struct control *control, sd_bus_message *message)
{
	struct app_view view;
	json_t *status;

	app_look(control->app, &view);
	status = show_status(&view);
	if (status && control->outdated)
		(void)json_object_set(status, "outdated", control->outdated);
	return reply_json(message, status);
}

void control_status_tell(struct control *control)
{
	for (size_t i = 0; i < control->waiting_count; i++) {
		(void)status_reply(control, control->waiting[i]);
		sd_bus_message_unref(control->waiting[i]);
	}
	control->waiting_count = 0;
}

/* Waits for the relay's counters of now, but not for long: a relay that is busy or gone is part
 * of the status. */
int control_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;

	(void)error;
	if (control->waiting_count == WAITING_MAX || app_count(control->app) < 0 ||
		sd_event_source_set_time_relative(control->patience, PATIENCE_USEC) < 0 ||
		sd_event_source_set_enabled(control->patience, SD_EVENT_ONESHOT) < 0)
		return status_reply(control, message);
	control->waiting[control->waiting_count++] = sd_bus_message_ref(message);
	return 1;
}

/* True if the id is this cycle's, by its beginning; "" is anybody's. */
static bool id_matches(const char *id, const struct record *record)
{
	size_t length = strlen(id);

	return length == 0 ||
	       (length >= HISTORY_PREFIX_MIN && strncmp(id, record->id, length) == 0);
}

/* The cycle that runs, the one that is queued, the last one, or one of those remembered. */
static int cycle_find(struct control *control, const char *id, json_t **ret_cycle)
{
	struct app_view view;
	json_t *cycle = NULL;
	int r;

	app_look(control->app, &view);
	if (view.recorded && view.record.outcome == RECORD_RUNNING && id_matches(id, &view.record))
		cycle = show_cycle(&view, &view.record, record_outcome_name(view.record.outcome));
	else if (view.queued && *id && id_matches(id, &view.queue))
		cycle = show_cycle(&view, &view.queue, "queued");
	if (cycle) {
		*ret_cycle = cycle;
		return 0;
	}
	r = history_find(control->history, id, ret_cycle);
	if (r != -ENOENT || !view.recorded || !id_matches(id, &view.record))
		return r;
	*ret_cycle = show_cycle(&view, &view.record, record_outcome_name(view.record.outcome));
	return *ret_cycle ? 0 : -ENOMEM;
}

int control_get_cycle(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *id;
	json_t *cycle;
	int r;

	r = sd_bus_message_read(message, "s", &id);
	if (r < 0)
		return r;
	r = cycle_find(userdata, id, &cycle);
	if (r == -ENOENT)
		return sd_bus_error_setf(error, ERROR_UNKNOWN,
			*id ? "no cycle %.40s is known" : "there was no cycle yet%.0s", id);
	if (r == -ENOTUNIQ)
		return sd_bus_error_setf(error, ERROR_UNKNOWN,
			"several cycles begin with %.40s; give more of the id", id);
	if (r == -EINVAL)
		return sd_bus_error_setf(error, ERROR_UNKNOWN,
			"\"%.40s\" is too short for a cycle's id; give at least %d digits of it",
			id, HISTORY_PREFIX_MIN);
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_FAILED,
			"the receipt of cycle %.40s cannot be read: %s", id, strerror(-r));
	return reply_json(message, cycle);
}

int control_get_history(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;

	(void)error;
	return reply_json(message, history_list(control->history));
}

int control_get_releases(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	_cleanup_free_ struct release *releases = NULL;
	struct app_view view;
	size_t count;
	int r;

	app_look(control->app, &view);
	r = app_releases(control->app, &releases, &count);
	if (r == -ENOENT && !view.config->release_directory)
		return sd_bus_error_setf(error, ERROR_RELEASES,
			"%s has no releases: its code is deployed in place; Directory= in the "
			"configuration's [Release] is in force from the next cycle on",
			view.name);
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_FAILED,
			"the releases in %s cannot be read: %s", view.config->release_directory,
			strerror(-r));
	return reply_json(message, show_releases(&view, releases, count));
}

/* An older bluegreenctl: the steps alone. */
int control_plan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	struct app_forecast forecast;
	json_t *steps;

	(void)error;
	app_foresee(control->app, "", &forecast);
	steps = show_steps(&forecast);
	app_forecast_clear(&forecast);
	return reply_json(message, steps);
}

int control_plan_release(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	struct app_forecast forecast;
	const char *release;
	json_t *plan;
	int r;

	(void)error;
	r = sd_bus_message_read(message, "s", &release);
	if (r < 0)
		return r;
	app_foresee(control->app, release, &forecast);
	plan = show_forecast(&forecast);
	app_forecast_clear(&forecast);
	return reply_json(message, plan);
}
