/* SPDX-License-Identifier: MIT */
/*
 * Knows what belongs together: ties the seams to instances, watch and cycle. Knows neither D-Bus
 * clients nor JSON.
 */
#include "app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-id128.h>

#include "base/fd.h"
#include "environment.h"
#include "report.h"
#include "steps.h"

/* How often it is tried to write down how a cycle ended. */
#define RECORD_RETRY_USEC (5 * USEC_PER_SEC)

struct start {
	struct app *app;
	enum color color;
	struct manager_job *job;
	bool asked; /* once a supervisor: what an administrator stops later stays stopped */
};

struct app {
	sd_event *event;
	char name[CONFIG_APP_MAX];
	struct app_dirs dirs;
	struct config *config;
	struct config *former; /* until nobody can point into it any more */
	struct manager *manager;
	struct prober *prober;
	struct sockdiag *sockdiag;
	struct steer *steer;
	struct instances *instances;
	struct watch *watch;
	struct stage stage;
	struct deploy_plan plan;
	struct start starts[COLOR_COUNT];

	struct deploy *deploy; /* the cycle that runs, or the last one of this supervisor */
	bool running;
	bool recorded;
	struct record record; /* of the last cycle, if none runs */
	bool queued;
	struct record queue;
	sd_event_source *record_retry; /* its end is not on the disk yet */
	enum app_state state;	       /* as it was reported last */
	bool nobody;		       /* and that nobody is healthy */

	struct steer_counters counters;
	bool counted;
	struct app_events events;
	void *owner;
};

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

static uint64_t now(const struct app *app)
{
	uint64_t usec = 0;

	(void)sd_event_now(app->event, CLOCK_MONOTONIC, &usec);
	return usec;
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

/* The line in `systemctl status`. */
static void status_say(const struct app *app, const char *reason)
{
	const struct route *route = watch_route(app->watch);
	const struct step *step = app->running ? deploy_step(app->deploy) : NULL;
	char text[ROUTE_TEXT_MAX];

	route_format(route, text);
	if (step)
		report_status("cycle: %s: %s; %s", step->name, step->text, text);
	else if (*reason)
		report_status("%s: %s; %s", state_names[app->state], reason, text);
	else
		report_status("%s; %s", state_names[app->state], text);
}

/* Tells what has become of the whole; only changes are news. */
static void state_follow(struct app *app)
{
	const struct instance *blue = instances_get(app->instances, COLOR_BLUE);
	const struct instance *green = instances_get(app->instances, COLOR_GREEN);
	char reason[APP_ERROR_MAX];
	enum app_state state = state_derive(app, reason, sizeof(reason));
	enum app_state before = app->state;
	bool nobody = blue->verdict.health == HEALTH_SICK && green->verdict.health == HEALTH_SICK;

	app->state = state;
	if (watch_route(app->watch))
		status_say(app, reason);
	if (nobody && !app->nobody)
		report(REPORT_NOBODY_HEALTHY, NULL, "neither color is healthy; %s", reason);
	app->nobody = nobody;
	if (state == before)
		return;
	if (state == APP_DEGRADED)
		report(REPORT_DEGRADED, NULL, "degraded: %s", reason);
	else if (state == APP_STEADY && before == APP_DEGRADED)
		report(REPORT_RESTORED, NULL, "blue serves, and green can stand in again");
}

static void limits_say(struct app *app)
{
	struct steer_limits limits = {
		.hold_usec = app->config->hold_usec,
		.hold_requests = app->config->hold_requests,
		.hold_bytes = app->config->hold_bytes,
	};

	(void)steer_set_limits(app->steer, &limits);
}

static bool on_reconfigure(void *owner, char why[static STEP_TEXT_MAX])
{
	struct app *app = owner;
	char error[CONFIG_ERROR_MAX];
	struct config *config;

	if (config_load(app->dirs.config, app->name, error, &config) < 0) {
		report(REPORT_CONFIG_BAD, NULL, "%s; the former configuration stays in force",
			error);
		snprintf(why, STEP_TEXT_MAX, "%.*s", STEP_TEXT_MAX - 1, error);
		return false;
	}
	config_free(app->former);
	app->former = app->config;
	app->config = config;
	app->stage.config = config;
	instances_configure(app->instances, config);
	watch_configure(app->watch, config);
	limits_say(app);
	return true;
}

static void on_poke(void *owner)
{
	struct app *app = owner;

	deploy_poke(app->deploy);
}

static void on_start_ended(void *owner, enum job_result result, const char *why)
{
	struct start *start = owner;
	const struct instance *instance = instances_get(start->app->instances, start->color);
	struct report_fields fields = {.color = color_name(start->color), .unit = instance->unit};

	start->job = NULL;
	if (result == JOB_DONE)
		return;
	report(REPORT_WARNING, &fields, "%s", why);
	instances_expect_nothing(start->app->instances, start->color);
}

/* Once a supervisor, when it is known what the unit is. A unit that runs keeps its port; one that
 * does not is told its part first. */
static void color_start(struct app *app, enum color color)
{
	const struct instance *instance = instances_get(app->instances, color);
	struct report_fields fields = {.color = color_name(color), .unit = instance->unit};
	struct start *start = &app->starts[color];
	char why[STEP_TEXT_MAX] = "";

	if (start->asked || !instance->known)
		return;
	start->asked = true;
	if (instance_is_alive(instance))
		return;
	if (stage_equip(&app->stage, color, why) < 0)
		report(REPORT_WARNING, &fields, "%s", why);
	instances_expect_start(app->instances, color);
	if (manager_job_begin(app->manager, JOB_START, instance->unit,
		    now(app) + app->config->probe.start_timeout_usec + USEC_PER_SEC * 100,
		    on_start_ended, start, &start->job) < 0)
		start->asked = false;
}

static void on_instance_changed(void *owner, enum color color)
{
	struct app *app = owner;

	color_start(app, color);
	watch_instance_changed(app->watch);
	deploy_poke(app->deploy);
	state_follow(app);
}

static void on_watch_changed(void *owner)
{
	struct app *app = owner;

	deploy_poke(app->deploy);
	state_follow(app);
}

static void on_followed(void *owner, const struct route *route)
{
	struct app *app = owner;

	watch_followed(app->watch, route);
}

static void on_drained(void *owner, enum color color, enum drain_scope scope, uint64_t cut)
{
	struct app *app = owner;

	stage_relay_drained(&app->stage, color, scope, cut);
}

static void on_refused(void *owner, enum color color)
{
	struct app *app = owner;

	instances_probe_now(app->instances, color);
}

static void on_relay(void *owner, bool connected)
{
	struct app *app = owner;

	if (connected)
		report(REPORT_RELAY_FOUND, NULL, "the relay answers");
	else
		report(REPORT_RELAY_LOST, NULL,
			"the relay closed its control connection; it is tried again until it "
			"is back");
	deploy_poke(app->deploy);
	state_follow(app);
}

static void on_counters(void *owner, const struct steer_counters *counters)
{
	struct app *app = owner;

	app->counters = *counters;
	app->counted = true;
	if (app->events.counted)
		app->events.counted(app->owner);
}

static const struct steer_events steer_events = {
	.followed = on_followed,
	.drained = on_drained,
	.refused = on_refused,
	.connected = on_relay,
	.counters = on_counters,
};

static void on_step(void *owner, const struct step *step, const struct step_story *story)
{
	struct app *app = owner;

	if (app->events.progress)
		app->events.progress(app->owner, deploy_record(app->deploy)->id, step, story);
	if (watch_route(app->watch))
		status_say(app, "");
}

static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void record_retry_arm(struct app *app)
{
	int r;

	if (app->record_retry)
		r = sd_event_source_set_time_relative(app->record_retry, RECORD_RETRY_USEC);
	else
		r = sd_event_add_time_relative(app->event, &app->record_retry, CLOCK_MONOTONIC,
			RECORD_RETRY_USEC, 0, on_record_retry, app);
	if (r >= 0)
		(void)sd_event_source_set_enabled(app->record_retry, SD_EVENT_ONESHOT);
}

static void deploy_report(const struct app *app, const struct record *record)
{
	struct report_fields fields = {
		.cycle = record->id, .step = record->step, .release = record->release};
	const char *blue = instances_get(app->instances, COLOR_BLUE)->unit;
	double seconds = (double)(record->ended_realtime_usec - record->started_realtime_usec) /
			 USEC_PER_SEC;

	switch (record->outcome) {
	case RECORD_SUCCEEDED:
		report(REPORT_CYCLE_SUCCEEDED, &fields,
			"the cycle succeeded in %.1f s: both colors run the new code", seconds);
		break;
	case RECORD_FAILED:
		report(REPORT_CYCLE_FAILED, &fields,
			"the cycle failed at %s; see `journalctl -u %s' and `bluegreenctl status'",
			record->reason, blue);
		break;
	case RECORD_INTERRUPTED:
		report(REPORT_CYCLE_INTERRUPTED, &fields, "the cycle was interrupted: %s",
			record->reason);
		break;
	case RECORD_RUNNING:
	case RECORD_OUTCOME_COUNT:
		break;
	}
}

/* A supervisor that comes back must not take a cycle that has ended for one that was cut. */
static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct app *app = userdata;

	(void)source;
	(void)usec;
	if (app->running || record_write(app->dirs.state, &app->record) >= 0)
		return 0;
	record_retry_arm(app);
	return 0;
}

static int cycle_begin(struct app *app, const struct record *record);

static void on_deploy_ended(void *owner, const struct record *record, bool durable)
{
	struct app *app = owner;

	app->running = false;
	app->recorded = true;
	app->record = *record;
	watch_take_stance(app->watch, STANCE_STEADY);
	deploy_report(app, record);
	if (!durable)
		record_retry_arm(app);
	if (app->events.finished)
		app->events.finished(
			app->owner, &app->record, record_outcome_name(record->outcome));
	state_follow(app);
	if (!app->queued)
		return;
	app->queued = false;
	if (cycle_begin(app, &app->queue) < 0)
		report(REPORT_WARNING, NULL, "no memory to begin the cycle that was queued");
}

static const struct deploy_events deploy_events = {
	.step = on_step,
	.ended = on_deploy_ended,
};

static int cycle_begin(struct app *app, const struct record *record)
{
	struct report_fields fields = {.cycle = record->id, .release = record->release};
	struct deploy *deploy;
	int r;

	r = deploy_begin(app->event, &app->plan, record, &deploy_events, app, &deploy);
	if (r < 0)
		return r;
	deploy_free(app->deploy);
	app->deploy = deploy;
	app->running = true;
	app->stage.release = deploy_record(deploy)->release;
	report(REPORT_CYCLE_BEGUN, &fields, "a cycle begins, asked for by uid %u%s%s (pid %u)",
		record->asked_by_uid, *record->asked_by ? ", " : "", record->asked_by,
		record->asked_by_pid);
	state_follow(app);
	return 0;
}

static void queue_supersede(struct app *app)
{
	if (!app->queued)
		return;
	app->queued = false;
	snprintf(app->queue.reason, sizeof(app->queue.reason),
		"another cycle was asked for before this one began, and took its place");
	if (app->events.finished)
		app->events.finished(app->owner, &app->queue, "superseded");
}

int app_deploy(struct app *app, const struct app_asker *asker, const char *release,
	char ret_id[static RECORD_ID_MAX])
{
	struct record record = {
		.outcome = RECORD_RUNNING,
		.asked_by_uid = asker->uid,
		.asked_by_pid = (uint32_t)asker->pid,
	};
	struct timespec time;
	sd_id128_t id;
	int r;

	r = sd_id128_randomize(&id);
	if (r < 0)
		return r;
	sd_id128_to_string(id, record.id);
	clock_gettime(CLOCK_REALTIME, &time);
	record.started_realtime_usec =
		(uint64_t)time.tv_sec * USEC_PER_SEC + (uint64_t)time.tv_nsec / NSEC_PER_USEC;
	snprintf(record.asked_by, sizeof(record.asked_by), "%s", asker->name);
	snprintf(record.release, sizeof(record.release), "%s", release);
	if (app->running) {
		queue_supersede(app);
		app->queued = true;
		app->queue = record;
	} else {
		r = cycle_begin(app, &record);
		if (r < 0)
			return r;
	}
	memcpy(ret_id, record.id, RECORD_ID_MAX);
	return 0;
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

void app_on_event(struct app *app, const struct app_events *events, void *owner)
{
	app->events = *events;
	app->owner = owner;
}

struct manager *app_manager(struct app *app)
{
	return app->manager;
}

const struct config *app_config(const struct app *app)
{
	return app->config;
}

struct app *app_close(struct app *app)
{
	if (!app)
		return NULL;
	if (app->deploy)
		deploy_free(app->deploy);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		manager_job_forget(app->starts[color].job);
	sd_event_source_disable_unref(app->record_retry);
	watch_close(app->watch);
	instances_close(app->instances);
	steer_close(app->steer);
	sockdiag_close(app->sockdiag);
	prober_close(app->prober);
	manager_close(app->manager);
	config_free(app->config);
	config_free(app->former);
	sd_event_unref(app->event);
	free(app);
	return NULL;
}

/* A color that runs listens where it was told at its start, not where the configuration says now.
 */
static int ports_find(struct app *app)
{
	uint16_t ports[COLOR_COUNT];

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (environment_read_port(app->dirs.runtime, color, &ports[color]) < 0)
			ports[color] = app->config->ports[color];
		instances_set_port(app->instances, color, ports[color]);
	}
	return steer_backends(app->steer, ports);
}

static int seams_open(struct app *app, char error[static APP_ERROR_MAX])
{
	static const struct instances_events instances_events = {.changed = on_instance_changed};
	static const struct watch_events watch_events = {.changed = on_watch_changed};
	_cleanup_free_ char *relay = NULL;
	const char *what = "the relay's control socket";
	int r;

	if (asprintf(&relay, "%s/relay.sock", app->dirs.runtime) < 0)
		return -ENOMEM;
	r = steer_open(app->event, relay, &steer_events, app, &app->steer);
	if (r >= 0) {
		what = "the socket table";
		r = sockdiag_open(&app->sockdiag);
	}
	if (r >= 0) {
		what = "libcurl";
		r = prober_open(app->event, &app->prober);
	}
	if (r >= 0) {
		what = "the system bus";
		r = manager_open(app->event, &app->manager);
	}
	if (r >= 0) {
		what = "the instances";
		r = instances_open(app->event, app->name, app->config, app->manager, app->prober,
			app->sockdiag, &app->instances);
	}
	if (r >= 0)
		r = watch_open(app->event, app->config, app->instances, app->steer, &watch_events,
			app, &app->watch);
	if (r >= 0)
		r = ports_find(app);
	if (r >= 0)
		r = instances_watch(app->instances, &instances_events, app);
	if (r < 0)
		snprintf(error, APP_ERROR_MAX, "%s cannot be used: %s", what, strerror(-r));
	return r;
}

static void stage_fill(struct app *app)
{
	app->stage.event = app->event;
	app->stage.config = app->config;
	app->stage.manager = app->manager;
	app->stage.prober = app->prober;
	app->stage.sockdiag = app->sockdiag;
	app->stage.steer = app->steer;
	app->stage.instances = app->instances;
	app->stage.watch = app->watch;
	app->stage.runtime_dir = app->dirs.runtime;
	app->stage.release = "";
	app->stage.reconfigure = on_reconfigure;
	app->stage.poke = on_poke;
	app->stage.owner = app;
	app->plan = (struct deploy_plan){
		.steps = steps_fallback,
		.count = steps_fallback_count,
		.stage = &app->stage,
		.state_dir = app->dirs.state,
	};
}

/* What an earlier supervisor left: nothing, a cycle that ended, or one that was cut. */
static int record_follow(struct app *app)
{
	struct report_fields fields = {.cycle = app->record.id, .step = app->record.step};
	int r;

	r = record_read(app->dirs.state, &app->record);
	if (r == -EBADMSG)
		report(REPORT_RECORD_BAD, NULL,
			"%s/cycle was torn or is not ours; it was put aside as cycle.bad, and what "
			"is to be done follows from units and probes",
			app->dirs.state);
	else if (r < 0 && r != -ENOENT)
		report(REPORT_RECORD_BAD, NULL, "%s/cycle cannot be read: %s", app->dirs.state,
			strerror(-r));
	if (r < 0)
		return 0;
	app->recorded = true;
	if (app->record.outcome != RECORD_RUNNING)
		return 0;
	report(REPORT_NOTE, &fields,
		"the supervisor was gone in the middle of a cycle, at %s; it goes on from there",
		app->record.step);
	r = deploy_resume(app->event, &app->plan, &app->record, &deploy_events, app, &app->deploy);
	if (r < 0)
		return r;
	app->running = true;
	app->stage.release = deploy_record(app->deploy)->release;
	return 0;
}

int app_open(sd_event *event, const char *name, const struct app_dirs *dirs,
	char error[static APP_ERROR_MAX], struct app **ret_app)
{
	_cleanup_(cleanup_app_close) struct app *app = calloc(1, sizeof(*app));
	int r;

	snprintf(error, APP_ERROR_MAX, "no memory");
	if (!app)
		return -ENOMEM;
	app->event = sd_event_ref(event);
	app->dirs = *dirs;
	snprintf(app->name, sizeof(app->name), "%s", name);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		app->starts[color] = (struct start){.app = app, .color = color};
	r = config_load(dirs->config, name, error, &app->config);
	if (r < 0)
		return r;
	r = seams_open(app, error);
	if (r < 0)
		return r;
	limits_say(app);
	stage_fill(app);
	r = record_follow(app);
	if (r < 0)
		return r;
	*ret_app = take_ptr(app);
	return 0;
}
