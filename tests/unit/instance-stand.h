/* SPDX-License-Identifier: MIT */
/*
 * For the tests of instance.c and its parts: a systemd that says what the test wants, probes that
 * are answered as it wants, and a clock that jumps.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fake/fake-event.h"
#include "base/fd.h"
#include "instance.h"
#include "listener.h"
#include "report.h"

#define SEC  USEC_PER_SEC
#define MSEC USEC_PER_MSEC

struct probe {
	bool under_way;
	unsigned number;
	struct probe_request request;
	probe_done_fn done;
	void *owner;
};

static sd_event *event;
static struct instances *instances;
static struct config config;
static char path[] = "/health";

static struct {
	manager_unit_fn changed;
	void *owner;
	struct unit_status status;
	unsigned invocation;
	enum probe_verdict answer; /* of whoever listens there */
	struct probe probe;
	unsigned probes, changes, answers;
} units[COLOR_COUNT];

static enum listener listener; /* whose port it is */
static char reported[REPORT_MESSAGE_COUNT][REPORT_MESSAGE_MAX];
static unsigned reports[REPORT_MESSAGE_COUNT];

void report(
	enum report_message message, const struct report_fields *fields, const char *format, ...)
{
	va_list arguments;

	(void)fields;
	va_start(arguments, format);
	vsnprintf(reported[message], sizeof(reported[message]), format, arguments);
	va_end(arguments);
	reports[message]++;
}

enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size)
{
	(void)sockdiag;
	assert_non_null(control_group);
	if (listener == LISTENER_STRANGER)
		snprintf(sentence, size, "port %u is held by pid 1234 (nginx)", port);
	return listener;
}

int manager_unit_watch(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	enum color color = strstr(unit, "blue") ? COLOR_BLUE : COLOR_GREEN;

	(void)manager;
	units[color].changed = changed;
	units[color].owner = owner;
	return 0;
}

const char *unit_activity_name(enum unit_activity activity)
{
	static const char *const names[] = {
		"inactive", "activating", "active", "deactivating", "failed"};

	return names[activity];
}

static void on_probe_answered(void *owner, unsigned number)
{
	struct probe *probe = owner;
	struct probe_result result = {0};
	enum color color = probe == &units[COLOR_BLUE].probe ? COLOR_BLUE : COLOR_GREEN;

	if (!probe->under_way || probe->number != number)
		return;
	probe->under_way = false;
	result.verdict = units[color].answer;
	snprintf(result.reason, sizeof(result.reason), "%s answered %u", color_name(color),
		result.verdict);
	probe->done(probe->owner, &result);
}

int probe_begin(struct prober *prober, const struct probe_request *request, probe_done_fn done,
	void *owner, struct probe **ret_probe)
{
	enum color color = request->port == 9000 ? COLOR_BLUE : COLOR_GREEN;
	struct probe *probe = &units[color].probe;

	(void)prober;
	assert_false(probe->under_way);
	*probe = (struct probe){true, ++units[color].probes, *request, done, owner};
	fake_event_later(3 * MSEC, on_probe_answered, probe, probe->number);
	*ret_probe = probe;
	return 0;
}

struct probe *probe_cancel(struct probe *probe)
{
	if (probe)
		probe->under_way = false;
	return NULL;
}

static void on_changed(void *owner, enum color color)
{
	(void)owner;
	units[color].changes++;
}

static void on_answered(void *owner, enum color color, const struct probe_result *answer)
{
	(void)owner;
	assert_true(*answer->reason);
	units[color].answers++;
}

static void run(uint64_t usec)
{
	fake_event_run(event, usec);
}

static void tell(enum color color)
{
	units[color].changed(units[color].owner, "", &units[color].status);
}

static void unit_is(enum color color, enum unit_activity activity, const char *sub_state)
{
	struct unit_status *status = &units[color].status;

	status->loaded = true;
	status->activity = activity;
	status->restarting = strcmp(sub_state, "auto-restart") == 0;
	snprintf(status->sub_state, sizeof(status->sub_state), "%s", sub_state);
	snprintf(status->result, sizeof(status->result), "%s",
		status->restarting ? "exit-code" : "success");
	snprintf(status->invocation_id, sizeof(status->invocation_id), "%032x",
		units[color].invocation);
	tell(color);
}

/* A new process, that is up at once. */
static void unit_starts(enum color color)
{
	units[color].invocation++;
	units[color].status.active_since_usec = fake_event_now();
	unit_is(color, UNIT_ACTIVE, "running");
}

/* It ends by itself, and is started again after a while. */
static void unit_crashes(enum color color, uint64_t pause)
{
	unit_is(color, UNIT_ACTIVATING, "auto-restart");
	run(pause);
	units[color].status.restarts++;
	unit_starts(color);
}

static const struct instance *get(enum color color)
{
	return instances_get(instances, color);
}

static enum health health(enum color color)
{
	return get(color)->verdict.health;
}

static const char *why(enum color color)
{
	static char text[512];

	instance_explain(get(color), text, sizeof(text));
	return text;
}

static int open_with(enum protocol protocol)
{
	static const struct instances_events events = {on_changed, on_answered};

	memset(units, 0, sizeof(units));
	memset(reports, 0, sizeof(reports));
	listener = LISTENER_OURS;
	config = (struct config){
		.app = "app",
		.ports = {9000, 9001},
		.protocol = protocol,
		.probe = {.path = path,
			.status_min = 200,
			.status_max = 299,
			.interval_usec = 1 * SEC,
			.timeout_usec = 5 * SEC,
			.start_timeout_usec = 20 * SEC,
			.rise = 2,
			.fall = 3},
	};
	event = fake_event_new();
	if (instances_open(event, "app", &config, NULL, NULL, NULL, &instances) < 0)
		return -1;
	return instances_watch(instances, &events, NULL);
}

/* Both are up and healthy. */
static int steady_with(enum protocol protocol)
{
	if (open_with(protocol) < 0)
		return -1;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		unit_starts(color);
	run(2 * SEC);
	return 0;
}

static int end(void **state)
{
	(void)state;
	instances = instances_close(instances);
	event = sd_event_unref(event);
	return 0;
}
