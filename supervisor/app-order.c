/* SPDX-License-Identifier: MIT */
/*
 * Knows what can be asked of the app: a cycle, to take one back, to go back. One more waits, and
 * the newest takes its place. Does not know how a cycle goes (app-cycle.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-id128.h>

#include "app-inside.h"
#include "base/fd.h"
#include "report.h"
#include "text.h"

static void queue_supersede(struct app *app, const struct record *by)
{
	if (!app->queued)
		return;
	app->queued = app->stage.hurry = false;
	app->stage.next = NULL;
	if (by)
		snprintf(app->queue.reason, sizeof(app->queue.reason),
			"cycle %.8s, asked for by uid %u%s%s, took its place before it began",
			by->id, by->asked_by_uid, *by->asked_by ? ", " : "", by->asked_by);
	if (app->events.finished)
		app->events.finished(app->owner, &app->queue, "superseded");
}

void app_queue_follow(struct app *app)
{
	if (!app->queued || app->running || app->first)
		return;
	/* Whether the first copy could be made or not: the preflight says why not. */
	if (!*app->stage.uncopied_why && app_first_copy_await(app))
		return;
	app->queued = app->stage.hurry = false;
	app->stage.next = NULL;
	if (app_cycle_begin(app, &app->queue, app->queue_sha256, app->queue_causes) < 0)
		report(REPORT_WARNING, NULL, "no memory to begin the cycle that was queued");
}

int app_record_new(
	const struct app_asker *asker, const struct app_order *order, struct record *ret_record)
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
	snprintf(record.cause, sizeof(record.cause), "%s", order->cause ? order->cause : "");
	*ret_record = record;
	return 0;
}

int app_deploy(struct app *app, const struct app_asker *asker, const struct app_order *order,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX])
{
	struct record record;
	int r;

	snprintf(error, APP_ERROR_MAX, "the cycle cannot be begun");
	if (*order->release && !release_tag_valid(order->release)) {
		snprintf(error, APP_ERROR_MAX,
			"\"%.80s\" cannot name a release: a tag has letters, digits and . _ + - "
			"and begins with a letter or a digit, %d characters at most",
			order->release, RELEASE_TAG_MAX - 1);
		return -EINVAL;
	}
	r = app_record_new(asker, order, &record);
	if (r < 0)
		return r;
	if (app->running || app_first_copy_first(app)) {
		queue_supersede(app, &record);
		app->queued = app->stage.hurry = true;
		app->queue = record;
		app->stage.next = app->queue.release;
		snprintf(app->queue_sha256, sizeof(app->queue_sha256), "%s", order->sha256);
		free(app->queue_causes);
		app->queue_causes = order->causes ? strdup(order->causes) : NULL;
		deploy_poke(app->deploy);
	} else {
		r = app_cycle_begin(app, &record, order->sha256, order->causes);
		if (r < 0)
			return r;
	}
	memcpy(ret_id, record.id, RECORD_ID_MAX);
	return 0;
}

int app_upgrade(struct app *app, const struct app_asker *asker, const struct app_order *order,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX])
{
	if (!app->queued)
		return app_deploy(app, asker, order, ret_id, error);
	memcpy(ret_id, app->queue.id, RECORD_ID_MAX);
	return 0;
}

static int cycle_abort(struct app *app, const char *reason, char ret_id[static RECORD_ID_MAX],
	char error[static APP_ERROR_MAX])
{
	char command[TEXT_COMMAND_MAX];
	const char *row = "";
	int r;

	if (!app->running || app->finishing) {
		snprintf(error, APP_ERROR_MAX, "no cycle runs that could be taken back");
		return -ESRCH;
	}
	memcpy(ret_id, deploy_record(app->deploy)->id, RECORD_ID_MAX);
	r = deploy_abort(app->deploy, reason, &row);
	if (r == -EBUSY)
		snprintf(error, APP_ERROR_MAX,
			"the cycle cannot be taken back any more: it is past %s; it goes on, and "
			"`%s rollback' brings the release before back when it has ended",
			row, text_command(app->name, command));
	return r;
}

static void queue_drop(struct app *app, const char *reason)
{
	if (app->queued)
		snprintf(app->queue.reason, sizeof(app->queue.reason), "%s", reason);
	queue_supersede(app, NULL);
}

int app_abort(struct app *app, const struct app_asker *asker, char ret_id[static RECORD_ID_MAX],
	char error[static APP_ERROR_MAX])
{
	char reason[RECORD_REASON_MAX];

	snprintf(reason, sizeof(reason), "aborted by uid %u%s%s (pid %d)", asker->uid,
		*asker->name ? ", " : "", asker->name, (int)asker->pid);
	queue_drop(app, reason);
	return cycle_abort(app, reason, ret_id, error);
}

/* The cycle that runs, or the last one. */
static const struct record *cycle_now(const struct app *app)
{
	return app->running && !app->finishing ? deploy_record(app->deploy) : &app->record;
}

/* A cycle runs whose release is not accepted yet: the release before is the one that it left. */
static bool is_open(const struct app *app)
{
	return app->running && !app->finishing && !deploy_record(app->deploy)->committed;
}

/* Inside the window the release before is still warm, unless somebody has stopped it: to take the
 * cycle back is the way. */
static bool is_warm(const struct app *app, const char *release)
{
	const struct record *record = app->running ? deploy_record(app->deploy) : NULL;
	enum color old;

	if (!record || app->finishing || record->strategy != STRATEGY_SWAP || !record->committed ||
		record->undoing)
		return false;
	old = color_other(record->fresh);
	return instance_is_healthy(instances_get(app->instances, old)) &&
	       (!*release || strcmp(record->former[old], release) == 0);
}

int app_rollback(struct app *app, const struct app_asker *asker, const char *release,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX])
{
	struct app_order order = {.verb = "rollback", .release = release, .sha256 = ""};
	const struct record *record = cycle_now(app);
	const char *running = instances_get(app->instances, app->stage.primary)->release;
	char reason[RECORD_REASON_MAX];

	snprintf(reason, sizeof(reason), "rolled back by uid %u%s%s (pid %d)", asker->uid,
		*asker->name ? ", " : "", asker->name, (int)asker->pid);
	if ((is_warm(app, release) || (!*release && is_open(app))) &&
		cycle_abort(app, reason, ret_id, error) >= 0) {
		queue_drop(app, reason);
		return 0;
	}
	if (!*release && strcmp(running, record->previous) != 0)
		order.release = record->previous;
	if (!*order.release) {
		snprintf(error, APP_ERROR_MAX, "there is no release to go back to: %s",
			app->config->release_directory
				? "none was deployed before this one; name one, see `bluegreenctl "
				  "releases'"
				: "this app's code is in place ([Release] Directory= is not set)");
		return -ENOENT;
	}
	return app_deploy(app, asker, &order, ret_id, error);
}
