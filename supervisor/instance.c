/* SPDX-License-Identifier: MIT */
/*
 * Knows that the two colors are watched, and who hears of it; how they are asked and what follows
 * from that, the files beside it know.
 */
#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "instance-inside.h"
#include "report.h"

uint64_t instances_now(const struct instances *instances)
{
	uint64_t usec = 0;

	(void)sd_event_now(instances->event, CLOCK_MONOTONIC, &usec);
	return usec;
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

static void report_flapping(const struct watched *watched)
{
	const struct instance *instance = &watched->instance;
	const char *color = color_name(instance->color);
	struct report_fields fields = {.color = color, .unit = instance->unit};

	if (instance->flapping)
		report(REPORT_WARNING, &fields,
			"%s fell %d times within a minute; if the other color is healthy, reads "
			"stay there until %s has been flawless for %gs",
			color, FLAPS_FALLS, color,
			(double)watched->flaps.hold_usec / (double)USEC_PER_SEC);
	else
		report(REPORT_NOTE, &fields, "%s has been flawless for %gs and is relied on again",
			color, (double)watched->flaps.hold_usec / (double)USEC_PER_SEC);
}

static void flapping_follow(struct watched *watched)
{
	struct instance *instance = &watched->instance;
	uint64_t again = flaps_follow(
		&watched->flaps, &instance->verdict, instances_now(watched->instances));

	if (again == USEC_INFINITY)
		(void)sd_event_source_set_enabled(watched->steady, SD_EVENT_OFF);
	else if (sd_event_source_set_time(watched->steady, again) >= 0)
		(void)sd_event_source_set_enabled(watched->steady, SD_EVENT_ONESHOT);
	if (instance->flapping == watched->flaps.flapping)
		return;
	instance->flapping = watched->flaps.flapping;
	report_flapping(watched);
}

void watched_changed(struct watched *watched)
{
	struct instances *instances = watched->instances;

	report_health(watched);
	flapping_follow(watched);
	if (instances->events.changed)
		instances->events.changed(instances->owner, watched->instance.color);
}

static int on_steady(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	watched_changed(userdata);
	return 0;
}

void instances_expect_start(struct instances *instances, enum color color)
{
	struct watched *watched = &instances->watched[color];
	struct instance *instance = &watched->instance;

	watched_forget_probe(watched);
	/* What it was is no reason to mistrust what it will be. */
	watched->flaps = (struct flaps){0};
	instance->flapping = false;
	watched->expecting = true;
	memcpy(watched->expected_after, instance->status.invocation_id,
		sizeof(watched->expected_after));
	verdict_start(&instance->verdict,
		instances_now(instances) + instances->config->probe.start_timeout_usec);
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
	watched_schedule(watched, 0);
	return true;
}

void instances_probe_now(struct instances *instances, enum color color)
{
	struct watched *watched = &instances->watched[color];

	if (watched->probe)
		watched->at_once = true;
	else
		watched_schedule(watched, 0);
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
	bool asked_otherwise = config->protocol != instances->config->protocol;

	instances->config = config;
	for (enum color color = 0; asked_otherwise && color < COLOR_COUNT; color++)
		instances_probe_now(instances, color);
}

void instances_set_part(
	struct instances *instances, enum color color, const struct environment_part *part)
{
	struct instance *instance = &instances->watched[color].instance;

	instance->port = part->port;
	instance->role = part->role;
	memcpy(instance->release, part->release, sizeof(instance->release));
}

const struct flaps *instances_flaps(const struct instances *instances, enum color color)
{
	return &instances->watched[color].flaps;
}

void instances_inherit_flaps(
	struct instances *instances, enum color color, const struct flaps *flaps)
{
	struct watched *watched = &instances->watched[color];

	watched->flaps = *flaps;
	watched->instance.flapping = flaps->flapping;
}

int instances_watch(struct instances *instances, const struct instances_events *events, void *owner)
{
	instances->events = *events;
	instances->owner = owner;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct watched *watched = &instances->watched[color];
		int r;

		r = manager_unit_watch(
			instances->manager, watched->instance.unit, watched_on_unit, watched);
		if (r < 0)
			return r;
		watched_schedule(watched, 0);
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
		sd_event_source_disable_unref(instances->watched[color].steady);
	}
	sd_event_unref(instances->event);
	free(instances);
	return NULL;
}

static int timer_add(
	struct watched *watched, sd_event_time_handler_t handler, sd_event_source **ret_timer)
{
	int r;

	r = sd_event_add_time_relative(watched->instances->event, ret_timer, CLOCK_MONOTONIC, 0,
		USEC_PER_MSEC, handler, watched);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(*ret_timer, SD_EVENT_OFF);
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
		r = timer_add(watched, watched_on_timer, &watched->timer);
		if (r >= 0)
			r = timer_add(watched, on_steady, &watched->steady);
		if (r < 0)
			return r;
	}
	*ret_instances = take_ptr(instances);
	return 0;
}
