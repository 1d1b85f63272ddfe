/* SPDX-License-Identifier: MIT */
/*
 * Knows a cycle from its begin to its end, one at a time, and that the record says how each went.
 * Knows no step, and not who may ask for one (app-order.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app-inside.h"
#include "base/fd.h"
#include "report.h"
#include "text.h"
#include "timer.h"

/* How often it is tried to write down how a cycle ended. */
#define RECORD_RETRY_USEC (1 * USEC_PER_SEC)
/* How long the end of a cycle waits for the relay's figures. */
#define FIGURES_USEC	  (300 * USEC_PER_MSEC)

static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void record_retry_arm(struct app *app)
{
	app->unwritten = true;
	(void)timer_arm(app->event, &app->record_retry, RECORD_RETRY_USEC, on_record_retry, app);
}

/* A supervisor that comes back must not take a cycle that has ended for one that was cut. */
static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct app *app = userdata;

	(void)source;
	(void)usec;
	app->unwritten = false;
	if (app->running || record_write(app->dirs.state, &app->record) >= 0)
		return 0;
	record_retry_arm(app);
	return 0;
}

static bool app_is_routed(const struct app *app)
{
	return app->config->protocol != PROTOCOL_NONE;
}

/* Workers follow the primary's code by this link; it is made anew when the primary changes. */
static void primary_link(struct app *app)
{
	if (app->config->release_directory)
		(void)release_link_primary(app->dirs.state, app->stage.primary);
}

static void on_step(void *owner, const struct step *step, const struct step_story *story)
{
	struct app *app = owner;

	if (app->events.progress)
		app->events.progress(app->owner, deploy_record(app->deploy)->id, step, story);
	app_status_say(app, "");
	if (step->note || step->commits)
		primary_link(app);
	if (app_is_routed(app))
		(void)steer_ask_counters(app->steer);
}

static void deploy_report(const struct app *app, const struct record *record)
{
	struct report_fields fields = {
		.cycle = record->id, .step = record->step, .release = record->release};
	const char *unit = instances_get(app->instances, app->stage.fresh)->unit;
	char command[TEXT_COMMAND_MAX];
	double seconds = (double)(record->ended_realtime_usec - record->started_realtime_usec) /
			 USEC_PER_SEC;

	switch (record->outcome) {
	case RECORD_SUCCEEDED:
		report(REPORT_CYCLE_SUCCEEDED, &fields,
			"the cycle succeeded in %.1f s: both colors run %s", seconds,
			*record->release ? record->release : "the new code");
		break;
	case RECORD_FAILED:
		report(REPORT_CYCLE_FAILED, &fields,
			"the cycle failed at %s; see `journalctl -u %s' and `%s status'",
			record->reason, unit, text_command(app->name, command));
		break;
	case RECORD_INTERRUPTED:
		report(REPORT_CYCLE_INTERRUPTED, &fields, "the cycle was interrupted: %s",
			record->reason);
		break;
	case RECORD_ABORTED:
		report(REPORT_CYCLE_FAILED, &fields, "the cycle was taken back: %s",
			record->reason);
		break;
	case RECORD_RUNNING:
	case RECORD_OUTCOME_COUNT:
		break;
	}
}

static void counters_accept(struct app *app)
{
	app->accepted = app->counters;
	app->accepted_known = app->counted;
}

/* The cycle has ended, and the relay has said what was served in it, or has not. */
static void cycle_finish(struct app *app)
{
	app->running = app->finishing = false;
	(void)sd_event_source_set_enabled(app->figures, SD_EVENT_OFF);
	receipt_counters(&app->receipt, &app->counters);
	counters_accept(app);
	deploy_report(app, &app->record);
	if (app->events.finished)
		app->events.finished(
			app->owner, &app->record, record_outcome_name(app->record.outcome));
	app->stage.record = NULL;
	app_state_follow(app);
	app_queue_follow(app);
}

static int on_figures(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct app *app = userdata;

	(void)source;
	(void)usec;
	if (app->finishing)
		cycle_finish(app);
	return 0;
}

static bool figures_wait(struct app *app)
{
	return app_is_routed(app) && steer_ask_counters(app->steer) >= 0 &&
	       timer_arm(app->event, &app->figures, FIGURES_USEC, on_figures, app) >= 0;
}

static void on_deploy_ended(void *owner, const struct record *record, bool durable)
{
	struct app *app = owner;

	app->recorded = true;
	app->record = *record;
	app->finishing = true;
	app_snapshot_forget(app, record);
	primary_link(app);
	watch_take_stance(app->watch, STANCE_STEADY);
	if (!durable)
		record_retry_arm(app);
	if (!figures_wait(app))
		cycle_finish(app);
}

/* What the old release did since it was accepted: the new one is compared with that. */
static void former_take(struct app *app)
{
	app->former_known = true;
	stage_sample(app->stage.primary, &app->counters,
		app->accepted_known ? &app->accepted : NULL, &app->stage.former);
}

void app_counted(struct app *app)
{
	if (!app->accepted_known && !app->running)
		counters_accept(app);
	if (!app->running)
		return;
	receipt_counters(&app->receipt, &app->counters);
	if (app->finishing) {
		cycle_finish(app);
		return;
	}
	if (!app->former_known)
		former_take(app);
	else
		stage_counted(&app->stage, &app->counters);
}

static const struct deploy_events deploy_events = {
	.step = on_step,
	.ended = on_deploy_ended,
};

/* To swap is to have somebody who serves meanwhile: a primary that is sick is restarted itself. Of
 * one that was not asked yet the preflight waits to hear. */
enum strategy app_strategy(const struct app *app, const struct config *config)
{
	const struct instance *primary = instances_get(app->instances, app->stage.primary);
	bool serves = instance_is_healthy(primary) || primary->verdict.health == HEALTH_UNKNOWN;

	return serves ? config->strategy : STRATEGY_FALLBACK;
}

void app_plan_choose(enum strategy strategy, struct stage *stage, struct deploy_plan *plan)
{
	stage->strategy = strategy;
	switch (strategy) {
	case STRATEGY_FALLBACK:
	case STRATEGY_COUNT:
		plan->steps = steps_fallback;
		plan->count = steps_fallback_count;
		stage->fresh = stage->primary;
		break;
	case STRATEGY_SWAP:
		plan->steps = steps_swap;
		plan->count = steps_swap_count;
		stage->fresh = color_other(stage->primary);
		break;
	}
}

/* The stage of the cycle that the engine has just taken. */
static void stage_take(
	struct app *app, struct deploy *deploy, const char *sha256, const char *causes)
{
	deploy_free(app->deploy);
	app->deploy = deploy;
	app->running = true;
	app->former_known = false;
	snprintf(app->sha256, sizeof(app->sha256), "%s", sha256);
	/* Without memory the record's sentence of them must do. */
	free(app->causes);
	app->causes = causes ? strdup(causes) : NULL;
	app->stage.record = deploy_record(deploy);
	app->stage.release = app->stage.record->release;
	app->stage.sha256 = app->sha256;
	app->stage.hurry = false;
	app->stage.trial_process[0] = '\0';
	app->stage.former = (struct gate_sample){0};
	receipt_begin(
		&app->receipt, app->stage.record, app->counted ? &app->counters : NULL, now_usec());
	if (app_is_routed(app))
		(void)steer_ask_counters(app->steer);
}

/* What the release is, if the caller has not said it: the one that the primary runs. */
static void release_choose(const struct app *app, char release[static RECORD_WORD_MAX])
{
	char linked[RELEASE_TAG_MAX];

	if (*release || !app->config->release_directory)
		return;
	if (release_linked(app->dirs.state, app->stage.primary, linked) >= 0)
		snprintf(release, RECORD_WORD_MAX, "%s", linked);
}

static void record_fill(struct app *app, struct record *record)
{
	record->strategy = app->stage.strategy;
	record->primary = app->stage.primary;
	record->fresh = app->stage.fresh;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		snprintf(record->former[color], sizeof(record->former[color]), "%s",
			instances_get(app->instances, color)->release);
	snprintf(record->previous, sizeof(record->previous), "%s", app->record.previous);
}

int app_cycle_begin(
	struct app *app, const struct record *asked, const char *sha256, const char *causes)
{
	struct record record = *asked;
	struct report_fields fields = {.cycle = record.id, .release = record.release};
	struct deploy *deploy;
	char why[STEP_TEXT_MAX];
	int r;

	/* Which table is to be followed is in the file too. A bad one is the preflight's to name.
	 */
	(void)app_reconfigure(app, why);
	app_plan_choose(app_strategy(app, app->config), &app->stage, &app->plan);
	app->stage.doubt = app->stage.untold = false;
	/* What is copied is named when it has been. */
	if (!app->config->release_snapshot[0])
		release_choose(app, record.release);
	record_fill(app, &record);
	r = deploy_begin(app->event, &app->plan, &record, &deploy_events, app, &deploy);
	if (r < 0)
		return r;
	stage_take(app, deploy, sha256, causes);
	report(REPORT_CYCLE_BEGUN, &fields, "a cycle begins, asked for by uid %u%s%s (pid %u)%s%s",
		record.asked_by_uid, *record.asked_by ? ", " : "", record.asked_by,
		record.asked_by_pid,
		*record.cause ? ", because installed files were replaced: " : "", record.cause);
	app_state_follow(app);
	return 0;
}

int app_cycle_repair(struct app *app, const struct record *asked)
{
	struct record record = *asked;
	struct deploy *deploy;
	int r;

	app_plan_choose(STRATEGY_FALLBACK, &app->stage, &app->plan);
	app->stage.doubt = app->stage.untold = false;
	release_choose(app, record.release);
	record_fill(app, &record);
	r = deploy_resume(app->event, &app->plan, &record, &deploy_events, app, &deploy);
	if (r < 0)
		return r;
	stage_take(app, deploy, "", NULL);
	app_state_follow(app);
	return 0;
}

/* The row says in the record who the primary is, and whether what is bound to him was told is not
 * known. */
static bool primary_was_changing(const struct app *app)
{
	for (size_t i = 0; i < app->plan.count; i++)
		if (strcmp(app->plan.steps[i].name, app->record.step) == 0)
			return app->plan.steps[i].note && !app->plan.steps[i].commits;
	return false;
}

/* What an earlier supervisor left: nothing, a cycle that ended, or one that was cut. */
int app_record_follow(struct app *app)
{
	struct report_fields fields = {.cycle = app->record.id, .step = app->record.step};
	struct deploy *deploy;
	int r;

	r = record_read(app->dirs.state, &app->record);
	if (r == -EBADMSG)
		report(REPORT_RECORD_BAD, NULL,
			"%s/cycle was torn or is not ours; it was put aside as cycle.bad, and what "
			"is to be done follows from units and probes",
			app->dirs.state);
	else if (r < 0 && r != -ENOENT)
		report(REPORT_RECORD_BAD, NULL, "%s/cycle cannot be read: %s", app->dirs.state,
			strerror(-r));
	if (r < 0)
		return 0;
	app->recorded = true;
	app_primary_take(app, app->record.primary);
	if (app->record.outcome != RECORD_RUNNING && !app->record.undoing)
		return 0;
	report(REPORT_NOTE, &fields,
		"the supervisor was gone in the middle of a cycle, at %s; it goes on from there",
		app->record.step);
	app_plan_choose(app->record.strategy, &app->stage, &app->plan);
	app->stage.fresh = app->record.fresh;
	if (!app_boot_follow(app) && primary_was_changing(app))
		target_doubt(app->target, color_other(app->record.primary));
	app_parts_restore(app);
	stage_doubt(&app->stage, &app->record);
	r = deploy_resume(app->event, &app->plan, &app->record, &deploy_events, app, &deploy);
	if (r < 0)
		return r;
	stage_take(app, deploy, "", NULL);
	return 0;
}
