/* SPDX-License-Identifier: MIT */
/*
 * Knows how long each row of the table may take; what is waited for in it, steps.c knows.
 */
#include "base/fd.h"
#include "steps-acts.h"

/* An answer of the relay takes milliseconds; this is for one that is being restarted. */
#define ROUTE_LIMIT_USEC    (15 * USEC_PER_SEC)
/* systemd's DefaultTimeoutStopSec=, and a little. */
#define STOP_LIMIT_USEC	    (100 * USEC_PER_SEC)
#define FETCH_LIMIT_USEC    (3600 * USEC_PER_SEC)
#define HOOK_LIMIT_USEC	    (3600 * USEC_PER_SEC)
/* dpkg is waited for, and three copies of ten minutes each are made (snapshot.c). */
#define SNAPSHOT_LIMIT_USEC ((300 + 3 * 600) * USEC_PER_SEC)
#define PRUNE_LIMIT_USEC    (600 * USEC_PER_SEC)

uint64_t limit_route(const struct stage *stage)
{
	(void)stage;
	return ROUTE_LIMIT_USEC;
}

uint64_t limit_preflight(const struct stage *stage)
{
	return ROUTE_LIMIT_USEC + stage->config->probe.start_timeout_usec;
}

/* A release of some gigabytes over a slow line; a download that stalls fails long before. */
uint64_t limit_fetch(const struct stage *stage)
{
	(void)stage;
	return FETCH_LIMIT_USEC;
}

uint64_t limit_snapshot(const struct stage *stage)
{
	(void)stage;
	return SNAPSHOT_LIMIT_USEC;
}

/* A migration takes as long as it takes; its own unit has the tighter limit. */
uint64_t limit_hook(const struct stage *stage)
{
	(void)stage;
	return HOOK_LIMIT_USEC;
}

uint64_t limit_prune(const struct stage *stage)
{
	(void)stage;
	return PRUNE_LIMIT_USEC;
}

static uint64_t limit_of_drain(const struct stage *stage, enum color color, enum drain_scope scope)
{
	struct drain_order order = act_drain_order(stage, color, scope);

	return drain_longest_usec(&order) + ROUTE_LIMIT_USEC;
}

uint64_t limit_settle(const struct stage *stage)
{
	return limit_of_drain(stage, stage->primary, DRAIN_READS);
}

uint64_t limit_drain(const struct stage *stage)
{
	return limit_of_drain(stage, stage->primary, DRAIN_ALL);
}

uint64_t limit_drain_other(const struct stage *stage)
{
	return limit_of_drain(stage, color_other(stage->primary), DRAIN_ALL);
}

/* The old process may take systemd's whole stop time-out before it is killed; an app that tells
 * when it is ready takes its start time here. */
uint64_t limit_restart(const struct stage *stage)
{
	return STOP_LIMIT_USEC + stage->config->probe.start_timeout_usec;
}

/* Drained, stopped, started, probed. */
uint64_t limit_put_back(const struct stage *stage)
{
	return limit_of_drain(stage, stage->fresh, DRAIN_ALL) + limit_restart(stage) +
	       limit_healthy(stage);
}

uint64_t limit_healthy(const struct stage *stage)
{
	return stage->config->probe.start_timeout_usec;
}

uint64_t limit_soak(const struct stage *stage)
{
	return stage->config->probe.soak_usec + stage->config->probe.start_timeout_usec;
}

uint64_t limit_warm_up(const struct stage *stage)
{
	uint64_t limit = ROUTE_LIMIT_USEC;

	for (size_t i = 0; stage->config->probe.warm_up[i]; i++)
		limit += stage->config->probe.timeout_usec;
	return limit;
}

uint64_t limit_ramp(const struct stage *stage)
{
	uint64_t limit = ROUTE_LIMIT_USEC;

	for (size_t i = 0; i < stage->config->ramp_count; i++)
		limit += stage->config->ramp[i].usec + ROUTE_LIMIT_USEC;
	return limit;
}

uint64_t limit_observe(const struct stage *stage)
{
	return stage->config->probation_usec + ROUTE_LIMIT_USEC;
}

uint64_t limit_window(const struct stage *stage)
{
	return stage->config->window_usec + ROUTE_LIMIT_USEC;
}
