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
	LISTENER_STRANGER, /* somebody else: the sentence names port, uid and control group */
	LISTENER_UNTOLD,   /* the kernel, or the place we run in, does not tell */
	LISTENER_COUNT,
};

/* Where the control groups are; NULL: where the unified hierarchy is mounted. A test has its own.
 */
extern const char *listener_root;

/* control_group: systemd's ControlGroup=, "" for a unit without a process. The sentence is written
 * for LISTENER_STRANGER only. */
enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size);
