/* SPDX-License-Identifier: MIT */
/*
 * Knows what an instance's state is called, and why it is so; does not change it.
 */
#include <stdio.h>
#include <string.h>

#include "instance.h"

bool unit_is_up(const struct unit_status *status)
{
	return status->activity == UNIT_ACTIVE ||
	       (status->activity == UNIT_ACTIVATING && !status->restarting);
}

bool instance_is_healthy(const struct instance *instance)
{
	return instance->verdict.health == HEALTH_HEALTHY;
}

bool instance_is_decided(const struct instance *instance)
{
	return instance->verdict.health == HEALTH_HEALTHY ||
	       instance->verdict.health == HEALTH_SICK;
}

bool instance_is_alive(const struct instance *instance)
{
	return !instance->known || unit_is_up(&instance->status);
}

void instance_explain(const struct instance *instance, char *buffer, size_t size)
{
	const struct unit_status *status = &instance->status;

	if (instance->known && !status->loaded)
		snprintf(buffer, size, "%s cannot be loaded: %s", instance->unit,
			status->load_error);
	else if (instance->known && status->restarting)
		snprintf(buffer, size,
			"%s ended (%s, exit status %d); systemd restarts it, %u times so far",
			instance->unit, status->result, status->exit_status, status->restarts);
	else if (instance->known && status->activity == UNIT_FAILED)
		snprintf(buffer, size, "%s has failed (%s, exit status %d)", instance->unit,
			status->result, status->exit_status);
	else if (instance->known && status->activity != UNIT_ACTIVE)
		snprintf(buffer, size, "%s is %s", instance->unit,
			unit_activity_name(status->activity));
	else if (instance->probed)
		snprintf(buffer, size, "%s", instance->answer.reason);
	else
		snprintf(buffer, size, "%s has not been probed yet", instance->unit);
}

void instance_explain_stranger(
	const struct instance *instance, const char *found, char *buffer, size_t size)
{
	static const char *const keys[COLOR_COUNT] = {
		[COLOR_BLUE] = "BluePort",
		[COLOR_GREEN] = "GreenPort",
	};

	snprintf(buffer, size, "%s, not by %s; stop it, or change %s= in %.*s.conf", found,
		instance->unit, keys[instance->color], (int)strcspn(instance->unit, "@"),
		instance->unit);
}
