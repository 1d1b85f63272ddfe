/* SPDX-License-Identifier: MIT */
/*
 * Knows our D-Bus object and what is told without being asked: signals, the history, the journal's
 * receipts, the webhook. What is true, app.c knows; how it is written down, control-show.c; the
 * callers, control-ask.c and control-change.c.
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "control-inside.h"
#include "control-show.h"
#include "report.h"

#define OBJECT_PATH	 "/app/bluegreen"
#define OBJECT_INTERFACE "app.bluegreen.Supervisor"

/* So long the bus may take to let us go. */
#define LEAVE_USEC (2 * USEC_PER_SEC)

/* Who may call what is checked in control-permit.c: the vtable's own check knows only root and
 * capabilities. */
#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status),
		control_get_status, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetNumbers", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", numbers),
		control_get_numbers, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetCycle", SD_BUS_ARGS("s", id), SD_BUS_RESULT("s", cycle),
		control_get_cycle, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetHistory", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", history),
		control_get_history, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetReleases", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", releases),
		control_get_releases, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Plan", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", plan), control_plan, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("PlanRelease", SD_BUS_ARGS("s", release), SD_BUS_RESULT("s", plan),
		control_plan_release, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Deploy", SD_BUS_ARGS("s", release), SD_BUS_RESULT("s", id),
		control_deploy, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("DeployRelease", SD_BUS_ARGS("s", release, "s", sha256),
		SD_BUS_RESULT("s", id), control_deploy_release, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_ARGS("s", causes, "t", due),
		SD_BUS_RESULT("s", id), control_upgrade, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Abort", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", id), control_abort, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("s", release), SD_BUS_RESULT("s", id),
		control_rollback, ANYBODY),
	SD_BUS_SIGNAL_WITH_ARGS("Progress", SD_BUS_ARGS("s", event), 0),
	SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", id, "s", outcome, "s", reason), 0),
	SD_BUS_VTABLE_END,
};

static void on_counted(void *owner)
{
	control_status_tell(owner);
}

static void on_numbered(void *owner, const struct steer_numbers *numbers)
{
	control_numbers_tell(owner, numbers);
}

static int on_curious_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	control_numbers_refuse(userdata);
	return 0;
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	control_status_tell(userdata);
	return 0;
}

static void on_progress(
	void *owner, const char *id, const struct step *step, const struct step_story *story)
{
	struct control *control = owner;
	json_t *event = show_progress(id, step, story);
	_cleanup_free_ char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;

	json_decref(event);
	if (control->bus && text)
		(void)sd_bus_emit_signal(
			control->bus, OBJECT_PATH, OBJECT_INTERFACE, "Progress", "s", text);
}

static void news_send(
	struct control *control, const struct app_view *view, const struct show_news *news)
{
	json_t *object = show_news(view, news);
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT | SHOW_REAL) : NULL;

	json_decref(object);
	if (text)
		notify_send(control->notify, view->config->notify_url, text);
}

static void on_turned(void *owner, const char *event, const char *sentence)
{
	struct control *control = owner;
	struct app_view view;

	app_look(control->app, &view);
	news_send(control, &view, &(struct show_news){.event = event, .reason = sentence});
}

static void receipt_report(const struct record *record, const json_t *cycle)
{
	_cleanup_free_ char *text = json_dumps(cycle, JSON_COMPACT | SHOW_REAL);
	const struct report_fields fields = {
		.cycle = record->id,
		.release = record->release,
		.receipt = text,
	};
	char sentence[REPORT_MESSAGE_MAX];

	show_sentence(cycle, sentence, sizeof(sentence));
	report(REPORT_RECEIPT, &fields, "%s", sentence);
}

/* One that was superseded never began: it has no receipt and is no news, but its id was given to
 * somebody, who may ask for it. */
static void cycle_keep(struct control *control, const struct record *record, const char *outcome)
{
	const struct show_news news = {
		.event = "cycle",
		.outcome = outcome,
		.id = record->id,
		.release = record->release,
		.reason = record->reason,
		.cause = record->cause,
	};
	struct app_view view;
	json_t *cycle;
	int r = -ENOMEM;

	app_look(control->app, &view);
	cycle = show_cycle(&view, record, outcome);
	if (cycle)
		r = history_add(control->history, cycle);
	if (r < 0)
		report(REPORT_WARNING, NULL, "%s/history/%s.json cannot be written: %s",
			control->state_dir, record->id, strerror(-r));
	if (cycle && strcmp(outcome, "superseded") != 0) {
		receipt_report(record, cycle);
		news_send(control, &view, &news);
	}
	json_decref(cycle);
}

/* A supervisor that was killed at the end of a cycle, when its record was written and nothing else.
 * What it counted is lost. */
static void cycle_remember(struct control *control)
{
	struct app_view view;
	json_t *cycle;
	int r;

	app_look(control->app, &view);
	if (!view.recorded || view.record.outcome == RECORD_RUNNING ||
		history_has(control->history, view.record.id))
		return;
	cycle = show_cycle(&view, &view.record, record_outcome_name(view.record.outcome));
	r = cycle ? history_add(control->history, cycle) : -ENOMEM;
	json_decref(cycle);
	if (r < 0)
		report(REPORT_WARNING, NULL, "%s/history/%s.json cannot be written: %s",
			control->state_dir, view.record.id, strerror(-r));
}

static void on_finished(void *owner, const struct record *record, const char *outcome)
{
	struct control *control = owner;

	cycle_keep(control, record, outcome);
	/* Both colors run what is there now. */
	if (record->outcome == RECORD_SUCCEEDED)
		control_outdated_clear(control);
	if (control->bus)
		(void)sd_bus_emit_signal(control->bus, OBJECT_PATH, OBJECT_INTERFACE, "Finished",
			"sss", record->id, outcome, record->reason);
}

static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	const sd_bus_error *refused = sd_bus_message_get_error(message);

	(void)error;
	if (refused)
		report(REPORT_WARNING, NULL,
			"the bus does not give us the name %s: %s; bluegreenctl cannot reach this "
			"supervisor",
			control->name, refused->message ? refused->message : refused->name);
	return 0;
}

static void on_bus(void *owner, sd_bus *bus)
{
	struct control *control = owner;
	int r;

	permits_drop(control);
	control->bus = bus;
	r = sd_bus_add_object_vtable(bus, NULL, OBJECT_PATH, OBJECT_INTERFACE, vtable, control);
	/* A successor that starts before we are gone waits in the queue for the name. */
	if (r >= 0)
		r = sd_bus_request_name_async(
			bus, NULL, control->name, SD_BUS_NAME_QUEUE, on_name, control);
	if (r < 0)
		report(REPORT_WARNING, NULL, "the D-Bus object cannot be shown: %s", strerror(-r));
}

/* Only once, whoever is first. */
static void left(struct control *control)
{
	control_left_fn tell = control->left;

	control->left = NULL;
	control->leave_asked = sd_bus_slot_unref(control->leave_asked);
	(void)sd_event_source_set_enabled(control->leave, SD_EVENT_OFF);
	if (tell)
		tell(control->left_owner);
}

/* What was sent to our name before has come before this. */
static int on_name_left(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)error;
	left(userdata);
	return 0;
}

static int on_leave(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	left(userdata);
	return 0;
}

const char *control_what_is_under_way(const struct control *control)
{
	if (!notify_is_idle(control->notify))
		return "[Notify] Url= is being told what has happened";
	return NULL;
}

bool control_has_callers(const struct control *control)
{
	return control->waiting_count > 0 || control->curious_count > 0 || permits_wait(control);
}

void control_leave(struct control *control, control_left_fn tell, void *owner)
{
	bool asked = control->bus && sd_bus_release_name_async(control->bus, &control->leave_asked,
					     control->name, on_name_left, control) >= 0;

	control->left = tell;
	control->left_owner = owner;
	(void)sd_event_source_set_time_relative(control->leave, asked ? LEAVE_USEC : 0);
	(void)sd_event_source_set_enabled(control->leave, SD_EVENT_ONESHOT);
}

void control_return(struct control *control)
{
	if (control->bus)
		(void)sd_bus_request_name_async(
			control->bus, NULL, control->name, SD_BUS_NAME_QUEUE, on_name, control);
}

struct control *control_close(struct control *control)
{
	if (!control)
		return NULL;
	manager_on_reconnect(app_manager(control->app), NULL, NULL);
	app_on_event(control->app, &(struct app_events){0}, NULL);
	for (size_t i = 0; i < control->waiting_count; i++)
		sd_bus_message_unref(control->waiting[i]);
	for (size_t i = 0; i < control->curious_count; i++)
		sd_bus_message_unref(control->curious[i]);
	sd_bus_slot_unref(control->leave_asked);
	sd_event_source_disable_unref(control->leave);
	sd_event_source_disable_unref(control->patience);
	sd_event_source_disable_unref(control->curious_patience);
	permits_drop(control);
	json_decref(control->outdated);
	notify_close(control->notify);
	history_close(control->history);
	free(control);
	return NULL;
}

/* Made once, and off until somebody waits. */
static int patience_add(sd_event *event, sd_event_source **ret_source,
	sd_event_time_handler_t expired, struct control *control)
{
	int r;

	r = sd_event_add_time_relative(event, ret_source, CLOCK_MONOTONIC, 0, 0, expired, control);
	return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

int control_open(sd_event *event, struct app *app, const char *name, const char *state_dir,
	struct control **ret_control)
{
	static const struct app_events events = {
		.progress = on_progress,
		.finished = on_finished,
		.counted = on_counted,
		.numbered = on_numbered,
		.turned = on_turned,
	};
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->app = app;
	control->state_dir = state_dir;
	snprintf(control->name, sizeof(control->name), "app.bluegreen.%s", name);
	r = history_open(state_dir, &control->history);
	if (r >= 0)
		r = notify_open(event, &control->notify);
	if (r >= 0)
		r = patience_add(event, &control->patience, on_patience, control);
	if (r >= 0)
		r = patience_add(event, &control->curious_patience, on_curious_patience, control);
	if (r >= 0)
		r = patience_add(event, &control->leave, on_leave, control);
	if (r < 0) {
		control_close(control);
		return r;
	}
	app_on_event(app, &events, control);
	cycle_remember(control);
	control_outdated_load(control);
	manager_on_reconnect(app_manager(app), on_bus, control);
	*ret_control = control;
	return 0;
}
