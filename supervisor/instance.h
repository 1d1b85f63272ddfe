/* SPDX-License-Identifier: MIT */
/*
 * The two instances: what systemd says of their units, what their probes answer, and the health
 * that follows. It probes them as often as their state asks for; it starts and stops nothing, and
 * no route is known here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "color.h"
#include "config.h"
#include "environment.h"
#include "flaps.h"
#include "manager.h"
#include "probe.h"
#include "sockdiag.h"
#include "verdict.h"

#define INSTANCE_UNIT_MAX 96

struct instance {
	enum color color;
	char unit[INSTANCE_UNIT_MAX]; /* "app@blue.service" */
	/* What the running process was told of its part. */
	uint16_t port;
	enum role role;
	char release[RELEASE_TAG_MAX];
	bool known; /* systemd has told what the unit is */
	struct unit_status status;
	struct verdict verdict;
	bool probed;
	struct probe_result answer; /* the last one, if probed */
	/* It fell (its process died, or its probes made it sick) three times within a minute, and
	 * has not been flawless long enough since. Healthy is healthy: a cycle does not ask, and a
	 * color that is the only healthy one serves. But where the other one is healthy and does
	 * not flap, reads are better off there. Its end is told by `changed`. */
	bool flapping;
};

struct instances;

struct instances_events {
	/* The unit or the health of a color has changed. Not from within instances_*(). */
	void (*changed)(void *owner, enum color color);
	/* A probe was answered (or not); before `changed`. */
	void (*answered)(void *owner, enum color color, const struct probe_result *answer);
};

/* Health is UNKNOWN until `rise` or `fall` answers came. With Protocol=none nobody is asked: a
 * color is healthy when its unit becomes active, and sick when it is not any more. */
int instances_open(sd_event *event, const char *app, const struct config *config,
	struct manager *manager, struct prober *prober, struct sockdiag *sockdiag,
	struct instances **ret_instances);
struct instances *instances_close(struct instances *instances);
DEFINE_CLEANUP(struct instances, instances_close);

/* Begins to watch; the config stays the caller's and is used until the next one is given. */
int instances_watch(
	struct instances *instances, const struct instances_events *events, void *owner);
void instances_configure(struct instances *instances, const struct config *config);
/* What was seen of its falls, for a supervisor that follows this one, and from it: before
 * instances_watch() has told anything. */
const struct flaps *instances_flaps(const struct instances *instances, enum color color);
void instances_inherit_flaps(
	struct instances *instances, enum color color, const struct flaps *flaps);
void instances_set_part(
	struct instances *instances, enum color color, const struct environment_part *part);

const struct instance *instances_get(const struct instances *instances, enum color color);

/* It runs, or is on the way to: started, and not merely waiting to be started again. */
bool unit_is_up(const struct unit_status *status);
bool instance_is_healthy(const struct instance *instance);
/* Health is neither UNKNOWN nor STARTING. */
bool instance_is_decided(const struct instance *instance);
/* Its process is there, healthy or not. */
bool instance_is_alive(const struct instance *instance);
/* One sentence: why it is not healthy. */
void instance_explain(const struct instance *instance, char *buffer, size_t size);
/* The same of a port of its that somebody else has; found: listener_find()'s sentence. */
void instance_explain_stranger(
	const struct instance *instance, const char *found, char *buffer, size_t size);

/* A restart is about to be asked for: STARTING, whatever the process that still runs answers,
 * until a new invocation is healthy or the start timeout has passed. */
void instances_expect_start(struct instances *instances, enum color color);
/* There was none after all: what runs is judged by its probes again. False if there was one. */
bool instances_expect_nothing(struct instances *instances, enum color color);

/* Somebody saw it refuse: ask now. */
void instances_probe_now(struct instances *instances, enum color color);
/* Probe often (true), while a cycle looks at it. */
void instances_attend(struct instances *instances, enum color color, bool often);
