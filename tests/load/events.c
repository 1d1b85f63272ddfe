/* SPDX-License-Identifier: MIT */
/*
 * An event ends with an empty line; only LF and CRLF line ends are known, and only `data`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "events.h"

#define PAUSE_USEC (100 * USEC_PER_MSEC) /* before the next stream */
#define EVENT_MAX  1024			 /* of an event; what is longer is cut off */

enum events_state {
	EVENTS_RESTING,
	EVENTS_CONNECTING,
	EVENTS_WAITING, /* for the first event */
	EVENTS_FLOWING,
};

struct events {
	struct actor actor;
	struct run *run;
	enum events_state state;
	struct ticket ticket;
	struct request request;
	struct answer answer;
	char event[EVENT_MAX];
	size_t event_size;
};

static void rest(struct events *e, uint64_t usec)
{
	loop_drop(e->run->loop, &e->actor);
	e->state = EVENTS_RESTING;
	e->event_size = 0;
	(void)loop_set_deadline(e->run->loop, &e->actor, now_usec() + usec);
}

static void fail(struct events *e, enum outcome outcome, const char *detail)
{
	if (e->state == EVENTS_FLOWING)
		judge_settle_late(e->run->judge, &e->ticket, outcome, detail);
	else
		judge_settle(e->run->judge, &e->ticket, outcome, e->answer.color, detail);
	rest(e, PAUSE_USEC);
}

static void judge_first(struct events *e)
{
	const char *why = "status is not 200";
	enum outcome outcome;

	outcome = e->run->options.no_receipt
			  ? OUTCOME_ANSWERED
			  : judge_answer(&e->ticket, &e->answer, "", e->event, e->event_size, &why);
	if (outcome != OUTCOME_ANSWERED) {
		fail(e, outcome, why);
		return;
	}
	judge_settle(e->run->judge, &e->ticket, outcome, e->answer.color, "");
	e->state = EVENTS_FLOWING;
	/* From now on the stream may be silent as long as it likes. */
	(void)loop_set_deadline(e->run->loop, &e->actor, USEC_INFINITY);
}

static void end_event(struct events *e)
{
	bool has_data = memmem(e->event, e->event_size, "data:", 5);
	bool sound = e->answer.status == 200 && e->answer.event_stream;

	/* If it is not sound, judge_head() will say why. */
	if (has_data && sound && e->state == EVENTS_WAITING)
		judge_first(e);
	if (has_data && e->state == EVENTS_FLOWING)
		e->run->judge->events++;
	e->event_size = 0;
}

static void take_body(void *owner, const char *bytes, size_t size)
{
	struct events *e = owner;

	for (size_t i = 0; i < size && e->actor.fd >= 0; i++) {
		bool line_ended = e->event_size > 0 && e->event[e->event_size - 1] == '\n';

		if (bytes[i] == '\r')
			continue;
		if (bytes[i] == '\n' && line_ended)
			end_event(e);
		else if (e->event_size < sizeof(e->event))
			e->event[e->event_size++] = bytes[i];
	}
}

/* The connection or the answer is over. */
static void end_stream(struct events *e, bool properly, enum outcome outcome)
{
	struct connection_counts *counts = &e->run->judge->connections;

	if (e->state == EVENTS_FLOWING && properly)
		counts->streams_ended++;
	else if (e->state == EVENTS_FLOWING && e->run->options.cut_ok)
		counts->streams_cut++;
	else {
		fail(e, outcome,
			e->state == EVENTS_FLOWING ? "the stream was cut"
						   : "it ended before the first event");
		return;
	}
	rest(e, PAUSE_USEC);
}

static void judge_head(struct events *e)
{
	enum outcome outcome = run_status_outcome(e->run, &e->answer, 200);
	char detail[64];

	if (outcome == OUTCOME_HELD_REFUSED) {
		judge_settle(e->run->judge, &e->ticket, outcome, e->answer.color, "");
		rest(e, PAUSE_USEC);
	} else if (outcome != OUTCOME_ANSWERED) {
		snprintf(detail, sizeof(detail), "status %u", e->answer.status);
		fail(e, outcome, detail);
	} else if (!e->answer.event_stream) {
		fail(e, OUTCOME_WRONG_BODY, "the answer is no text/event-stream");
	}
}

static void receive(struct events *e)
{
	const struct answer_sink sink = {.take = take_body, .owner = e};
	char bytes[4096];
	ssize_t n = wire_receive(e->actor.fd, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		end_stream(e, n == 0 && answer_end(&e->answer),
			n == 0 ? OUTCOME_EARLY_EOF : wire_outcome((int)n));
		return;
	}
	(void)answer_feed(&e->answer, bytes, (size_t)n, &sink);
	if (e->actor.fd < 0)
		return;
	if (e->answer.state == ANSWER_BAD)
		fail(e, OUTCOME_BAD_HTTP, e->answer.flaw);
	else if (e->state == EVENTS_WAITING && e->answer.status)
		judge_head(e);
	if (e->actor.fd >= 0 && e->answer.state == ANSWER_WHOLE)
		end_stream(e, true, OUTCOME_EARLY_EOF);
}

static void begin(struct events *e)
{
	int r;

	if (judge_issue(e->run->judge, KIND_EVENTS, now_usec(), &e->ticket) < 0)
		return;
	request_write(
		&e->request, e->run, &e->ticket, "/events", "Accept: text/event-stream\r\n", "");
	answer_begin(&e->answer);
	e->state = EVENTS_CONNECTING;
	(void)loop_set_deadline(e->run->loop, &e->actor, now_usec() + e->run->options.timeout_usec);
	r = wire_connect(e->run, &e->actor);
	if (r < 0)
		fail(e, OUTCOME_REFUSED, strerror(-r));
}

static void on_ready(struct actor *actor, uint32_t events)
{
	struct events *e = (struct events *)actor;
	int r;

	if (e->state == EVENTS_CONNECTING) {
		r = wire_connected(actor->fd);
		if (r < 0) {
			fail(e, OUTCOME_REFUSED, strerror(-r));
			return;
		}
		e->state = EVENTS_WAITING;
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		receive(e);
		return;
	}
	r = request_send(&e->request, actor->fd);
	if (r < 0)
		fail(e, OUTCOME_RESET, "while the request was being sent");
	else
		(void)loop_watch(e->run->loop, actor, r ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void on_deadline(struct actor *actor)
{
	struct events *e = (struct events *)actor;

	if (e->state != EVENTS_RESTING)
		fail(e, OUTCOME_TIMEOUT, "no event within --timeout");
	else if (!e->run->ending)
		begin(e);
}

int events_open(struct run *run, struct events **ret_events)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->actor = (struct actor){.fd = -EBADF,
		.deadline = USEC_INFINITY,
		.on_ready = on_ready,
		.on_deadline = on_deadline};
	e->run = run;
	rest(e, 0);
	*ret_events = e;
	return 0;
}

struct events *events_close(struct events *e)
{
	if (!e)
		return NULL;
	fd_close(e->actor.fd);
	free(e);
	return NULL;
}
