/* SPDX-License-Identifier: MIT */
/*
 * Counts falls; knows neither what a fall is, nor what follows for a route.
 */
#include "flaps.h"

#include <string.h>

#include "base/fd.h"

void flaps_fell(struct flaps *flaps, uint64_t now_usec)
{
	uint64_t first;

	memmove(flaps->fell_usec, flaps->fell_usec + 1,
		sizeof(flaps->fell_usec) - sizeof(flaps->fell_usec[0]));
	flaps->fell_usec[FLAPS_FALLS - 1] = now_usec;
	first = flaps->fell_usec[0];
	/* One that already flaps has not been flawless: it goes on, however long the pause was. */
	if (!flaps->flapping && (first == 0 || now_usec - first > FLAPS_WINDOW_USEC)) {
		flaps->hold_usec = 0;
		return;
	}
	flaps->flapping = true;
	flaps->hold_usec = flaps->hold_usec ? 2 * flaps->hold_usec : FLAPS_HOLD_MIN_USEC;
	if (flaps->hold_usec > FLAPS_HOLD_MAX_USEC)
		flaps->hold_usec = FLAPS_HOLD_MAX_USEC;
}

uint64_t flaps_follow(struct flaps *flaps, const struct verdict *verdict, uint64_t now_usec)
{
	uint64_t end = verdict->flawless_since_usec + flaps->hold_usec;

	if (!flaps->flapping || verdict->health != HEALTH_HEALTHY || verdict->failed > 0)
		return USEC_INFINITY;
	if (now_usec < end)
		return end;
	flaps->flapping = false;
	return USEC_INFINITY;
}
