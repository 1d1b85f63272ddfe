/* SPDX-License-Identifier: MIT */
/*
 * Hours of the week, [Upgrade] MaintenanceWindow=: "Mon..Fri 02:00-05:00 Sat,Sun 00:00-06:00".
 * Days are written as in systemd.time(7) and stand for the spans behind them, up to the next days;
 * a span without days is every day's. A span whose end is not after its begin goes on into the next
 * day ("22:00-04:00"); 24:00 is midnight as an end. Times are local. No I/O but what localtime_r(3)
 * does, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define HOURS_MAX 16 /* spans; a day has few nights */

struct hours_span {
	uint8_t days; /* bit 0: Sunday, as struct tm counts them; of the begin */
	uint16_t from,
		to; /* minutes since midnight: 0..1439, 1..1440; to <= from: of the next day */
};

struct hours {
	struct hours_span spans[HOURS_MAX];
	size_t count; /* 0: any time */
};

/* -EINVAL: not such a list; -E2BIG: more than HOURS_MAX spans. "" is any time. */
int hours_parse(const char *text, struct hours *ret_hours);

/* True if it is one of these hours; so it always is if there are none. */
bool hours_open(const struct hours *hours, time_t now);

/*
 * When they begin next: `now` if that is one of them. To the minute. In a night in which the clock
 * is put forward over a begin, that is when it was put forward.
 */
time_t hours_next(const struct hours *hours, time_t now);
