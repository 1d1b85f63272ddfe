/* SPDX-License-Identifier: MIT */
/*
 * Knows the trial of a new release under traffic: the ramp, the probation after it, and when the
 * gate is asked. What is a breach, gate.c knows.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "steps-acts.h"

/* How often the relay is asked to count. */
#define COUNT_USEC (1 * USEC_PER_SEC)
/* What waited for the new release comes to it all at once, and is slow because it queues there: a
 * latency of these moments says nothing about the release. */
#define CALM_USEC  (1 * USEC_PER_SEC)

void stage_sample(enum color color, const struct steer_counters *after,
	const struct steer_counters *before, struct gate_sample *ret_sample)
{
	struct gate_sample samples[2] = {0};
	const struct steer_counters *counters[2] = {after, before};

	_Static_assert(GATE_BUCKETS == STEER_LATENCY_BUCKETS, "the gate reads the relay's buckets");
	for (size_t i = 0; i < 2 && counters[i]; i++) {
		samples[i].requests = counters[i]->reads[color] + counters[i]->writes[color];
		samples[i].errors = counters[i]->errors[color] + counters[i]->failed[color];
		memcpy(samples[i].latency, counters[i]->latency[color], sizeof(samples[i].latency));
	}
	gate_sample_since(&samples[0], &samples[1], ret_sample);
}

static void count_ask(struct stage *stage)
{
	uint64_t now = act_now(stage);

	if (now < stage->asked_usec + COUNT_USEC)
		return;
	stage->asked_usec = now;
	if (act_is_routed(stage))
		(void)steer_ask_counters(stage->steer);
}

/* The last trial's figures are nobody's; asked for at once, its base comes within milliseconds. */
void act_trial_begin(struct stage *stage)
{
	const struct instance *fresh = act_instance(stage, stage->fresh);

	stage->based = stage->calm = false;
	stage->asked_usec = 0;
	stage->gate = GATE_NOT_ENOUGH;
	stage->gate_reason[0] = '\0';
	memcpy(stage->trial_process, fresh->status.invocation_id, sizeof(stage->trial_process));
	count_ask(stage);
}

static void gate_ask(struct stage *stage)
{
	enum color old = color_other(stage->fresh);
	uint64_t bounds[GATE_BUCKETS];
	struct gate_sample fresh, calm, former;

	for (unsigned int i = 0; i < GATE_BUCKETS; i++)
		bounds[i] = steer_latency_bound(i);
	stage_sample(stage->fresh, &stage->counters, &stage->trial_base, &fresh);
	stage_sample(stage->fresh, &stage->counters,
		stage->calm ? &stage->calm_base : &stage->counters, &calm);
	memcpy(fresh.latency, calm.latency, sizeof(fresh.latency));
	stage_sample(old, &stage->counters, &stage->trial_base, &former);
	/* Where the old release has had no share of late, what it did before the cycle counts. */
	if (former.requests < stage->config->gate.min_requests &&
		stage->former.requests > former.requests)
		former = stage->former;
	stage->gate = gate_judge(&stage->config->gate, &fresh, &former, bounds, stage->gate_reason);
}

void stage_counted(struct stage *stage, const struct steer_counters *counters)
{
	stage->counters = *counters;
	stage->counted_usec = act_now(stage);
	if (!stage->based) {
		stage->trial_base = *counters;
		stage->based_usec = stage->counted_usec;
	} else if (!stage->calm && stage->counted_usec >= stage->based_usec + CALM_USEC) {
		stage->calm_base = *counters;
		stage->calm = true;
	}
	stage->based = true;
	gate_ask(stage);
	stage->poke(stage->owner);
}

static void judged(struct stage *stage, const char *what)
{
	char sentence[STEP_TEXT_MAX];

	if (!act_is_routed(stage) || !stage->judged)
		return;
	snprintf(sentence, sizeof(sentence), "%s: %s: %s", what, gate_verdict_name(stage->gate),
		*stage->gate_reason ? stage->gate_reason : "the relay has not counted");
	stage->judged(stage->owner, sentence);
}

/* It was ready when the trial began: whoever ends now is no good, however soon it is back. */
static bool trial_is_lost(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct instance *fresh = act_instance(stage, stage->fresh);

	if (!instance_is_healthy(fresh)) {
		instance_explain(fresh, text, STEP_TEXT_MAX);
		return true;
	}
	/* A supervisor that came back in the middle has not been told at first. */
	if (!*stage->trial_process)
		memcpy(stage->trial_process, fresh->status.invocation_id,
			sizeof(stage->trial_process));
	if (strcmp(stage->trial_process, fresh->status.invocation_id) != 0) {
		snprintf(text, STEP_TEXT_MAX,
			"%s has ended and was started again while it was on trial; see `journalctl "
			"-u %s'",
			fresh->unit, fresh->unit);
		return true;
	}
	if (stage->based && stage->gate == GATE_BREACHED) {
		judged(stage, "breach");
		snprintf(text, STEP_TEXT_MAX, "%s", stage->gate_reason);
		return true;
	}
	return false;
}

/* Asked before the relay may have counted the last second. */
static void trial_goes_on(struct stage *stage, uint64_t until)
{
	uint64_t next = act_now(stage) + COUNT_USEC;

	count_ask(stage);
	act_poke_at(stage, until < next ? until : next);
}

/* The last seconds count too: the end waits for the relay, but not for one that is away. */
static bool trial_is_counted(struct stage *stage, uint64_t until)
{
	uint64_t now = act_now(stage);

	if (!act_is_routed(stage) || stage->counted_usec >= until || now >= until + COUNT_USEC)
		return true;
	if (stage->asked_usec < until)
		stage->asked_usec = 0;
	count_ask(stage);
	act_poke_at(stage, until + COUNT_USEC);
	return false;
}

static int affinity_say(struct stage *stage)
{
	struct steer_affinity affinity = {
		.kind = stage->config->affinity,
		.fresh = stage->fresh,
		.life_usec = limit_ramp(stage),
	};
	enum color old = color_other(stage->fresh);

	if (affinity.kind == AFFINITY_NONE || stage->config->ramp_count == 0)
		return 0;
	if (getrandom(affinity.key, sizeof(affinity.key), 0) != sizeof(affinity.key))
		return -errno;
	/* Browsers know no ports: each app of a host needs a name of its own. */
	snprintf(affinity.cookie, sizeof(affinity.cookie), "bluegreen-%.50s", stage->config->app);
	snprintf(affinity.release[stage->fresh], STEER_RELEASE_MAX, "%s", stage->release);
	snprintf(affinity.release[old], STEER_RELEASE_MAX, "%s", act_instance(stage, old)->release);
	return steer_set_affinity(stage->steer, &affinity);
}

/* The share is that of the primary, which is not always the fresh one. */
static void ramp_step(struct stage *stage)
{
	uint8_t share = stage->config->ramp[stage->ramp_at].share;

	if (stage->fresh != stage->primary)
		share = (uint8_t)(ROUTE_WEIGHT_MAX - share);
	watch_share(stage->watch, share);
	stage->since_usec = 0;
}

int act_ramp_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	int r;

	stage->ramp_at = 0;
	act_trial_begin(stage);
	instances_attend(stage->instances, stage->fresh, true);
	if (stage->config->ramp_count == 0)
		return 0;
	r = affinity_say(stage);
	if (r < 0)
		snprintf(why, STEP_TEXT_MAX, "clients cannot be kept on their color: %s",
			strerror(-r));
	else
		ramp_step(stage);
	return r;
}

enum step_progress act_ramp_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	const struct config_ramp_step *step = &stage->config->ramp[stage->ramp_at];
	uint64_t until;

	if (stage->config->ramp_count == 0)
		return STEP_DONE;
	if (trial_is_lost(stage, text))
		return STEP_FAILED;
	if (act_route_progress(stage, text) == STEP_WAITING)
		return STEP_WAITING;
	/* A step's time begins when the relay follows. */
	if (stage->since_usec == 0)
		stage->since_usec = act_now(stage);
	until = stage->since_usec + step->usec;
	if (act_now(stage) >= until) {
		char what[32];

		if (!trial_is_counted(stage, until))
			return STEP_WAITING;
		snprintf(what, sizeof(what), "%u %%", step->share);
		judged(stage, what);
	}
	if (act_now(stage) >= until && stage->ramp_at + 1 == stage->config->ramp_count) {
		snprintf(text, STEP_TEXT_MAX, "%s: %s", gate_verdict_name(stage->gate),
			stage->gate_reason);
		return STEP_DONE;
	}
	if (act_now(stage) >= until) {
		stage->ramp_at++;
		ramp_step(stage);
		snprintf(text, STEP_TEXT_MAX, "%u %% of the requests",
			stage->config->ramp[stage->ramp_at].share);
		return STEP_WAITING;
	}
	trial_goes_on(stage, until);
	snprintf(text, STEP_TEXT_MAX, "%u %% of the requests: %s: %.*s", step->share,
		gate_verdict_name(stage->gate), STEP_TEXT_MAX / 2, stage->gate_reason);
	return STEP_WAITING;
}

void act_ramp_end(struct stage *stage)
{
	if (stage->config->affinity != AFFINITY_NONE && stage->config->ramp_count > 0)
		(void)steer_set_affinity(
			stage->steer, &(struct steer_affinity){.kind = AFFINITY_NONE});
	act_end(stage);
}

int act_observe_begin(struct stage *stage, char why[static STEP_TEXT_MAX])
{
	(void)why;
	instances_attend(stage->instances, stage->fresh, true);
	stage->since_usec = act_now(stage);
	return 0;
}

enum step_progress act_observe_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	uint64_t until = stage->since_usec + stage->config->probation_usec;

	if (trial_is_lost(stage, text))
		return STEP_FAILED;
	if (act_now(stage) < until) {
		trial_goes_on(stage, until);
		snprintf(text, STEP_TEXT_MAX, "%s is watched under traffic",
			color_name(stage->fresh));
		return STEP_WAITING;
	}
	if (!act_is_routed(stage))
		return STEP_DONE;
	if (!trial_is_counted(stage, until))
		return STEP_WAITING;
	judged(stage, "probation");
	if (stage->gate == GATE_NOT_ENOUGH)
		snprintf(text, STEP_TEXT_MAX, "%s: %.*s; its probes decide",
			gate_verdict_name(stage->gate), STEP_TEXT_MAX / 2,
			*stage->gate_reason ? stage->gate_reason : "the relay has not counted");
	else
		snprintf(text, STEP_TEXT_MAX, "%s: %s", gate_verdict_name(stage->gate),
			stage->gate_reason);
	return STEP_DONE;
}
