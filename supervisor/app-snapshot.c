/* SPDX-License-Identifier: MIT */
/*
 * Knows the first copy of code that another package installs ([Release] Snapshot=): a color that
 * has no release yet is not started, and no cycle begins, before there is one. Every later copy is
 * a cycle's. And knows which copies count as never tried.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app-inside.h"
#include "base/fd.h"
#include "report.h"
#include "timer.h"

/* What stood in the way (a full disk, a file that cannot be read) is for a person to put right. */
#define AGAIN_USEC (10 * USEC_PER_SEC)

static bool first_copy_is_missing(const struct app *app)
{
	char tag[RELEASE_TAG_MAX];

	if (!app->config->release_snapshot[0])
		return false;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (release_linked(app->dirs.state, color, tag) == -ENOENT)
			return true;
	return false;
}

/* Only those without a release: what a color runs, it goes on running. */
static int links_make(struct app *app, const char *tag)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		char linked[RELEASE_TAG_MAX];
		int r;

		if (release_linked(app->dirs.state, color, linked) != -ENOENT)
			continue;
		r = release_link(app->dirs.state, color, app->config->release_directory, tag);
		if (r < 0)
			return r;
	}
	return release_link_primary(app->dirs.state, app->stage.primary);
}

static void colors_start(struct app *app)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		app_color_start(app, color);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct app *app = userdata;

	(void)source;
	(void)usec;
	if (app->running)
		return timer_arm(app->event, &app->first_again, AGAIN_USEC, on_again, app);
	app->first_again = sd_event_source_disable_unref(app->first_again);
	colors_start(app);
	return 0;
}

static void first_failed(struct app *app, const char *why)
{
	if (strcmp(why, app->stage.uncopied_why) != 0)
		report(REPORT_WARNING, NULL,
			"the code cannot be copied into a first release, and no color starts "
			"before that: %s",
			why);
	snprintf(app->stage.uncopied_why, sizeof(app->stage.uncopied_why), "%s", why);
	(void)timer_arm(app->event, &app->first_again, AGAIN_USEC, on_again, app);
}

static void on_first_copied(
	void *owner, enum snapshot_result result, const char *tag, const char *text)
{
	struct app *app = owner;
	char why[RELEASE_REASON_MAX];
	int r;

	app->first = snapshot_end(app->first);
	if (result == SNAPSHOT_FAILED) {
		first_failed(app, text);
	} else if ((r = links_make(app, tag)) < 0) {
		snprintf(why, sizeof(why), "%s cannot be written: %s", app->dirs.state,
			strerror(-r));
		first_failed(app, why);
	} else {
		app->stage.uncopied_why[0] = '\0';
		report(REPORT_NOTE, NULL,
			"what is installed was copied into the first release, %s: %s", tag, text);
		colors_start(app);
	}
	app_state_follow(app);
	app_queue_follow(app);
}

static void first_copy_begin(struct app *app)
{
	const struct snapshot_order order = {
		.directory = app->config->release_directory,
		.paths = (const char *const *)app->config->release_snapshot,
		.wait_usec = SNAPSHOT_WAIT_USEC,
	};

	int r;

	app->first_again = sd_event_source_disable_unref(app->first_again);
	r = snapshot_begin(app->event, &order, on_first_copied, app, &app->first);
	if (r >= 0)
		return;
	app->first = NULL;
	first_failed(app, strerror(-r));
}

bool app_first_copy_await(struct app *app)
{
	if (!app->first && !first_copy_is_missing(app))
		return false;
	/* What failed is tried again, but not whenever somebody looks. */
	if (!app->first && !app->first_again)
		first_copy_begin(app);
	return true;
}

bool app_first_copy_first(struct app *app)
{
	char why[STEP_TEXT_MAX];

	if (app->first)
		return true;
	(void)app_reconfigure(app, why);
	if (!first_copy_is_missing(app))
		return false;
	first_copy_begin(app);
	return app->first != NULL;
}

/* Whoever was cut short has not shown what the code is worth: a copy that no color runs is not to
 * keep anybody from trying it again. */
void app_snapshot_forget(struct app *app, const struct record *record)
{
	const char *used[COLOR_COUNT + 1] = {NULL};
	char linked[COLOR_COUNT][RELEASE_TAG_MAX];
	size_t count = 0;

	if (record->outcome != RECORD_INTERRUPTED || !app->config->release_snapshot[0])
		return;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (release_linked(app->dirs.state, color, linked[color]) >= 0)
			used[count++] = linked[color];
	snapshot_forget(app->config->release_directory, record->started_realtime_usec, used);
}
