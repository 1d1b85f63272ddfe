/* SPDX-License-Identifier: MIT */
/*
 * The supervisor is followed by the program that is installed now, in the same process (execve(2)):
 * after an upgrade of the package, or of a library. At once if nothing is under way; else as soon
 * as no cycle runs or waits (the window of a swap is part of its cycle), its end is on the disk,
 * and everybody who asked was answered. Whether that program runs here, with the configuration as
 * it is, is tried first in a process of its own. If it does not, this one goes on and the journal
 * says so.
 *
 * Instances, relay and route stay as they are, and so does what this supervisor has learnt that no
 * record has (app_bequeath). Who calls over D-Bus meanwhile waits: see control_leave(), and
 * bluegreenctl, which waits for the name as long as the unit is active.
 */
#pragma once

#include "app.h"
#include "control.h"

/* What sd_event_loop() then returns: the caller closes everything and executes the program. */
#define RENEWAL_EXIT	 190
/* What the successor finds app_bequeath()'s words in. */
#define RENEWAL_VARIABLE "BLUEGREEN_LEARNT"

struct renewal;

struct renewal_order {
	const char *program; /* as systemd has called us */
	const char *name;    /* of the app */
	const char *config_dir;
};

/* Strings of the order must outlive it. */
int renewal_open(sd_event *event, const struct renewal_order *order, struct app *app,
	struct control *control, struct renewal **ret_renewal);
struct renewal *renewal_close(struct renewal *renewal);
DEFINE_CLEANUP(struct renewal, renewal_close);

/* Somebody wants it: SIGHUP. Asked again while it is under way: nothing more happens. */
void renewal_ask(struct renewal *renewal);
