/* SPDX-License-Identifier: MIT */
/*
 * What app.c (who belongs together), app-order.c (what is asked of it), app-cycle.c (a cycle),
 * app-plan.c (what one would do), app-boot.c (what a boot changes), app-start.c (the first start of
 * a color), app-repair.c (parts that do not fit), app-snapshot.c (the first copy of its code) and
 * app-state.c (what is true of the whole) share. Nobody else includes this.
 */
#pragma once

#include "app.h"
#include "receipt.h"
#include "steps.h"
#include "target.h"

struct start {
	struct app *app;
	enum color color;
	struct manager_job *job;
	bool asked; /* once a supervisor: what an administrator stops later stays stopped */
	sd_event_source *again;	  /* but a start that was refused was none */
	char told[STEP_TEXT_MAX]; /* why, the last time */
};

struct app {
	sd_event *event;
	char name[CONFIG_APP_MAX];
	struct app_dirs dirs;
	struct config *config;
	struct config *former; /* until nobody can point into it any more */
	struct manager *manager;
	struct prober *prober;
	struct sockdiag *sockdiag;
	struct steer *steer;
	struct instances *instances;
	struct watch *watch;
	struct stage stage;
	struct deploy_plan plan;
	struct target *target;
	struct start starts[COLOR_COUNT];

	struct deploy *deploy; /* the cycle that runs, or the last one of this supervisor */
	bool running;
	bool finishing; /* it has ended, and waits for the relay's figures */
	sd_event_source *figures;
	bool recorded;
	struct record record; /* of the last cycle, if none runs */
	bool queued;
	struct record queue;
	char sha256[FETCH_SHA256_MAX], queue_sha256[FETCH_SHA256_MAX];
	char *causes, *queue_causes; /* NULL: none */
	struct snapshot *first;	     /* the first copy of the code, under way */
	sd_event_source *first_again;
	uint64_t repaired_usec; /* when a repair was begun, last; 0: never */
	bool primary_known;	/* somebody or something has told which color is the primary */
	struct receipt receipt;
	sd_event_source *record_retry;
	bool unwritten;			  /* the end of the last cycle is not on the disk yet */
	enum app_state state;		  /* as it was reported last */
	bool nobody;			  /* and that nobody is healthy */
	bool degraded;			  /* that was told, and its end was not */
	char status[APP_ERROR_MAX + 256]; /* the line that systemd has */

	struct steer_counters counters;
	bool counted;
	struct steer_counters accepted; /* as they were when the last cycle ended */
	bool accepted_known, former_known;
	struct app_events events;
	void *owner;
};

/* The relay has counted. */
void app_counted(struct app *app);
/* The strategy that a cycle which begins now follows. */
enum strategy app_strategy(const struct app *app, const struct config *config);
/* Its table, and the color that gets the release first. */
void app_plan_choose(enum strategy strategy, struct stage *stage, struct deploy_plan *plan);
/* The record of a cycle that was just asked for. */
int app_record_new(
	const struct app_asker *asker, const struct app_order *order, struct record *ret_record);
/* Goes through the end of a cycle once more, from the row of the fixed roles' table that the record
 * names. */
int app_cycle_repair(struct app *app, const struct record *asked);
/* Begins that if the parts of the colors do not belong together. */
void app_repair_follow(struct app *app);
/* Begins a cycle; none may run. causes: NULL if there are none. */
int app_cycle_begin(
	struct app *app, const struct record *asked, const char *sha256, const char *causes);
/* Begins what waits, if nothing is under way any more. */
void app_queue_follow(struct app *app);
/* True if a color has no release, and gets none before its code was copied for the first time: that
 * is begun, once and then every few seconds. */
bool app_first_copy_await(struct app *app);
/* The same for who asks for a cycle now: at once, by what the configuration says now. */
bool app_first_copy_first(struct app *app);
/* What a cycle that was cut has copied was never tried. */
void app_snapshot_forget(struct app *app, const struct record *record);
/* Reads the configuration anew and puts it in force. */
bool app_reconfigure(struct app *app, char why[static STEP_TEXT_MAX]);
/* Starts the color, once a supervisor, if it is known to be down. */
void app_color_start(struct app *app, enum color color);
/* False if the host did not boot since the cycle was cut. If it did: of a swap, the record so that
 * one color alone comes up as a primary. */
bool app_boot_follow(struct app *app);
/* Tells each color its part by the record, where no environment file is there. */
void app_parts_restore(struct app *app);
/* Makes the color the primary, for the steady state. */
void app_primary_take(struct app *app, enum color primary);
/* Tells what has become of the whole; only changes are news. */
void app_state_follow(struct app *app);
/* The line in `systemctl status`. */
void app_status_say(struct app *app, const char *reason);
/* What an earlier supervisor left: nothing, a cycle that ended, or one that was cut. */
int app_record_follow(struct app *app);
