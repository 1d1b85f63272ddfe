/* SPDX-License-Identifier: MIT */
/*
 * What control.c (the object, its signals, what is kept of a cycle), control-ask.c and
 * control-numbers.c (who only asks)
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
	sd_bus_message *curious[WAITING_MAX]; /* GetNumbers, the same */
	size_t curious_count;
	sd_event_source *curious_patience;
};

/* The rows of the vtable; userdata is the control. */
int control_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error);
int control_get_numbers(sd_bus_message *message, void *userdata, sd_bus_error *error);
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
/* The relay has told its numbers; NULL: it has none. */
void control_numbers_tell(struct control *control, const struct steer_numbers *numbers);
/* It was waited for long enough. */
void control_numbers_refuse(struct control *control);
