/* SPDX-License-Identifier: MIT */
/*
 * Knows how a step is done by means of the seams; does not know in which order.
 */
#include "steps-acts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "environment.h"
#include "report.h"

/* What came past the relay may hold the table so long, because writes wait meanwhile: this part
 * of the time that they may wait. */
#define TABLE_SHARE 4

const struct instance *act_instance(const struct stage *stage, enum color color)
{
	return instances_get(stage->instances, color);
}

uint64_t act_now(const struct stage *stage)
{
	uint64_t usec = 0;

	(void)sd_event_now(stage->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct stage *stage = userdata;

	(void)source;
	(void)usec;
	stage->poke(stage->owner);
	return 0;
}

void act_poke_at(struct stage *stage, uint64_t usec)
{
	if (!stage->timer) {
		(void)sd_event_add_time(stage->event, &stage->timer, CLOCK_MONOTONIC, usec,
			USEC_PER_MSEC, on_timer, stage);
		return;
	}
	if (sd_event_source_set_time(stage->timer, usec) >= 0)
		(void)sd_event_source_set_enabled(stage->timer, SD_EVENT_ONESHOT);
}

bool act_is_routed(const struct stage *stage)
{
	return stage->config->protocol != PROTOCOL_NONE;
}

bool act_check_other(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *other = act_instance(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (!instance_is_healthy(act_instance(stage, color)) || instance_is_healthy(other) ||
		watch_standing(stage->watch, other->color) == STANDING_UNKNOWN)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is the only healthy color: %s", color_name(color),
		explained);
	return false;
}

bool act_check_restart(struct stage *stage, enum color color, char why[static STEP_TEXT_MAX])
{
	const struct instance *instance = act_instance(stage, color);
	const struct instance *other = act_instance(stage, color_other(color));
	char explained[STEP_TEXT_MAX / 2];

	if (instance_is_healthy(other) || instance->verdict.health == HEALTH_SICK ||
		instance->verdict.health == HEALTH_STARTING)
		return true;
	instance_explain(other, explained, sizeof(explained));
	snprintf(why, STEP_TEXT_MAX, "%s is not restarted, because %s cannot serve instead: %s",
		color_name(color), color_name(color_other(color)), explained);
	return false;
}

struct drain_order act_drain_order(
	const struct stage *stage, enum color color, enum drain_scope scope)
{
	const struct config *config = stage->config;
	struct drain_order order = {
		.color = color,
		.port = act_instance(stage, color)->port,
		.limits = {.scope = scope,
			.requests_usec = config->drain_requests_usec,
			.streams_usec = config->drain_streams_usec},
		.table_usec = config->hold_usec / TABLE_SHARE,
	};

	/* Writes wait while the only primary is drained: streams must not use up the time they
	 * have. */
	if (color == stage->primary && scope == DRAIN_ALL &&
		order.limits.streams_usec > config->hold_usec / 2)
		order.limits.streams_usec = config->hold_usec / 2;
	if (order.table_usec > config->drain_requests_usec)
		order.table_usec = config->drain_requests_usec;
	return order;
}

static void on_drain_over(void *owner)
{
	struct stage *stage = owner;

	stage->poke(stage->owner);
}

/* A supervisor that comes back must know which processes there are before it replaces one: else it
 * takes the one that is there for the one that it starts. */
static bool units_are_known(const struct stage *stage, char text[static STEP_TEXT_MAX])
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = act_instance(stage, color);

		if (instance->known)
			continue;
		snprintf(text, STEP_TEXT_MAX,
			"systemd has not told yet what %s is; is the system bus there?",
			instance->unit);
		return false;
	}
	return true;
}

enum step_progress act_route_progress(struct stage *stage, char text[static STEP_TEXT_MAX])
{
	if (!units_are_known(stage, text))
		return STEP_WAITING;
	if (watch_is_settled(stage->watch))
		return STEP_DONE;
	snprintf(text, STEP_TEXT_MAX,
		steer_is_connected(stage->steer)
			? "the relay has not said yet that it follows the route"
			: "the relay does not answer on its control socket");
	return STEP_WAITING;
}

int act_drain_begin(struct stage *stage, enum color color, enum drain_scope scope,
	char why[static STEP_TEXT_MAX])
{
	struct drain_order order = act_drain_order(stage, color, scope);
	int r;

	r = drain_begin(stage->event, stage->steer, stage->sockdiag, &order, on_drain_over, stage,
		&stage->drain);
	if (r < 0) {
		stage->drain = NULL;
		snprintf(why, STEP_TEXT_MAX, "%s cannot be drained: %s", color_name(color),
			strerror(-r));
	}
	return r;
}

enum step_progress act_drain_progress(struct stage *stage, enum color color, enum drain_scope scope,
	char text[static STEP_TEXT_MAX])
{
	struct report_fields fields = {.color = color_name(color)};
	const struct drain_outcome *outcome;

	if (!act_is_routed(stage))
		return STEP_DONE;
	if (!stage->drain && act_drain_begin(stage, color, scope, text) < 0)
		return STEP_FAILED;
	drain_describe(stage->drain, text, STEP_TEXT_MAX);
	if (!drain_is_over(stage->drain))
		return STEP_WAITING;
	outcome = drain_outcome(stage->drain);
	if (outcome->cut.exchanges > 0 || outcome->left > 0 || outcome->unaccepted > 0)
		report(REPORT_DRAIN_CUT, &fields, "%s: %s", color_name(color), text);
	return STEP_DONE;
}

void stage_relay_drained(
	struct stage *stage, enum color color, enum drain_scope scope, const struct steer_cut *cut)
{
	drain_relay_done(stage->drain, color, scope, cut);
}

void act_end(struct stage *stage)
{
	stage->job = manager_job_forget(stage->job);
	stage->drain = drain_end(stage->drain);
	stage->probe = probe_cancel(stage->probe);
	stage->fetch = fetch_end(stage->fetch);
	stage->snapshot = snapshot_end(stage->snapshot);
	stage->prune = release_prune_end(stage->prune);
	stage->timer = sd_event_source_disable_unref(stage->timer);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		instances_attend(stage->instances, color, false);
	act_start_end(stage);
}
