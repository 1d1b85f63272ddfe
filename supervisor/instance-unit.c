/* SPDX-License-Identifier: MIT */
/*
 * Knows what the state of a unit makes of a color's health; does not know how a color is asked.
 */
#include <string.h>

#include "base/fd.h"
#include "instance-inside.h"
#include "report.h"

bool watched_is_of_old_invocation(const struct watched *watched)
{
	return watched->expecting &&
	       strcmp(watched->expected_after, watched->instance.status.invocation_id) == 0;
}

/* A restart that we asked for passes through being down; that is no news. */
static bool is_passing_through(const struct watched *watched)
{
	const struct unit_status *status = &watched->instance.status;

	if (!watched->expecting)
		return false;
	return watched_is_of_old_invocation(watched) ||
	       (!*status->invocation_id && status->activity != UNIT_FAILED);
}

static bool is_same_invocation(const struct unit_status *a, const struct unit_status *b)
{
	return strcmp(a->invocation_id, b->invocation_id) == 0;
}

/* Its process ended by itself; what was between the two may not have been seen. */
static bool has_died(const struct unit_status *before, const struct unit_status *status)
{
	if (!unit_is_up(before))
		return false;
	return status->restarting || status->activity == UNIT_FAILED ||
	       (status->restarts > before->restarts && !is_same_invocation(before, status));
}

/* Followed, not fought; but it is told whose doing it was not. */
static void report_stranger(const struct watched *watched, const struct unit_status *before)
{
	const struct instance *instance = &watched->instance;
	const struct unit_status *status = &instance->status;
	struct report_fields fields = {
		.color = color_name(instance->color), .unit = instance->unit};

	if (watched->expecting)
		return;
	if (status->activity == UNIT_INACTIVE && before->activity != UNIT_INACTIVE)
		report(REPORT_UNIT_CHANGED, &fields,
			"%s was stopped, not by this supervisor; unless it is started again it "
			"stays so until the next reload",
			instance->unit);
	else if (unit_is_up(status) && !before->restarting && !has_died(before, status) &&
		 !is_same_invocation(before, status))
		report(REPORT_UNIT_CHANGED, &fields,
			"%s was started or restarted, not by this supervisor", instance->unit);
}

static void health_follow(struct watched *watched, const struct unit_status *before)
{
	struct instance *instance = &watched->instance;
	const struct unit_status *status = &instance->status;
	uint64_t now = instances_now(watched->instances);
	uint64_t deadline = now + watched->instances->config->probe.start_timeout_usec;

	if (is_passing_through(watched))
		return;
	if (before)
		report_stranger(watched, before);
	/* One that was sick already has fallen before. */
	if (before && has_died(before, status) && instance->verdict.health != HEALTH_SICK)
		flaps_fell(&watched->flaps, now);
	watched->expecting = false;
	if (!unit_is_up(status) && !before) {
		/* Its owner knows whether it is to be started, or stays down. */
		return;
	}
	if (!unit_is_up(status)) {
		watched_forget_probe(watched);
		verdict_condemn(&instance->verdict);
	} else if (before ? !is_same_invocation(before, status)
			  : status->activity == UNIT_ACTIVATING) {
		watched_forget_probe(watched);
		verdict_start(&instance->verdict, deadline);
	}
}

void watched_on_unit(void *owner, const char *unit, const struct unit_status *status)
{
	struct watched *watched = owner;
	struct instance *instance = &watched->instance;
	struct unit_status before = instance->status;
	bool known = instance->known;

	(void)unit;
	instance->known = true;
	instance->status = *status;
	health_follow(watched, known ? &before : NULL);
	watched_schedule(watched, 0);
	watched_changed(watched);
}
