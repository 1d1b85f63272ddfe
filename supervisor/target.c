/* SPDX-License-Identifier: MIT */
/*
 * Knows what the target should be, and the one job that makes it so; does not know why.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "config.h"
#include "report.h"
#include "timer.h"

#define JOB_LIMIT_USEC (100 * USEC_PER_SEC)
#define AGAIN_USEC     (5 * USEC_PER_SEC)

enum wish { WISH_NOTHING, WISH_STOPPED, WISH_BLUE, WISH_GREEN };

struct target {
	sd_event *event;
	struct manager *manager;
	char unit[CONFIG_APP_MAX + sizeof("-primary.target")];
	struct manager_job *job;
	sd_event_source *again;
	enum wish wished; /* by the one who follows the route */
	enum wish asked;  /* the job under way, or what systemd has done last */
	bool refused;	  /* that was told */
};

static void wish_say(struct target *target);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	wish_say(userdata);
	return 0;
}

static void again_arm(struct target *target)
{
	(void)timer_arm(target->event, &target->again, AGAIN_USEC, on_again, target);
}

static void on_job(void *owner, enum job_result result, const char *why)
{
	struct target *target = owner;
	struct report_fields fields = {.unit = target->unit};

	target->job = NULL;
	if (result == JOB_DONE) {
		target->refused = false;
		wish_say(target);
		return;
	}
	if (!target->refused)
		report(REPORT_WARNING, &fields, "%s does not follow the primary: %s", target->unit,
			why);
	target->refused = true;
	target->asked = WISH_NOTHING;
	again_arm(target);
}

/* One job at a time; what is wished meanwhile follows it. */
static void wish_say(struct target *target)
{
	enum job_verb verb = JOB_RESTART;
	uint64_t now = 0;

	if (target->job || target->wished == target->asked)
		return;
	if (target->wished == WISH_STOPPED)
		verb = JOB_STOP;
	else if (target->asked == WISH_STOPPED || target->asked == WISH_NOTHING)
		verb = JOB_START;
	(void)sd_event_now(target->event, CLOCK_MONOTONIC, &now);
	if (manager_job_begin(target->manager, verb, target->unit, now + JOB_LIMIT_USEC, on_job,
		    target, &target->job) < 0) {
		target->job = NULL;
		again_arm(target);
		return;
	}
	target->asked = target->wished;
}

static enum wish wish_of(enum color primary)
{
	return primary == COLOR_BLUE ? WISH_BLUE : WISH_GREEN;
}

void target_follow(struct target *target, bool active, enum color primary)
{
	target->wished = active ? wish_of(primary) : WISH_STOPPED;
	wish_say(target);
}

void target_doubt(struct target *target, enum color primary)
{
	target->asked = wish_of(primary);
}

struct target *target_close(struct target *target)
{
	if (!target)
		return NULL;
	manager_job_forget(target->job);
	sd_event_source_disable_unref(target->again);
	sd_event_unref(target->event);
	free(target);
	return NULL;
}

int target_open(
	sd_event *event, struct manager *manager, const char *app, struct target **ret_target)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target)
		return -ENOMEM;
	target->event = sd_event_ref(event);
	target->manager = manager;
	snprintf(target->unit, sizeof(target->unit), "%s-primary.target", app);
	*ret_target = target;
	return 0;
}
