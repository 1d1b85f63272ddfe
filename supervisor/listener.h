/* SPDX-License-Identifier: MIT */
/*
 * Whose socket listens on a color's port: its unit's, or that of a stranger who would answer the
 * probes in its place. The kernel tells the control group of a socket (sock_diag(7)), systemd that
 * of a unit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sockdiag.h"

enum listener {
	LISTENER_NONE,	   /* nobody listens */
	LISTENER_OURS,	   /* a process of the unit */
	LISTENER_STRANGER, /* somebody else: the sentence names it */
	LISTENER_UNTOLD,   /* the kernel, or the place we run in, does not tell; or systemd itself
			    * holds the socket, for whichever unit */
	LISTENER_COUNT,
};

/* control_group: systemd's ControlGroup=, "" for a unit without a process. The sentence, without
 * an end, is written for LISTENER_STRANGER only: "port 9000 is held by pid 1234 (nginx), uid 33
 * (www-data), in /system.slice/nginx.service". It costs some ten microseconds, and a walk through
 * /proc only for a stranger. */
enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size);
