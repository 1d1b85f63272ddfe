/* SPDX-License-Identifier: MIT */
/*
 * Knows how units and probes make up the health of a color; does not know what is done about it.
 */
#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "listener.h"
#include "report.h"

/* While a color starts, or a cycle looks at it. */
#define OFTEN_USEC   (250 * USEC_PER_MSEC)
/* Between the answers that make a color healthy. */
#define CONFIRM_USEC (100 * USEC_PER_MSEC)
/* A sick color is asked at least so often, however long the interval is. */
#define SICK_USEC    (1 * USEC_PER_SEC)

struct watched {
	struct instances *instances;
	struct instance instance;
	struct probe *probe;
	sd_event_source *timer;
	enum health reported; /* HEALTHY or SICK; starting again and again is no news */
	bool often;
	bool at_once;		 /* another probe right after the one under way */
	bool expecting;		 /* a new invocation is on its way */
	char expected_after[33]; /* then: the one that does not count any more */
};

struct instances {
	sd_event *event;
	const struct config *config;
	struct manager *manager;
	struct prober *prober;
	struct sockdiag *sockdiag;
	struct instances_events events;
	void *owner;
	struct watched watched[COLOR_COUNT];
};

static uint64_t now(const struct instances *instances)
{
	uint64_t usec = 0;

	(void)sd_event_now(instances->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

/* Only a unit that systemd calls active is asked; one that nobody knows yet, for want of a bus, is
 * asked too. */
static bool is_to_be_probed(const struct instance *instance)
{
	return !instance->known || instance->status.activity == UNIT_ACTIVE;
}

static uint64_t pause_usec(const struct watched *watched)
{
	uint64_t interval = watched->instances->config->probe.interval_usec;
	const struct instance *instance = &watched->instance;
	uint64_t pause = interval;

	switch (instance->verdict.health) {
	case HEALTH_UNKNOWN:
	case HEALTH_STARTING:
		/* The first good answer: writes may be waiting for the one that confirms it. */
		pause = instance->verdict.passed > 0 ? CONFIRM_USEC : OFTEN_USEC;
		break;
	case HEALTH_HEALTHY:
		/* Nobody listens: that is not a slow answer that deserves patience. */
		if (watched->often ||
			(instance->probed && instance->answer.verdict == PROBE_REFUSED))
			pause = OFTEN_USEC;
		break;
	case HEALTH_SICK:
		pause = SICK_USEC;
		break;
	case HEALTH_COUNT:
		break;
	}
	return pause < interval ? pause : interval;
}

static void probe_schedule(struct watched *watched, uint64_t pause)
{
	if (watched->probe)
		return;
	if (!is_to_be_probed(&watched->instance)) {
		(void)sd_event_source_set_enabled(watched->timer, SD_EVENT_OFF);
		return;
	}
	if (sd_event_source_set_time_relative(watched->timer, pause) >= 0)
		(void)sd_event_source_set_enabled(watched->timer, SD_EVENT_ONESHOT);
}

static void report_health(struct watched *watched)
{
	const struct instance *instance = &watched->instance;
	enum health health = instance->verdict.health;
	struct report_fields fields = {
		.color = color_name(instance->color), .unit = instance->unit};
	char why[PROBE_REASON_MAX + INSTANCE_UNIT_MAX];

	if (!instance_is_decided(instance) || health == watched->reported)
		return;
	watched->reported = health;
	if (health == HEALTH_HEALTHY) {
		report(REPORT_COLOR_HEALTHY, &fields, "%s is healthy: %s",
			color_name(instance->color), instance->answer.reason);
	} else {
		instance_explain(instance, why, sizeof(why));
		report(REPORT_COLOR_SICK, &fields, "%s is sick: %s", color_name(instance->color),
			why);
	}
}

static void changed(struct watched *watched)
{
	struct instances *instances = watched->instances;

	report_health(watched);
	if (instances->events.changed)
		instances->events.changed(instances->owner, watched->instance.color);
}

/* A stranger on the port may answer as well as it likes. It is asked only before a color becomes
 * healthy: a port cannot be taken from a process that listens. */
static void answer_check_listener(struct watched *watched, struct probe_result *answer)
{
	struct instance *instance = &watched->instance;
	char sentence[PROBE_REASON_MAX];

	if (answer->verdict != PROBE_PASSED || instance->verdict.health == HEALTH_HEALTHY ||
		!instance->known)
		return;
	if (listener_find(watched->instances->sockdiag, instance->port,
		    instance->status.control_group, sentence,
		    sizeof(sentence)) != LISTENER_STRANGER)
		return;
	answer->verdict = PROBE_BROKEN;
	memcpy(answer->reason, sentence, sizeof(sentence));
}

static bool is_of_old_invocation(const struct watched *watched)
{
	return watched->expecting &&
	       strcmp(watched->expected_after, watched->instance.status.invocation_id) == 0;
}

/* A process that was found running is not sick as long as it may still be starting: a supervisor
 * that comes back has not seen when it began. */
static void verdict_spare_the_young(struct watched *watched, enum health before)
{
	struct instance *instance = &watched->instance;
	uint64_t deadline = instance->status.active_since_usec +
			    watched->instances->config->probe.start_timeout_usec;

	if (before == HEALTH_UNKNOWN && instance->verdict.health == HEALTH_SICK &&
		instance->known && now(watched->instances) < deadline)
		verdict_start(&instance->verdict, deadline);
}

static void on_answer(void *owner, const struct probe_result *result)
{
	struct watched *watched = owner;
	struct instance *instance = &watched->instance;
	const struct config_probe *probe = &watched->instances->config->probe;
	enum health before = instance->verdict.health;
	struct probe_result answer = *result;

	watched->probe = NULL;
	if (is_of_old_invocation(watched) || !is_to_be_probed(instance)) {
		probe_schedule(watched, OFTEN_USEC);
		return;
	}
	answer_check_listener(watched, &answer);
	instance->probed = true;
	instance->answer = answer;
	if (watched->instances->events.answered)
		watched->instances->events.answered(
			watched->instances->owner, instance->color, &answer);
	verdict_feed(&instance->verdict, answer.verdict == PROBE_PASSED, now(watched->instances),
		probe->rise, probe->fall);
	verdict_spare_the_young(watched, before);
	probe_schedule(watched, watched->at_once ? 0 : pause_usec(watched));
	watched->at_once = false;
	changed(watched);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watched *watched = userdata;
	const struct config_probe *probe = &watched->instances->config->probe;
	struct probe_request request = {
		.port = watched->instance.port,
		.path = probe->path,
		.host = probe->host,
		.status_min = probe->status_min,
		.status_max = probe->status_max,
		.body = probe->body,
		.timeout_usec = probe->timeout_usec,
	};

	(void)source;
	(void)usec;
	if (watched->probe || !is_to_be_probed(&watched->instance))
		return 0;
	if (probe_begin(watched->instances->prober, &request, on_answer, watched, &watched->probe) <
		0) {
		watched->probe = NULL;
		probe_schedule(watched, SICK_USEC);
	}
	return 0;
}

/* What was under way was asked of a process that is no more. */
static void probe_forget(struct watched *watched)
{
	watched->probe = probe_cancel(watched->probe);
	watched->at_once = false;
}

/* A restart that we asked for passes through being down; that is no news. */
static bool is_passing_through(const struct watched *watched)
{
	const struct unit_status *status = &watched->instance.status;

	if (!watched->expecting)
		return false;
	return is_of_old_invocation(watched) ||
	       (!*status->invocation_id && status->activity != UNIT_FAILED);
}

/* Followed, not fought; but it is told whose doing it was not. */
static void report_stranger(const struct watched *watched, const struct unit_status *before)
{
	const struct instance *instance = &watched->instance;
	const struct unit_status *status = &instance->status;
	struct report_fields fields = {
		.color = color_name(instance->color), .unit = instance->unit};

	if (watched->expecting)
		return;
	if (status->activity == UNIT_INACTIVE && before->activity != UNIT_INACTIVE)
		report(REPORT_UNIT_CHANGED, &fields,
			"%s was stopped, not by this supervisor; unless it is started again it "
			"stays so until the next reload",
			instance->unit);
	else if (unit_is_up(status) && !before->restarting &&
		 strcmp(before->invocation_id, status->invocation_id) != 0)
		report(REPORT_UNIT_CHANGED, &fields,
			"%s was started or restarted, not by this supervisor", instance->unit);
}

static void verdict_follow_unit(struct watched *watched, const struct unit_status *before)
{
	struct instance *instance = &watched->instance;
	const struct unit_status *status = &instance->status;
	uint64_t deadline =
		now(watched->instances) + watched->instances->config->probe.start_timeout_usec;

	if (is_passing_through(watched))
		return;
	if (before)
		report_stranger(watched, before);
	watched->expecting = false;
	if (!unit_is_up(status) && !before) {
		/* Its owner knows whether it is to be started, or stays down. */
		return;
	}
	if (!unit_is_up(status)) {
		probe_forget(watched);
		verdict_condemn(&instance->verdict);
	} else if (before ? strcmp(before->invocation_id, status->invocation_id) != 0
			  : status->activity == UNIT_ACTIVATING) {
		probe_forget(watched);
		verdict_start(&instance->verdict, deadline);
	}
}

static void on_unit(void *owner, const char *unit, const struct unit_status *status)
{
	struct watched *watched = owner;
	struct instance *instance = &watched->instance;
	struct unit_status before = instance->status;
	bool known = instance->known;

	(void)unit;
	instance->known = true;
	instance->status = *status;
	verdict_follow_unit(watched, known ? &before : NULL);
	probe_schedule(watched, 0);
	changed(watched);
}

void instances_expect_start(struct instances *instances, enum color color)
{
	struct watched *watched = &instances->watched[color];
	struct instance *instance = &watched->instance;

	probe_forget(watched);
	watched->expecting = true;
	memcpy(watched->expected_after, instance->status.invocation_id,
		sizeof(watched->expected_after));
	verdict_start(
		&instance->verdict, now(instances) + instances->config->probe.start_timeout_usec);
}

bool instances_expect_nothing(struct instances *instances, enum color color)
{
	struct watched *watched = &instances->watched[color];

	if (!watched->expecting)
		return false;
	watched->expecting = false;
	verdict_reset(&watched->instance.verdict);
	if (!unit_is_up(&watched->instance.status))
		verdict_condemn(&watched->instance.verdict);
	probe_schedule(watched, 0);
	return true;
}

void instances_probe_now(struct instances *instances, enum color color)
{
	struct watched *watched = &instances->watched[color];

	if (watched->probe)
		watched->at_once = true;
	else
		probe_schedule(watched, 0);
}

void instances_attend(struct instances *instances, enum color color, bool often)
{
	instances->watched[color].often = often;
	if (often)
		instances_probe_now(instances, color);
}

const struct instance *instances_get(const struct instances *instances, enum color color)
{
	return &instances->watched[color].instance;
}

void instances_configure(struct instances *instances, const struct config *config)
{
	instances->config = config;
}

void instances_set_part(
	struct instances *instances, enum color color, const struct environment_part *part)
{
	struct instance *instance = &instances->watched[color].instance;

	instance->port = part->port;
	instance->role = part->role;
	memcpy(instance->release, part->release, sizeof(instance->release));
}

int instances_watch(struct instances *instances, const struct instances_events *events, void *owner)
{
	instances->events = *events;
	instances->owner = owner;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct watched *watched = &instances->watched[color];
		int r;

		r = manager_unit_watch(
			instances->manager, watched->instance.unit, on_unit, watched);
		if (r < 0)
			return r;
		probe_schedule(watched, 0);
	}
	return 0;
}

struct instances *instances_close(struct instances *instances)
{
	if (!instances)
		return NULL;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		probe_cancel(instances->watched[color].probe);
		sd_event_source_disable_unref(instances->watched[color].timer);
	}
	sd_event_unref(instances->event);
	free(instances);
	return NULL;
}

int instances_open(sd_event *event, const char *app, const struct config *config,
	struct manager *manager, struct prober *prober, struct sockdiag *sockdiag,
	struct instances **ret_instances)
{
	_cleanup_(cleanup_instances_close) struct instances *instances = NULL;

	instances = calloc(1, sizeof(*instances));
	if (!instances)
		return -ENOMEM;
	instances->event = sd_event_ref(event);
	instances->config = config;
	instances->manager = manager;
	instances->prober = prober;
	instances->sockdiag = sockdiag;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct watched *watched = &instances->watched[color];
		int r;

		watched->instances = instances;
		watched->instance.color = color;
		watched->instance.port = config->ports[color];
		snprintf(watched->instance.unit, sizeof(watched->instance.unit), "%s@%s.service",
			app, color_name(color));
		r = sd_event_add_time_relative(event, &watched->timer, CLOCK_MONOTONIC, 0,
			USEC_PER_MSEC, on_timer, watched);
		if (r >= 0)
			r = sd_event_source_set_enabled(watched->timer, SD_EVENT_OFF);
		if (r < 0)
			return r;
	}
	*ret_instances = take_ptr(instances);
	return 0;
}
