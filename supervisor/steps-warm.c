/* SPDX-License-Identifier: MIT */
/*
 * Knows the pages that a new process is asked for before it gets traffic.
 */
#include <stdio.h>

#include "steps-acts.h"

static void warm_up_next(struct stage *stage);

static void on_warmed(void *owner, const struct probe_result *result)
{
	struct stage *stage = owner;

	stage->probe = NULL;
	if (result->verdict != PROBE_PASSED) {
		stage->warm_failed++;
		snprintf(stage->warm_why, sizeof(stage->warm_why), "%s", result->reason);
	}
	stage->warmed++;
	warm_up_next(stage);
}

static void warm_up_next(struct stage *stage)
{
	const struct config_probe *config = &stage->config->probe;
	struct probe_request request = {
		.port = act_instance(stage, stage->fresh)->port,
		.path = config->warm_up[stage->warmed],
		.host = config->host,
		.proxy_header = stage->config->send_proxy != PROXY_VERSION_NONE,
		.status_min = 100,
		.status_max = 499,
		.timeout_usec = config->timeout_usec,
	};

	if (request.path &&
		probe_begin(stage->prober, &request, on_warmed, stage, &stage->probe) >= 0)
		return;
	stage->probe = NULL;
	stage->poke(stage->owner);
}

int act_warm_up_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	stage->warmed = stage->warm_failed = 0;
	warm_up_next(stage);
	return 0;
}

enum step_progress act_warm_up_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (stage->probe) {
		snprintf(text, STEP_TEXT_MAX, "%s", stage->config->probe.warm_up[stage->warmed]);
		return STEP_WAITING;
	}
	if (stage->warm_failed > 0) {
		snprintf(text, STEP_TEXT_MAX, "%zu of %zu pages did not answer well: %s",
			stage->warm_failed, stage->warmed, stage->warm_why);
		return STEP_FAILED;
	}
	if (stage->warmed > 0)
		snprintf(text, STEP_TEXT_MAX, "%zu pages", stage->warmed);
	return STEP_DONE;
}
