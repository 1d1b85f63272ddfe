/* SPDX-License-Identifier: MIT */
/*
 * Knows that a supervisor may be there without its name: it is being replaced by the program that
 * is installed now, or systemd starts it again. Then its name comes back in a moment, and a call
 * that the bus could not deliver is made again.
 */
#include <string.h>

#include "base/fd.h"
#include "ctl.h"

#define SYSTEMD	   "org.freedesktop.systemd1"
/* A new supervisor has it within a fraction of a second. */
#define OWNER_USEC (5 * USEC_PER_SEC)
/* The signal of its coming may be lost with a bus that is busy. */
#define LOOK_USEC  (500 * USEC_PER_MSEC)

static int on_nothing(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)userdata;
	(void)error;
	return 0;
}

/* Everybody may ask systemd that. */
static bool unit_is_on(const struct ctl *ctl)
{
	static const char *const on[] = {"active", "activating", "reloading"};
	_cleanup_free_ char *path = NULL, *state = NULL;
	char unit[96];
	bool is_on = false;

	snprintf(unit, sizeof(unit), "%s-bluegreen.service", ctl->app);
	if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0 ||
		sd_bus_get_property_string(
			ctl->bus, SYSTEMD, path, SYSTEMD ".Unit", "ActiveState", NULL, &state) < 0)
		return false;
	for (size_t i = 0; i < ELEMENTS(on); i++)
		is_on |= strcmp(state, on[i]) == 0;
	return is_on;
}

static bool has_owner(const struct ctl *ctl)
{
	return sd_bus_get_name_creds(ctl->bus, ctl_bus_name(ctl), 0, NULL) >= 0;
}

bool ctl_await_owner(struct ctl *ctl)
{
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	uint64_t deadline = now_usec() + OWNER_USEC;
	char match[256];

	snprintf(match, sizeof(match),
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		ctl_bus_name(ctl));
	if (sd_bus_add_match(ctl->bus, &slot, match, on_nothing, NULL) < 0)
		return false;
	while (!has_owner(ctl)) {
		int r;

		if (now_usec() >= deadline || !unit_is_on(ctl))
			return false;
		while ((r = sd_bus_process(ctl->bus, NULL)) > 0)
			continue;
		if (r < 0 || sd_bus_wait(ctl->bus, LOOK_USEC) < 0)
			return false;
	}
	return true;
}
