/* SPDX-License-Identifier: MIT */
/*
 * Knows how a color is made to run: what it is told first, the job on its unit, and when it counts
 * as started and as healthy.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "steps-acts.h"

/* What the color is told from now on, and the relay of where it is. */
static int part_take(struct stage *stage, enum color color, const struct environment_part *part)
{
	uint16_t ports[COLOR_COUNT];

	instances_set_part(stage->instances, color, part);
	for (enum color each = 0; each < COLOR_COUNT; each++)
		ports[each] = act_instance(stage, each)->port;
	return act_is_routed(stage) ? steer_backends(stage->steer, ports) : 0;
}

static struct environment_part part_of(const struct stage *stage, enum color color)
{
	const struct instance *instance = act_instance(stage, color);
	struct environment_part part = {.port = instance->port, .role = instance->role};

	memcpy(part.release, instance->release, sizeof(part.release));
	return part;
}

static int part_write(struct stage *stage, enum color color, const struct environment_part *part,
	char why[static STEP_TEXT_MAX])
{
	const struct environment environment = {
		.color = color,
		.role = part->role,
		.port = part->port,
		.release = part->release,
		.assignments = stage->config->fallback_environment,
	};
	char error[ENVIRONMENT_ERROR_MAX];
	int r;

	r = environment_write(stage->runtime_dir, &environment, error);
	if (r < 0)
		snprintf(why, STEP_TEXT_MAX, "%s", error);
	return r;
}

/* It leads to the release already, and Directory= in the file is not, or not any more, where that
 * one lies: what the file says is for the next cycle. */
static bool link_is_elsewhere(const struct stage *stage, enum color color, const char *release)
{
	const char *directory = stage->config->release_directory;
	const struct release_reader anybody = {.uid = 0};
	char linked[RELEASE_TAG_MAX], reason[RELEASE_REASON_MAX];

	return *release && release_linked(stage->state_dir, color, linked) >= 0 &&
	       strcmp(linked, release) == 0 &&
	       (!directory || release_check(directory, release, &anybody, reason) == -ENOENT);
}

/* Code in place has no link; a release that is not named is the one that the link leads to. */
static int link_take(
	struct stage *stage, enum color color, const char *release, char why[static STEP_TEXT_MAX])
{
	const char *directory = stage->config->release_directory;
	int r;

	if ((directory && !*release) || link_is_elsewhere(stage, color, release))
		return 0;
	r = release_link(stage->state_dir, color, directory, release);
	if (r < 0)
		snprintf(why, STEP_TEXT_MAX, "%s/%s cannot be made to lead to %s: %s",
			stage->state_dir, color_name(color), *release ? release : "nothing",
			strerror(-r));
	return r;
}

int stage_equip(struct stage *stage, enum color color, enum role role, const char *release,
	char why[static STEP_TEXT_MAX])
{
	struct environment_part part = {.port = stage->config->ports[color], .role = role};
	int r;

	snprintf(part.release, sizeof(part.release), "%s", release);
	r = link_take(stage, color, release, why);
	if (r >= 0)
		r = part_write(stage, color, &part, why);
	if (r < 0)
		return r;
	return part_take(stage, color, &part);
}

/* The process is as it was, and where it was. So will be the one that systemd starts in its
 * place. */
static void part_restore(struct stage *stage, enum color color)
{
	struct report_fields fields = {.color = color_name(color)};
	char why[STEP_TEXT_MAX];

	if (link_take(stage, color, stage->part_before.release, why) < 0 ||
		part_write(stage, color, &stage->part_before, why) < 0)
		report(REPORT_WARNING, &fields, "%s", why);
	(void)part_take(stage, color, &stage->part_before);
}

static bool row_starts(const struct stage *stage, const char *name)
{
	bool swap = stage->strategy == STRATEGY_SWAP;
	const struct step *steps = swap ? steps_swap : steps_fallback;
	size_t count = swap ? steps_swap_count : steps_fallback_count;

	for (size_t i = 0; i < count; i++)
		if (steps[i].starts && strcmp(steps[i].name, name) == 0)
			return true;
	return false;
}

/* Who may or may not have been made a primary gets no writes until it is started again. */
void stage_doubt(struct stage *stage, const struct record *record)
{
	struct environment_part part = part_of(stage, record->fresh);

	stage->doubt = true;
	stage->untold = !record->undoing && !record->committed && row_starts(stage, record->step);
	if (!stage->untold || record->fresh == record->primary)
		return;
	part.role = ROLE_FALLBACK;
	instances_set_part(stage->instances, record->fresh, &part);
}

/* Between the two rows that start a color, both take writes: there is a way back to each. */
bool stage_has_two_primaries(const struct record *record)
{
	unsigned int started = 0;

	if (record->strategy != STRATEGY_SWAP || record->outcome != RECORD_RUNNING ||
		record->undoing)
		return false;
	for (size_t i = 0; i < steps_swap_count; i++) {
		if (strcmp(steps_swap[i].name, record->step) == 0)
			return started == 1 && !steps_swap[i].starts;
		started += steps_swap[i].starts;
	}
	return false;
}

enum role stage_role(const struct stage *stage, const struct record *record, enum color color)
{
	return color == stage->primary || stage_has_two_primaries(record) ? ROLE_PRIMARY
									  : ROLE_FALLBACK;
}

/* The start that was asked for was none. */
static void act_expect_nothing(struct stage *stage)
{
	stage->expecting = false;
	if (instances_expect_nothing(stage->instances, stage->expected))
		part_restore(stage, stage->expected);
}

static void on_job(void *owner, enum job_result result, const char *why)
{
	struct stage *stage = owner;

	stage->job = NULL;
	stage->job_ended = true;
	stage->job_result = result;
	snprintf(stage->job_why, sizeof(stage->job_why), "%s", why);
	if (stage->expecting && result != JOB_DONE)
		act_expect_nothing(stage);
	stage->poke(stage->owner);
}

int act_job_begin(struct stage *stage, enum job_verb verb, const char *unit, uint64_t limit_usec,
	char why[static STEP_TEXT_MAX])
{
	int r;

	stage->job_ended = false;
	r = manager_job_begin(stage->manager, verb, unit, act_now(stage) + limit_usec, on_job,
		stage, &stage->job);
	if (r < 0) {
		stage->job = NULL;
		snprintf(why, STEP_TEXT_MAX, "the %s of %s cannot be begun: %s",
			job_verb_name(verb), unit, strerror(-r));
	}
	return r;
}

int act_start(struct stage *stage, enum job_verb verb, enum color color, enum role role,
	const char *release, uint64_t limit_usec, char why[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);
	int r;

	stage->part_before = part_of(stage, color);
	stage->restarts_before = instance->status.restarts;
	stage->ended_why[0] = '\0';
	r = stage_equip(stage, color, role, release, why);
	if (r >= 0)
		r = act_job_begin(stage, verb, instance->unit, limit_usec, why);
	if (r < 0) {
		part_restore(stage, color);
		return r;
	}
	instances_expect_start(stage->instances, color);
	stage->expecting = true;
	stage->expected = color;
	return 0;
}

void act_start_end(struct stage *stage)
{
	if (stage->expecting && !stage->job_ended)
		act_expect_nothing(stage);
	stage->expecting = false;
}

static enum step_progress restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);

	/* A new process that is well: the job is done, whoever told it or did not. */
	if (!stage->job_ended && instance_is_healthy(instance))
		return STEP_DONE;
	if (!stage->job_ended) {
		snprintf(text, STEP_TEXT_MAX, "%s is %s", instance->unit,
			unit_activity_name(instance->status.activity));
		return STEP_WAITING;
	}
	snprintf(text, STEP_TEXT_MAX, "%s", stage->job_why);
	switch (stage->job_result) {
	case JOB_DONE:
		return STEP_DONE;
	case JOB_FAILED:
		/* systemd tries again; the next row judges that. */
		return instance->status.restarting ? STEP_DONE : STEP_FAILED;
	case JOB_CANCELED:
	case JOB_TIMED_OUT:
	case JOB_LOST:
	case JOB_RESULT_COUNT:
		break;
	}
	return STEP_FAILED;
}

enum step_progress act_restart_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	enum step_progress progress = restart_progress(stage, color, text);

	if (progress == STEP_DONE && color == stage->fresh)
		stage->doubt = stage->untold = false;
	return progress;
}

int act_healthy_begin(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	instances_attend(stage->instances, color, true);
	stage->restarts_before = act_instance(stage, color)->status.restarts;
	stage->ended_why[0] = '\0';
	/* It runs already, but for a supervisor that comes back here and finds it down. */
	return act_job_begin(stage, JOB_START, act_instance(stage, color)->unit,
		stage->config->probe.start_timeout_usec, why);
}

static uint32_t crashes(const struct stage *stage, const struct instance *instance)
{
	uint32_t restarts = instance->status.restarts;

	/* systemd counts from 0 again after a start that was asked for. */
	return restarts >= stage->restarts_before ? restarts - stage->restarts_before : restarts;
}

enum step_progress act_healthy_progress(
	struct stage *stage, enum color color, char text[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);
	const struct unit_status *status = &instance->status;

	if (instance_is_healthy(instance))
		return STEP_DONE;
	/* A start that was refused says more than that nothing runs. */
	if (stage->job_ended && stage->job_result != JOB_DONE && !instance_is_alive(instance))
		snprintf(text, STEP_TEXT_MAX, "%s", stage->job_why);
	else
		instance_explain(instance, text, STEP_TEXT_MAX);
	if (status->restarting)
		snprintf(stage->ended_why, sizeof(stage->ended_why), "%s", text);
	if (stage->job || instance->verdict.health == HEALTH_UNKNOWN)
		return STEP_WAITING;
	if (crashes(stage, instance) >= CRASHES_MAX) {
		/* By now it may be starting again, which explains nothing. */
		if (*stage->ended_why)
			snprintf(text, STEP_TEXT_MAX, "%s", stage->ended_why);
		return STEP_FAILED;
	}
	if (instance->verdict.health != HEALTH_SICK || status->restarting)
		return STEP_WAITING;
	return STEP_FAILED;
}
