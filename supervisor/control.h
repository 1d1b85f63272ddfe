/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's own D-Bus object (supervisor/README.md): /app/bluegreen on the name
 * app.bluegreen.NAME, on the connection that the manager keeps. Everybody may ask; root and the
 * supervisor's own user (ExecReload= runs as it) may change.
 */
#pragma once

#include "app.h"

struct control;

typedef void (*control_left_fn)(void *owner);

/* The name is asked for now, and again on each new connection. */
int control_open(sd_event *event, struct app *app, const char *name, const char *state_dir,
	struct control **ret_control);
struct control *control_close(struct control *control);
DEFINE_CLEANUP(struct control, control_close);

/* Who waits for a message of ours, for a sentence; NULL: nobody. */
const char *control_what_is_under_way(const struct control *control);
/* Somebody has called, and waits for the answer. */
bool control_has_callers(const struct control *control);
/* Gives the name back, once: when `tell` comes, from the loop, every call that was made by that
 * name was looked at, and there will be no more. Without a bus it comes at once, and after a moment
 * if the bus says nothing. */
void control_leave(struct control *control, control_left_fn tell, void *owner);
/* Asks for the name again. */
void control_return(struct control *control);
