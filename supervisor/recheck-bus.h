/* SPDX-License-Identifier: MIT */
/*
 * What is asked of systemd (org.freedesktop.systemd1(5)) and of the supervisors, over the system
 * bus, one question after the other; each has a deadline. Errors are -errno and one sentence, which
 * names the unit or the app.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/cleanup.h"
#include "recheck-findings.h"

#define BUS_ERROR_MAX	512
#define BUS_ID_MAX	33
#define BUS_OUTCOME_MAX 32

/* Upgrade: it is told, and no cycle will begin by itself. */
#define BUS_NEVER UINT64_MAX

struct bus;
int bus_open(struct bus **ret_bus);
struct bus *bus_close(struct bus *bus);
DEFINE_CLEANUP(struct bus, bus_close);
/* The sentence of the last error. */
const char *bus_error(const struct bus *bus);

/* The directory of its control group; the caller frees. "" if it has none: it does not run. */
int bus_unit_group(struct bus *bus, const char *unit, char **ret_directory);
/* 0: it has none, or nothing is known. */
pid_t bus_unit_pid(struct bus *bus, const char *unit);
int bus_unit_hang_up(struct bus *bus, const char *unit);
int bus_unit_restart(struct bus *bus, const char *unit);
/* Starts the recheck at that time; the same time again is nothing. */
int bus_timer_arm(struct bus *bus, time_t when);

struct bus_status {
	bool there;    /* the supervisor answers */
	bool busy;     /* a cycle runs or waits */
	bool outdated; /* it was told of outdated files */
};
int bus_status(struct bus *bus, const char *app, struct bus_status *ret_status);
/* Until the supervisor answers, or the deadline (now_usec()): then it is not there. */
int bus_there_wait(
	struct bus *bus, const char *app, uint64_t deadline, struct bus_status *ret_status);
/* Until no cycle runs or waits, or the supervisor goes. -ETIME at the deadline (now_usec()). */
int bus_idle_wait(struct bus *bus, const char *app, uint64_t deadline);

/* What became of a cycle. */
struct bus_cycle {
	char outcome[BUS_OUTCOME_MAX]; /* "succeeded", "failed", ...; "": nobody knows it any more
					*/
	bool tried;		       /* it came to an end of its own, beyond its first rows */
};
int bus_cycle(struct bus *bus, const char *app, const char *id, struct bus_cycle *ret_cycle);
/* Tells the supervisor what the colors have that is outdated; none: nothing. With due 0 it begins a
 * cycle, whose id is returned; else "" is. */
int bus_upgrade(struct bus *bus, const char *app, const struct findings *findings, uint64_t due,
	char ret_id[static BUS_ID_MAX]);
