/* SPDX-License-Identifier: MIT */
/*
 * Knows when a cycle copies what another package has installed in place, and which release it then
 * deploys. How a copy is made, snapshot.h knows.
 */
#include <stdio.h>
#include <string.h>

#include "steps-acts.h"

static void on_copied(void *owner, enum snapshot_result result, const char *tag, const char *text)
{
	struct stage *stage = owner;

	stage->snapshotted = true;
	stage->snapshot_result = result;
	snprintf(stage->snapshot_tag, sizeof(stage->snapshot_tag), "%s", tag);
	snprintf(stage->snapshot_text, sizeof(stage->snapshot_text), "%s", text);
	stage->poke(stage->owner);
}

int act_snapshot_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct config *config = stage->config;
	const struct snapshot_order order = {
		.directory = config->release_directory,
		.paths = (const char *const *)config->release_snapshot,
		.wait_usec = SNAPSHOT_WAIT_USEC,
	};
	int r;

	stage->snapshotted = false;
	stage->snapshot_tag[0] = '\0';
	/* A release that was named is there; and without Snapshot= the code stays in place. */
	if (*stage->release || !config->release_snapshot[0])
		return 0;
	r = snapshot_begin(stage->event, &order, on_copied, stage, &stage->snapshot);
	if (r < 0) {
		stage->snapshot = NULL;
		snprintf(why, STEP_TEXT_MAX, "the code cannot be copied: %s", strerror(-r));
	}
	return r;
}

enum step_progress act_snapshot_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->snapshot)
		return STEP_DONE;
	if (!stage->snapshotted) {
		snapshot_describe(stage->snapshot, text, STEP_TEXT_MAX);
		return STEP_WAITING;
	}
	if (stage->snapshot_result == SNAPSHOT_FAILED) {
		snprintf(text, STEP_TEXT_MAX, "%s", stage->snapshot_text);
		return STEP_FAILED;
	}
	if (!act_release_is_usable(stage, stage->snapshot_tag, text))
		return STEP_FAILED;
	snprintf(text, STEP_TEXT_MAX, "%s: %.400s", stage->snapshot_tag, stage->snapshot_text);
	return STEP_DONE;
}
