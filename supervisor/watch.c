/* SPDX-License-Identifier: MIT */
/*
 * Knows when the route is to be derived anew; what it is, stance.c knows.
 */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "report.h"

/* The share of a slow start begins here, and grows in so many steps. */
#define SLOW_SHARE_FIRST 10
#define SLOW_STEPS	 18

struct watch {
	sd_event *event;
	const struct config *config;
	struct instances *instances;
	struct steer *steer;
	struct watch_events events;
	void *owner;
	sd_event_source *derive, *patience, *slow;
	struct stance stance;
	bool impatient; /* UNKNOWN counts as sick */
	bool decided;	/* the route said is that of the stance and of how the colors stand */
	bool said;	/* `route` was given to the relay */
	bool followed;
	struct route route;
	/* The processes that have had reads: whoever is not among them starts slowly. */
	char warm[COLOR_COUNT][sizeof(((struct unit_status *)NULL)->invocation_id)];
	uint64_t slow_since_usec; /* 0: no slow start is under way */
	bool leave[COLOR_COUNT];  /* sick, and just left: what it does not answer is called back */
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

static bool has_reads(const struct route *route, enum color color)
{
	return route->weight[ROUTE_READS][color] > ROUTE_STANDBY;
}

static void route_say(struct watch *watch, const struct route *route)
{
	char text[ROUTE_TEXT_MAX];

	for (enum color color = 0; color < COLOR_COUNT; color++)
		watch->leave[color] = watch->said && has_reads(&watch->route, color) &&
				      !has_reads(route, color) &&
				      watch_standing(watch, color) == STANDING_SICK;
	watch->route = *route;
	watch->said = true;
	report(REPORT_ROUTE, NULL, "route: %s", route_format(route, text));
	watch->followed = watch->config->protocol == PROTOCOL_NONE;
	if (!watch->followed)
		(void)steer_route(watch->steer, route);
}

/* Somebody healthy is there for them, so that nobody has to wait for one that hangs. */
static void reads_call_back(struct watch *watch)
{
	struct steer_drain drain = {
		.scope = DRAIN_READS,
		.requests_usec = watch->config->probe.timeout_usec,
		.streams_usec = watch->config->drain_streams_usec,
	};

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (!watch->leave[color])
			continue;
		watch->leave[color] = false;
		if (watch->route.weight[ROUTE_READS][color] == ROUTE_NEVER)
			(void)steer_drain(watch->steer, color, &drain);
	}
}

static bool is_warm(const struct watch *watch, enum color color)
{
	return strcmp(watch->warm[color],
		       instances_get(watch->instances, color)->status.invocation_id) == 0;
}

static void warm_note(struct watch *watch)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (watch->said && has_reads(&watch->route, color))
			memcpy(watch->warm[color],
				instances_get(watch->instances, color)->status.invocation_id,
				sizeof(watch->warm[color]));
}

/* What the stance is while a fresh primary warms up: shared, with a share that grows. */
static struct stance slow_stance(struct watch *watch, const struct stance_view *view)
{
	enum color primary = watch->stance.primary, other = color_other(primary);
	uint64_t whole = watch->config->slow_start_usec, passed, now = 0;
	struct stance stance = watch->stance;

	(void)sd_event_now(watch->event, CLOCK_MONOTONIC, &now);
	if (whole == 0 || stance.kind != STANCE_STEADY || view->writer[other] ||
		view->flapping[primary] || view->standing[primary] != STANDING_HEALTHY ||
		view->standing[other] != STANDING_HEALTHY) {
		watch->slow_since_usec = 0;
		return stance;
	}
	/* At the very first decision nobody is warm; then there is nothing to be slow about. */
	if (watch->slow_since_usec == 0 && watch->said && !is_warm(watch, primary) &&
		has_reads(&watch->route, other))
		watch->slow_since_usec = now;
	passed = now - watch->slow_since_usec;
	if (watch->slow_since_usec == 0 || passed >= whole) {
		watch->slow_since_usec = 0;
		return stance;
	}
	stance.kind = STANCE_SHARED;
	stance.share = (uint8_t)(SLOW_SHARE_FIRST +
				 (ROUTE_WEIGHT_MAX - SLOW_SHARE_FIRST) * passed / whole);
	if (sd_event_source_set_time(watch->slow, now + whole / SLOW_STEPS + 1) >= 0)
		(void)sd_event_source_set_enabled(watch->slow, SD_EVENT_ONESHOT);
	return stance;
}

static struct stance_view view_of(const struct watch *watch)
{
	struct stance_view view = {.writes = watch->config->fallback_writes};

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = instances_get(watch->instances, color);

		view.standing[color] = watch_standing(watch, color);
		view.writer[color] = instance->role == ROLE_PRIMARY;
		view.flapping[color] = instance->flapping;
	}
	return view;
}

/* From the loop and once for several causes, so that nobody is called back from within. */
static int on_derive(sd_event_source *source, void *userdata)
{
	struct watch *watch = userdata;
	struct stance_view view = view_of(watch);
	struct stance stance = slow_stance(watch, &view);
	struct route route;

	(void)source;
	switch (stance_route(&stance, &view, watch->said ? &watch->route : NULL, &route)) {
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
	if (watch->slow_since_usec == 0)
		warm_note(watch);
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

static int on_slow(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	derive_soon(userdata);
	return 0;
}

void watch_configure(struct watch *watch, const struct config *config)
{
	watch->config = config;
	derive_soon(watch);
}

void watch_take_stance(struct watch *watch, enum stance_kind kind)
{
	watch->stance.kind = kind;
	derive_soon(watch);
}

void watch_share(struct watch *watch, uint8_t share)
{
	watch->stance.share = share;
	watch_take_stance(watch, STANCE_SHARED);
}

void watch_set_primary(struct watch *watch, enum color primary)
{
	watch->stance.primary = primary;
	derive_soon(watch);
}

const struct stance *watch_stance(const struct watch *watch)
{
	return &watch->stance;
}

enum color watch_primary(const struct watch *watch)
{
	return watch->stance.primary;
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
	reads_call_back(watch);
	if (watch->events.changed)
		watch->events.changed(watch->owner);
}

bool watch_is_settled(const struct watch *watch)
{
	int pending = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(watch->derive, &pending);
	return pending == SD_EVENT_OFF && watch->decided && watch->said && watch->followed;
}

bool watch_has_writer(const struct watch *watch)
{
	for (enum color color = 0; watch->said && color < COLOR_COUNT; color++)
		if (watch->route.weight[ROUTE_WRITES][color] > ROUTE_STANDBY &&
			instances_get(watch->instances, color)->role == ROLE_PRIMARY)
			return true;
	return false;
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
	sd_event_source_disable_unref(watch->slow);
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
	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &watch->slow, CLOCK_MONOTONIC, 0, 0, on_slow, watch);
	if (r >= 0)
		r = sd_event_source_set_enabled(watch->slow, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_watch = take_ptr(watch);
	return 0;
}
