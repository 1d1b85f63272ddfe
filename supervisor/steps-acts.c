/* SPDX-License-Identifier: MIT */
/*
 * Knows how a step is done by means of the seams; does not know in which order.
 */
#include "steps-acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "environment.h"
#include "listener.h"
#include "report.h"

/* What came past the relay may hold the table so long, because writes wait meanwhile: this part
 * of the time that they may wait. */
#define TABLE_SHARE 4

static const struct instance *instance_of(const struct stage *stage, enum color color)
{
	return instances_get(stage->instances, color);
}

uint64_t act_now(const struct stage *stage)
{
	uint64_t usec = 0;

	(void)sd_event_now(stage->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct stage *stage = userdata;

	(void)source;
	(void)usec;
	stage->poke(stage->owner);
	return 0;
}

void act_poke_at(struct stage *stage, uint64_t usec)
{
	if (!stage->timer) {
		(void)sd_event_add_time(stage->event, &stage->timer, CLOCK_MONOTONIC, usec,
			USEC_PER_MSEC, on_timer, stage);
		return;
	}
	if (sd_event_source_set_time(stage->timer, usec) >= 0)
		(void)sd_event_source_set_enabled(stage->timer, SD_EVENT_ONESHOT);
}

bool act_check_other(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *other = instance_of(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (!instance_is_healthy(instance_of(stage, color)) || instance_is_healthy(other) ||
		other->verdict.health == HEALTH_UNKNOWN)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is the only healthy color: %s", color_name(color),
		explained);
	return false;
}

bool act_check_restart(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *instance = instance_of(stage, color);
	const struct instance *other = instance_of(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (instance_is_healthy(other) || instance->verdict.health == HEALTH_SICK ||
		instance->verdict.health == HEALTH_STARTING)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is not restarted, because %s cannot serve instead: %s",
		color_name(color), color_name(color_other(color)), explained);
	return false;
}

static void on_job(void *owner, enum job_result result, const char *why)
{
	struct stage *stage = owner;

	stage->job = NULL;
	stage->job_ended = true;
	stage->job_result = result;
	snprintf(stage->job_why, sizeof(stage->job_why), "%s", why);
	stage->poke(stage->owner);
}

static int job_begin(struct stage *stage, enum job_verb verb, enum color color, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX])
{
	const char *unit = instance_of(stage, color)->unit;
	int r;

	stage->job_ended = false;
	stage->restarts_before = instance_of(stage, color)->status.restarts;
	r = manager_job_begin(stage->manager, verb, unit, act_now(stage) + limit_usec, on_job,
		stage, &stage->job);
	if (r < 0) {
		stage->job = NULL;
		snprintf(why, STEP_TEXT_MAX, "the %s of %s cannot be begun: %s",
			job_verb_name(verb), unit, strerror(-r));
	}
	return r;
}

static struct environment environment_of(const struct stage *stage, enum color color)
{
	return (struct environment){
		.color = color,
		.role = color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK,
		.port = stage->config->ports[color],
		.release = stage->release ? stage->release : "",
		.assignments = stage->config->fallback_environment,
	};
}

int stage_equip(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	struct environment environment = environment_of(stage, color);
	char error[ENVIRONMENT_ERROR_MAX];
	uint16_t ports[COLOR_COUNT];
	int r;

	r = environment_write(stage->runtime_dir, &environment, error);
	if (r < 0) {
		snprintf(why, STEP_TEXT_MAX, "%s", error);
		return r;
	}
	instances_set_port(stage->instances, color, environment.port);
	for (enum color each = 0; each < COLOR_COUNT; each++)
		ports[each] = instance_of(stage, each)->port;
	return steer_backends(stage->steer, ports);
}

/* Both colors are to run after a reload; a green that is not well is started anew first. */
static int green_prepare(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct instance *green = instance_of(stage, COLOR_GREEN);
	bool down = green->known && !instance_is_alive(green);
	enum job_verb verb = down ? JOB_START : JOB_RESTART;
	int r;

	if (!down && green->verdict.health != HEALTH_SICK)
		return 0;
	if (!instance_is_healthy(instance_of(stage, COLOR_BLUE)) && !down)
		return 0;
	r = stage_equip(stage, COLOR_GREEN, why);
	if (r < 0)
		return r;
	instances_expect_start(stage->instances, COLOR_GREEN);
	return job_begin(stage, verb, COLOR_GREEN, stage->config->probe.start_timeout_usec, why);
}

int act_preflight_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct environment environment;
	char error[ENVIRONMENT_ERROR_MAX];

	stage->restarts_before = instance_of(stage, COLOR_GREEN)->status.restarts;
	if (!stage->reconfigure(stage->owner, why))
		return -EINVAL;
	environment = environment_of(stage, COLOR_GREEN);
	if (environment_format(&environment, error, &text) < 0) {
		snprintf(why, STEP_TEXT_MAX, "%s", error);
		return -EINVAL;
	}
	return green_prepare(stage, why);
}

/* Waits, or fails for a color that cannot serve whatever is done. */
static enum step_progress preflight_color(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = instance_of(stage, color);
	struct report_fields fields = {.color = color_name(color), .unit = instance->unit};

	if (!instance->known) {
		snprintf(text, STEP_TEXT_MAX,
			"systemd has not told yet what %s is; is the system "
			"bus there?",
			instance->unit);
		return STEP_WAITING;
	}
	if (!instance->status.loaded) {
		snprintf(text, STEP_TEXT_MAX, "%s cannot be loaded: %s", instance->unit,
			instance->status.load_error);
		return STEP_FAILED;
	}
	if (listener_find(stage->sockdiag, instance->port, instance->status.control_group, text,
		    STEP_TEXT_MAX) == LISTENER_STRANGER) {
		report(REPORT_PORT_TAKEN, &fields, "%s, not by %s", text, instance->unit);
		return STEP_FAILED;
	}
	return STEP_DONE;
}

enum step_progress act_preflight_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *blue = instance_of(stage, COLOR_BLUE);
	const struct instance *green = instance_of(stage, COLOR_GREEN);
	enum step_progress progress;

	if (!steer_is_connected(stage->steer)) {
		snprintf(text, STEP_TEXT_MAX, "the relay does not answer on its control socket");
		return STEP_WAITING;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		progress = preflight_color(stage, color, text);
		if (progress != STEP_DONE)
			return progress;
	}
	if (instance_is_healthy(green))
		return STEP_DONE;
	if (stage->job) {
		snprintf(text, STEP_TEXT_MAX, "%s starts", green->unit);
		return STEP_WAITING;
	}
	/* Nobody is healthy: there is nothing to lose, and the new code may be the cure. */
	if (blue->verdict.health == HEALTH_SICK && green->verdict.health == HEALTH_SICK)
		return STEP_DONE;
	progress = act_healthy_progress(stage, COLOR_GREEN, text);
	/* It is told by its probe or its unit that it is sick, and blue alone cannot be restarted.
	 * While blue is not decided, what it will be decides. */
	if (progress == STEP_FAILED && !instance_is_healthy(blue))
		return STEP_WAITING;
	return progress;
}

struct drain_order act_drain_order(
	const struct stage *stage, enum color color, enum drain_scope scope)
{
	const struct config *config = stage->config;
	struct drain_order order = {
		.color = color,
		.port = instance_of(stage, color)->port,
		.limits = {.scope = scope,
			.requests_usec = config->drain_requests_usec,
			.streams_usec = config->drain_streams_usec},
		.table_usec = config->hold_usec / TABLE_SHARE,
	};

	/* Writes wait while blue is drained: streams must not use up the time they have. */
	if (color == COLOR_BLUE && scope == DRAIN_ALL &&
		order.limits.streams_usec > config->hold_usec / 2)
		order.limits.streams_usec = config->hold_usec / 2;
	if (order.table_usec > config->drain_requests_usec)
		order.table_usec = config->drain_requests_usec;
	return order;
}

static void on_drain_over(void *owner)
{
	struct stage *stage = owner;

	stage->poke(stage->owner);
}

int act_drain_begin(struct stage *stage, enum color color, enum drain_scope scope,
	char why[static STEP_TEXT_MAX])
{
	struct drain_order order = act_drain_order(stage, color, scope);
	int r;

	r = drain_begin(stage->event, stage->steer, stage->sockdiag, &order, on_drain_over, stage,
		&stage->drain);
	if (r < 0) {
		stage->drain = NULL;
		snprintf(why, STEP_TEXT_MAX, "%s cannot be drained: %s", color_name(color),
			strerror(-r));
	}
	return r;
}

enum step_progress act_drain_progress(struct stage *stage, enum color color, enum drain_scope scope,
	char text[static STEP_TEXT_MAX])
{
	struct report_fields fields = {.color = color_name(color)};
	const struct drain_outcome *outcome;

	if (!stage->drain && act_drain_begin(stage, color, scope, text) < 0)
		return STEP_FAILED;
	drain_describe(stage->drain, text, STEP_TEXT_MAX);
	if (!drain_is_over(stage->drain))
		return STEP_WAITING;
	outcome = drain_outcome(stage->drain);
	if (outcome->cut > 0 || outcome->left > 0 || outcome->unaccepted > 0)
		report(REPORT_DRAIN_CUT, &fields, "%s: %s", color_name(color), text);
	return STEP_DONE;
}

void stage_relay_drained(
	struct stage *stage, enum color color, enum drain_scope scope, uint64_t cut)
{
	drain_relay_done(stage->drain, color, scope, cut);
}

int act_restart_begin(
	struct stage *stage, enum color color, uint64_t limit_usec, char why[static STEP_TEXT_MAX])
{
	int r;

	r = stage_equip(stage, color, why);
	if (r < 0)
		return r;
	r = job_begin(stage, JOB_RESTART, color, limit_usec, why);
	if (r < 0)
		return r;
	instances_expect_start(stage->instances, color);
	return 0;
}

enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = instance_of(stage, color);

	/* A new process that is well: the job is done, whoever told it or did not. */
	if (!stage->job_ended && instance_is_healthy(instance))
		return STEP_DONE;
	if (!stage->job_ended) {
		snprintf(text, STEP_TEXT_MAX, "%s is %s", instance->unit,
			unit_activity_name(instance->status.activity));
		return STEP_WAITING;
	}
	snprintf(text, STEP_TEXT_MAX, "%s", stage->job_why);
	switch (stage->job_result) {
	case JOB_DONE:
		return STEP_DONE;
	case JOB_FAILED:
		/* systemd tries again; the next row judges that. */
		return instance->status.restarting ? STEP_DONE : STEP_FAILED;
	case JOB_CANCELED:
	case JOB_TIMED_OUT:
	case JOB_LOST:
	case JOB_RESULT_COUNT:
		break;
	}
	return STEP_FAILED;
}

int act_healthy_begin(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	instances_attend(stage->instances, color, true);
	/* It runs already, but for a supervisor that comes back here and finds it down. */
	return job_begin(stage, JOB_START, color, stage->config->probe.start_timeout_usec, why);
}

static uint32_t crashes(const struct stage *stage, const struct instance *instance)
{
	uint32_t restarts = instance->status.restarts;

	/* systemd counts from 0 again after a start that was asked for. */
	return restarts >= stage->restarts_before ? restarts - stage->restarts_before : restarts;
}

enum step_progress act_healthy_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = instance_of(stage, color);
	const struct unit_status *status = &instance->status;

	if (instance_is_healthy(instance))
		return STEP_DONE;
	instance_explain(instance, text, STEP_TEXT_MAX);
	if (stage->job || instance->verdict.health == HEALTH_UNKNOWN)
		return STEP_WAITING;
	if (crashes(stage, instance) >= CRASHES_MAX)
		return STEP_FAILED;
	if (instance->verdict.health != HEALTH_SICK || status->restarting)
		return STEP_WAITING;
	return STEP_FAILED;
}

static void warm_up_next(struct stage *stage);

static void on_warmed(void *owner, const struct probe_result *result)
{
	struct stage *stage = owner;

	stage->probe = NULL;
	if (result->verdict != PROBE_PASSED) {
		stage->warm_failed++;
		snprintf(stage->warm_why, sizeof(stage->warm_why), "%s", result->reason);
	}
	stage->warmed++;
	warm_up_next(stage);
}

static void warm_up_next(struct stage *stage)
{
	const struct config_probe *config = &stage->config->probe;
	struct probe_request request = {
		.port = instance_of(stage, COLOR_BLUE)->port,
		.path = config->warm_up[stage->warmed],
		.host = config->host,
		.status_min = 100,
		.status_max = 499,
		.timeout_usec = config->timeout_usec,
	};

	if (request.path &&
		probe_begin(stage->prober, &request, on_warmed, stage, &stage->probe) >= 0)
		return;
	stage->probe = NULL;
	stage->poke(stage->owner);
}

int act_warm_up_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	stage->warmed = stage->warm_failed = 0;
	warm_up_next(stage);
	return 0;
}

enum step_progress act_warm_up_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (stage->probe) {
		snprintf(text, STEP_TEXT_MAX, "%s", stage->config->probe.warm_up[stage->warmed]);
		return STEP_WAITING;
	}
	if (stage->warm_failed > 0) {
		snprintf(text, STEP_TEXT_MAX, "%zu of %zu pages did not answer well: %s",
			stage->warm_failed, stage->warmed, stage->warm_why);
		return STEP_FAILED;
	}
	if (stage->warmed > 0)
		snprintf(text, STEP_TEXT_MAX, "%zu pages", stage->warmed);
	return STEP_DONE;
}

void act_end(struct stage *stage)
{
	stage->job = manager_job_forget(stage->job);
	stage->drain = drain_end(stage->drain);
	stage->probe = probe_cancel(stage->probe);
	stage->timer = sd_event_source_disable_unref(stage->timer);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		instances_attend(stage->instances, color, false);
}

/* A restart that did not happen leaves the process as it was. */
void act_restart_end(struct stage *stage)
{
	bool happened = stage->job_ended && stage->job_result == JOB_DONE;

	act_end(stage);
	for (enum color color = 0; color < COLOR_COUNT && !happened; color++)
		instances_expect_nothing(stage->instances, color);
}
