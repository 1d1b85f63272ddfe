/* SPDX-License-Identifier: MIT */
/*
 * The table of the cycle, one row a step: what is done, in which order, what takes it back, how
 * long it may take, and what its failure means. Status, journal, plan, history and the manual page
 * print this table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "deploy.h"
#include "drain.h"
#include "instance.h"
#include "manager.h"
#include "probe.h"
#include "sockdiag.h"
#include "steer.h"
#include "watch.h"

/* What the rows act upon. Its owner fills the first part; the second is the rows' own, zero at
 * first. */
struct stage {
	sd_event *event;
	const struct config *config;
	struct manager *manager;
	struct prober *prober;
	struct sockdiag *sockdiag;
	struct steer *steer;
	struct instances *instances;
	struct watch *watch;
	const char *runtime_dir;
	const char *state_dir;
	enum color primary;	     /* the other one is the fallback */
	const char *release;	     /* what the cycle deploys; "" if in place */
	const char *sha256;	     /* of its archive, as the caller said; "" if he did not */
	const struct record *record; /* of the cycle; NULL outside */
	/* Reads the configuration anew and puts it in force; false, and why, if it is bad. */
	bool (*reconfigure)(void *owner, char why[static STEP_TEXT_MAX]);
	/* Something that a row waits for has happened: calls deploy_poke() sooner or later. */
	void (*poke)(void *owner);
	void *owner;

	struct manager_job *job;
	bool job_ended;
	enum job_result job_result;
	char job_why[STEP_TEXT_MAX];
	bool expecting; /* the job makes a new process of: */
	enum color expected;
	uint16_t port_before; /* where its process listens */
	struct drain *drain;
	struct probe *probe;
	size_t warmed, warm_failed; /* paths asked, and those that did not answer */
	char warm_why[PROBE_REASON_MAX];
	sd_event_source *timer;
	uint64_t since_usec;	  /* the row's begin */
	uint32_t restarts_before; /* NRestarts then */
};

/* Strategy `fallback`. */
extern const struct step steps_fallback[];
extern const size_t steps_fallback_count;

/* Writes what an instance is told of its part, and tells the relay where it will listen: before
 * each start. */
int stage_equip(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX]);

/* For its owner: what a drain under way waits for. */
void stage_relay_drained(
	struct stage *stage, enum color color, enum drain_scope scope, uint64_t cut);
