/* SPDX-License-Identifier: MIT */
/*
 * Knows which questions there are, and those about units, ports and health; what is done about an
 * answer, steps-preflight.c knows.
 */
#include "preflight.h"

#include <stdarg.h>
#include <stdio.h>

#include "listener.h"
#include "preflight-inside.h"

static const char *const answer_names[PREFLIGHT_ANSWER_COUNT] = {
	[PREFLIGHT_FINE] = "fine",
	[PREFLIGHT_WAITS] = "waits",
	[PREFLIGHT_REFUSES] = "refuses",
};

const char *preflight_answer_name(enum preflight_answer answer)
{
	return answer_names[answer];
}

void finding_say(
	struct preflight_finding *finding, enum preflight_answer answer, const char *format, ...)
{
	va_list arguments;

	finding->answer = answer;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

static const struct instance *primary_of(const struct stage *stage)
{
	return instances_get(stage->instances, stage->primary);
}

static const struct instance *fallback_of(const struct stage *stage)
{
	return instances_get(stage->instances, color_other(stage->primary));
}

const struct instance *preflight_restarted(const struct stage *stage)
{
	return stage->strategy == STRATEGY_SWAP ? fallback_of(stage) : primary_of(stage);
}

static void look_units(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	(void)release;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = instances_get(stage->instances, color);

		finding->unit = instance->unit;
		if (!instance->known) {
			finding_say(finding, PREFLIGHT_WAITS,
				"systemd has not told yet what %s is; is the system bus there?",
				instance->unit);
			return;
		}
		if (!instance->status.loaded) {
			finding_say(finding, PREFLIGHT_REFUSES,
				"%s cannot be loaded: %s; repair or unmask it, and run `systemctl "
				"daemon-reload`",
				instance->unit, instance->status.load_error);
			return;
		}
	}
	finding->unit = NULL;
	finding_say(finding, PREFLIGHT_FINE, "%s and %s can be loaded", primary_of(stage)->unit,
		fallback_of(stage)->unit);
}

/* Somebody who is not of the unit would answer probes and requests in its place, or keep it from
 * the port that it is to have. */
static bool port_is_taken(
	const struct stage *stage, enum color color, struct preflight_finding *finding)
{
	const struct instance *instance = instances_get(stage->instances, color);
	const uint16_t ports[] = {instance->port, stage->config->ports[color]};
	char found[STEP_TEXT_MAX / 2], text[STEP_TEXT_MAX];
	enum listener listener = LISTENER_NONE;

	if (!instance->known)
		return false;
	for (size_t i = 0; i < ELEMENTS(ports) && listener != LISTENER_STRANGER; i++)
		listener = listener_find(stage->sockdiag, ports[i], instance->status.control_group,
			found, sizeof(found));
	if (listener != LISTENER_STRANGER)
		return false;
	instance_explain_stranger(instance, found, text, sizeof(text));
	finding->unit = instance->unit;
	finding_say(finding, PREFLIGHT_REFUSES, "%s", text);
	return true;
}

static void look_ports(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	(void)release;
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (port_is_taken(stage, color, finding))
			return;
	finding_say(finding, PREFLIGHT_FINE, "nobody else has port %u or %u",
		stage->config->ports[COLOR_BLUE], stage->config->ports[COLOR_GREEN]);
}

static void look_relay(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	(void)release;
	if (steer_is_connected(stage->steer))
		finding_say(finding, PREFLIGHT_FINE, "the relay answers");
	else
		finding_say(finding, PREFLIGHT_WAITS,
			"the relay does not answer on its control socket; look at `systemctl "
			"status %s-bluegreen-relay.service`",
			stage->config->app);
}

/* Strategy fallback: it serves while the primary restarts. One that is not well is started anew
 * first. */
static void look_fallback(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct instance *primary = primary_of(stage), *fallback = fallback_of(stage);
	char why[STEP_TEXT_MAX / 2];

	(void)release;
	finding->unit = fallback->unit;
	if (instance_is_healthy(fallback)) {
		finding_say(finding, PREFLIGHT_FINE, "%s is healthy and can serve meanwhile",
			color_name(fallback->color));
		return;
	}
	instance_explain(fallback, why, sizeof(why));
	if (primary->verdict.health == HEALTH_SICK && fallback->verdict.health == HEALTH_SICK)
		finding_say(finding, PREFLIGHT_FINE,
			"nobody is healthy, so that there is nothing to lose; %s", why);
	else if (fallback->verdict.health == HEALTH_SICK)
		finding_say(finding, PREFLIGHT_WAITS,
			"%s has to be healthy before %s can be restarted, and is started anew: %s",
			color_name(fallback->color), color_name(primary->color), why);
	else
		finding_say(finding, PREFLIGHT_WAITS, "%s has to be healthy first: %s",
			color_name(fallback->color), why);
}

/* Strategy swap: the one that serves goes on while the idle one restarts, however that one is. */
static void look_primary(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct instance *primary = primary_of(stage), *idle = fallback_of(stage);
	char why[STEP_TEXT_MAX / 2];

	(void)release;
	finding->unit = primary->unit;
	if (instance_is_healthy(primary)) {
		finding_say(finding, PREFLIGHT_FINE, "%s is healthy and serves meanwhile",
			color_name(primary->color));
		return;
	}
	instance_explain(primary, why, sizeof(why));
	if (primary->verdict.health != HEALTH_SICK)
		finding_say(finding, PREFLIGHT_WAITS, "%s has to be healthy first: %s",
			color_name(primary->color), why);
	else if (instance_is_healthy(idle))
		finding_say(finding, PREFLIGHT_REFUSES,
			"%s is the only healthy color, and would be restarted; repair %s first "
			"(`systemctl restart %s`): %s",
			color_name(idle->color), color_name(primary->color), primary->unit, why);
	else if (idle->verdict.health != HEALTH_SICK)
		finding_say(finding, PREFLIGHT_WAITS, "%s is sick, and %s not decided yet: %s",
			color_name(primary->color), color_name(idle->color), why);
	else
		finding_say(finding, PREFLIGHT_FINE,
			"nobody is healthy, so that there is nothing to lose; %s", why);
}

/* False, and said why, unless it can be started. */
static bool hook_is_there(const struct stage *stage, const char *unit, const char *key,
	struct preflight_finding *finding)
{
	const struct unit_status *status;

	if (!unit)
		return true;
	/* Not with the stage: a plan's is gone when systemd answers. */
	status = manager_unit_look(stage->manager, unit, stage->told, stage->owner);
	if (!status) {
		finding_say(finding, PREFLIGHT_WAITS, "systemd has not told yet what %s is", unit);
		return false;
	}
	if (status->loaded)
		return true;
	finding_say(finding, PREFLIGHT_REFUSES,
		"%s cannot be loaded: %s; install it and run `systemctl daemon-reload`, or take it "
		"out of %s= in %s.conf",
		unit, status->load_error, key, stage->config->app);
	return false;
}

static void look_hooks(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct config *config = stage->config;

	(void)release;
	if (!hook_is_there(stage, config->hook_before, "BeforeRestart", finding) ||
		!hook_is_there(stage, config->hook_after, "AfterDeploy", finding))
		return;
	finding_say(finding, PREFLIGHT_FINE,
		config->hook_before || config->hook_after ? "the units of [Hooks] can be loaded"
							  : "there are none");
}

static bool has_listener(const struct stage *stage)
{
	return stage->config->protocol != PROTOCOL_NONE;
}

static bool has_fallback(const struct stage *stage)
{
	return stage->strategy == STRATEGY_FALLBACK;
}

static bool has_swap(const struct stage *stage)
{
	return stage->strategy == STRATEGY_SWAP;
}

static bool has_snapshot(const struct stage *stage)
{
	return stage->config->release_snapshot[0] != NULL;
}

static const struct {
	const char *subject;
	bool (*applies)(const struct stage *stage); /* NULL: always */
	void (*look)(
		const struct stage *stage, const char *release, struct preflight_finding *finding);
} looks[] = {
	{"snapshot", has_snapshot, look_snapshot},
	{"release", NULL, look_release},
	{"units", NULL, look_units},
	{"ports", has_listener, look_ports},
	{"relay", has_listener, look_relay},
	{"fallback", has_fallback, look_fallback},
	{"primary", has_swap, look_primary},
	{"memory", NULL, look_memory},
	{"disk", NULL, look_disk},
	{"hooks", NULL, look_hooks},
};
_Static_assert(ELEMENTS(looks) <= PREFLIGHT_MAX, "there are as many findings as looks");

size_t preflight_look(const struct stage *stage, const char *release,
	struct preflight_finding findings[static PREFLIGHT_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < ELEMENTS(looks); i++) {
		if (looks[i].applies && !looks[i].applies(stage))
			continue;
		findings[count] = (struct preflight_finding){.subject = looks[i].subject};
		looks[i].look(stage, release, &findings[count++]);
	}
	return count;
}
