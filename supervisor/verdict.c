/* SPDX-License-Identifier: MIT */
/*
 * Counts probe answers into a verdict; knows neither probes, nor units, nor clocks.
 */
#include "verdict.h"

#include <assert.h>

#include "base/fd.h"

static const char *const health_names[HEALTH_COUNT] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_STARTING] = "starting",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_SICK] = "sick",
};

const char *health_name(enum health health)
{
	assert(health < HEALTH_COUNT);
	return health_names[health];
}

void verdict_reset(struct verdict *verdict)
{
	*verdict = (struct verdict){.health = HEALTH_UNKNOWN};
}

void verdict_start(struct verdict *verdict, uint64_t deadline_usec)
{
	*verdict = (struct verdict){
		.health = HEALTH_STARTING,
		.start_deadline_usec = deadline_usec,
	};
}

void verdict_condemn(struct verdict *verdict)
{
	*verdict = (struct verdict){.health = HEALTH_SICK};
}

/* Counters stay at their end instead of running over: a color is probed for years. */
static void count(uint32_t *up, uint32_t *down)
{
	if (*up < UINT32_MAX)
		(*up)++;
	*down = 0;
}

static void verdict_passed(struct verdict *verdict, uint64_t now, uint32_t rise)
{
	bool flawed = verdict->failed > 0;

	count(&verdict->passed, &verdict->failed);
	if (verdict->health == HEALTH_HEALTHY) {
		if (flawed)
			verdict->flawless_since_usec = now;
		return;
	}
	if (verdict->passed < rise)
		return;
	verdict->health = HEALTH_HEALTHY;
	verdict->healthy_since_usec = now;
	verdict->flawless_since_usec = now;
}

static bool verdict_falls(const struct verdict *verdict, uint64_t now, uint32_t fall)
{
	switch (verdict->health) {
	case HEALTH_STARTING:
		return now >= verdict->start_deadline_usec;
	case HEALTH_UNKNOWN:
	case HEALTH_HEALTHY:
		return verdict->failed >= fall;
	case HEALTH_SICK:
	case HEALTH_COUNT:
		return false;
	}
	return false;
}

static void verdict_failed(struct verdict *verdict, uint64_t now, uint32_t fall)
{
	count(&verdict->failed, &verdict->passed);
	if (!verdict_falls(verdict, now, fall))
		return;
	verdict->health = HEALTH_SICK;
	verdict->healthy_since_usec = 0;
	verdict->flawless_since_usec = 0;
}

enum health verdict_feed(
	struct verdict *verdict, bool passed, uint64_t now_usec, uint32_t rise, uint32_t fall)
{
	assert(rise > 0);
	assert(fall > 0);

	if (passed)
		verdict_passed(verdict, now_usec, rise);
	else
		verdict_failed(verdict, now_usec, fall);
	return verdict->health;
}

uint64_t verdict_healthy_since(const struct verdict *verdict)
{
	return verdict->healthy_since_usec;
}

uint64_t verdict_soaked_at(const struct verdict *verdict, uint64_t started_usec, uint64_t soak_usec)
{
	uint64_t since = verdict->flawless_since_usec;

	if (since == verdict->healthy_since_usec && started_usec < since)
		since = started_usec;
	if (verdict->health != HEALTH_HEALTHY || verdict->failed > 0)
		return USEC_INFINITY;
	if (soak_usec >= USEC_INFINITY - since)
		return USEC_INFINITY;
	return since + soak_usec;
}
