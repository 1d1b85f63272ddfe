/* SPDX-License-Identifier: MIT */
/*
 * What control.c (the object, its signals, what is kept of a cycle), control-ask.c (who only asks)
 * and control-change.c (who changes something) share. Nobody else includes this.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "control-history.h"
#include "control.h"
#include "notify.h"

#define ERROR_UNKNOWN "app.bluegreen.Error.NoSuchCycle"

/* Callers who wait for counters at once; more get those that were told last. */
#define WAITING_MAX 16

struct control {
	struct app *app;
	sd_bus *bus; /* the one that knows our name; NULL while there is none */
	char name[CONFIG_APP_MAX + 16];
	const char *state_dir;
	struct history *history;
	struct notify *notify;
	sd_bus_message *waiting[WAITING_MAX]; /* GetStatus, until the relay has counted */
	size_t waiting_count;
	sd_event_source *patience;
};

/* The rows of the vtable; userdata is the control. */
int control_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_get_cycle(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_get_history(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_get_releases(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_plan(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_plan_release(sd_bus_message *message, void *userdata, sd_bus_error *error);

int control_deploy(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_deploy_release(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_abort(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_rollback(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* The relay has counted, or was waited for long enough: those who wait are answered. */
void control_status_tell(struct control *control);
