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
#include "report.h"

/* What came past the relay may hold the table so long, because writes wait meanwhile: this part
 * of the time that they may wait. */
#define TABLE_SHARE 4

const struct instance *act_instance(const struct stage *stage, enum color color)
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
	const struct instance *other = act_instance(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (!instance_is_healthy(act_instance(stage, color)) || instance_is_healthy(other) ||
		watch_standing(stage->watch, other->color) == STANDING_UNKNOWN)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is the only healthy color: %s", color_name(color),
		explained);
	return false;
}

bool act_check_restart(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);
	const struct instance *other = act_instance(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (instance_is_healthy(other) || instance->verdict.health == HEALTH_SICK ||
		instance->verdict.health == HEALTH_STARTING)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is not restarted, because %s cannot serve instead: %s",
		color_name(color), color_name(color_other(color)), explained);
	return false;
}

/* The relay is told where each color is. */
static int port_take(struct stage *stage, enum color color, uint16_t port)
{
	uint16_t ports[COLOR_COUNT];

	const struct instance *instance = act_instance(stage, color);
	struct environment_part part = {.port = port, .role = instance->role};

	memcpy(part.release, instance->release, sizeof(part.release));
	instances_set_part(stage->instances, color, &part);
	for (enum color each = 0; each < COLOR_COUNT; each++)
		ports[each] = act_instance(stage, each)->port;
	return steer_backends(stage->steer, ports);
}

/* The start that was asked for was none: the process is as it was, and where it was. So will be the
 * one that systemd starts in its place. */
static void act_expect_nothing(struct stage *stage)
{
	enum color color = stage->expected;
	struct report_fields fields = {.color = color_name(color)};
	struct environment environment = act_environment(stage, color);
	char error[ENVIRONMENT_ERROR_MAX];

	stage->expecting = false;
	if (!instances_expect_nothing(stage->instances, color) ||
		environment.port == stage->port_before)
		return;
	environment.port = stage->port_before;
	if (environment_write(stage->runtime_dir, &environment, error) < 0)
		report(REPORT_WARNING, &fields, "%s", error);
	(void)port_take(stage, color, stage->port_before);
}

static void on_job(void *owner, enum job_result result, const char *why)
{
	struct stage *stage = owner;

	stage->job = NULL;
	stage->job_ended = true;
	stage->job_result = result;
	snprintf(stage->job_why, sizeof(stage->job_why), "%s", why);
	if (stage->expecting && result != JOB_DONE)
		act_expect_nothing(stage);
	stage->poke(stage->owner);
}

int act_job_begin(struct stage *stage, enum job_verb verb, enum color color, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX])
{
	const char *unit = act_instance(stage, color)->unit;
	int r;

	stage->job_ended = false;
	stage->restarts_before = act_instance(stage, color)->status.restarts;
	r = manager_job_begin(stage->manager, verb, unit, act_now(stage) + limit_usec, on_job,
		stage, &stage->job);
	if (r < 0) {
		stage->job = NULL;
		snprintf(why, STEP_TEXT_MAX, "the %s of %s cannot be begun: %s",
			job_verb_name(verb), unit, strerror(-r));
	}
	return r;
}

struct environment act_environment(const struct stage *stage, enum color color)
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
	struct environment environment = act_environment(stage, color);
	char error[ENVIRONMENT_ERROR_MAX];
	int r;

	r = environment_write(stage->runtime_dir, &environment, error);
	if (r < 0) {
		snprintf(why, STEP_TEXT_MAX, "%s", error);
		return r;
	}
	return port_take(stage, color, environment.port);
}

struct drain_order act_drain_order(
	const struct stage *stage, enum color color, enum drain_scope scope)
{
	const struct config *config = stage->config;
	struct drain_order order = {
		.color = color,
		.port = act_instance(stage, color)->port,
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

int act_start(struct stage *stage, enum job_verb verb, enum color color, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX])
{
	int r;

	stage->port_before = act_instance(stage, color)->port;
	r = stage_equip(stage, color, why);
	if (r >= 0)
		r = act_job_begin(stage, verb, color, limit_usec, why);
	if (r < 0)
		return r;
	instances_expect_start(stage->instances, color);
	stage->expecting = true;
	stage->expected = color;
	return 0;
}

enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);

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
	return act_job_begin(stage, JOB_START, color, stage->config->probe.start_timeout_usec, why);
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
	const struct instance *instance = act_instance(stage, color);
	const struct unit_status *status = &instance->status;

	if (instance_is_healthy(instance))
		return STEP_DONE;
	/* A start that was refused says more than that nothing runs. */
	if (stage->job_ended && stage->job_result != JOB_DONE && !instance_is_alive(instance))
		snprintf(text, STEP_TEXT_MAX, "%s", stage->job_why);
	else
		instance_explain(instance, text, STEP_TEXT_MAX);
	if (stage->job || instance->verdict.health == HEALTH_UNKNOWN)
		return STEP_WAITING;
	if (crashes(stage, instance) >= CRASHES_MAX)
		return STEP_FAILED;
	if (instance->verdict.health != HEALTH_SICK || status->restarting)
		return STEP_WAITING;
	return STEP_FAILED;
}

void act_end(struct stage *stage)
{
	stage->job = manager_job_forget(stage->job);
	stage->drain = drain_end(stage->drain);
	stage->probe = probe_cancel(stage->probe);
	stage->timer = sd_event_source_disable_unref(stage->timer);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		instances_attend(stage->instances, color, false);
	if (stage->expecting && !stage->job_ended)
		act_expect_nothing(stage);
	stage->expecting = false;
}
