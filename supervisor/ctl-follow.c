/* SPDX-License-Identifier: MIT */
/*
 * Knows how to wait for a cycle: its steps are told by signals, its end by the signal of its own
 * id, and both by GetCycle, should a signal be lost. A supervisor that goes takes its bus name
 * along: then nothing more is known, and that is said at once. What the end means for who called is
 * in ctl-outcome.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "ctl-follow.h"
#include "ctl-screen.h"

/* How often the truth is asked for: a terminal shows what a step waits for. */
#define ASK_USEC	  (5 * USEC_PER_SEC)
#define ASK_TERMINAL_USEC (500 * USEC_PER_MSEC)
#define REDRAW_USEC	  (100 * USEC_PER_MSEC)
/* A signal that comes just before the wait is noticed after it. */
#define WAIT_USEC	  USEC_PER_SEC

/* ^C, or systemd that stops the supervisor and what runs for it. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void follow_end(struct follow *follow, const char *outcome, const char *reason)
{
	follow->ended = true;
	snprintf(follow->outcome, sizeof(follow->outcome), "%s", outcome);
	snprintf(follow->reason, sizeof(follow->reason), "%s", reason);
}

/* A line a step for who reads a log: how it ended, and how its way back did. */
static void step_line(struct follow *follow, const json_t *event)
{
	const char *state = json_word(event, "state");
	const char *detail = json_word(event, "detail");

	if (follow->ctl->quiet || strcmp(state, "begun") == 0 || strcmp(state, "undoing") == 0)
		return;
	screen_step(follow->ctl, json_word(event, "step"), state,
		json_figure(event, "usec") / (double)USEC_PER_SEC,
		*detail ? detail : json_word(event, "text"));
	fflush(stdout);
}

/* How long the way back of the route took: by the supervisor's clock, and since the command. */
static void route_note(struct follow *follow, const json_t *event)
{
	if (strcmp(json_word(event, "step"), "switch") != 0 ||
		strcmp(json_word(event, "state"), "undone") != 0)
		return;
	follow->switched = true;
	follow->switch_seconds = json_figure(event, "usec") / USEC_PER_SEC;
	follow->switched_after = (double)(now_usec() - follow->began) / USEC_PER_SEC;
}

static int on_progress(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct follow *follow = userdata;
	const char *text;
	json_t *event;

	(void)error;
	if (sd_bus_message_read(message, "s", &text) < 0)
		return 0;
	event = json_loads(text, 0, NULL);
	if (event && strcmp(json_word(event, "id"), follow->id) == 0) {
		route_note(follow, event);
		if (follow->ctl->json)
			printf("%s\n", text);
		else if (!follow->ctl->terminal)
			step_line(follow, event);
		if (strcmp(json_word(event, "state"), "begun") == 0) {
			snprintf(
				follow->step, sizeof(follow->step), "%s", json_word(event, "step"));
			follow->step_began = now_usec();
		}
	}
	json_decref(event);
	return 0;
}

static int on_finished(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct follow *follow = userdata;
	const char *id, *outcome, *reason;

	(void)error;
	if (sd_bus_message_read(message, "sss", &id, &outcome, &reason) >= 0 &&
		strcmp(id, follow->id) == 0)
		follow_end(follow, outcome, reason);
	return 0;
}

/* One that gives its name back while it lives wanted to be replaced, and had no cycle then: ours
 * has ended, which it has told us before; or it was begun at that moment, and then the supervisor
 * stays. */
static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct follow *follow = userdata;
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0 && *before &&
		sd_bus_get_name_creds(follow->ctl->bus, before, 0, NULL) < 0)
		follow->lost = true;
	return 0;
}

static int matches_add(struct ctl *ctl, struct follow *follow)
{
	char owner[256];
	int r;

	r = sd_bus_match_signal(ctl->bus, NULL, ctl_bus_name(ctl), "/app/bluegreen",
		"app.bluegreen.Supervisor", "Progress", on_progress, follow);
	if (r >= 0)
		r = sd_bus_match_signal(ctl->bus, NULL, ctl_bus_name(ctl), "/app/bluegreen",
			"app.bluegreen.Supervisor", "Finished", on_finished, follow);
	snprintf(owner, sizeof(owner),
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		ctl_bus_name(ctl));
	if (r >= 0)
		r = sd_bus_add_match(ctl->bus, NULL, owner, on_owner, follow);
	if (r < 0)
		fprintf(stderr, "bluegreenctl: the supervisor's signals cannot be received: %s\n",
			strerror(-r));
	return r;
}

/* The truth, for a signal that was lost and for what a step waits for. */
static int cycle_ask(struct follow *follow)
{
	const char *outcome;
	json_t *cycle;
	int exit_status;

	cycle = ctl_call(follow->ctl,
		&(struct ctl_method){.name = "GetCycle", .arguments = {follow->id}}, &exit_status);
	if (!cycle)
		return exit_status;
	json_decref(follow->cycle);
	follow->cycle = cycle;
	outcome = json_word(cycle, "outcome");
	if (!follow->ended && strcmp(outcome, "running") != 0 && strcmp(outcome, "queued") != 0)
		follow_end(follow, outcome, json_word(cycle, "reason"));
	return CTL_OK;
}

/* The whole table again, over the one that stands there. */
static void redraw(struct follow *follow)
{
	const json_t *steps = json_object_get(follow->cycle, "steps");
	size_t i;
	const json_t *step;

	if (follow->lines > 0)
		printf("\033[%zuA", follow->lines);
	follow->lines = json_array_size(steps);
	json_array_foreach(steps, i, step)
	{
		const char *name = json_word(step, "step");
		const char *state = json_word(step, "state");
		const char *detail = json_word(step, "detail");
		double seconds = json_figure(step, "seconds");
		bool begun = strcmp(state, "begun") == 0;
		bool pending = strcmp(state, "pending") == 0;

		if (begun && strcmp(name, follow->step) == 0)
			seconds = (double)(now_usec() - follow->step_began) / USEC_PER_SEC;
		printf("\r\033[K");
		screen_step(follow->ctl, name, state, pending ? -1 : seconds,
			*detail ? detail
			: begun ? json_word(step, "text")
				: "");
	}
	fflush(stdout);
}

static int wait_a_little(struct follow *follow)
{
	uint64_t asked = now_usec();
	bool live = follow->ctl->terminal && !follow->ctl->json;

	while (!follow->ended && !follow->lost && !interrupted) {
		int r = sd_bus_process(follow->ctl->bus, NULL);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (now_usec() - asked >= (live ? ASK_TERMINAL_USEC : ASK_USEC))
			return 0;
		if (live)
			redraw(follow);
		r = sd_bus_wait(follow->ctl->bus, live ? REDRAW_USEC : WAIT_USEC);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

/* The cycle that runs now, if any: what a rollback takes back, and what an abort does. */
static void running_find(struct follow *follow, char id[static CTL_ID_MAX])
{
	int exit_status;
	json_t *status =
		ctl_call(follow->ctl, &(struct ctl_method){.name = "GetStatus"}, &exit_status);
	const json_t *cycle = json_object_get(status, "cycle");

	if (strcmp(json_word(cycle, "outcome"), "running") == 0)
		snprintf(id, CTL_ID_MAX, "%s", json_word(cycle, "id"));
	json_decref(status);
}

/* Until it has ended, or nothing more will be known of it. */
static int follow_wait(struct follow *follow)
{
	int r;

	while (!follow->ended && !follow->lost && !interrupted) {
		r = cycle_ask(follow);
		if (r != CTL_OK && !follow->lost)
			return CTL_UNKNOWN;
		if (wait_a_little(follow) >= 0 || follow->ended)
			continue;
		fprintf(stderr,
			"bluegreenctl: the system bus went in the middle of cycle %.8s, which goes "
			"on without it: how it ends, `%s history' tells\n",
			follow->id, ctl_command(follow->ctl));
		return CTL_UNKNOWN;
	}
	/* The last words are those of the record. */
	if (follow->ended)
		(void)cycle_ask(follow);
	if (follow->ctl->terminal && !follow->ctl->json)
		redraw(follow);
	return CTL_OK;
}

int ctl_follow(struct ctl *ctl, const struct ctl_method *method)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct follow follow = {.ctl = ctl};
	char running[CTL_ID_MAX] = "";
	int r;

	r = ctl_connect(ctl);
	if (r != CTL_OK)
		return r;
	/* Before the cycle begins, so that no signal of it is missed. */
	if (matches_add(ctl, &follow) < 0)
		return CTL_FAILED;
	if (strcmp(method->name, "Rollback") == 0)
		running_find(&follow, running);
	follow.began = now_usec();
	r = ctl_begin(ctl, method, follow.id);
	if (r != CTL_OK)
		return r;
	follow.takes_back = strcmp(method->name, "Abort") == 0 || strcmp(follow.id, running) == 0;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	r = follow_wait(&follow);
	if (r == CTL_OK)
		r = follow_tell(&follow);
	json_decref(follow.cycle);
	return r;
}
