/* SPDX-License-Identifier: MIT */
/*
 * The tables of the cycle, one for each strategy, one row a step: what is done, in which order,
 * what takes it back, how long it may take, and what its failure means. Status, journal, plan,
 * history and the manual page print these tables.
 *
 * The *primary* is the color that takes writes, the *fallback* the other one. The *fresh* color is
 * the one that gets the new release first: the primary itself under strategy `fallback`, the idle
 * color under `swap`, which then becomes the primary.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "deploy.h"
#include "drain.h"
#include "environment.h"
#include "fetch.h"
#include "gate.h"
#include "instance.h"
#include "manager.h"
#include "probe.h"
#include "release.h"
#include "snapshot.h"
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
	enum strategy strategy; /* of the cycle: which table */
	enum color primary;	/* the other one is the fallback */
	enum color fresh;
	/* What the cycle deploys; "" if in place, and before that was copied. */
	const char *release;
	const char *sha256;	     /* of its archive, as the caller said; "" if he did not */
	const struct record *record; /* of the cycle; NULL outside */
	bool hurry;	  /* another cycle waits: nobody needs to wait for the window's end */
	const char *next; /* and what it will deploy; NULL if none waits */
	/* Reads the configuration anew and puts it in force; false, and why, if it is bad. */
	bool (*reconfigure)(void *owner, char why[static STEP_TEXT_MAX]);
	/* What the gate said, for the receipt. */
	void (*judged)(void *owner, const char *sentence);
	/* Something that a row waits for has happened: calls deploy_poke() sooner or later. */
	void (*poke)(void *owner);
	/* systemd has told what a unit is that was looked for: the same. It comes as long as the
	 * manager lives, so that the owner must outlive it. */
	void (*told)(void *owner, const char *unit, const struct unit_status *status);
	void *owner;

	struct manager_job *job;
	bool job_ended;
	enum job_result job_result;
	char job_why[STEP_TEXT_MAX];
	bool expecting; /* the job makes a new process of: */
	enum color expected;
	struct environment_part part_before; /* what its process was told */
	/* A supervisor was killed: it is not sure that the fresh color's process was started with
	 * what its link and its file say; and it is not likely either. */
	bool doubt, untold;
	struct drain *drain;
	struct probe *probe;
	struct fetch *fetch;
	bool fetched;
	enum fetch_result fetch_result;
	char fetch_why[STEP_TEXT_MAX];
	struct snapshot *snapshot;
	bool snapshotted;
	enum snapshot_result snapshot_result;
	char snapshot_tag[RELEASE_TAG_MAX], snapshot_text[RELEASE_REASON_MAX];
	/* Why the colors have no copy yet of the code that they are to run; "" if they have. */
	char uncopied_why[RELEASE_REASON_MAX];
	struct release_prune *prune;
	bool pruned;
	int prune_result;
	char prune_why[RELEASE_REASON_MAX];
	size_t warmed, warm_failed; /* paths asked, and those that did not answer */
	char warm_why[PROBE_REASON_MAX];
	sd_event_source *timer;
	uint64_t since_usec;	       /* the row's begin */
	uint32_t restarts_before;      /* NRestarts then */
	char ended_why[STEP_TEXT_MAX]; /* how its process ended, the last time it did */
	unsigned int back_tries;
	enum back {
		BACK_ROUTE,   /* nothing goes to the color any more */
		BACK_DRAIN,   /* what it has begun ends */
		BACK_RESTART, /* it restarts on the release before */
		BACK_HEALTHY, /* and answers */
		BACK_DONE,
	} back;

	/* The new release on trial: what the relay has counted since its first request. */
	size_t ramp_at;	       /* which step of the ramp */
	uint64_t asked_usec;   /* when the relay was asked to count, last */
	uint64_t counted_usec; /* and when it had */
	bool based;	       /* trial_base is there */
	struct steer_counters counters, trial_base;
	uint64_t based_usec; /* when trial_base was counted */
	bool calm;	     /* calm_base is there: latencies count from then on */
	struct steer_counters calm_base;
	struct gate_sample former; /* what the old release did before the cycle */
	char trial_process[33];	   /* the invocation on trial */
	enum gate_verdict gate;
	char gate_reason[GATE_REASON_MAX];
};

/* Strategy `fallback`. */
extern const struct step steps_fallback[];
extern const size_t steps_fallback_count;
/* Strategy `swap`. */
extern const struct step steps_swap[];
extern const size_t steps_swap_count;

/* Writes what an instance is told of its part, makes its link lead to the release ("": whatever it
 * leads to already), and tells the relay where it will listen: before each start. */
int stage_equip(struct stage *stage, enum color color, enum role role, const char *release,
	char why[static STEP_TEXT_MAX]);

/* What a color that has to be started is to be, by the record of the cycle that runs or ran last.
 */
enum role stage_role(const struct stage *stage, const struct record *record, enum color color);
/* In a swap, between the two rows that start a color, both take writes. */
bool stage_has_two_primaries(const struct record *record);

/* For its owner, before a cycle goes on that was cut: what is not known of the colors. */
void stage_doubt(struct stage *stage, const struct record *record);

/* For its owner: what a drain under way waits for. */
void stage_relay_drained(
	struct stage *stage, enum color color, enum drain_scope scope, const struct steer_cut *cut);
/* And a trial. */
void stage_counted(struct stage *stage, const struct steer_counters *counters);
/* What a color has done between two countings. */
void stage_sample(enum color color, const struct steer_counters *after,
	const struct steer_counters *before, struct gate_sample *ret_sample);
