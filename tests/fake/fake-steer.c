/* SPDX-License-Identifier: MIT */
/*
 * steer.h over the world's relay.
 */
#include <errno.h>
#include <stdlib.h>

#include "fake-event.h"
#include "steer.h"
#include "world.h"

#define ANSWER_USEC (1 * WORLD_MSEC)
#define DRAIN_USEC  (20 * WORLD_MSEC)
#define LATE_USEC   (6 * WORLD_SEC)
#define BACK_USEC   (300 * WORLD_MSEC)

enum answer_fate {
	FATE_WELL,
	FATE_LATE,
	FATE_RESTARTS, /* the relay dies of it, comes back, and is told again */
	FATE_DEAF,     /* no answer any more, until somebody restarts it after a minute */
	FATE_KILL_BEFORE,
	FATE_KILL_AFTER,
	FATE_COUNT,
};

struct steer {
	struct steer_events events;
	void *owner;
	bool wished;
	struct route route;
	unsigned route_number;
	unsigned drain_number[COLOR_COUNT];
	bool draining[COLOR_COUNT];
	struct steer_drain drains[COLOR_COUNT];
};

static struct steer *the_steer;
static unsigned number_next;
static struct steer_counters counted;

static void on_followed(void *owner, unsigned number)
{
	(void)owner;
	if (!the_steer || the_steer->route_number != number || !world.relay_up || world.relay_deaf)
		return;
	the_steer->events.followed(the_steer->owner, &the_steer->route);
}

/* The relay takes a route over whoever lives to hear of it. */
void fake_steer_route(const struct route *route)
{
	world.route = *route;
}

static void on_drained(void *owner, unsigned number)
{
	static const struct steer_cut nothing;

	(void)owner;
	if (!the_steer || !world.relay_up || world.relay_deaf)
		return;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (!the_steer->draining[color] || the_steer->drain_number[color] != number)
			continue;
		the_steer->draining[color] = false;
		the_steer->events.drained(
			the_steer->owner, color, the_steer->drains[color].scope, &nothing);
	}
}

static void everything_say(void)
{
	if (!the_steer || !world.relay_up || world.relay_deaf)
		return;
	if (the_steer->wished) {
		fake_steer_route(&the_steer->route);
		fake_event_later(ANSWER_USEC, on_followed, NULL, the_steer->route_number);
	}
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (the_steer->draining[color])
			fake_event_later(
				DRAIN_USEC, on_drained, NULL, the_steer->drain_number[color]);
}

static void on_back(void *owner, unsigned number)
{
	(void)owner;
	(void)number;
	if (world.relay_up)
		return;
	world.relay_up = true;
	world.relay_deaf = false;
	if (the_steer && the_steer->events.connected)
		the_steer->events.connected(the_steer->owner, true);
	everything_say();
}

static void on_gone(void *owner, unsigned number)
{
	(void)owner;
	(void)number;
	if (the_steer && the_steer->events.connected)
		the_steer->events.connected(the_steer->owner, false);
}

void fake_steer_restart(void)
{
	if (!world.relay_up)
		return;
	world.relay_up = false;
	world.route = route_held();
	counted = (struct steer_counters){0};
	fake_event_later(ANSWER_USEC, on_gone, NULL, 0);
	fake_event_later(BACK_USEC, on_back, NULL, 0);
}

static void on_restarted_by_hand(void *owner, unsigned number)
{
	(void)owner;
	(void)number;
	fake_steer_restart();
}

/* How long the answer takes; 0: there is none for now. */
static uint64_t fate_follow(enum answer_fate fate)
{
	switch (fate) {
	case FATE_RESTARTS:
		fake_steer_restart();
		return 0;
	case FATE_DEAF:
		world.relay_deaf = true;
		fake_event_later(60 * WORLD_SEC, on_restarted_by_hand, NULL, 0);
		return 0;
	case FATE_LATE:
		return LATE_USEC;
	case FATE_WELL:
	case FATE_KILL_BEFORE:
	case FATE_KILL_AFTER:
	case FATE_COUNT:
		break;
	}
	return ANSWER_USEC;
}

int steer_route(struct steer *steer, const struct route *route)
{
	enum answer_fate fate;
	uint64_t usec;

	steer->wished = true;
	steer->route = *route;
	steer->route_number = ++number_next;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (route_uses(route, color))
			steer->draining[color] = false;
	if (world.dead || !world.relay_up || world.relay_deaf)
		return 0;
	fate = (enum answer_fate)world_choose("route", FATE_COUNT);
	if (fate == FATE_KILL_BEFORE) {
		world_kill();
		return 0;
	}
	usec = fate_follow(fate);
	if (usec == 0)
		return 0;
	fake_steer_route(route);
	if (fate == FATE_KILL_AFTER)
		world_kill();
	world_visit();
	fake_event_later(usec, on_followed, NULL, steer->route_number);
	return 0;
}

int steer_drain(struct steer *steer, enum color color, const struct steer_drain *drain)
{
	enum answer_fate fate;
	uint64_t usec;

	steer->draining[color] = true;
	steer->drains[color] = *drain;
	steer->drain_number[color] = ++number_next;
	if (world.dead || !world.relay_up || world.relay_deaf)
		return 0;
	fate = (enum answer_fate)world_choose("drain", FATE_COUNT);
	if (fate == FATE_KILL_BEFORE || fate == FATE_KILL_AFTER)
		world_kill();
	usec = fate_follow(fate);
	if (usec > 0)
		fake_event_later(usec == ANSWER_USEC ? DRAIN_USEC : usec, on_drained, NULL,
			steer->drain_number[color]);
	return 0;
}

void fake_steer_refuse(enum color color)
{
	if (the_steer && the_steer->events.refused)
		the_steer->events.refused(the_steer->owner, color);
}

static void on_connected(void *owner, unsigned number)
{
	const struct route held = route_held();

	(void)owner;
	(void)number;
	if (!the_steer || !world.relay_up)
		return;
	if (the_steer->events.found && !route_equal(&world.route, &held))
		the_steer->events.found(the_steer->owner, &world.route);
	if (the_steer->events.connected)
		the_steer->events.connected(the_steer->owner, true);
}

int steer_open(sd_event *event, const char *path, const struct steer_events *events, void *owner,
	struct steer **ret_steer)
{
	(void)event;
	(void)path;
	the_steer = calloc(1, sizeof(*the_steer));
	if (!the_steer)
		return -ENOMEM;
	the_steer->events = *events;
	the_steer->owner = owner;
	if (!world.recorded && world.crashes == 0)
		counted = (struct steer_counters){0};
	fake_event_later(ANSWER_USEC, on_connected, NULL, 0);
	*ret_steer = the_steer;
	return 0;
}

struct steer *steer_close(struct steer *steer)
{
	free(steer);
	if (steer)
		the_steer = NULL;
	return NULL;
}

int steer_backends(struct steer *steer, const uint16_t ports[static COLOR_COUNT])
{
	(void)steer;
	(void)ports;
	return 0;
}

int steer_set_limits(struct steer *steer, const struct steer_limits *limits)
{
	(void)steer;
	(void)limits;
	return 0;
}

static bool is_slow(enum color color)
{
	if (world.processes[color].code != 2 || world.slow_seconds == 0)
		return false;
	world.slow_seconds--;
	return true;
}

/* As if a hundred requests had come since the last asking, of each class. */
static void traffic_count(struct steer_counters *counters)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		int reads = world.route.weight[ROUTE_READS][color];
		int writes = world.route.weight[ROUTE_WRITES][color];
		uint64_t count = 0;

		if (reads > 0) {
			counters->reads[color] += (uint64_t)reads;
			count += (uint64_t)reads;
		}
		if (writes > 0) {
			counters->writes[color] += (uint64_t)writes;
			count += (uint64_t)writes;
		}
		if (world.processes[color].code == 2)
			counters->errors[color] += count * world.bad_percent / 100;
		if (count == 0)
			continue;
		counters->latency[color][is_slow(color) ? 50 : 8] += count;
	}
}

static void on_counted(void *owner, unsigned number)
{
	(void)owner;
	(void)number;
	if (!the_steer || !world.relay_up || world.relay_deaf || !the_steer->events.counters)
		return;
	traffic_count(&counted);
	the_steer->events.counters(the_steer->owner, &counted);
}

int steer_ask_counters(struct steer *steer)
{
	(void)steer;
	if (!world.relay_up)
		return -ENOTCONN;
	if (!world.dead && !world.relay_deaf)
		fake_event_later(ANSWER_USEC, on_counted, NULL, 0);
	return 0;
}

int steer_set_protocol(struct steer *steer, enum steer_protocol protocol)
{
	(void)steer;
	(void)protocol;
	return 0;
}

int steer_set_clients(struct steer *steer, const struct steer_clients *clients)
{
	(void)steer;
	(void)clients;
	return 0;
}

int steer_set_affinity(struct steer *steer, const struct steer_affinity *affinity)
{
	(void)steer;
	(void)affinity;
	return 0;
}

int steer_set_releases(
	struct steer *steer, const char releases[static COLOR_COUNT][STEER_RELEASE_MAX])
{
	(void)steer;
	(void)releases;
	return 0;
}

int steer_ask_numbers(struct steer *steer)
{
	(void)steer;
	return -ENOTCONN;
}

const char *steer_ending_reason(const char *name)
{
	(void)name;
	return "";
}

uint64_t steer_latency_bound(unsigned int bucket)
{
	return bucket + 1 < STEER_LATENCY_BUCKETS ? (bucket + 1) * WORLD_MSEC : UINT64_MAX;
}

bool steer_is_connected(const struct steer *steer)
{
	(void)steer;
	return world.relay_up;
}
