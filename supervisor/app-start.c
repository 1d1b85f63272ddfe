/* SPDX-License-Identifier: MIT */
/*
 * Knows the first start of a color in a supervisor's life: what it is told before, and that it is
 * asked for again if it was refused. Every later start is a cycle's, or systemd's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app-inside.h"
#include "base/fd.h"
#include "environment.h"
#include "report.h"
#include "timer.h"

/* A start may have to wait for a stop: systemd's DefaultTimeoutStopSec=, and a little. */
#define STOP_LIMIT_USEC (100 * USEC_PER_SEC)
/* How often a start is asked for that could not be made. */
#define AGAIN_USEC	(2 * USEC_PER_SEC)

static int on_start_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct start *start = userdata;

	(void)source;
	(void)usec;
	/* systemd has it, and tries by itself. */
	if (instances_get(start->app->instances, start->color)->status.restarting)
		return 0;
	start->asked = false;
	app_color_start(start->app, start->color);
	return 0;
}

/* Whoever refused it (polkit, a bus or a disk that is away for a while) may not do so for good, and
 * nobody else starts a color. */
static void start_again(struct start *start, const char *why)
{
	const struct instance *instance = instances_get(start->app->instances, start->color);
	struct report_fields fields = {.color = color_name(start->color), .unit = instance->unit};

	if (strcmp(why, start->told) != 0)
		report(REPORT_WARNING, &fields, "%s", why);
	snprintf(start->told, sizeof(start->told), "%s", why);
	(void)timer_arm(start->app->event, &start->again, AGAIN_USEC, on_start_again, start);
}

static void on_start_ended(void *owner, enum job_result result, const char *why)
{
	struct start *start = owner;
	const struct instance *instance = instances_get(start->app->instances, start->color);
	struct report_fields fields = {.color = color_name(start->color), .unit = instance->unit};

	start->job = NULL;
	if (result == JOB_DONE)
		return;
	instances_expect_nothing(start->app->instances, start->color);
	/* An administrator was quicker, and means it. */
	if (result == JOB_CANCELED)
		report(REPORT_WARNING, &fields, "%s", why);
	else
		start_again(start, why);
}

/* A part that cannot be written is no reason not to start, where the former one is there; and what
 * a cycle that was cut has told a color is the cycle's to change. */
static bool color_equip(struct app *app, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct record *record = app->running ? deploy_record(app->deploy) : &app->record;
	enum role role = stage_role(&app->stage, record, color);
	char release[RELEASE_TAG_MAX] = "";
	struct environment_part part;

	if (app->running && environment_read(app->dirs.runtime, color, &part) >= 0)
		return true;
	(void)release_linked(app->dirs.state, color, release);
	return stage_equip(&app->stage, color, role, release, why) >= 0 ||
	       environment_read(app->dirs.runtime, color, &part) >= 0;
}

/* After a reboot nothing is left of /run, and a row may start a color before anybody knows that it
 * is down. */
void app_parts_restore(struct app *app)
{
	struct environment_part part;
	char why[STEP_TEXT_MAX];

	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (environment_read(app->dirs.runtime, color, &part) == -ENOENT)
			(void)color_equip(app, color, why);
}

/* Once a supervisor, when it is known what the unit is. A unit that runs keeps its port; one that
 * does not is told its part first. */
void app_color_start(struct app *app, enum color color)
{
	const struct instance *instance = instances_get(app->instances, color);
	struct report_fields fields = {.color = color_name(color), .unit = instance->unit};
	struct start *start = &app->starts[color];
	uint64_t deadline = 0;
	char why[STEP_TEXT_MAX] = "";

	if (!instance->known)
		return;
	if (instance_is_alive(instance)) {
		start->asked = true;
		start->again = sd_event_source_disable_unref(start->again);
		return;
	}
	if (start->asked || app_first_copy_await(app))
		return;
	start->asked = true;
	if (!color_equip(app, color, why)) {
		start_again(start, why);
		return;
	}
	if (*why)
		report(REPORT_WARNING, &fields, "%s", why);
	instances_expect_start(app->instances, color);
	(void)sd_event_now(app->event, CLOCK_MONOTONIC, &deadline);
	deadline += app->config->probe.start_timeout_usec + STOP_LIMIT_USEC;
	if (manager_job_begin(app->manager, JOB_START, instance->unit, deadline, on_start_ended,
		    start, &start->job) < 0)
		start->asked = false;
}
