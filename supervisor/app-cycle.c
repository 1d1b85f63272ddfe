/* SPDX-License-Identifier: MIT */
/*
 * Knows cycles: one at a time, one more waits, the record says how each went. Knows no step.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-id128.h>

#include "app-inside.h"
#include "base/fd.h"
#include "report.h"

/* How often it is tried to write down how a cycle ended. */
#define RECORD_RETRY_USEC (5 * USEC_PER_SEC)

static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void record_retry_arm(struct app *app)
{
	int r;

	if (app->record_retry)
		r = sd_event_source_set_time_relative(app->record_retry, RECORD_RETRY_USEC);
	else
		r = sd_event_add_time_relative(app->event, &app->record_retry, CLOCK_MONOTONIC,
			RECORD_RETRY_USEC, 0, on_record_retry, app);
	if (r >= 0)
		(void)sd_event_source_set_enabled(app->record_retry, SD_EVENT_ONESHOT);
}

/* A supervisor that comes back must not take a cycle that has ended for one that was cut. */
static int on_record_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct app *app = userdata;

	(void)source;
	(void)usec;
	if (app->running || record_write(app->dirs.state, &app->record) >= 0)
		return 0;
	record_retry_arm(app);
	return 0;
}

static void on_step(void *owner, const struct step *step, const struct step_story *story)
{
	struct app *app = owner;

	if (app->events.progress)
		app->events.progress(app->owner, deploy_record(app->deploy)->id, step, story);
	app_status_say(app, "");
}

static void deploy_report(const struct app *app, const struct record *record)
{
	struct report_fields fields = {
		.cycle = record->id, .step = record->step, .release = record->release};
	const char *blue = instances_get(app->instances, COLOR_BLUE)->unit;
	double seconds = (double)(record->ended_realtime_usec - record->started_realtime_usec) /
			 USEC_PER_SEC;

	switch (record->outcome) {
	case RECORD_SUCCEEDED:
		report(REPORT_CYCLE_SUCCEEDED, &fields,
			"the cycle succeeded in %.1f s: both colors run the new code", seconds);
		break;
	case RECORD_FAILED:
		report(REPORT_CYCLE_FAILED, &fields,
			"the cycle failed at %s; see `journalctl -u %s' and `bluegreenctl status'",
			record->reason, blue);
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

static int cycle_begin(struct app *app, const struct record *record);

static void on_deploy_ended(void *owner, const struct record *record, bool durable)
{
	struct app *app = owner;

	app->running = false;
	app->recorded = true;
	app->record = *record;
	watch_take_stance(app->watch, STANCE_STEADY);
	deploy_report(app, record);
	if (!durable)
		record_retry_arm(app);
	if (app->events.finished)
		app->events.finished(
			app->owner, &app->record, record_outcome_name(record->outcome));
	app_state_follow(app);
	if (!app->queued)
		return;
	app->queued = false;
	if (cycle_begin(app, &app->queue) < 0)
		report(REPORT_WARNING, NULL, "no memory to begin the cycle that was queued");
}

static const struct deploy_events deploy_events = {
	.step = on_step,
	.ended = on_deploy_ended,
};

static int cycle_begin(struct app *app, const struct record *record)
{
	struct report_fields fields = {.cycle = record->id, .release = record->release};
	struct deploy *deploy;
	int r;

	r = deploy_begin(app->event, &app->plan, record, &deploy_events, app, &deploy);
	if (r < 0)
		return r;
	deploy_free(app->deploy);
	app->deploy = deploy;
	app->running = true;
	app->stage.release = deploy_record(deploy)->release;
	report(REPORT_CYCLE_BEGUN, &fields, "a cycle begins, asked for by uid %u%s%s (pid %u)",
		record->asked_by_uid, *record->asked_by ? ", " : "", record->asked_by,
		record->asked_by_pid);
	app_state_follow(app);
	return 0;
}

static void queue_supersede(struct app *app)
{
	if (!app->queued)
		return;
	app->queued = false;
	snprintf(app->queue.reason, sizeof(app->queue.reason),
		"another cycle was asked for before this one began, and took its place");
	if (app->events.finished)
		app->events.finished(app->owner, &app->queue, "superseded");
}

int app_deploy(struct app *app, const struct app_asker *asker, const struct app_order *order,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX])
{
	struct record record = {
		.outcome = RECORD_RUNNING,
		.asked_by_uid = asker->uid,
		.asked_by_pid = (uint32_t)asker->pid,
	};
	struct timespec time;
	sd_id128_t id;
	int r;

	r = sd_id128_randomize(&id);
	if (r < 0)
		return r;
	sd_id128_to_string(id, record.id);
	clock_gettime(CLOCK_REALTIME, &time);
	record.started_realtime_usec =
		(uint64_t)time.tv_sec * USEC_PER_SEC + (uint64_t)time.tv_nsec / NSEC_PER_USEC;
	snprintf(record.asked_by, sizeof(record.asked_by), "%s", asker->name);
	snprintf(record.release, sizeof(record.release), "%s", order->release);
	snprintf(record.verb, sizeof(record.verb), "%s", order->verb);
	snprintf(error, APP_ERROR_MAX, "the cycle cannot be begun");
	if (app->running) {
		queue_supersede(app);
		app->queued = true;
		app->queue = record;
	} else {
		r = cycle_begin(app, &record);
		if (r < 0)
			return r;
	}
	memcpy(ret_id, record.id, RECORD_ID_MAX);
	return 0;
}

/* What an earlier supervisor left: nothing, a cycle that ended, or one that was cut. */
int app_record_follow(struct app *app)
{
	struct report_fields fields = {.cycle = app->record.id, .step = app->record.step};
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
	if (app->record.outcome != RECORD_RUNNING)
		return 0;
	report(REPORT_NOTE, &fields,
		"the supervisor was gone in the middle of a cycle, at %s; it goes on from there",
		app->record.step);
	r = deploy_resume(app->event, &app->plan, &app->record, &deploy_events, app, &app->deploy);
	if (r < 0)
		return r;
	app->running = true;
	app->stage.release = deploy_record(app->deploy)->release;
	return 0;
}
