/* SPDX-License-Identifier: MIT */
/*
 * Knows systemd's words on D-Bus; the supervisor's are recheck-bus-app.c's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "recheck-bus-inside.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define SYSTEMD_PATH	"/org/freedesktop/systemd1"
#define SYSTEMD_UNITS	"/org/freedesktop/systemd1/unit"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"
#define SYSTEMD_EXISTS	"org.freedesktop.systemd1.UnitExists"
#define SYSTEMCTL	"/usr/bin/systemctl"
#define RECHECK_SERVICE "app-bluegreen-recheck.service"

/* Of one question. PID 1 may be busy with a daemon-reload. */
#define CALL_USEC (60 * USEC_PER_SEC)

int bus_open(struct bus **ret_bus)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus)
		return -ENOMEM;
	r = sd_bus_open_system(&bus->bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus->bus, CALL_USEC);
	if (r < 0) {
		bus_close(bus);
		return r;
	}
	*ret_bus = bus;
	return 0;
}

struct bus *bus_close(struct bus *bus)
{
	if (!bus)
		return NULL;
	sd_bus_flush_close_unref(bus->bus);
	free(bus);
	return NULL;
}

const char *bus_error(const struct bus *bus)
{
	return bus->error;
}

int bus_fail(struct bus *bus, const char *subject, sd_bus_error *error, int r)
{
	snprintf(bus->error, sizeof(bus->error), "%s: %s", subject,
		error->message ? error->message : strerror(-r));
	sd_bus_error_free(error);
	return r;
}

/* ---- units ----------------------------------------------------------------------------------- */

int bus_unit_group(struct bus *bus, const char *unit, char **ret_directory)
{
	_cleanup_free_ char *path = NULL, *group = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *root = cgroup_root();
	char *directory = NULL;
	int r;

	r = sd_bus_path_encode(SYSTEMD_UNITS, unit, &path);
	if (r >= 0)
		r = sd_bus_get_property_string(bus->bus, SYSTEMD_NAME, path, SYSTEMD_SERVICE,
			"ControlGroup", &error, &group);
	if (r >= 0 && !root)
		r = -ENOENT;
	if (r < 0)
		return bus_fail(bus, unit, &error, r);
	if (asprintf(&directory, "%s%s", *group ? root : "", group) < 0)
		return -ENOMEM;
	*ret_directory = directory;
	return 0;
}

pid_t bus_unit_pid(struct bus *bus, const char *unit)
{
	_cleanup_free_ char *path = NULL;
	uint32_t pid = 0;

	if (sd_bus_path_encode(SYSTEMD_UNITS, unit, &path) < 0 ||
		sd_bus_get_property_trivial(bus->bus, SYSTEMD_NAME, path, SYSTEMD_SERVICE,
			"MainPID", NULL, 'u', &pid) < 0)
		return 0;
	return (pid_t)pid;
}

int bus_unit_hang_up(struct bus *bus, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
		"KillUnit", &error, NULL, "ssi", unit, "main", SIGHUP);

	return r < 0 ? bus_fail(bus, unit, &error, r) : 0;
}

int bus_unit_restart(struct bus *bus, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	/* Not started if somebody has stopped it since. */
	int r = sd_bus_call_method(bus->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
		"TryRestartUnit", &error, NULL, "ss", unit, "replace");

	return r < 0 ? bus_fail(bus, unit, &error, r) : 0;
}

/* As systemd-run(1) does it: a timer starts the service that is called like it, and that one starts
 * ours. The time is part of the name, so that it is armed once. */
static int timer_message(struct bus *bus, time_t when, sd_bus_message **ret)
{
	char name[80], begin[32], timer[96], service[96];
	int r;

	snprintf(name, sizeof(name), "app-bluegreen-recheck-%jd", (intmax_t)when);
	snprintf(timer, sizeof(timer), "%s.timer", name);
	snprintf(service, sizeof(service), "%s.service", name);
	snprintf(begin, sizeof(begin), "@%jd", (intmax_t)when);
	r = sd_bus_message_new_method_call(
		bus->bus, ret, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(*ret, "ssa(sv)", timer, "fail", 4, "Description", "s",
			"Maintenance window of app-bluegreen", "TimersCalendar", "a(ss)", 1,
			"OnCalendar", begin, "AccuracyUSec", "t", USEC_PER_SEC, "RemainAfterElapse",
			"b", 0);
	if (r >= 0)
		r = sd_bus_message_append(*ret, "a(sa(sv))", 1, service, 3, "Description", "s",
			"Maintenance window of app-bluegreen", "Type", "s", "oneshot", "ExecStart",
			"a(sasb)", 1, SYSTEMCTL, 4, SYSTEMCTL, "--no-block", "start",
			RECHECK_SERVICE, 0);
	return r;
}

int bus_timer_arm(struct bus *bus, time_t when)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = timer_message(bus, when, &message);
	if (r >= 0)
		r = sd_bus_call(bus->bus, message, 0, &error, NULL);
	if (r < 0 && sd_bus_error_has_name(&error, SYSTEMD_EXISTS)) {
		sd_bus_error_free(&error);
		return 0;
	}
	return r < 0 ? bus_fail(bus, "the timer of the maintenance window", &error, r) : 0;
}
