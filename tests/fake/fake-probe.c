/* SPDX-License-Identifier: MIT */
/*
 * probe.h over the world: a process answers as its mood is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-event.h"
#include "probe.h"
#include "world.h"

#define ANSWER_USEC (3 * WORLD_MSEC)

enum probe_fate {
	FATE_WELL,
	FATE_FAILS,   /* this one only */
	FATE_CRASHES, /* the process ends; systemd starts it again */
	FATE_ERRORS,  /* from now on it answers 500 */
	FATE_HANGS,
	FATE_RELAY, /* meanwhile the relay is restarted */
	FATE_KILL,
	FATE_COUNT,
};

struct probe {
	struct probe *next;
	enum color color;
	unsigned number;
	struct probe_result result;
	probe_done_fn done;
	void *owner;
};

struct prober {
	struct probe *probes;
};

static struct prober *the_prober;
static unsigned number_next;

static void on_answer(void *owner, unsigned number)
{
	struct probe *probe = the_prober ? the_prober->probes : NULL;
	struct probe copy;

	(void)owner;
	while (probe && probe->number != number)
		probe = probe->next;
	if (!probe)
		return;
	copy = *probe;
	probe_cancel(probe);
	copy.done(copy.owner, &copy.result);
}

static void fate_follow(enum probe_fate fate, enum color color)
{
	switch (fate) {
	case FATE_CRASHES:
		world_crash(color);
		break;
	case FATE_ERRORS:
		world_set_mood(color, MOOD_ERRORS);
		break;
	case FATE_HANGS:
		world_set_mood(color, MOOD_HANGS);
		break;
	case FATE_RELAY:
		fake_steer_restart();
		break;
	case FATE_KILL:
		world_kill();
		break;
	case FATE_WELL:
	case FATE_FAILS:
	case FATE_COUNT:
		break;
	}
}

static enum probe_verdict verdict_of(enum color color)
{
	const struct world_process *process = &world.processes[color];

	if (!process->running || !process->listening)
		return PROBE_REFUSED;
	if (process->mood == MOOD_WELL)
		return PROBE_PASSED;
	return process->mood == MOOD_HANGS ? PROBE_TIMED_OUT : PROBE_STATUS;
}

int probe_begin(struct prober *prober, const struct probe_request *request, probe_done_fn done,
	void *owner, struct probe **ret_probe)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	enum color color = request->port == 9000 ? COLOR_BLUE : COLOR_GREEN;
	enum probe_fate fate = FATE_WELL;
	bool hangs;

	if (!probe)
		return -ENOMEM;
	if (!world.dead)
		fate = (enum probe_fate)world_choose("probe", FATE_COUNT);
	fate_follow(fate, color);
	*probe = (struct probe){.next = prober->probes,
		.color = color,
		.number = ++number_next,
		.done = done,
		.owner = owner};
	prober->probes = probe;
	probe->result.verdict = fate == FATE_FAILS ? PROBE_BROKEN : verdict_of(color);
	snprintf(probe->result.reason, sizeof(probe->result.reason), "GET %s of %s: %s",
		request->path, color_name(color), probe_verdict_name(probe->result.verdict));
	hangs = probe->result.verdict == PROBE_TIMED_OUT;
	fake_event_later(
		hangs ? request->timeout_usec : ANSWER_USEC, on_answer, NULL, probe->number);
	*ret_probe = probe;
	return 0;
}

struct probe *probe_cancel(struct probe *probe)
{
	if (!probe)
		return NULL;
	for (struct probe **p = &the_prober->probes; *p; p = &(*p)->next)
		if (*p == probe) {
			*p = probe->next;
			break;
		}
	free(probe);
	return NULL;
}

int prober_open(sd_event *event, struct prober **ret_prober)
{
	(void)event;
	the_prober = calloc(1, sizeof(*the_prober));
	if (!the_prober)
		return -ENOMEM;
	*ret_prober = the_prober;
	return 0;
}

struct prober *prober_close(struct prober *prober)
{
	if (!prober)
		return NULL;
	while (prober->probes)
		probe_cancel(prober->probes);
	free(prober);
	the_prober = NULL;
	return NULL;
}

const char *probe_verdict_name(enum probe_verdict verdict)
{
	static const char *const names[PROBE_VERDICT_COUNT] = {
		"passed", "refused", "timed out", "broken", "status", "body"};

	return names[verdict];
}
