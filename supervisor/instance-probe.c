/* SPDX-License-Identifier: MIT */
/*
 * Knows when and how a color is asked, and what its answer makes of its health; does not know what
 * systemd says of it in between.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "instance-inside.h"
#include "listener.h"

/* Only a unit that systemd calls active is asked: one that is activating has not said yet that it
 * is ready (Type=notify). One that nobody knows yet, for want of a bus, is asked too. */
static bool is_to_be_asked(const struct watched *watched)
{
	const struct instance *instance = &watched->instance;

	if (instance->known)
		return instance->status.activity == UNIT_ACTIVE;
	return watched->instances->config->protocol != PROTOCOL_NONE;
}

/* It has its time to become active; nobody asks it meanwhile. */
static bool is_getting_ready(const struct watched *watched)
{
	const struct instance *instance = &watched->instance;

	return instance->known && instance->status.activity == UNIT_ACTIVATING &&
	       instance->verdict.health == HEALTH_STARTING &&
	       !watched_is_of_old_invocation(watched);
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

void watched_schedule(struct watched *watched, uint64_t pause)
{
	uint64_t deadline = watched->instance.verdict.start_deadline_usec;
	uint64_t now = instances_now(watched->instances);
	int r;

	if (watched->probe)
		return;
	if (is_getting_ready(watched))
		pause = deadline > now ? deadline - now : 0;
	else if (!is_to_be_asked(watched))
		pause = USEC_INFINITY;
	if (pause == USEC_INFINITY) {
		(void)sd_event_source_set_enabled(watched->timer, SD_EVENT_OFF);
		return;
	}
	r = sd_event_source_set_time_relative(watched->timer, pause);
	if (r >= 0)
		(void)sd_event_source_set_enabled(watched->timer, SD_EVENT_ONESHOT);
}

void watched_forget_probe(struct watched *watched)
{
	watched->probe = probe_cancel(watched->probe);
	watched->at_once = false;
}

/* A stranger on the port may answer as well as it likes. */
static void answer_check_listener(const struct watched *watched, struct probe_result *answer)
{
	const struct instance *instance = &watched->instance;
	char found[PROBE_REASON_MAX / 2];

	if (answer->verdict != PROBE_PASSED || !instance->known ||
		watched->instances->config->protocol == PROTOCOL_NONE)
		return;
	if (listener_find(watched->instances->sockdiag, instance->port,
		    instance->status.control_group, found, sizeof(found)) != LISTENER_STRANGER)
		return;
	answer->verdict = PROBE_BROKEN;
	instance_explain_stranger(instance, found, answer->reason, sizeof(answer->reason));
}

/* A process that was found running is not sick as long as it may still be starting: a supervisor
 * that comes back has not seen when it began. */
static void verdict_spare_the_young(struct watched *watched, enum health before)
{
	struct instance *instance = &watched->instance;
	uint64_t deadline = instance->status.active_since_usec +
			    watched->instances->config->probe.start_timeout_usec;

	if (before == HEALTH_UNKNOWN && instance->verdict.health == HEALTH_SICK &&
		instance->known && instances_now(watched->instances) < deadline)
		verdict_start(&instance->verdict, deadline);
}

static void answer_take(struct watched *watched, const struct probe_result *answer, uint32_t rise)
{
	struct instances *instances = watched->instances;
	struct instance *instance = &watched->instance;
	enum health before = instance->verdict.health;
	uint64_t now = instances_now(instances);

	instance->probed = true;
	instance->answer = *answer;
	if (instances->events.answered)
		instances->events.answered(instances->owner, instance->color, answer);
	verdict_feed(&instance->verdict, answer->verdict == PROBE_PASSED, now, rise,
		instances->config->probe.fall);
	if (before == HEALTH_HEALTHY && instance->verdict.health == HEALTH_SICK)
		flaps_fell(&watched->flaps, now);
	verdict_spare_the_young(watched, before);
}

static void on_answer(void *owner, const struct probe_result *result)
{
	struct watched *watched = owner;
	struct probe_result answer = *result;

	watched->probe = NULL;
	if (watched_is_of_old_invocation(watched) || !is_to_be_asked(watched)) {
		watched_schedule(watched, OFTEN_USEC);
		return;
	}
	answer_check_listener(watched, &answer);
	answer_take(watched, &answer, watched->instances->config->probe.rise);
	watched_schedule(watched, watched->at_once ? 0 : pause_usec(watched));
	watched->at_once = false;
	watched_changed(watched);
}

/* Protocol=none: what systemd says is the answer, and the next one comes when it says otherwise. */
static void unit_is_the_answer(struct watched *watched)
{
	const struct instance *instance = &watched->instance;
	struct probe_result answer = {.verdict = PROBE_PASSED};

	if (watched_is_of_old_invocation(watched))
		return;
	snprintf(answer.reason, sizeof(answer.reason), "%s is %s (%s)", instance->unit,
		unit_activity_name(instance->status.activity), instance->status.sub_state);
	answer_take(watched, &answer, 1);
	watched_changed(watched);
}

static void probe_begin_now(struct watched *watched)
{
	const struct config *config = watched->instances->config;
	const struct probe_request request = {
		.kind = config->protocol == PROTOCOL_TCP ? PROBE_CONNECT : PROBE_HTTP,
		.port = watched->instance.port,
		.path = config->probe.path,
		.host = config->probe.host,
		.proxy_header = config->protocol == PROTOCOL_HTTP &&
				config->send_proxy != PROXY_VERSION_NONE,
		.status_min = config->probe.status_min,
		.status_max = config->probe.status_max,
		.body = config->probe.body,
		.timeout_usec = config->probe.timeout_usec,
	};

	if (probe_begin(watched->instances->prober, &request, on_answer, watched, &watched->probe) <
		0) {
		watched->probe = NULL;
		watched_schedule(watched, SICK_USEC);
	}
}

/* The time to become active is over: what it is counts as an answer that failed. */
static void start_ended(struct watched *watched)
{
	struct verdict *verdict = &watched->instance.verdict;
	const struct config_probe *probe = &watched->instances->config->probe;

	verdict_feed(verdict, false, instances_now(watched->instances), probe->rise, probe->fall);
	watched_schedule(watched, SICK_USEC);
	watched_changed(watched);
}

int watched_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watched *watched = userdata;

	(void)source;
	(void)usec;
	if (watched->probe)
		return 0;
	if (is_getting_ready(watched))
		start_ended(watched);
	else if (!is_to_be_asked(watched))
		return 0;
	else if (watched->instances->config->protocol == PROTOCOL_NONE)
		unit_is_the_answer(watched);
	else
		probe_begin_now(watched);
	return 0;
}
