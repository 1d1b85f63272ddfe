/* SPDX-License-Identifier: MIT */
/*
 * Knows the system bus: opens it, notices that it went, opens it again with back-off, and passes
 * systemd's signals on. Knows no job and no unit (manager-job.c, manager-unit.c).
 */
#include "manager.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "manager-bus.h"
#include "report.h"

#define RETRY_FIRST_USEC (100 * USEC_PER_MSEC)
#define RETRY_LAST_USEC	 (5 * USEC_PER_SEC)

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void retry_arm(struct manager *manager)
{
	int r;

	if (!manager->retry)
		r = sd_event_add_time_relative(manager->event, &manager->retry, CLOCK_MONOTONIC,
			manager->retry_usec, 0, on_retry, manager);
	else
		r = sd_event_source_set_time_relative(manager->retry, manager->retry_usec);
	if (r >= 0)
		(void)sd_event_source_set_enabled(manager->retry, SD_EVENT_ONESHOT);
	manager->retry_usec *= 2;
	if (manager->retry_usec > RETRY_LAST_USEC)
		manager->retry_usec = RETRY_LAST_USEC;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;

	(void)message;
	(void)error;
	if (manager->connected)
		report(REPORT_BUS_LOST, NULL,
			"the system bus is gone; units keep running, and it is tried again until "
			"it is back");
	manager->connected = false;
	retry_arm(manager);
	return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0)
		manager_job_removed(userdata, path, result);
	return 0;
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	int begins;

	(void)error;
	if (sd_bus_message_read(message, "b", &begins) >= 0 && !begins)
		manager_watches_reread(userdata);
	return 0;
}

/* systemd went and came back on the bus: it has forgotten who subscribed. */
static int on_name_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0 || !*after)
		return 0;
	(void)sd_bus_call_method_async(manager->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH,
		SYSTEMD_MANAGER, "Subscribe", NULL, NULL, NULL);
	manager_watches_reread(manager);
	return 0;
}

/* The first answer on a connection: it works. */
static int on_subscribed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;

	(void)error;
	if (sd_bus_message_is_method_error(message, NULL))
		return 0;
	if (manager->retry_usec != RETRY_FIRST_USEC)
		report(REPORT_BUS_FOUND, NULL, "the system bus is back");
	manager->retry_usec = RETRY_FIRST_USEC;
	return 0;
}

/* Matches and Subscribe are messages in order, so that no signal of a later call is missed. */
static int bus_subscribe(struct manager *manager)
{
	sd_bus *bus = manager->bus;
	int r;

	r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
		"org.freedesktop.DBus.Local", "Disconnected", on_disconnected, manager);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
		"JobRemoved", on_job_removed, NULL, manager);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
		"Reloading", on_reloading, NULL, manager);
	if (r < 0)
		return r;
	r = sd_bus_add_match_async(bus, NULL,
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		"interface='org.freedesktop.DBus',member='NameOwnerChanged',"
		"arg0='" SYSTEMD_NAME "'",
		on_name_owner, NULL, manager);
	if (r < 0)
		return r;
	return sd_bus_call_method_async(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
		"Subscribe", on_subscribed, manager, NULL);
}

static int bus_connect(struct manager *manager)
{
	int r;

	manager->bus = sd_bus_close_unref(manager->bus);
	r = sd_bus_open_system(&manager->bus);
	if (r < 0)
		return r;
	r = sd_bus_attach_event(manager->bus, manager->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;
	r = bus_subscribe(manager);
	if (r < 0)
		return r;
	manager->connected = true;
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	if (bus_connect(manager) < 0) {
		retry_arm(manager);
		return 0;
	}
	manager_watches_reconnected(manager);
	manager_jobs_reconnected(manager);
	if (manager->on_connected)
		manager->on_connected(manager->on_connected_owner, manager->bus);
	return 0;
}

sd_bus *manager_bus(struct manager *manager)
{
	return manager->connected ? manager->bus : NULL;
}

void manager_on_reconnect(struct manager *manager, manager_bus_fn connected, void *owner)
{
	manager->on_connected = connected;
	manager->on_connected_owner = owner;
	if (connected && manager->connected)
		connected(owner, manager->bus);
}

struct manager *manager_close(struct manager *manager)
{
	if (!manager)
		return NULL;
	manager_jobs_free(manager);
	manager_watches_free(manager);
	sd_event_source_disable_unref(manager->retry);
	/* What was sent last (a signal that a cycle ended) still goes out. */
	sd_bus_flush_close_unref(manager->bus);
	sd_event_unref(manager->event);
	free(manager);
	return NULL;
}

int manager_open(sd_event *event, struct manager **ret_manager)
{
	struct manager *manager = calloc(1, sizeof(*manager));

	if (!manager)
		return -ENOMEM;
	manager->event = sd_event_ref(event);
	manager->retry_usec = RETRY_FIRST_USEC;
	if (bus_connect(manager) < 0) {
		report(REPORT_BUS_LOST, NULL,
			"the system bus cannot be reached; it is tried again until it is there");
		retry_arm(manager);
	}
	*ret_manager = manager;
	return 0;
}
