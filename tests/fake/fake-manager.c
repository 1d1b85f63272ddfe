/* SPDX-License-Identifier: MIT */
/*
 * manager.h over the world: jobs on its two processes, and what units look like.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-event.h"
#include "manager.h"
#include "world.h"

#define TELL_USEC (2 * WORLD_MSEC)
#define STOP_USEC (40 * WORLD_MSEC)
#define KILL_USEC (95 * WORLD_SEC) /* TimeoutStopSec= */
#define LATE_USEC (50 * WORLD_SEC)

/* What can become of a job; the first is that all goes well. */
enum job_fate {
	FATE_WELL,
	FATE_REFUSED,  /* by systemd: nothing was done */
	FATE_CANCELED, /* by an administrator: nothing was done */
	FATE_LATE,     /* it takes most of a minute */
	FATE_STUCK,    /* the old process does not end until systemd kills it; nobody tells */
	FATE_LOST,     /* it is done, and nobody tells */
	FATE_EXITS,    /* the code that is started is broken */
	FATE_ERRORS,
	FATE_HANGS,
	FATE_KILL_BEFORE, /* the supervisor is killed */
	FATE_KILL_AFTER,
	FATE_COUNT,
};

/* What can become of a hook; the target does as it is told. */
enum hook_fate {
	HOOK_WELL,
	HOOK_FAILS,
	HOOK_LATE,
	HOOK_KILL_BEFORE,
	HOOK_KILL_AFTER,
	HOOK_COUNT,
};

struct manager_job {
	struct manager *manager;
	struct manager_job *next;
	enum job_verb verb;
	enum color color;
	uint64_t deadline_usec;
	unsigned number;
	manager_job_fn done;
	void *owner;
};

struct unit_watch {
	char unit[96];
	manager_unit_fn changed;
	void *owner;
	struct unit_status told;
	bool known;
};

struct manager {
	struct unit_watch watches[COLOR_COUNT];
	struct manager_job *jobs;
};

static struct manager *the_manager;
static unsigned number_next;

static enum color color_of(const char *unit)
{
	return strstr(unit, "blue") ? COLOR_BLUE : COLOR_GREEN;
}

static struct unit_status status_of(enum color color)
{
	const struct world_process *process = &world.processes[color];
	struct unit_status status = {
		.activity = process->running   ? UNIT_ACTIVE
			    : process->stopped ? UNIT_INACTIVE
					       : UNIT_ACTIVATING,
		.loaded = true,
		.restarting = !process->running && !process->stopped,
		.main_pid = process->running ? (pid_t)(100 + process->invocation) : 0,
		.restarts = process->restarts,
		.active_since_usec = process->started_usec,
	};

	snprintf(status.sub_state, sizeof(status.sub_state), "%s",
		process->running   ? "running"
		: process->stopped ? "dead"
				   : "auto-restart");
	snprintf(status.result, sizeof(status.result), "%s",
		status.restarting ? "exit-code" : "success");
	snprintf(status.invocation_id, sizeof(status.invocation_id), "%032x", process->invocation);
	snprintf(status.control_group, sizeof(status.control_group), "/fake/%s", color_name(color));
	return status;
}

static void on_tell(void *owner, unsigned number)
{
	struct unit_watch *watch;
	struct unit_status status = status_of((enum color)number);

	(void)owner;
	if (!the_manager)
		return;
	watch = &the_manager->watches[number];
	if (!watch->changed || (watch->known && memcmp(&status, &watch->told, sizeof(status)) == 0))
		return;
	watch->known = true;
	watch->told = status;
	watch->changed(watch->owner, watch->unit, &status);
}

void fake_manager_tell(enum color color)
{
	fake_event_later(TELL_USEC, on_tell, NULL, color);
}

static struct manager_job *job_find(unsigned number)
{
	struct manager_job *job = the_manager ? the_manager->jobs : NULL;

	while (job && job->number != number)
		job = job->next;
	return job;
}

static void job_end(unsigned number, enum job_result result, const char *why)
{
	struct manager_job *job = job_find(number);
	manager_job_fn done;
	void *owner;

	if (!job)
		return;
	done = job->done;
	owner = job->owner;
	manager_job_forget(job);
	done(owner, result, why);
}

static void on_job_done(void *owner, unsigned number)
{
	(void)owner;
	job_end(number, JOB_DONE, "");
}

static void on_job_refused(void *owner, unsigned number)
{
	(void)owner;
	job_end(number, JOB_FAILED, "systemd refused it");
}

static void on_job_canceled(void *owner, unsigned number)
{
	(void)owner;
	job_end(number, JOB_CANCELED, "another job took its place");
}

static void on_deadline(void *owner, unsigned number)
{
	(void)owner;
	job_end(number, JOB_TIMED_OUT, "it did not end in time");
}

static void on_stopped(void *owner, unsigned number)
{
	struct world_process *process = owner;

	if (process->generation == number)
		world_start((enum color)(process - world.processes));
}

/* What systemd does, whoever lives to see it. */
static void restart(enum color color)
{
	struct world_process *process = &world.processes[color];

	if (world.restarting)
		world.restarting(color);
	process->generation++;
	process->running = process->listening = false;
	process->well_since_usec = 0;
	process->restarts = 0;
	fake_event_later(STOP_USEC, on_stopped, process, process->generation);
}

static void on_killed(void *owner, unsigned number)
{
	struct world_process *process = owner;

	if (process->generation == number)
		restart((enum color)(process - world.processes));
}

static void carry_out(enum job_verb verb, enum color color)
{
	const struct world_process *process = &world.processes[color];

	switch (verb) {
	case JOB_START:
		if (!process->running)
			world_start(color);
		break;
	case JOB_STOP:
		world_stop(color);
		break;
	case JOB_RESTART:
		restart(color);
		break;
	case JOB_VERB_COUNT:
		break;
	}
}

static void on_late(void *owner, unsigned number)
{
	struct manager_job *job = job_find(number);

	(void)owner;
	if (!job)
		return;
	carry_out(job->verb, job->color);
	fake_event_later(STOP_USEC + TELL_USEC, on_job_done, NULL, number);
}

static enum mood mood_of(enum job_fate fate)
{
	return fate == FATE_EXITS ? MOOD_EXITS : fate == FATE_ERRORS ? MOOD_ERRORS : MOOD_HANGS;
}

static void fate_follow(enum job_fate fate, struct manager_job *job)
{
	switch (fate) {
	case FATE_KILL_BEFORE:
		world_kill();
		return;
	case FATE_REFUSED:
		/* After what somebody else has done to the unit meanwhile was told. */
		fake_event_later(3 * TELL_USEC, on_job_refused, NULL, job->number);
		return;
	case FATE_CANCELED:
		fake_event_later(3 * TELL_USEC, on_job_canceled, NULL, job->number);
		return;
	case FATE_LATE:
		/* It has closed its listener, and takes its time. */
		if (job->verb != JOB_START)
			world_close(job->color);
		fake_event_later(LATE_USEC, on_late, NULL, job->number);
		return;
	case FATE_STUCK:
		if (job->verb == JOB_START)
			return;
		world_close(job->color);
		fake_event_later(KILL_USEC, on_killed, &world.processes[job->color],
			world.processes[job->color].generation);
		return;
	case FATE_EXITS:
	case FATE_ERRORS:
	case FATE_HANGS:
		if (job->verb == JOB_RESTART)
			world.code_mood = mood_of(fate);
		break;
	case FATE_WELL:
	case FATE_LOST:
	case FATE_KILL_AFTER:
	case FATE_COUNT:
		break;
	}
	carry_out(job->verb, job->color);
	if (fate == FATE_KILL_AFTER)
		world_kill();
	else if (fate != FATE_LOST)
		fake_event_later(STOP_USEC + 2 * TELL_USEC, on_job_done, NULL, job->number);
}

static void hook_follow(enum hook_fate fate, const struct manager_job *job, const char *unit)
{
	uint64_t usec = fate == HOOK_LATE ? LATE_USEC : STOP_USEC;

	if (fate == HOOK_KILL_BEFORE) {
		world_kill();
		return;
	}
	world.hooks_run++;
	if (world.hook)
		world.hook(unit);
	if (fate == HOOK_KILL_AFTER)
		world_kill();
	fake_event_later(
		usec, fate == HOOK_FAILS ? on_job_refused : on_job_done, NULL, job->number);
}

static void target_follow_job(const struct manager_job *job)
{
	world.target_active = job->verb != JOB_STOP;
	world.target_restarts += job->verb == JOB_RESTART;
	fake_event_later(TELL_USEC, on_job_done, NULL, job->number);
}

int manager_job_begin(struct manager *manager, enum job_verb verb, const char *unit,
	uint64_t deadline_usec, manager_job_fn done, void *owner, struct manager_job **ret_job)
{
	struct manager_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = (struct manager_job){.manager = manager,
		.next = manager->jobs,
		.verb = verb,
		.color = color_of(unit),
		.deadline_usec = deadline_usec,
		.number = ++number_next,
		.done = done,
		.owner = owner};
	manager->jobs = job;
	*ret_job = job;
	fake_event_later(deadline_usec - fake_event_now(), on_deadline, NULL, job->number);
	if (world.dead)
		return 0;
	if (strstr(unit, ".target"))
		target_follow_job(job);
	else if (!strchr(unit, '@'))
		hook_follow((enum hook_fate)world_choose("hook", HOOK_COUNT), job, unit);
	else
		fate_follow((enum job_fate)world_choose("job", FATE_COUNT), job);
	world_visit();
	return 0;
}

struct manager_job *manager_job_forget(struct manager_job *job)
{
	if (!job)
		return NULL;
	for (struct manager_job **p = &job->manager->jobs; *p; p = &(*p)->next)
		if (*p == job) {
			*p = job->next;
			break;
		}
	free(job);
	return NULL;
}

int manager_unit_watch(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	struct unit_watch *watch = &manager->watches[color_of(unit)];

	snprintf(watch->unit, sizeof(watch->unit), "%s", unit);
	watch->changed = changed;
	watch->owner = owner;
	fake_manager_tell(color_of(unit));
	return 0;
}

/* Units beside the two: each is there. */
const struct unit_status *manager_unit_look(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	static const struct unit_status status = {.activity = UNIT_INACTIVE, .loaded = true};

	(void)manager;
	(void)unit;
	(void)changed;
	(void)owner;
	return &status;
}

int manager_open(sd_event *event, struct manager **ret_manager)
{
	(void)event;
	the_manager = calloc(1, sizeof(*the_manager));
	if (!the_manager)
		return -ENOMEM;
	*ret_manager = the_manager;
	return 0;
}

struct manager *manager_close(struct manager *manager)
{
	if (!manager)
		return NULL;
	while (manager->jobs)
		manager_job_forget(manager->jobs);
	free(manager);
	the_manager = NULL;
	return NULL;
}

sd_bus *manager_bus(struct manager *manager)
{
	(void)manager;
	return NULL;
}

void manager_on_reconnect(struct manager *manager, manager_bus_fn connected, void *owner)
{
	(void)manager;
	(void)connected;
	(void)owner;
}

const char *unit_activity_name(enum unit_activity activity)
{
	static const char *const names[UNIT_ACTIVITY_COUNT] = {
		"inactive", "activating", "active", "deactivating", "failed"};

	return names[activity];
}

const char *job_result_name(enum job_result result)
{
	static const char *const names[JOB_RESULT_COUNT] = {
		"done", "failed", "canceled", "timed out", "lost"};

	return names[result];
}

const char *job_verb_name(enum job_verb verb)
{
	static const char *const names[JOB_VERB_COUNT] = {"start", "stop", "restart"};

	return names[verb];
}
