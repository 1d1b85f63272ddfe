/* SPDX-License-Identifier: MIT */
/*
 * Knows how sd-event's timers are made and set; does not know for what.
 */
#include "timer.h"

#include <time.h>

int timer_arm(sd_event *event, sd_event_source **source, uint64_t usec,
	sd_event_time_handler_t elapsed, void *owner)
{
	int r;

	if (!*source)
		return sd_event_add_time_relative(
			event, source, CLOCK_MONOTONIC, usec, 0, elapsed, owner);
	r = sd_event_source_set_time_relative(*source, usec);
	return r < 0 ? r : sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}
