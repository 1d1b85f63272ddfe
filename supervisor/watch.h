/* SPDX-License-Identifier: MIT */
/*
 * The one hand on the route: derives it from the stance and from how the colors stand, says it to
 * the relay, and knows whether the relay follows. A blue that is sick or gone is shielded at once,
 * and traffic returns when it is well again; the last color that is healthy is never taken out.
 * The cycle takes a stance through it; otherwise the stance is STEADY. A primary that comes back
 * with a new process gets the reads little by little, if [Route] SlowStart= says so. Reads that a
 * sick color does not answer are called back from it.
 *
 * An app without a listener has no route; then what is derived here is in force at once.
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
void watch_take_stance(struct watch *watch, enum stance_kind kind);
/* STANCE_SHARED; share: of the primary, 0..100. */
void watch_share(struct watch *watch, uint8_t share);
const struct stance *watch_stance(const struct watch *watch);
/* Who takes the writes; the stance stays. */
void watch_set_primary(struct watch *watch, enum color primary);
enum color watch_primary(const struct watch *watch);

/* Tell it what it cannot see by itself. */
void watch_instance_changed(struct watch *watch);
void watch_followed(struct watch *watch, const struct route *route);

/* True if a route was decided on and every worker of the relay follows it. */
bool watch_is_settled(const struct watch *watch);
/* True if the route in force sends writes to a color that can take them. */
bool watch_has_writer(const struct watch *watch);
/* The route said last; NULL if none was. */
const struct route *watch_route(const struct watch *watch);
enum standing watch_standing(const struct watch *watch, enum color color);
