/* SPDX-License-Identifier: MIT */
/*
 * The one hand on the route: derives it from the stance and from how the colors stand, says it to
 * the relay, and knows whether the relay follows. A blue that is sick or gone is shielded at once,
 * and traffic returns when it is well again; the last color that is healthy is never taken out.
 * The cycle takes a stance through it; otherwise the stance is STEADY.
 */
#pragma once

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "instance.h"
#include "route.h"
#include "stance.h"
#include "steer.h"

/* How long a color may stay UNKNOWN before it counts as sick: while that lasts, the relay keeps
 * the route of an earlier supervisor. */
#define WATCH_PATIENCE_USEC UINT64_C(3000000)

struct watch;

struct watch_events {
	/* The route was derived anew, or the relay follows it now. Not from within watch_*(). */
	void (*changed)(void *owner);
};

int watch_open(sd_event *event, const struct config *config, struct instances *instances,
	struct steer *steer, const struct watch_events *events, void *owner,
	struct watch **ret_watch);
struct watch *watch_close(struct watch *watch);
DEFINE_CLEANUP(struct watch, watch_close);

void watch_configure(struct watch *watch, const struct config *config);
void watch_take_stance(struct watch *watch, enum stance stance);
enum stance watch_stance(const struct watch *watch);

/* Tell it what it cannot see by itself. */
void watch_instance_changed(struct watch *watch);
void watch_followed(struct watch *watch, const struct route *route);

/* True if a route was decided on and every worker of the relay follows it. */
bool watch_is_settled(const struct watch *watch);
/* The route said last; NULL if none was. */
const struct route *watch_route(const struct watch *watch);
enum standing watch_standing(const struct watch *watch, enum color color);
