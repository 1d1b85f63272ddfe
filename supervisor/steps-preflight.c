/* SPDX-License-Identifier: MIT */
/*
 * Knows what the first row makes of the preflight's findings, and what it puts right; the questions
 * are in preflight.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "environment.h"
#include "memory.h"
#include "preflight.h"
#include "report.h"
#include "steps-acts.h"

/* Both colors are to run after a reload; a fallback that is not well is started anew first. Under
 * strategy swap the cycle restarts it anyway. */
static int fallback_prepare(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	enum color color = color_other(stage->primary);
	const struct instance *fallback = act_instance(stage, color);
	bool down = fallback->known && !instance_is_alive(fallback);
	enum job_verb verb = down ? JOB_START : JOB_RESTART;

	if (stage->strategy == STRATEGY_SWAP)
		return 0;
	if (!down && fallback->verdict.health != HEALTH_SICK)
		return 0;
	if (!instance_is_healthy(act_instance(stage, stage->primary)) && !down)
		return 0;
	return act_start(stage, verb, color, ROLE_FALLBACK, fallback->release,
		stage->config->probe.start_timeout_usec, why);
}

static void report_refusal(const struct preflight_finding *finding)
{
	struct report_fields fields = {.unit = finding->unit};

	if (strcmp(finding->subject, "ports") == 0)
		report(REPORT_PORT_TAKEN, &fields, "%s", finding->text);
}

/* The first finding with this answer that is not the fallback's: that one can be put right, and is
 * waited for in its own way. */
static const struct preflight_finding *finding_of(
	const struct preflight_finding *findings, size_t count, enum preflight_answer answer)
{
	for (size_t i = 0; i < count; i++)
		if (findings[i].answer == answer && strcmp(findings[i].subject, "fallback") != 0)
			return &findings[i];
	return NULL;
}

static enum step_progress preflight_judge(
	const struct stage *stage, char text[static STEP_TEXT_MAX])
{
	struct preflight_finding findings[PREFLIGHT_MAX];
	size_t count = preflight_look(stage, stage->release ? stage->release : "", findings);
	const struct preflight_finding *found;

	found = finding_of(findings, count, PREFLIGHT_REFUSES);
	if (found) {
		report_refusal(found);
		memcpy(text, found->text, STEP_TEXT_MAX);
		return STEP_FAILED;
	}
	found = finding_of(findings, count, PREFLIGHT_WAITS);
	if (!found)
		return STEP_DONE;
	memcpy(text, found->text, STEP_TEXT_MAX);
	return STEP_WAITING;
}

/* A part that cannot be written down must not be noticed between two restarts. */
static int environment_check(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	enum color color = color_other(stage->primary);
	const struct environment environment = {
		.color = color,
		.role = ROLE_FALLBACK,
		.port = stage->config->ports[color],
		.release = stage->release,
		.assignments = stage->config->fallback_environment,
	};
	_cleanup_free_ char *text = NULL;
	char error[ENVIRONMENT_ERROR_MAX];

	if (environment_format(&environment, error, &text) >= 0)
		return 0;
	snprintf(why, STEP_TEXT_MAX, "%s", error);
	return -EINVAL;
}

int act_preflight_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct instance *primary = act_instance(stage, stage->primary);
	int r;

	stage->job_ended = false;
	stage->restarts_before = act_instance(stage, color_other(stage->primary))->status.restarts;
	if (!stage->reconfigure(stage->owner, why))
		return -EINVAL;
	r = environment_check(stage, why);
	if (r < 0)
		return r;
	/* Where the kernel does not count it, nothing is learned, and nothing is asked. */
	(void)memory_learn(stage->state_dir, stage->primary, primary->status.control_group);
	if (preflight_judge(stage, why) == STEP_FAILED)
		return -ECANCELED;
	return fallback_prepare(stage, why);
}

static enum step_progress fallback_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	enum color color = color_other(stage->primary);
	const struct instance *primary = act_instance(stage, stage->primary);
	const struct instance *fallback = act_instance(stage, color);
	enum step_progress progress;

	if (instance_is_healthy(fallback))
		return STEP_DONE;
	if (stage->job) {
		snprintf(text, STEP_TEXT_MAX, "%s starts", fallback->unit);
		return STEP_WAITING;
	}
	/* Nobody is healthy: there is nothing to lose, and the new code may be the cure. */
	if (primary->verdict.health == HEALTH_SICK && fallback->verdict.health == HEALTH_SICK)
		return STEP_DONE;
	progress = act_healthy_progress(stage, color, text);
	/* It is told by its probe or its unit that it is sick, and the primary alone cannot be
	 * restarted. While that one is not decided, what it will be decides. */
	if (progress == STEP_FAILED && !instance_is_healthy(primary))
		return STEP_WAITING;
	return progress;
}

enum step_progress act_preflight_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	enum step_progress progress = preflight_judge(stage, text);

	if (progress != STEP_DONE || stage->strategy == STRATEGY_SWAP)
		return progress;
	return fallback_progress(stage, text);
}
