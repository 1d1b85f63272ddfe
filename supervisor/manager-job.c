/* SPDX-License-Identifier: MIT */
/*
 * Knows jobs: reset-failed, then start, stop or restart, then wait until systemd says that the job
 * is gone, then read the unit, which is the truth. JobRemoved can get lost (a bus that went, a
 * reload of systemd), so the job itself is asked for now and then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "manager-bus.h"

/* How often a job is asked for whose end no signal has told. */
#define CHECK_USEC (2 * USEC_PER_SEC)
#define WHY_MAX	   512

enum job_state {
	JOB_WAITING,   /* for a connection */
	JOB_RESETTING, /* ResetFailedUnit is under way */
	JOB_CALLING,   /* StartUnit or its like is under way */
	JOB_RUNNING,   /* systemd has it: `path` */
	JOB_READING,   /* it is gone; the unit is being read */
};

struct manager_job {
	struct manager_job *next;
	struct manager *manager;
	enum job_verb verb;
	enum job_state state;
	char *unit;
	char *path;
	char systemd_result[32]; /* JobRemoved's word; "" if it was lost */
	sd_bus_slot *slot;
	struct unit_read *read;
	sd_event_source *deadline, *check;
	manager_job_fn done;
	void *owner;
};

static const char *const verb_names[JOB_VERB_COUNT] = {
	[JOB_START] = "start",
	[JOB_STOP] = "stop",
	[JOB_RESTART] = "restart",
};

static const char *const result_names[JOB_RESULT_COUNT] = {
	[JOB_DONE] = "done",
	[JOB_FAILED] = "failed",
	[JOB_CANCELED] = "canceled",
	[JOB_TIMED_OUT] = "timed out",
	[JOB_LOST] = "lost",
};

static const struct {
	const char *method;
	const char *mode; /* `fail` gives way to an opposite job that is queued */
} calls[JOB_VERB_COUNT] = {
	[JOB_START] = {"StartUnit", "replace"},
	[JOB_STOP] = {"StopUnit", "replace"},
	[JOB_RESTART] = {"RestartUnit", "fail"},
};

const char *job_verb_name(enum job_verb verb)
{
	return verb_names[verb];
}

const char *job_result_name(enum job_result result)
{
	return result_names[result];
}

static void job_unlink(struct manager_job *job)
{
	for (struct manager_job **p = &job->manager->jobs; *p; p = &(*p)->next)
		if (*p == job) {
			*p = job->next;
			return;
		}
}

static struct manager_job *job_free(struct manager_job *job)
{
	sd_bus_slot_unref(job->slot);
	unit_read_cancel(job->read);
	sd_event_source_disable_unref(job->deadline);
	sd_event_source_disable_unref(job->check);
	free(job->unit);
	free(job->path);
	free(job);
	return NULL;
}

static void job_end(struct manager_job *job, enum job_result result, const char *why)
{
	manager_job_fn done = job->done;
	void *owner = job->owner;
	char sentence[WHY_MAX];

	/* `why` may belong to a message that goes with the job. */
	snprintf(sentence, sizeof(sentence), "%s", why);
	job_unlink(job);
	job_free(job);
	done(owner, result, sentence);
}

/* Properties are truth: what the unit is decides, whatever the job's result was. */
static void job_judge(struct manager_job *job, const struct unit_status *status)
{
	char why[WHY_MAX];
	bool broken = !status->loaded || status->activity == UNIT_FAILED || status->restarting;

	if (strcmp(job->systemd_result, "canceled") == 0) {
		snprintf(why, sizeof(why),
			"the %s of %s was canceled by another job: somebody "
			"else started or stopped the unit",
			verb_names[job->verb], job->unit);
		job_end(job, JOB_CANCELED, why);
		return;
	}
	if (job->verb == JOB_STOP && !status->main_pid) {
		job_end(job, JOB_DONE, "");
		return;
	}
	if (!broken && (!*job->systemd_result || strcmp(job->systemd_result, "done") == 0)) {
		job_end(job, JOB_DONE, "");
		return;
	}
	if (!status->loaded)
		snprintf(
			why, sizeof(why), "%s cannot be loaded: %s", job->unit, status->load_error);
	else
		snprintf(why, sizeof(why),
			"the %s of %s failed (%s, exit status %d); see journalctl -u %s",
			verb_names[job->verb], job->unit,
			*status->result ? status->result : job->systemd_result, status->exit_status,
			job->unit);
	job_end(job, JOB_FAILED, why);
}

static void on_job_unit(void *owner, int r, const struct unit_status *status)
{
	struct manager_job *job = owner;

	job->read = NULL;
	if (r < 0) /* again at the next check */
		return;
	job_judge(job, status);
}

static void job_read_unit(struct manager_job *job)
{
	job->state = JOB_READING;
	if (!job->read)
		(void)unit_read_begin(job->manager, job->unit, on_job_unit, job, &job->read);
}

void manager_job_removed(struct manager *manager, const char *path, const char *result)
{
	for (struct manager_job *job = manager->jobs; job; job = job->next) {
		if (job->state != JOB_RUNNING || strcmp(job->path, path) != 0)
			continue;
		snprintf(job->systemd_result, sizeof(job->systemd_result), "%s", result);
		job_read_unit(job);
	}
}

static void job_refused(struct manager_job *job, const sd_bus_error *error)
{
	char why[WHY_MAX];
	const char *sentence = error->message ? error->message : error->name;

	if (sd_bus_error_has_name(error, SYSTEMD_NAME ".TransactionIsDestructive")) {
		snprintf(why, sizeof(why), "the %s of %s gave way to another job: %s",
			verb_names[job->verb], job->unit, sentence);
		job_end(job, JOB_CANCELED, why);
		return;
	}
	if (sd_bus_error_has_names(error, SD_BUS_ERROR_ACCESS_DENIED,
		    SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		snprintf(why, sizeof(why),
			"systemd refused to %s %s: %s; is polkitd installed, and its rule for "
			"app-bluegreen in place?",
			verb_names[job->verb], job->unit, sentence);
	else
		snprintf(why, sizeof(why), "systemd refused to %s %s: %s", verb_names[job->verb],
			job->unit, sentence);
	job_end(job, JOB_FAILED, why);
}

/* No answer, or the connection went before it: made again at the next check. */
static bool error_is_of_the_bus(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED,
		SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_SERVICE_UNKNOWN);
}

static int on_called(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct manager_job *job = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(message);
	const char *path;

	(void)ret_error;
	job->slot = sd_bus_slot_unref(job->slot);
	if (error) {
		job->state = JOB_WAITING;
		if (!error_is_of_the_bus(error))
			job_refused(job, error);
		return 0;
	}
	free(job->path);
	job->path = NULL;
	if (sd_bus_message_read(message, "o", &path) >= 0)
		job->path = strdup(path);
	job->state = job->path ? JOB_RUNNING : JOB_WAITING;
	return 0;
}

static void job_call(struct manager_job *job)
{
	job->state = JOB_CALLING;
	if (sd_bus_call_method_async(job->manager->bus, &job->slot, SYSTEMD_NAME, SYSTEMD_PATH,
		    SYSTEMD_MANAGER, calls[job->verb].method, on_called, job, "ss", job->unit,
		    calls[job->verb].mode) < 0)
		job->state = JOB_WAITING;
}

/* Not being allowed to, or nothing to reset, is told by the call that follows. */
static int on_reset(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager_job *job = userdata;

	(void)message;
	(void)error;
	job->slot = sd_bus_slot_unref(job->slot);
	job_call(job);
	return 0;
}

static void job_begin(struct manager_job *job)
{
	if (job->verb == JOB_STOP) {
		job_call(job);
		return;
	}
	job->state = JOB_RESETTING;
	if (sd_bus_call_method_async(job->manager->bus, &job->slot, SYSTEMD_NAME, SYSTEMD_PATH,
		    SYSTEMD_MANAGER, "ResetFailedUnit", on_reset, job, "s", job->unit) < 0)
		job->state = JOB_WAITING;
}

/* Does the job exist? */
static int on_asked(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct manager_job *job = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(message);

	(void)ret_error;
	job->slot = sd_bus_slot_unref(job->slot);
	if (job->state == JOB_RUNNING && error && !error_is_of_the_bus(error))
		job_read_unit(job);
	return 0;
}

static void job_ask(struct manager_job *job)
{
	if (!job->slot)
		(void)sd_bus_call_method_async(job->manager->bus, &job->slot, SYSTEMD_NAME,
			job->path, "org.freedesktop.DBus.Properties", "Get", on_asked, job, "ss",
			SYSTEMD_NAME ".Job", "State");
}

static void job_check(struct manager_job *job)
{
	switch (job->state) {
	case JOB_WAITING:
		job_begin(job);
		break;
	case JOB_RUNNING:
		job_ask(job);
		break;
	case JOB_READING:
		job_read_unit(job);
		break;
	case JOB_RESETTING:
	case JOB_CALLING:
		break; /* the call has a time-out of its own */
	}
}

static int on_check(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager_job *job = userdata;

	(void)usec;
	if (sd_event_source_set_time_relative(source, CHECK_USEC) >= 0)
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (job->manager->connected)
		job_check(job);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager_job *job = userdata;
	char why[WHY_MAX];

	(void)source;
	(void)usec;
	if (!job->manager->connected) {
		snprintf(why, sizeof(why),
			"the system bus went and did not come back in time to %s %s",
			verb_names[job->verb], job->unit);
		job_end(job, JOB_LOST, why);
		return 0;
	}
	snprintf(why, sizeof(why), "the %s of %s did not end in time; the job was left to systemd",
		verb_names[job->verb], job->unit);
	job_end(job, JOB_TIMED_OUT, why);
	return 0;
}

void manager_jobs_reconnected(struct manager *manager)
{
	for (struct manager_job *job = manager->jobs; job; job = job->next) {
		job->slot = sd_bus_slot_unref(job->slot);
		if (job->state == JOB_RESETTING || job->state == JOB_CALLING)
			job->state = JOB_WAITING;
		job_check(job);
	}
}

void manager_jobs_free(struct manager *manager)
{
	while (manager->jobs)
		manager_job_forget(manager->jobs);
}

int manager_job_begin(struct manager *manager, enum job_verb verb, const char *unit,
	uint64_t deadline_usec, manager_job_fn done, void *owner, struct manager_job **ret_job)
{
	struct manager_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	job->manager = manager;
	job->verb = verb;
	job->done = done;
	job->owner = owner;
	job->unit = strdup(unit);
	r = job->unit ? sd_event_add_time(manager->event, &job->deadline, CLOCK_MONOTONIC,
				deadline_usec, 0, on_deadline, job)
		      : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_time_relative(
			manager->event, &job->check, CLOCK_MONOTONIC, CHECK_USEC, 0, on_check, job);
	if (r < 0) {
		job_free(job);
		return r;
	}
	job->next = manager->jobs;
	manager->jobs = job;
	if (manager->connected)
		job_begin(job);
	*ret_job = job;
	return 0;
}

struct manager_job *manager_job_forget(struct manager_job *job)
{
	if (!job)
		return NULL;
	job_unlink(job);
	return job_free(job);
}
