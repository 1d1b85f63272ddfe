/* SPDX-License-Identifier: MIT */
/*
 * Knows who is ended before its time: what is in flight on a drained color past its limit, idle
 * clients where descriptors ran out, everybody at SIGTERM. Does not know why.
 */
#include "exchange.h"

/* How often the limits are looked at while streams are being ended one after the other. */
#define CUT_USEC (50 * USEC_PER_MSEC)

static bool in_scope(const struct session *session, enum color color, enum drain_extent extent)
{
	if (!session->inflight || session->color != color)
		return false;
	return extent == DRAIN_OF_ALL || session->class == ROUTE_READS;
}

static uint64_t streams_in_scope(struct worker *worker, enum color color, enum drain_extent extent)
{
	struct link *link, *after;
	uint64_t count = 0;

	list_for_each(link, after, &worker->sessions)
	{
		const struct session *session = container_of(link, struct session, link);

		if (session->stream && in_scope(session, color, extent))
			count++;
	}
	return count;
}

/*
 * Streams end one after the other over the last half of their time, so that their clients do not
 * all come back at the same moment. Returns how many may be left now.
 */
static uint64_t streams_allowed(struct worker *worker, enum color color)
{
	const struct plan_drain *drain = &worker->plan.drain[color];
	uint64_t half = (drain->streams_usec - drain->begun_usec) / 2;
	uint64_t left;

	if (worker->now >= drain->streams_usec)
		return 0;
	left = drain->streams_usec - worker->now;
	if (half == 0 || left > half)
		return UINT64_MAX;
	if (worker->cut_total[color] == 0)
		worker->cut_total[color] = streams_in_scope(worker, color, drain->extent);
	return worker->cut_total[color] * left / half;
}

/* A read that a color leaves unanswered, because it hangs say, is for the other one. */
static void cut(struct session *session)
{
	struct worker *worker = session->worker;

	if (!exchange_move(session)) {
		counter_add(&worker->counters.cut[session->color], 1);
		counter_add(&worker->counters.cut_ever, 1);
		exchange_fail(session, ENDING_CUT);
	}
	session_make_ready(session);
}

static void drain_color(struct worker *worker, enum color color)
{
	const struct plan_drain *drain = &worker->plan.drain[color];
	uint64_t allowed = streams_allowed(worker, color);
	uint64_t streams = streams_in_scope(worker, color, drain->extent);
	bool plain_is_over = worker->now >= drain->requests_usec;
	struct link *link, *after;

	/* cut() ends or keeps this session, and no other. */
	list_for_each(link, after, &worker->sessions)
	{
		struct session *session = container_of(link, struct session, link);

		if (!in_scope(session, color, drain->extent))
			continue;
		if (session->stream && streams > allowed) {
			streams--;
			cut(session);
		} else if (!session->stream && plain_is_over) {
			cut(session);
		}
	}
}

static bool anything_left(const struct worker *worker, enum color color)
{
	for (int class = 0; class < ROUTE_CLASS_COUNT; class ++)
		if (counter_read(&worker->counters.inflight[class][color]) > 0)
			return true;
	return false;
}

static uint64_t next_look(const struct worker *worker, const struct plan_drain *drain)
{
	uint64_t half = drain->begun_usec + (drain->streams_usec - drain->begun_usec) / 2;
	uint64_t next = USEC_INFINITY;

	if (worker->now < drain->requests_usec)
		next = drain->requests_usec;
	if (worker->now < half && half < next)
		next = half;
	/* A plain request may turn into a stream, so this goes on until nothing is left. */
	if (worker->now + CUT_USEC < next && (worker->now >= half || next == USEC_INFINITY))
		next = worker->now + CUT_USEC;
	return next;
}

void sessions_drain(struct worker *worker)
{
	uint64_t next = USEC_INFINITY;

	worker->drain_at = 0;
	for (int color = 0; color < COLOR_COUNT; color++) {
		const struct plan_drain *drain = &worker->plan.drain[color];
		uint64_t look;

		if (drain->extent == DRAIN_NONE || !anything_left(worker, (enum color)color))
			continue;
		drain_color(worker, (enum color)color);
		look = next_look(worker, drain);
		if (look < next)
			next = look;
	}
	if (next != USEC_INFINITY)
		worker->drain_at = next;
}

void sessions_shed(struct worker *worker, uint32_t count)
{
	while (count-- > 0 && !list_empty(&worker->timers[TIMER_IDLE])) {
		struct timer *timer =
			container_of(worker->timers[TIMER_IDLE].next, struct timer, link);

		session_end(container_of(timer, struct session, timer), SESSION_CLOSE);
	}
}

void sessions_stop(struct worker *worker)
{
	struct link *link, *after;

	worker->stopping = true;
	for (int color = 0; color < COLOR_COUNT; color++)
		backend_pool_clear(worker, (enum color)color);
	list_for_each(link, after, &worker->sessions)
	{
		struct session *session = container_of(link, struct session, link);

		/* A request may have come that we have not seen: one more look, then it closes. */
		if (session->state == SESSION_HELD) {
			session_answer(session, ENDING_SHUTDOWN);
			session_make_ready(session);
		}
		if (session->state != SESSION_HEAD)
			continue;
		session->client.readable = true;
		session_advance(session);
		if (session->state == SESSION_HEAD && flow_unparsed(&session->request) == 0)
			session_end(session, SESSION_CLOSE);
	}
}
