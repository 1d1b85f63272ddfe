/* SPDX-License-Identifier: MIT */
/*
 * Who may change something: root and our own user (ExecReload= runs as it) at once, everybody else
 * if polkit says so, which is asked without anything waiting for it. A caller is named to polkit by
 * his connection: whose that is the bus knows, and no process that got the number of another is
 * taken for it.
 */
#pragma once

#include <stdbool.h>

#include <systemd/sd-bus.h>

#include "app.h"

/* Callers of whom polkit has not said yet whether they may. */
#define PERMITS_MAX 16

struct control;

/* What is done for the caller, once it is permitted: reads the message's arguments from the first
 * on, and answers it. Returns as a handler of sd-bus does. */
typedef int (*permit_fn)(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, sd_bus_error *error);

struct permit {
	struct control *control; /* NULL: the place is free */
	sd_bus_message *message;
	permit_fn perform;
	struct app_asker asker;
	sd_bus_slot *answer;
	sd_bus_track *caller;
};

/* For a handler of sd-bus to return. verb: "reload", "deploy", "rollback", "abort"; an
 * administrator's polkit rule may look at it. A caller who goes before polkit has answered has
 * asked for nothing. */
int permit_ask(struct control *control, sd_bus_message *message, const char *verb,
	permit_fn function, sd_bus_error *error);

/* True if polkit has not said of everybody yet whether he may: ten seconds later it has, or it is a
 * no. */
bool permits_wait(const struct control *control);

/* Nobody is waited for any more: the connection that they were on is gone, or we are. */
void permits_drop(struct control *control);
