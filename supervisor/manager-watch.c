/* SPDX-License-Identifier: MIT */
/*
 * Knows when to read a unit again. A PropertiesChanged signal is only a hint; one read at a time a
 * unit, however many signals come, and only a difference is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager-bus.h"

/* A read that was not answered, by a busy systemd or one that is reloading, is made again. */
#define REREAD_USEC UINT64_C(1000000)

struct unit_watch {
	struct unit_watch *next;
	struct manager *manager;
	char *unit;
	manager_unit_fn changed;
	void *owner;
	sd_bus_slot *match;
	struct unit_read *read;
	sd_event_source *again;
	bool dirty; /* a hint came while a read was under way */
	bool known;
	struct unit_status status;
};

static void watch_read(struct unit_watch *watch);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	watch_read(userdata);
	return 0;
}

static void watch_read_again(struct unit_watch *watch)
{
	int r;

	if (watch->again)
		r = sd_event_source_set_time_relative(watch->again, REREAD_USEC);
	else
		r = sd_event_add_time_relative(watch->manager->event, &watch->again,
			CLOCK_MONOTONIC, REREAD_USEC, 0, on_again, watch);
	if (r >= 0)
		(void)sd_event_source_set_enabled(watch->again, SD_EVENT_ONESHOT);
}

static bool status_equal(const struct unit_status *a, const struct unit_status *b)
{
	return a->activity == b->activity && a->loaded == b->loaded &&
	       a->restarting == b->restarting && strcmp(a->sub_state, b->sub_state) == 0 &&
	       strcmp(a->result, b->result) == 0 && a->exit_status == b->exit_status &&
	       a->main_pid == b->main_pid && a->restarts == b->restarts &&
	       a->active_since_usec == b->active_since_usec &&
	       strcmp(a->invocation_id, b->invocation_id) == 0 &&
	       strcmp(a->control_group, b->control_group) == 0 &&
	       strcmp(a->load_error, b->load_error) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->group, b->group) == 0 && strcmp(a->groups, b->groups) == 0 &&
	       a->dynamic_user == b->dynamic_user;
}

static void on_watch_read(void *owner, int r, const struct unit_status *status)
{
	struct unit_watch *watch = owner;
	bool dirty = watch->dirty;

	watch->read = NULL;
	watch->dirty = false;
	if (r < 0) {
		/* A lost connection reads everything again when it is back. */
		if (watch->manager->connected)
			watch_read_again(watch);
		return;
	}
	if (dirty)
		watch_read(watch);
	if (watch->known && status_equal(&watch->status, status))
		return;
	watch->known = true;
	watch->status = *status;
	watch->changed(watch->owner, watch->unit, &watch->status);
}

static void watch_read(struct unit_watch *watch)
{
	if (watch->read) {
		watch->dirty = true;
		return;
	}
	if (unit_read_begin(watch->manager, watch->unit, on_watch_read, watch, &watch->read) < 0)
		watch_read_again(watch);
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)error;
	watch_read(userdata);
	return 0;
}

static int watch_connect(struct unit_watch *watch)
{
	_cleanup_free_ char *path = unit_object_path(watch->unit);
	int r;

	if (!path)
		return -ENOMEM;
	watch->match = sd_bus_slot_unref(watch->match);
	r = sd_bus_match_signal_async(watch->manager->bus, &watch->match, SYSTEMD_NAME, path,
		"org.freedesktop.DBus.Properties", "PropertiesChanged", on_properties_changed, NULL,
		watch);
	if (r < 0)
		return r;
	watch->read = unit_read_cancel(watch->read);
	watch_read(watch);
	return 0;
}

void manager_watches_reconnected(struct manager *manager)
{
	for (struct unit_watch *watch = manager->watches; watch; watch = watch->next)
		if (watch_connect(watch) < 0)
			watch_read_again(watch);
}

void manager_watches_reread(struct manager *manager)
{
	for (struct unit_watch *watch = manager->watches; watch; watch = watch->next)
		watch_read(watch);
}

static void watch_free(struct unit_watch *watch)
{
	unit_read_cancel(watch->read);
	sd_bus_slot_unref(watch->match);
	sd_event_source_disable_unref(watch->again);
	free(watch->unit);
	free(watch);
}

void manager_watches_free(struct manager *manager)
{
	while (manager->watches) {
		struct unit_watch *next = manager->watches->next;

		watch_free(manager->watches);
		manager->watches = next;
	}
}

int manager_unit_watch(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	struct unit_watch *watch = calloc(1, sizeof(*watch));
	int r = 0;

	if (!watch)
		return -ENOMEM;
	watch->manager = manager;
	watch->changed = changed;
	watch->owner = owner;
	watch->unit = strdup(unit);
	if (!watch->unit)
		r = -ENOMEM;
	else if (manager->connected)
		r = watch_connect(watch);
	if (r < 0) {
		watch_free(watch);
		return r;
	}
	watch->next = manager->watches;
	manager->watches = watch;
	return 0;
}

const struct unit_status *manager_unit_look(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	for (const struct unit_watch *watch = manager->watches; watch; watch = watch->next)
		if (strcmp(watch->unit, unit) == 0)
			return watch->known ? &watch->status : NULL;
	(void)manager_unit_watch(manager, unit, changed, owner);
	return NULL;
}
