/* SPDX-License-Identifier: MIT */
/*
 * APP-primary.target: active exactly while a primary takes writes, so that timers and workers that
 * are bound to it run on one side only. It is restarted when another color becomes the primary, so
 * that they are those of its release.
 */
#pragma once

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "color.h"
#include "manager.h"

struct target;

int target_open(
	sd_event *event, struct manager *manager, const char *app, struct target **ret_target);
struct target *target_close(struct target *target);
DEFINE_CLEANUP(struct target, target_close);

/* What is true now; says it to systemd if it has changed, and again if systemd did not do it. */
void target_follow(struct target *target, bool active, enum color primary);
/* Before that: another color may have been the primary when what is bound to it was started last.
 */
void target_doubt(struct target *target, enum color primary);
