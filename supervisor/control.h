/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's own D-Bus object (supervisor/README.md): /app/bluegreen on the name
 * app.bluegreen.NAME, on the connection that the manager keeps. Everybody may ask; root and the
 * supervisor's own user (ExecReload= runs as it) may change.
 */
#pragma once

#include "app.h"

struct control;

/* The name is asked for now, and again on each new connection. */
int control_open(sd_event *event, struct app *app, const char *name, const char *state_dir,
	struct control **ret_control);
struct control *control_close(struct control *control);
DEFINE_CLEANUP(struct control, control_close);
