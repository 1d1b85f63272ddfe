/* SPDX-License-Identifier: MIT */
/*
 * A timer that is made when it is first needed, and then set again and again.
 */
#pragma once

#include <stdint.h>

#include <systemd/sd-event.h>

/* Once, so long from now, on CLOCK_MONOTONIC. *source: NULL, or what an earlier call with the same
 * callback has made; the owner gives it back. 0 or -errno. */
int timer_arm(sd_event *event, sd_event_source **source, uint64_t usec,
	sd_event_time_handler_t elapsed, void *owner);
