/* SPDX-License-Identifier: MIT */
/*
 * What control.c (the object, its signals, what is kept of a cycle), control-ask.c and
 * control-numbers.c (who only asks), control-change.c and control-upgrade.c (who change something)
 * and control-permit.c (who may) share. Nobody else includes this.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "control-history.h"
#include "control-permit.h"
#include "control.h"
#include "notify.h"

#define ERROR_UNKNOWN "app.bluegreen.Error.NoSuchCycle"

/* Upgrade: it is told, and no cycle will begin by itself. */
#define UPGRADE_NEVER UINT64_MAX

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
	control_left_fn left; /* NULL: nobody wants to know */
	void *left_owner;
	sd_event_source *leave;	  /* until the bus has let us go, or is waited for no longer */
	sd_bus_slot *leave_asked; /* that */
	struct permit permits[PERMITS_MAX];
	bool polkit_silent; /* as it was reported last */
	/* What runs though it was replaced, as the status tells it; NULL: nothing. */
	json_t *outdated;
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
int control_upgrade(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Who sends it, by the kernel's word as the bus passes it on. */
int control_asker_find(sd_bus_message *message, struct app_asker *ret_asker);
/* The answer of those who change something: the id of a cycle, or why there is none. */
int control_reply_id(
	sd_bus_message *message, int r, const char *id, const char *why, sd_bus_error *error);

/* control-upgrade.c: what was noted by a supervisor before this one, since the machine started. */
void control_outdated_load(struct control *control);
/* A cycle has succeeded. */
void control_outdated_clear(struct control *control);

/* The relay has counted, or was waited for long enough: those who wait are answered. */
void control_status_tell(struct control *control);
/* The relay has told its numbers; NULL: it has none. */
void control_numbers_tell(struct control *control, const struct steer_numbers *numbers);
/* It was waited for long enough. */
void control_numbers_refuse(struct control *control);
