/* SPDX-License-Identifier: MIT */
/*
 * Knows how long each row of the table may take; what is waited for in it, steps.c knows.
 */
#include "base/fd.h"
#include "steps-acts.h"

/* An answer of the relay takes milliseconds; this is for one that is being restarted. */
#define ROUTE_LIMIT_USEC (15 * USEC_PER_SEC)
/* systemd's DefaultTimeoutStopSec=, and a little. */
#define STOP_LIMIT_USEC	 (100 * USEC_PER_SEC)

uint64_t limit_route(const struct stage *stage)
{
	(void)stage;
	return ROUTE_LIMIT_USEC;
}

uint64_t limit_preflight(const struct stage *stage)
{
	return ROUTE_LIMIT_USEC + stage->config->probe.start_timeout_usec;
}

uint64_t limit_settle(const struct stage *stage)
{
	struct drain_order order = act_drain_order(stage, COLOR_BLUE, DRAIN_READS);

	return drain_longest_usec(&order) + ROUTE_LIMIT_USEC;
}

uint64_t limit_drain(const struct stage *stage)
{
	struct drain_order order = act_drain_order(stage, COLOR_BLUE, DRAIN_ALL);

	return drain_longest_usec(&order) + ROUTE_LIMIT_USEC;
}

uint64_t limit_drain_green(const struct stage *stage)
{
	struct drain_order order = act_drain_order(stage, COLOR_GREEN, DRAIN_ALL);

	return drain_longest_usec(&order) + ROUTE_LIMIT_USEC;
}

/* The old process may take systemd's whole stop time-out before it is killed; an app that tells
 * when it is ready takes its start time here. */
uint64_t limit_restart(const struct stage *stage)
{
	return STOP_LIMIT_USEC + stage->config->probe.start_timeout_usec;
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

uint64_t limit_observe(const struct stage *stage)
{
	return stage->config->probe.soak_usec + ROUTE_LIMIT_USEC;
}
