/* SPDX-License-Identifier: MIT */
/*
 * systemd as we need it: jobs on units, and what a unit is (sd-bus). Signals are hints,
 * properties are truth: a job's end is read from the unit again, and every job has a deadline. A
 * lost bus is reconnected with back-off and everything is read again. A seam:
 * tests/fake/fake-manager.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

enum unit_activity {
	UNIT_INACTIVE,
	UNIT_ACTIVATING,
	UNIT_ACTIVE, /* reloading is active too */
	UNIT_DEACTIVATING,
	UNIT_FAILED,
	UNIT_ACTIVITY_COUNT,
};

struct unit_status {
	enum unit_activity activity;
	bool loaded;	    /* false: masked, not found, or its file is bad: see load_error */
	bool restarting;    /* its process ended by itself and systemd starts it again soon */
	char sub_state[32]; /* systemd's own word, for people */
	char result[32];    /* Result=: success, exit-code, signal, timeout, oom-kill, ... */
	int exit_status;    /* ExecMainStatus */
	pid_t main_pid;	    /* 0: none */
	uint32_t restarts;  /* NRestarts */
	uint64_t active_since_usec; /* CLOCK_MONOTONIC */
	char invocation_id[33];
	char control_group[256]; /* "/system.slice/app@blue.service" */
	char load_error[128];	 /* systemd's sentence, or its word for the load state */
	/* User=, Group=, SupplementaryGroups= (with spaces), as written; "": not given. */
	char user[64], group[64], groups[256];
	bool dynamic_user;
};

enum job_result {
	JOB_DONE,      /* the unit is as asked */
	JOB_FAILED,    /* failed, dependency, skipped, or refused by systemd or polkit */
	JOB_CANCELED,  /* another job took its place: an administrator's */
	JOB_TIMED_OUT, /* not done at the deadline; the job was left to systemd */
	JOB_LOST,      /* the bus went and did not come back before the deadline */
	JOB_RESULT_COUNT,
};

enum job_verb {
	JOB_START,
	JOB_STOP,
	JOB_RESTART,
	JOB_VERB_COUNT,
};

const char *unit_activity_name(enum unit_activity activity);
const char *job_result_name(enum job_result result);
const char *job_verb_name(enum job_verb verb);

struct manager;
struct manager_job;

/* `why` is one sentence, empty if done. The job is gone when this returns. */
typedef void (*manager_job_fn)(void *owner, enum job_result result, const char *why);
typedef void (*manager_unit_fn)(void *owner, const char *unit, const struct unit_status *status);

/* Opens the system bus and attaches it to the event loop; a bus that is not there yet is tried
 * again with back-off, like one that was lost. */
int manager_open(sd_event *event, struct manager **ret_manager);
struct manager *manager_close(struct manager *manager);
DEFINE_CLEANUP(struct manager, manager_close);

/* The connection, for our own D-Bus object (control.c): NULL while there is none; `connected` is
 * called for the one that is there now, and for each new one. */
typedef void (*manager_bus_fn)(void *owner, sd_bus *bus);
sd_bus *manager_bus(struct manager *manager);
void manager_on_reconnect(struct manager *manager, manager_bus_fn connected, void *owner);

/* Begins a job; `done` is never called from within. A start or restart resets the unit's failure
 * count first, so that a start limit never stands in the way. A start takes the place of a stop
 * that is under way; a restart does not: it ends as canceled. deadline: CLOCK_MONOTONIC. */
int manager_job_begin(struct manager *manager, enum job_verb verb, const char *unit,
	uint64_t deadline_usec, manager_job_fn done, void *owner, struct manager_job **ret_job);
struct manager_job *manager_job_forget(struct manager_job *job); /* the job goes on in systemd */

/* Watches a unit for as long as the manager lives (a handful of units); `changed` comes once with
 * what is, then at each change. */
int manager_unit_watch(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner);

/* What is known of a unit; NULL: systemd has not told yet. It is watched from the first look on;
 * `changed` and owner of that look are told, as above. */
const struct unit_status *manager_unit_look(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner);
