/* SPDX-License-Identifier: MIT */
/*
 * Knows D-Bus callers: who they are, what they may, and what they are told. What is true, app.c
 * knows; how it is written down, control-show.c.
 */
#include "control.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "control-show.h"
#include "report.h"

#define OBJECT_PATH	 "/app/bluegreen"
#define OBJECT_INTERFACE "app.bluegreen.Supervisor"
#define ERROR_UNKNOWN	 "app.bluegreen.Error.NoSuchCycle"
#define ERROR_RELEASE	 "app.bluegreen.Error.NoReleases"

/* Callers who wait for counters at once; more get those that were told last. */
#define WAITING_MAX   16
#define PATIENCE_USEC (300 * USEC_PER_MSEC)

struct control {
	struct app *app;
	sd_bus *bus; /* the one that knows our name; NULL while there is none */
	char name[CONFIG_APP_MAX + 16];
	const char *state_dir;
	json_t *history;
	sd_bus_message *waiting[WAITING_MAX]; /* GetStatus, until the relay has counted */
	size_t waiting_count;
	sd_event_source *patience;
};

static int reply_json(sd_bus_message *message, json_t *value)
{
	_cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	if (!text)
		return -ENOMEM;
	return sd_bus_reply_method_return(message, "s", text);
}

/* Who sends it, by the kernel's word as the bus passes it on: the bus policy is the first door,
 * this is the second. */
static int asker_find(sd_bus_message *message, struct app_asker *ret_asker)
{
	_cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
	struct passwd *user;
	int r;

	r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
	if (r < 0)
		return r;
	r = sd_bus_creds_get_euid(creds, &ret_asker->uid);
	if (r < 0)
		return r;
	ret_asker->pid = 0;
	(void)sd_bus_creds_get_pid(creds, &ret_asker->pid);
	user = getpwuid(ret_asker->uid);
	snprintf(ret_asker->name, sizeof(ret_asker->name), "%s", user ? user->pw_name : "");
	return 0;
}

static int status_reply(struct control *control, sd_bus_message *message)
{
	struct app_view view;

	app_look(control->app, &view);
	return reply_json(message, show_status(&view));
}

static void on_counted(void *owner)
{
	struct control *control = owner;

	for (size_t i = 0; i < control->waiting_count; i++) {
		(void)status_reply(control, control->waiting[i]);
		sd_bus_message_unref(control->waiting[i]);
	}
	control->waiting_count = 0;
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	on_counted(userdata);
	return 0;
}

/* Waits for the relay's counters of now, but not for long: a relay that is busy or gone is part
 * of the status. */
static int on_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error)
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

static int on_deploy(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	struct app_asker asker;
	char id[RECORD_ID_MAX], why[APP_ERROR_MAX];
	const char *release;
	int r;

	r = sd_bus_message_read(message, "s", &release);
	if (r < 0)
		return r;
	r = asker_find(message, &asker);
	if (r < 0)
		return r;
	if (asker.uid != 0 && asker.uid != geteuid())
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
			"only root may begin a cycle; you are uid %u", asker.uid);
	if (*release)
		return sd_bus_error_setf(error, ERROR_RELEASE,
			"release \"%.64s\" cannot be deployed: this app runs the code that is in "
			"place",
			release);
	r = app_deploy(control->app, &asker,
		&(struct app_order){.verb = "deploy", .release = release, .sha256 = ""}, id, why);
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s", why);
	return sd_bus_reply_method_return(message, "s", id);
}

/* The cycle that runs, the one that is queued, the last one, or one of those remembered. */
static json_t *cycle_find(struct control *control, const char *id)
{
	struct app_view view;
	json_t *known;

	app_look(control->app, &view);
	if (view.recorded && view.record.outcome == RECORD_RUNNING &&
		(!*id || strcmp(id, view.record.id) == 0))
		return show_cycle(&view, &view.record, record_outcome_name(view.record.outcome));
	if (view.queued && strcmp(id, view.queue.id) == 0)
		return show_cycle(&view, &view.queue, "queued");
	known = history_find(control->history, id);
	if (known)
		return json_incref(known);
	if (view.recorded && (!*id || strcmp(id, view.record.id) == 0))
		return show_cycle(&view, &view.record, record_outcome_name(view.record.outcome));
	return NULL;
}

static int on_get_cycle(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *id;
	json_t *cycle;
	int r;

	r = sd_bus_message_read(message, "s", &id);
	if (r < 0)
		return r;
	cycle = cycle_find(userdata, id);
	if (!cycle)
		return sd_bus_error_setf(error, ERROR_UNKNOWN,
			*id ? "no cycle %.40s is known" : "there was no cycle yet%.0s", id);
	return reply_json(message, cycle);
}

static int on_get_history(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;

	(void)error;
	return reply_json(message, json_incref(control->history));
}

static int on_plan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	struct app_view view;

	(void)error;
	app_look(control->app, &view);
	return reply_json(message, show_plan(&view));
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status),
		on_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
	/* Checked in on_deploy(): the vtable's own check knows only root and capabilities. */
	SD_BUS_METHOD_WITH_ARGS("Deploy", SD_BUS_ARGS("s", release), SD_BUS_RESULT("s", id),
		on_deploy, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetCycle", SD_BUS_ARGS("s", id), SD_BUS_RESULT("s", cycle),
		on_get_cycle, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetHistory", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", history),
		on_get_history, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", plan), on_plan,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("Progress", SD_BUS_ARGS("s", event), 0),
	SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", id, "s", outcome, "s", reason), 0),
	SD_BUS_VTABLE_END,
};

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

static void on_finished(void *owner, const struct record *record, const char *outcome)
{
	struct control *control = owner;
	struct app_view view;
	json_t *cycle;
	int r = -ENOMEM;

	app_look(control->app, &view);
	cycle = show_cycle(&view, record, outcome);
	if (cycle)
		r = history_add(control->history, control->state_dir, cycle);
	json_decref(cycle);
	if (r < 0)
		report(REPORT_WARNING, NULL, "%s/history.json cannot be written: %s",
			control->state_dir, strerror(-r));
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

	control->bus = bus;
	r = sd_bus_add_object_vtable(bus, NULL, OBJECT_PATH, OBJECT_INTERFACE, vtable, control);
	/* A successor that starts before we are gone waits in the queue for the name. */
	if (r >= 0)
		r = sd_bus_request_name_async(
			bus, NULL, control->name, SD_BUS_NAME_QUEUE, on_name, control);
	if (r < 0)
		report(REPORT_WARNING, NULL, "the D-Bus object cannot be shown: %s", strerror(-r));
}

struct control *control_close(struct control *control)
{
	if (!control)
		return NULL;
	manager_on_reconnect(app_manager(control->app), NULL, NULL);
	app_on_event(control->app, &(struct app_events){0}, NULL);
	for (size_t i = 0; i < control->waiting_count; i++)
		sd_bus_message_unref(control->waiting[i]);
	sd_event_source_disable_unref(control->patience);
	json_decref(control->history);
	free(control);
	return NULL;
}

int control_open(sd_event *event, struct app *app, const char *name, const char *state_dir,
	struct control **ret_control)
{
	static const struct app_events events = {
		.progress = on_progress, .finished = on_finished, .counted = on_counted};
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->app = app;
	control->state_dir = state_dir;
	snprintf(control->name, sizeof(control->name), "app.bluegreen.%s", name);
	control->history = history_load(state_dir);
	r = control->history ? sd_event_add_time_relative(event, &control->patience,
				       CLOCK_MONOTONIC, 0, 0, on_patience, control)
			     : -ENOMEM;
	if (r >= 0)
		r = sd_event_source_set_enabled(control->patience, SD_EVENT_OFF);
	if (r < 0) {
		control_close(control);
		return r;
	}
	app_on_event(app, &events, control);
	manager_on_reconnect(app_manager(app), on_bus, control);
	*ret_control = control;
	return 0;
}
