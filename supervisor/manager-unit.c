/* SPDX-License-Identifier: MIT */
/*
 * Knows a unit's properties: reads them and makes our types of systemd's words. Does not know when
 * they change (manager-watch.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager-bus.h"

#define UNIT_INTERFACE	  SYSTEMD_NAME ".Unit"
#define SERVICE_INTERFACE SYSTEMD_NAME ".Service"

struct unit_read {
	struct manager *manager;
	char *path;
	bool is_service; /* a target has no process, and no properties but a unit's */
	struct unit_status status;
	sd_bus_slot *slot;
	sd_event_source *broken; /* tells of a call that could not be made, from the loop */
	unit_read_fn done;
	void *owner;
};

/* Every word of ActiveState (org.freedesktop.systemd1(5)). */
static const struct {
	const char *word;
	enum unit_activity activity;
} activity_words[] = {
	{"inactive", UNIT_INACTIVE},
	{"activating", UNIT_ACTIVATING},
	{"active", UNIT_ACTIVE},
	{"reloading", UNIT_ACTIVE},
	{"refreshing", UNIT_ACTIVE},
	{"deactivating", UNIT_DEACTIVATING},
	{"maintenance", UNIT_INACTIVE},
	{"failed", UNIT_FAILED},
};

static const char *const activity_names[UNIT_ACTIVITY_COUNT] = {
	[UNIT_INACTIVE] = "inactive",
	[UNIT_ACTIVATING] = "activating",
	[UNIT_ACTIVE] = "active",
	[UNIT_DEACTIVATING] = "deactivating",
	[UNIT_FAILED] = "failed",
};

const char *unit_activity_name(enum unit_activity activity)
{
	return activity_names[activity];
}

char *unit_object_path(const char *unit)
{
	char *path = NULL;

	if (sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path) < 0)
		return NULL;
	return path;
}

static enum unit_activity activity_from_word(const char *word)
{
	for (size_t i = 0; i < ELEMENTS(activity_words); i++)
		if (strcmp(activity_words[i].word, word) == 0)
			return activity_words[i].activity;
	return UNIT_INACTIVE;
}

static int read_text(sd_bus_message *message, char *buffer, size_t size)
{
	const char *text;
	int r;

	r = sd_bus_message_read(message, "v", "s", &text);
	if (r >= 0)
		snprintf(buffer, size, "%s", text);
	return r;
}

static int read_invocation_id(sd_bus_message *message, struct unit_status *status)
{
	const uint8_t *bytes;
	size_t size;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "ay");
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(message, 'y', (const void **)&bytes, &size);
	if (r < 0)
		return r;
	status->invocation_id[0] = '\0';
	for (size_t i = 0; i < size && i < (sizeof(status->invocation_id) - 1) / 2; i++)
		snprintf(status->invocation_id + 2 * i, 3, "%02x", bytes[i]);
	return sd_bus_message_exit_container(message);
}

static int read_activity(sd_bus_message *message, struct unit_status *status)
{
	char word[32];
	int r;

	r = read_text(message, word, sizeof(word));
	if (r >= 0)
		status->activity = activity_from_word(word);
	return r;
}

static int read_sub_state(sd_bus_message *message, struct unit_status *status)
{
	int r;

	r = read_text(message, status->sub_state, sizeof(status->sub_state));
	/* "auto-restart", and since systemd 254 "auto-restart-queued". */
	if (r >= 0)
		status->restarting = strncmp(status->sub_state, "auto-restart", 12) == 0;
	return r;
}

static int read_load_state(sd_bus_message *message, struct unit_status *status)
{
	char word[32];
	int r;

	r = read_text(message, word, sizeof(word));
	if (r < 0)
		return r;
	status->loaded = strcmp(word, "loaded") == 0;
	if (!status->loaded && !*status->load_error)
		snprintf(status->load_error, sizeof(status->load_error), "it is %s", word);
	return r;
}

static int read_load_error(sd_bus_message *message, struct unit_status *status)
{
	const char *name, *sentence;
	int r;

	size_t size;

	r = sd_bus_message_read(message, "v", "(ss)", &name, &sentence);
	if (r < 0 || !*sentence)
		return r;
	/* It becomes a part of a sentence: without its own full stop. */
	size = strlen(sentence);
	size -= sentence[size - 1] == '.';
	snprintf(status->load_error, sizeof(status->load_error), "%.*s", (int)size, sentence);
	return r;
}

static int read_since(sd_bus_message *message, struct unit_status *status)
{
	return sd_bus_message_read(message, "v", "t", &status->active_since_usec);
}

static int read_result(sd_bus_message *message, struct unit_status *status)
{
	return read_text(message, status->result, sizeof(status->result));
}

static int read_control_group(sd_bus_message *message, struct unit_status *status)
{
	return read_text(message, status->control_group, sizeof(status->control_group));
}

static int read_main_pid(sd_bus_message *message, struct unit_status *status)
{
	uint32_t pid;
	int r;

	r = sd_bus_message_read(message, "v", "u", &pid);
	if (r >= 0)
		status->main_pid = (pid_t)pid;
	return r;
}

static int read_exit_status(sd_bus_message *message, struct unit_status *status)
{
	return sd_bus_message_read(message, "v", "i", &status->exit_status);
}

static int read_restarts(sd_bus_message *message, struct unit_status *status)
{
	return sd_bus_message_read(message, "v", "u", &status->restarts);
}

static int read_user(sd_bus_message *message, struct unit_status *status)
{
	return read_text(message, status->user, sizeof(status->user));
}

static int read_group(sd_bus_message *message, struct unit_status *status)
{
	return read_text(message, status->group, sizeof(status->group));
}

static int read_dynamic_user(sd_bus_message *message, struct unit_status *status)
{
	int dynamic, r;

	r = sd_bus_message_read(message, "v", "b", &dynamic);
	if (r >= 0)
		status->dynamic_user = dynamic;
	return r;
}

/* Those that have no room any more are left out. */
static int read_groups(sd_bus_message *message, struct unit_status *status)
{
	const char *group;
	size_t size = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(message, "s", &group)) > 0) {
		size_t left = sizeof(status->groups) - size;
		int n = snprintf(status->groups + size, left, "%s%s", size ? " " : "", group);

		if (n >= 0 && (size_t)n < left)
			size += (size_t)n;
		else
			status->groups[size] = '\0';
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r;
}

static const struct {
	const char *name;
	int (*read)(sd_bus_message *message, struct unit_status *status);
} properties[] = {
	{"ActiveState", read_activity},
	{"SubState", read_sub_state},
	{"LoadState", read_load_state},
	{"LoadError", read_load_error},
	{"InvocationID", read_invocation_id},
	{"ActiveEnterTimestampMonotonic", read_since},
	{"Result", read_result},
	{"ExecMainStatus", read_exit_status},
	{"MainPID", read_main_pid},
	{"NRestarts", read_restarts},
	{"ControlGroup", read_control_group},
	{"User", read_user},
	{"Group", read_group},
	{"SupplementaryGroups", read_groups},
	{"DynamicUser", read_dynamic_user},
};

static int property_read(sd_bus_message *message, struct unit_status *status)
{
	const char *name;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ELEMENTS(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return properties[i].read(message, status);
	return sd_bus_message_skip(message, "v");
}

/* The answer of GetAll: a{sv}. */
static int properties_read(sd_bus_message *message, struct unit_status *status)
{
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = property_read(message, status);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	return r;
}

static struct unit_read *unit_read_free(struct unit_read *read)
{
	if (!read)
		return NULL;
	sd_bus_slot_unref(read->slot);
	sd_event_source_disable_unref(read->broken);
	free(read->path);
	free(read);
	return NULL;
}

static void unit_read_end(struct unit_read *read, int r)
{
	unit_read_fn done = read->done;
	void *owner = read->owner;
	struct unit_status status = read->status;

	unit_read_free(read);
	done(owner, r, r < 0 ? NULL : &status);
}

static int on_service_properties(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct unit_read *read = userdata;
	int r;

	(void)error;
	r = sd_bus_message_get_errno(message);
	unit_read_end(read, r > 0 ? -r : properties_read(message, &read->status));
	return 0;
}

static int on_unit_properties(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct unit_read *read = userdata;
	int r;

	(void)error;
	r = -sd_bus_message_get_errno(message);
	if (r == 0)
		r = properties_read(message, &read->status);
	if (r >= 0 && !read->is_service) {
		unit_read_end(read, 0);
		return 0;
	}
	if (r >= 0) {
		read->slot = sd_bus_slot_unref(read->slot);
		r = sd_bus_call_method_async(read->manager->bus, &read->slot, SYSTEMD_NAME,
			read->path, "org.freedesktop.DBus.Properties", "GetAll",
			on_service_properties, read, "s", SERVICE_INTERFACE);
	}
	if (r < 0)
		unit_read_end(read, r);
	return 0;
}

static int on_broken(sd_event_source *source, void *userdata)
{
	(void)source;
	unit_read_end(userdata, -ENOTCONN);
	return 0;
}

int unit_read_begin(struct manager *manager, const char *unit, unit_read_fn done, void *owner,
	struct unit_read **ret_read)
{
	struct unit_read *read = calloc(1, sizeof(*read));
	int r = -ENOTCONN;

	if (!read)
		return -ENOMEM;
	read->manager = manager;
	read->done = done;
	read->owner = owner;
	read->is_service = strlen(unit) > strlen(".service") &&
			   strcmp(unit + strlen(unit) - strlen(".service"), ".service") == 0;
	read->path = unit_object_path(unit);
	if (!read->path) {
		unit_read_free(read);
		return -ENOMEM;
	}
	if (manager->connected)
		r = sd_bus_call_method_async(manager->bus, &read->slot, SYSTEMD_NAME, read->path,
			"org.freedesktop.DBus.Properties", "GetAll", on_unit_properties, read, "s",
			UNIT_INTERFACE);
	if (r < 0)
		r = sd_event_add_defer(manager->event, &read->broken, on_broken, read);
	if (r < 0) {
		unit_read_free(read);
		return r;
	}
	*ret_read = read;
	return 0;
}

struct unit_read *unit_read_cancel(struct unit_read *read)
{
	return unit_read_free(read);
}
