/* SPDX-License-Identifier: MIT */
/*
 * Knows what belongs together: ties the seams to instances, watch and cycle. Knows neither D-Bus
 * clients nor JSON.
 */
#include "app-inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "environment.h"
#include "report.h"

static void limits_say(struct app *app)
{
	struct steer_limits limits = {
		.hold_usec = app->config->hold_usec,
		.hold_requests = app->config->hold_requests,
		.hold_bytes = app->config->hold_bytes,
	};

	(void)steer_set_limits(app->steer, &limits);
}

/* What the relay takes its clients' bytes for. */
static void protocol_say(struct app *app)
{
	(void)steer_set_protocol(
		app->steer, app->config->protocol == PROTOCOL_TCP ? STEER_TCP : STEER_HTTP);
}

static void clients_say(struct app *app)
{
	struct steer_clients clients = {
		.trust = app->config->trusted_proxies,
		.accept_proxy = app->config->accept_proxy,
		.send_proxy = app->config->send_proxy,
	};

	(void)steer_set_clients(app->steer, &clients);
}

bool app_reconfigure(struct app *app, char why[static STEP_TEXT_MAX])
{
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
	protocol_say(app);
	clients_say(app);
	return true;
}

static bool on_reconfigure(void *owner, char why[static STEP_TEXT_MAX])
{
	return app_reconfigure(owner, why);
}

static void on_poke(void *owner)
{
	struct app *app = owner;

	deploy_poke(app->deploy);
}

static void on_told(void *owner, const char *unit, const struct unit_status *status)
{
	(void)unit;
	(void)status;
	on_poke(owner);
}

static void on_judged(void *owner, const char *sentence)
{
	struct app *app = owner;

	receipt_gate(&app->receipt, sentence, now_usec());
}

/* What a color's process runs, for the relay's numbers. Code in place has no tag, and each start
 * may be of other code: there the invocation of its unit stands for it. */
static void releases_say(struct app *app)
{
	char releases[COLOR_COUNT][STEER_RELEASE_MAX] = {""};

	_Static_assert(RELEASE_TAG_MAX <= STEER_RELEASE_MAX, "a tag is a word");
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = instances_get(app->instances, color);
		const char *invocation = instance->status.invocation_id;

		if (*instance->release)
			snprintf(releases[color], sizeof(releases[color]), "%s", instance->release);
		else if (*invocation)
			snprintf(releases[color], sizeof(releases[color]), "@%.12s", invocation);
	}
	(void)steer_set_releases(app->steer, releases);
}

static void on_instance_changed(void *owner, enum color color)
{
	struct app *app = owner;

	releases_say(app);
	app_color_start(app, color);
	watch_instance_changed(app->watch);
	deploy_poke(app->deploy);
	app_state_follow(app);
}

static void on_answered(void *owner, enum color color, const struct probe_result *answer)
{
	struct app *app = owner;

	if (app->running)
		receipt_probe(&app->receipt, color, answer, now_usec());
}

static void on_watch_changed(void *owner)
{
	struct app *app = owner;

	/* Before that the route of an earlier supervisor stands, and what he made of the target. */
	if (watch_route(app->watch))
		target_follow(app->target, watch_has_writer(app->watch), watch_primary(app->watch));
	deploy_poke(app->deploy);
	app_state_follow(app);
	app_repair_follow(app);
}

static void on_followed(void *owner, const struct route *route)
{
	struct app *app = owner;

	watch_followed(app->watch, route);
}

static void on_drained(
	void *owner, enum color color, enum drain_scope scope, const struct steer_cut *cut)
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
	if (!connected && app->running)
		receipt_relay_lost(&app->receipt);
	deploy_poke(app->deploy);
	app_state_follow(app);
}

/* Without a record and with two that were started as a primary, the relay knows who was one. */
static void on_found(void *owner, const struct route *route)
{
	struct app *app = owner;

	for (enum color color = 0; color < COLOR_COUNT && !app->primary_known; color++)
		if (route->weight[ROUTE_WRITES][color] == ROUTE_WEIGHT_MAX)
			app_primary_take(app, color);
}

static void on_counters(void *owner, const struct steer_counters *counters)
{
	struct app *app = owner;

	app->counters = *counters;
	app->counted = true;
	app_counted(app);
	if (app->events.counted)
		app->events.counted(app->owner);
}

static void on_numbers(void *owner, const struct steer_numbers *numbers)
{
	struct app *app = owner;

	if (app->events.numbered)
		app->events.numbered(app->owner, numbers);
}

static const struct steer_events steer_events = {
	.followed = on_followed,
	.drained = on_drained,
	.refused = on_refused,
	.connected = on_relay,
	.counters = on_counters,
	.numbers = on_numbers,
	.found = on_found,
};

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
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		manager_job_forget(app->starts[color].job);
		sd_event_source_disable_unref(app->starts[color].again);
	}
	sd_event_source_disable_unref(app->record_retry);
	sd_event_source_disable_unref(app->figures);
	sd_event_source_disable_unref(app->first_again);
	snapshot_end(app->first);
	target_close(app->target);
	watch_close(app->watch);
	instances_close(app->instances);
	steer_close(app->steer);
	sockdiag_close(app->sockdiag);
	prober_close(app->prober);
	manager_close(app->manager);
	config_free(app->config);
	config_free(app->former);
	free(app->causes);
	free(app->queue_causes);
	sd_event_unref(app->event);
	free(app);
	return NULL;
}

void app_primary_take(struct app *app, enum color primary)
{
	app->stage.primary = app->stage.fresh = primary;
	watch_set_primary(app->watch, primary);
	app->primary_known = true;
	if (app->config->release_directory)
		(void)release_link_primary(app->dirs.state, primary);
}

/* A color that runs is what it was told at its start, not what the configuration says now. The one
 * that was told to be the primary is it, unless the record knows better. */
static int parts_find(struct app *app)
{
	uint16_t ports[COLOR_COUNT];
	bool primary[COLOR_COUNT] = {false};

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct environment_part part = {
			.port = app->config->ports[color],
			.role = color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK,
		};

		if (environment_read(app->dirs.runtime, color, &part) >= 0)
			primary[color] = part.role == ROLE_PRIMARY;
		instances_set_part(app->instances, color, &part);
		ports[color] = part.port;
	}
	if (primary[COLOR_BLUE] != primary[COLOR_GREEN])
		app_primary_take(app, primary[COLOR_BLUE] ? COLOR_BLUE : COLOR_GREEN);
	return steer_backends(app->steer, ports);
}

static int seams_open(struct app *app, char error[static APP_ERROR_MAX])
{
	static const struct instances_events instances_events = {
		.changed = on_instance_changed, .answered = on_answered};
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
		r = target_open(app->event, app->manager, app->name, &app->target);
	if (r >= 0)
		r = parts_find(app);
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
	app->stage.state_dir = app->dirs.state;
	app->stage.release = app->stage.sha256 = "";
	app->stage.reconfigure = on_reconfigure;
	app->stage.poke = on_poke;
	app->stage.told = on_told;
	app->stage.judged = on_judged;
	app->stage.owner = app;
	app->plan.stage = &app->stage;
	app->plan.state_dir = app->dirs.state;
	app_plan_choose(app->config->strategy, &app->stage, &app->plan);
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
	stage_fill(app);
	limits_say(app);
	protocol_say(app);
	clients_say(app);
	/* A ramp of an earlier supervisor is over, or begins anew. */
	(void)steer_set_affinity(app->steer, &(struct steer_affinity){.kind = AFFINITY_NONE});
	r = app_record_follow(app);
	if (r < 0)
		return r;
	*ret_app = take_ptr(app);
	return 0;
}
