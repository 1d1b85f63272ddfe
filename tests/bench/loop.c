/* SPDX-License-Identifier: MIT */
/*
 * Knows nothing of HTTP: a connection is asked, and says when its answer is whole or broken.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "loop.h"

#define EVENTS_MAX 128

/* So many first requests at once: a herd would measure the queues of the machine. */
#define FILL_WINDOW 256

#define FILL_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define LATE_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define RETRY_USEC	  (10 * USEC_PER_MSEC)

int loop_prepare(struct loop *loop)
{
	loop->random = UINT64_C(88172645463325252);
	loop->traffic.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->traffic.epoll_fd < 0)
		return -errno;
	loop->connections = calloc(loop->count, sizeof(*loop->connections));
	loop->resting = calloc(loop->count, sizeof(struct connection *));
	if (!loop->connections || !loop->resting)
		return -ENOMEM;
	for (size_t i = 0; i < loop->count; i++)
		loop->connections[i] = (struct connection){.fd = -EBADF, .number = i};
	return 0;
}

static void note_broken(struct loop *loop, struct connection *c)
{
	loop->errors++;
	loop->asked--;
	loop->broken++;
	c->broken = true;
}

static void ask(struct loop *loop, struct connection *c, uint64_t since)
{
	c->since = since;
	loop->asked++;
	if (!connection_ask(&loop->traffic, c))
		note_broken(loop, c);
}

/* Those that were refused or cut; a little later, lest this turns in circles. */
static void ask_broken_again(struct loop *loop)
{
	uint64_t now = now_usec();

	if (now < loop->retry)
		return;
	loop->retry = now + RETRY_USEC;
	loop->broken = 0;
	for (size_t i = 0; i < loop->count; i++) {
		if (!loop->connections[i].broken)
			continue;
		loop->connections[i].broken = false;
		ask(loop, &loop->connections[i], now);
	}
}

static void rest(struct loop *loop, struct connection *c)
{
	loop->resting[(loop->rest_first + loop->rest_count++) % loop->count] = c;
}

/* Random arrivals, as those of people are, the same ones for every proxy: xorshift64. */
static double next_interval(struct loop *loop)
{
	loop->random ^= loop->random << 13;
	loop->random ^= loop->random >> 7;
	loop->random ^= loop->random << 17;
	return -log((double)(loop->random >> 11) * 0x1p-53 + 0x1p-54) * (double)USEC_PER_SEC /
	       loop->rate;
}

static struct connection *take_resting(struct loop *loop)
{
	struct connection *c = loop->resting[loop->rest_first];

	loop->rest_first = (loop->rest_first + 1) % loop->count;
	loop->rest_count--;
	return c;
}

/* Asks what is due before the time, as long as a connection is free for it. */
static void ask_due(struct loop *loop, uint64_t before)
{
	while (loop->due < (double)before && loop->rest_count > 0) {
		ask(loop, take_resting(loop), (uint64_t)loop->due);
		loop->due += next_interval(loop);
	}
}

static void finish(struct loop *loop, struct connection *c)
{
	uint64_t now = now_usec();

	loop->answered++;
	loop->filled += !c->answered;
	c->answered = true;
	/* A request of an open loop belongs to the time at which it was due. */
	if (loop->counting && (loop->kind != LOOP_OPEN || c->since >= loop->counted_from))
		histogram_add(&loop->times, now - c->since);
	if (loop->kind == LOOP_OPEN || loop->filling || loop->asked >= loop->limit)
		rest(loop, c);
	else
		ask(loop, c, now);
}

/* Waits for events until the time at most, in usec. */
static void turn(struct loop *loop, double until)
{
	struct epoll_event events[EVENTS_MAX];
	double left = until - (double)now_usec();
	struct timespec wait = {0};
	int n;

	if (left > (double)RETRY_USEC)
		left = (double)RETRY_USEC;
	if (left > 0)
		wait.tv_nsec = (long)(left * (double)NSEC_PER_USEC);
	n = epoll_pwait2(loop->traffic.epoll_fd, events, EVENTS_MAX, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;

		switch (connection_receive(&loop->traffic, c, events[i].events)) {
		case OUTCOME_PENDING:
			break;
		case OUTCOME_WHOLE:
			finish(loop, c);
			break;
		case OUTCOME_BROKEN:
			note_broken(loop, c);
			break;
		}
	}
	if (loop->broken > 0)
		ask_broken_again(loop);
}

int loop_fill(struct loop *loop)
{
	uint64_t end = now_usec() + FILL_TIMEOUT_USEC;

	loop->filling = true;
	loop->filled = 0;
	loop->rest_count = 0;
	for (size_t i = 0; i < loop->count; i++)
		loop->connections[i].answered = false;
	for (size_t i = 0; loop->filled < loop->count;) {
		for (; i < loop->count && i - loop->filled < FILL_WINDOW; i++)
			ask(loop, &loop->connections[i], now_usec());
		if (now_usec() >= end)
			return -ETIMEDOUT;
		turn(loop, (double)end);
	}
	loop->filling = false;
	loop->due = (double)now_usec();
	return 0;
}

void loop_count(struct loop *loop)
{
	loop->counting = true;
	loop->counted_from = now_usec();
}

void loop_run(struct loop *loop, uint64_t usec)
{
	uint64_t now = now_usec(), end = now + usec;

	while (loop->kind == LOOP_CLOSED && loop->rest_count > 0 && loop->asked < loop->limit)
		ask(loop, take_resting(loop), now_usec());
	for (; now < end; now = now_usec()) {
		double until = (double)end;

		if (loop->answered >= loop->limit)
			return;
		if (loop->kind == LOOP_OPEN) {
			ask_due(loop, now);
			/* Without a free connection it is an answer that is waited for. */
			if (loop->rest_count > 0 && loop->due < until)
				until = loop->due;
		}
		turn(loop, until);
	}
}

void loop_finish(struct loop *loop)
{
	uint64_t end = now_usec(), late = end + LATE_TIMEOUT_USEC;

	for (uint64_t now = end; now < late; now = now_usec()) {
		ask_due(loop, end);
		if (loop->rest_count == loop->count)
			return;
		turn(loop, (double)late);
	}
	loop->errors += loop->count - loop->rest_count;
}
