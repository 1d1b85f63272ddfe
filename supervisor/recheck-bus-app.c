/* SPDX-License-Identifier: MIT */
/*
 * Knows the supervisor's object (supervisor/README.md): how it is, that a cycle has ended, that one
 * is to begin.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "recheck-bus-inside.h"

#define OBJECT_PATH	 "/app/bluegreen"
#define OBJECT_INTERFACE "app.bluegreen.Supervisor"

/* As many as the supervisor takes, and so long. */
#define CAUSES_MAX	 64
#define CAUSES_BYTES_MAX (64 * 1024)

/* How often the truth is asked for, should a signal be lost. */
#define ASK_USEC (5 * USEC_PER_SEC)

static const char *name_of(const char *app, char name[static 96])
{
	snprintf(name, 96, "app.bluegreen.%s", app);
	return name;
}

static bool nobody_there(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
		SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED);
}

/* *ret NULL: it is not there, or knows nothing of it. */
static int ask(struct bus *bus, const char *app, const char *method, const char *types,
	const char *argument, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *text;
	char name[96];
	int r;

	*ret = NULL;
	r = sd_bus_call_method(bus->bus, name_of(app, name), OBJECT_PATH, OBJECT_INTERFACE, method,
		&error, &reply, types, argument);
	if (r < 0 && (nobody_there(&error) ||
			     sd_bus_error_has_name(&error, "app.bluegreen.Error.NoSuchCycle"))) {
		sd_bus_error_free(&error);
		return 0;
	}
	if (r >= 0)
		r = sd_bus_message_read(reply, "s", &text);
	if (r < 0)
		return bus_fail(bus, name, &error, r);
	*ret = json_loads(text, 0, NULL);
	return 0;
}

int bus_status(struct bus *bus, const char *app, struct bus_status *ret_status)
{
	struct bus_status status = {0};
	const char *outcome;
	json_t *object;
	int r;

	r = ask(bus, app, "GetStatus", "", NULL, &object);
	if (r < 0)
		return r;
	outcome = json_string_value(json_object_get(json_object_get(object, "cycle"), "outcome"));
	status.there = object != NULL;
	status.busy =
		json_object_get(object, "queued") ||
		(outcome && (strcmp(outcome, "running") == 0 || strcmp(outcome, "queued") == 0));
	status.outdated = json_object_get(object, "outdated") != NULL;
	json_decref(object);
	*ret_status = status;
	return 0;
}

/* One that came to an end of its own, by way of what it is for: in the rows named here nothing is
 * restarted, and what is in their way (a full disk, say) may be gone the next day. */
static bool cycle_tried(const json_t *cycle, const char *outcome)
{
	static const char *const before[] = {"preflight:", "fetch:", "snapshot:"};
	const char *reason = json_string_value(json_object_get(cycle, "reason"));

	if (strcmp(outcome, "interrupted") == 0 || strcmp(outcome, "superseded") == 0)
		return false;
	for (size_t i = 0; reason && i < sizeof(before) / sizeof(before[0]); i++)
		if (strncmp(reason, before[i], strlen(before[i])) == 0)
			return false;
	return true;
}

int bus_cycle(struct bus *bus, const char *app, const char *id, struct bus_cycle *ret_cycle)
{
	const char *outcome;
	json_t *object;
	int r;

	r = ask(bus, app, "GetCycle", "s", id, &object);
	if (r < 0)
		return r;
	outcome = json_string_value(json_object_get(object, "outcome"));
	if (!outcome || outcome[strspn(outcome, "abcdefghijklmnopqrstuvwxyz")])
		outcome = "";
	snprintf(ret_cycle->outcome, sizeof(ret_cycle->outcome), "%s", outcome);
	ret_cycle->tried = cycle_tried(object, outcome);
	json_decref(object);
	return 0;
}

/* What it says does not matter: after each message the status is asked for. */
static int on_news(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	bool *news = userdata;

	(void)message;
	(void)error;
	*news = true;
	return 0;
}

/* Until there are news, or it is time to ask. */
static int news_wait(struct bus *bus, bool *news, uint64_t until)
{
	uint64_t now;

	while (!*news && (now = now_usec()) < until) {
		int r = sd_bus_process(bus->bus, NULL);

		if (r == 0)
			r = sd_bus_wait(bus->bus, until - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	*news = false;
	return 0;
}

static bool is_there(const struct bus_status *status)
{
	return status->there;
}

static bool is_idle(const struct bus_status *status)
{
	return !status->busy;
}

static int status_wait(struct bus *bus, const char *app, bool (*wanted)(const struct bus_status *),
	uint64_t deadline, struct bus_status *ret_status)
{
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *finished = NULL, *owner = NULL;
	bool news = false;
	char name[96], match[320];
	int r;

	snprintf(match, sizeof(match),
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		name_of(app, name));
	r = sd_bus_match_signal(bus->bus, &finished, name, OBJECT_PATH, OBJECT_INTERFACE,
		"Finished", on_news, &news);
	if (r >= 0)
		r = sd_bus_add_match(bus->bus, &owner, match, on_news, &news);
	while (r >= 0) {
		uint64_t now = now_usec();

		r = bus_status(bus, app, ret_status);
		if (r < 0 || wanted(ret_status) || now >= deadline)
			return r;
		r = news_wait(bus, &news, deadline - now < ASK_USEC ? deadline : now + ASK_USEC);
	}
	return r;
}

int bus_there_wait(
	struct bus *bus, const char *app, uint64_t deadline, struct bus_status *ret_status)
{
	return status_wait(bus, app, is_there, deadline, ret_status);
}

int bus_idle_wait(struct bus *bus, const char *app, uint64_t deadline)
{
	struct bus_status status;
	int r = status_wait(bus, app, is_idle, deadline, &status);

	if (r < 0 || !status.busy)
		return r;
	snprintf(bus->error, sizeof(bus->error), "%s: its cycle has not ended", app);
	return -ETIME;
}

/* Those of the colors: what it is told, it shows. */
static char *causes_write(const struct findings *findings)
{
	json_t *causes = json_array();
	char *text;

	for (size_t i = 0; i < findings->count && json_array_size(causes) < CAUSES_MAX; i++) {
		const struct finding *finding = &findings->items[i];
		char path[FINDING_PATH_MAX];

		if (finding->subject >= SUBJECT_SUPERVISOR)
			continue;
		finding_path_show(finding->path, path);
		(void)json_array_append_new(causes,
			json_pack("{s:s, s:s, s:s}", "color", subject_name(finding->subject),
				"path", path, "package", finding->package));
	}
	text = json_dumps(causes, JSON_COMPACT);
	/* Each " of a path takes two bytes. */
	while (text && strlen(text) > CAUSES_BYTES_MAX) {
		free(text);
		(void)json_array_remove(causes, json_array_size(causes) - 1);
		text = json_dumps(causes, JSON_COMPACT);
	}
	json_decref(causes);
	return text;
}

/* A supervisor that was there before this program: it knows no causes, but cycles. */
static int deploy(struct bus *bus, const char *name, uint64_t due, sd_bus_error *error,
	sd_bus_message **ret_reply)
{
	sd_bus_error_free(error);
	if (due != 0)
		return 0;
	return sd_bus_call_method(
		bus->bus, name, OBJECT_PATH, OBJECT_INTERFACE, "Deploy", error, ret_reply, "s", "");
}

/* The supervisor's user is not root: what it says goes into root's files and into the journal. */
static bool is_id(const char *id)
{
	size_t length = strspn(id, "0123456789abcdef");

	return !id[length] && (length == 0 || length == BUS_ID_MAX - 1);
}

int bus_upgrade(struct bus *bus, const char *app, const struct findings *findings, uint64_t due,
	char ret_id[static BUS_ID_MAX])
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ char *causes = causes_write(findings);
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *id = "";
	char name[96];
	int r;

	if (!causes)
		return -ENOMEM;
	r = sd_bus_call_method(bus->bus, name_of(app, name), OBJECT_PATH, OBJECT_INTERFACE,
		"Upgrade", &error, &reply, "st", causes, due);
	if (r < 0 && sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD))
		r = deploy(bus, name, due, &error, &reply);
	if (r >= 0 && reply)
		r = sd_bus_message_read(reply, "s", &id);
	if (r >= 0 && !is_id(id))
		r = -EBADMSG;
	if (r < 0)
		return bus_fail(bus, name, &error, r);
	snprintf(ret_id, BUS_ID_MAX, "%s", id);
	return 0;
}
