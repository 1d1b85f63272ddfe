/* SPDX-License-Identifier: MIT */
/*
 * Knows when the route is to be derived anew; what it is, stance.c knows.
 */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#include "report.h"

struct watch {
	sd_event *event;
	const struct config *config;
	struct instances *instances;
	struct steer *steer;
	struct watch_events events;
	void *owner;
	sd_event_source *derive, *patience;
	enum stance stance;
	bool impatient; /* UNKNOWN counts as sick */
	bool decided;	/* the route said is that of the stance and of how the colors stand */
	bool said;	/* `route` was given to the relay */
	bool followed;
	struct route route;
};

enum standing watch_standing(const struct watch *watch, enum color color)
{
	const struct instance *instance = instances_get(watch->instances, color);

	switch (instance->verdict.health) {
	case HEALTH_HEALTHY:
		return STANDING_HEALTHY;
	case HEALTH_STARTING:
		return STANDING_STARTING;
	case HEALTH_UNKNOWN:
		if (!watch->impatient)
			return STANDING_UNKNOWN;
		break;
	case HEALTH_SICK:
	case HEALTH_COUNT:
		break;
	}
	return instance_is_alive(instance) ? STANDING_SICK : STANDING_GONE;
}

static void route_say(struct watch *watch, const struct route *route)
{
	char text[ROUTE_TEXT_MAX];

	watch->route = *route;
	watch->said = true;
	watch->followed = false;
	report(REPORT_ROUTE, NULL, "route: %s", route_format(route, text));
	(void)steer_route(watch->steer, route);
}

/* From the loop and once for several causes, so that nobody is called back from within. */
static int on_derive(sd_event_source *source, void *userdata)
{
	struct watch *watch = userdata;
	enum standing standing[COLOR_COUNT];
	struct route route;

	(void)source;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		standing[color] = watch_standing(watch, color);
	switch (stance_route(watch->stance, standing, watch->config->fallback_writes,
		watch->said ? &watch->route : NULL, &route)) {
	case STANCE_UNDECIDED:
		watch->decided = false;
		break;
	case STANCE_STANDS:
		watch->decided = true;
		break;
	case STANCE_CHANGES:
		watch->decided = true;
		route_say(watch, &route);
		break;
	}
	if (watch->events.changed)
		watch->events.changed(watch->owner);
	return 0;
}

static void derive_soon(struct watch *watch)
{
	(void)sd_event_source_set_enabled(watch->derive, SD_EVENT_ONESHOT);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *watch = userdata;

	(void)source;
	(void)usec;
	watch->impatient = true;
	derive_soon(watch);
	return 0;
}

void watch_configure(struct watch *watch, const struct config *config)
{
	watch->config = config;
	derive_soon(watch);
}

void watch_take_stance(struct watch *watch, enum stance stance)
{
	watch->stance = stance;
	derive_soon(watch);
}

enum stance watch_stance(const struct watch *watch)
{
	return watch->stance;
}

void watch_instance_changed(struct watch *watch)
{
	derive_soon(watch);
}

void watch_followed(struct watch *watch, const struct route *route)
{
	if (!watch->said || !route_equal(route, &watch->route) || watch->followed)
		return;
	watch->followed = true;
	if (watch->events.changed)
		watch->events.changed(watch->owner);
}

bool watch_is_settled(const struct watch *watch)
{
	int pending = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(watch->derive, &pending);
	return pending == SD_EVENT_OFF && watch->decided && watch->said && watch->followed;
}

const struct route *watch_route(const struct watch *watch)
{
	return watch->said ? &watch->route : NULL;
}

struct watch *watch_close(struct watch *watch)
{
	if (!watch)
		return NULL;
	sd_event_source_disable_unref(watch->derive);
	sd_event_source_disable_unref(watch->patience);
	sd_event_unref(watch->event);
	free(watch);
	return NULL;
}

int watch_open(sd_event *event, const struct config *config, struct instances *instances,
	struct steer *steer, const struct watch_events *events, void *owner,
	struct watch **ret_watch)
{
	_cleanup_(cleanup_watch_close) struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->event = sd_event_ref(event);
	watch->config = config;
	watch->instances = instances;
	watch->steer = steer;
	watch->events = *events;
	watch->owner = owner;
	r = sd_event_add_defer(event, &watch->derive, on_derive, watch);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &watch->patience, CLOCK_MONOTONIC,
		WATCH_PATIENCE_USEC, 0, on_patience, watch);
	if (r < 0)
		return r;
	*ret_watch = take_ptr(watch);
	return 0;
}
