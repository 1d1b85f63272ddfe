/* SPDX-License-Identifier: MIT */
/*
 * Knows what must be true before anything is changed, and what can be put right first.
 */
#include <errno.h>
#include <stdio.h>

#include "environment.h"
#include "listener.h"
#include "report.h"
#include "steps-acts.h"

/* Both colors are to run after a reload; a green that is not well is started anew first. */
static int green_prepare(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct instance *green = act_instance(stage, color_other(stage->primary));
	bool down = green->known && !instance_is_alive(green);
	enum job_verb verb = down ? JOB_START : JOB_RESTART;

	if (!down && green->verdict.health != HEALTH_SICK)
		return 0;
	if (!instance_is_healthy(act_instance(stage, stage->primary)) && !down)
		return 0;
	return act_start(stage, verb, color_other(stage->primary), ROLE_FALLBACK,
		act_former(stage, color_other(stage->primary)),
		stage->config->probe.start_timeout_usec, why);
}

/* Somebody who is not of the unit would answer probes and requests in its place, or keep it from
 * the port that it is to have. */
static bool port_is_taken(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);
	struct report_fields fields = {.color = color_name(color), .unit = instance->unit};
	const uint16_t ports[] = {instance->port, stage->config->ports[color]};
	enum listener listener = LISTENER_NONE;
	char found[STEP_TEXT_MAX / 2];

	for (size_t i = 0; i < ELEMENTS(ports) && listener != LISTENER_STRANGER; i++)
		listener = listener_find(stage->sockdiag, ports[i], instance->status.control_group,
			found, sizeof(found));
	if (!instance->known || listener != LISTENER_STRANGER)
		return false;
	snprintf(why, STEP_TEXT_MAX, "%s, not by %s", found, instance->unit);
	report(REPORT_PORT_TAKEN, &fields, "%s", why);
	return true;
}

int act_preflight_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct environment environment;
	char error[ENVIRONMENT_ERROR_MAX];

	stage->job_ended = false;
	stage->restarts_before = act_instance(stage, color_other(stage->primary))->status.restarts;
	if (!stage->reconfigure(stage->owner, why))
		return -EINVAL;
	environment = (struct environment){.color = color_other(stage->primary),
		.role = ROLE_FALLBACK,
		.port = stage->config->ports[color_other(stage->primary)],
		.release = stage->release,
		.assignments = stage->config->fallback_environment};
	if (environment_format(&environment, error, &text) < 0) {
		snprintf(why, STEP_TEXT_MAX, "%s", error);
		return -EINVAL;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (port_is_taken(stage, color, why))
			return -EADDRINUSE;
	return green_prepare(stage, why);
}

/* Waits, or fails for a color that cannot serve whatever is done. */
static enum step_progress preflight_color(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);

	if (!instance->known) {
		snprintf(text, STEP_TEXT_MAX,
			"systemd has not told yet what %s is; is the system "
			"bus there?",
			instance->unit);
		return STEP_WAITING;
	}
	if (!instance->status.loaded) {
		snprintf(text, STEP_TEXT_MAX, "%s cannot be loaded: %s", instance->unit,
			instance->status.load_error);
		return STEP_FAILED;
	}
	return port_is_taken(stage, color, text) ? STEP_FAILED : STEP_DONE;
}

enum step_progress act_preflight_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *blue = act_instance(stage, stage->primary);
	const struct instance *green = act_instance(stage, color_other(stage->primary));
	enum step_progress progress;

	if (!steer_is_connected(stage->steer)) {
		snprintf(text, STEP_TEXT_MAX, "the relay does not answer on its control socket");
		return STEP_WAITING;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		progress = preflight_color(stage, color, text);
		if (progress != STEP_DONE)
			return progress;
	}
	if (instance_is_healthy(green))
		return STEP_DONE;
	if (stage->job) {
		snprintf(text, STEP_TEXT_MAX, "%s starts", green->unit);
		return STEP_WAITING;
	}
	/* Nobody is healthy: there is nothing to lose, and the new code may be the cure. */
	if (blue->verdict.health == HEALTH_SICK && green->verdict.health == HEALTH_SICK)
		return STEP_DONE;
	progress = act_healthy_progress(stage, color_other(stage->primary), text);
	/* It is told by its probe or its unit that it is sick, and blue alone cannot be restarted.
	 * While blue is not decided, what it will be decides. */
	if (progress == STEP_FAILED && !instance_is_healthy(blue))
		return STEP_WAITING;
	return progress;
}
