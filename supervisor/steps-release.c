/* SPDX-License-Identifier: MIT */
/*
 * Knows what is done about releases, before and after a cycle: they are fetched, hooks are run for
 * them, old ones are removed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "preflight.h"
#include "report.h"
#include "steps-acts.h"

#define HOOK_ENVIRONMENT "hook.env"

static void on_fetched(void *owner, enum fetch_result result, const char *why)
{
	struct stage *stage = owner;

	stage->fetched = true;
	stage->fetch_result = result;
	snprintf(stage->fetch_why, sizeof(stage->fetch_why), "%s", why);
	stage->poke(stage->owner);
}

static bool release_is_there(const struct stage *stage)
{
	const struct release_reader anybody = {.uid = 0};
	char reason[RELEASE_REASON_MAX];

	return release_check(stage->config->release_directory, stage->release, &anybody, reason) >=
	       0;
}

int act_fetch_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct fetch_order order = {
		.source = stage->config->release_source,
		.tag = stage->release,
		.directory = stage->config->release_directory,
		.sha256 = stage->sha256,
	};
	int r;

	stage->fetched = false;
	/* What is there already, or is in place, needs no bringing; the preflight has looked. */
	if (!*stage->release || !order.directory || !order.source || release_is_there(stage)) {
		stage->fetched = true;
		stage->fetch_result = FETCH_DONE;
		return 0;
	}
	r = fetch_begin(stage->event, &order, on_fetched, stage, &stage->fetch);
	if (r < 0) {
		stage->fetch = NULL;
		snprintf(why, STEP_TEXT_MAX, "%s cannot be fetched: %s", stage->release,
			strerror(-r));
	}
	return r;
}

/* The preflight could not look at what was not there yet. */
bool act_release_is_usable(
	struct stage *stage, const char *release, char text[static STEP_TEXT_MAX])
{
	struct preflight_finding findings[PREFLIGHT_MAX];
	size_t count = preflight_look(stage, release, findings);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(findings[i].subject, "release") != 0 ||
			findings[i].answer != PREFLIGHT_REFUSES)
			continue;
		memcpy(text, findings[i].text, STEP_TEXT_MAX);
		return false;
	}
	return true;
}

enum step_progress act_fetch_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->fetched) {
		fetch_describe(stage->fetch, text, STEP_TEXT_MAX);
		/* Its progress is for people: once a second is enough. */
		act_poke_at(stage, act_now(stage) + USEC_PER_SEC);
		return STEP_WAITING;
	}
	if (stage->fetch_result == FETCH_DONE && !stage->fetch) {
		if (*stage->sha256)
			snprintf(text, STEP_TEXT_MAX,
				"%s is there already; the checksum was not looked at",
				stage->release);
		return STEP_DONE;
	}
	if (stage->fetch_result == FETCH_DONE)
		return act_release_is_usable(stage, stage->release, text) ? STEP_DONE : STEP_FAILED;
	snprintf(text, STEP_TEXT_MAX, "%s", stage->fetch_why);
	return STEP_FAILED;
}

static void on_pruned(void *owner, int result, const char *why)
{
	struct stage *stage = owner;

	stage->pruned = true;
	stage->prune_result = result;
	snprintf(stage->prune_why, sizeof(stage->prune_why), "%s", why);
	stage->poke(stage->owner);
}

int act_prune_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct record *record = stage->record;
	const char *spared[2 * COLOR_COUNT + 4], *directory = stage->config->release_directory;
	char linked[COLOR_COUNT][RELEASE_TAG_MAX];
	size_t count = 0;
	int r;

	stage->pruned = true;
	stage->prune_result = 0;
	if (!directory)
		return 0;
	spared[count++] = stage->release;
	if (stage->next)
		spared[count++] = stage->next;
	if (record)
		spared[count++] = record->previous;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		spared[count++] = act_instance(stage, color)->release;
		if (release_linked(stage->state_dir, color, linked[color]) >= 0)
			spared[count++] = linked[color];
	}
	spared[count] = NULL;
	stage->pruned = false;
	r = release_prune_begin(stage->event, directory, stage->config->release_keep, spared,
		on_pruned, stage, &stage->prune);
	if (r < 0) {
		stage->prune = NULL;
		snprintf(why, STEP_TEXT_MAX, "old releases in %s cannot be removed: %s", directory,
			strerror(-r));
	}
	return r;
}

enum step_progress act_prune_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!stage->pruned) {
		snprintf(text, STEP_TEXT_MAX, "old releases are being removed");
		return STEP_WAITING;
	}
	if (stage->prune_result > 0)
		snprintf(text, STEP_TEXT_MAX, "%d removed", stage->prune_result);
	else if (stage->prune_result < 0)
		snprintf(text, STEP_TEXT_MAX, "%s", stage->prune_why);
	return stage->prune_result < 0 ? STEP_FAILED : STEP_DONE;
}

/* Nothing in it needs to be escaped: tags, hexadecimal digits and words of ours. */
static int hook_environment_write(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	const struct record *record = stage->record;
	char text[STEP_TEXT_MAX];
	int r;

	snprintf(text, sizeof(text),
		"BLUEGREEN_RELEASE=\"%s\"\n"
		"BLUEGREEN_RELEASE_BEFORE=\"%s\"\n"
		"BLUEGREEN_CYCLE=\"%s\"\n"
		"BLUEGREEN_PRIMARY=\"%s\"\n"
		"BLUEGREEN_STRATEGY=\"%s\"\n",
		stage->release, record ? record->former[record->primary] : "",
		record ? record->id : "", color_name(stage->primary),
		strategy_name(stage->strategy));
	r = environment_file_write(stage->runtime_dir, HOOK_ENVIRONMENT, text, 0644);
	if (r < 0)
		snprintf(why, STEP_TEXT_MAX, "%s/" HOOK_ENVIRONMENT " cannot be written: %s",
			stage->runtime_dir, strerror(-r));
	return r;
}

int act_hook_begin(struct stage *stage, const char *unit, char why[static STEP_TEXT_MAX])
{
	int r;

	if (!unit)
		return 0;
	r = hook_environment_write(stage, why);
	if (r < 0)
		return r;
	/* A restart, so that a unit that remains active after its end runs again. */
	return act_job_begin(stage, JOB_RESTART, unit, limit_hook(stage), why);
}

enum step_progress act_hook_progress(
	struct stage *stage, const char *unit, char text[static STEP_TEXT_MAX])
{
	if (!unit)
		return STEP_DONE;
	if (!stage->job_ended) {
		snprintf(text, STEP_TEXT_MAX, "%s runs", unit);
		return STEP_WAITING;
	}
	if (stage->job_result == JOB_DONE) {
		snprintf(text, STEP_TEXT_MAX, "%s", unit);
		return STEP_DONE;
	}
	snprintf(text, STEP_TEXT_MAX, "%s", stage->job_why);
	return STEP_FAILED;
}
