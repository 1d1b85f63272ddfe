/* SPDX-License-Identifier: MIT */
/*
 * What instance.c (who belongs together), instance-probe.c (asking) and instance-unit.c (what
 * systemd says) share. Nobody else includes this.
 */
#pragma once

#include "flaps.h"
#include "instance.h"

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
	sd_event_source *steady; /* when it has been flawless for long enough */
	struct flaps flaps;
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

uint64_t instances_now(const struct instances *instances);

/* The unit is what it was before a restart that was asked for. */
bool watched_is_of_old_invocation(const struct watched *watched);
/* Something is different: told in the journal if it is news, and to the owner. */
void watched_changed(struct watched *watched);

/* Asks again after a pause, or when the time to start is over for a unit that cannot be asked. */
void watched_schedule(struct watched *watched, uint64_t pause);
/* What was under way was asked of a process that is no more. */
void watched_forget_probe(struct watched *watched);
/* The timer of watched_schedule(). */
int watched_on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* systemd has told what the unit is. */
void watched_on_unit(void *owner, const char *unit, const struct unit_status *status);
