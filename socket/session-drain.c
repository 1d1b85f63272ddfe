/* SPDX-License-Identifier: MIT */
/*
 * Knows who is ended before its time: what is in flight on a drained color past its limit, idle
 * clients where descriptors ran out, everybody at SIGTERM. Does not know why.
 */
#include "exchange.h"

/* How often the limits are looked at while streams are being ended one after the other. */
#define CUT_USEC (50 * USEC_PER_MSEC)

/* The part of the time for requests in flight at SIGTERM that streams are given: few of them end by
 * themselves, and while they last nobody is served at the port. */
#define STOP_STREAMS_PART 6

static bool in_scope(const struct session *session, enum color color, enum drain_extent extent)
{
	if (!session->inflight || session->color != color)
		return false;
	return extent == DRAIN_OF_ALL || session->class == ROUTE_READS;
}

static uint64_t half_of(const struct plan_drain *drain)
{
	return drain->begun_usec + (drain->streams_usec - drain->begun_usec) / 2;
}

/*
 * When a stream is ended: at a point of the last half of its time that chance gives it, so that
 * neither the clients of one color nor those of one worker come back in step. Chance is a hash of
 * who it is, keyed by the worker's random number: nothing need be remembered of it. Who was handed
 * over has lost that moment and gets another one, of the time that is left.
 */
static uint64_t stream_end(const struct session *session, const struct plan_drain *drain)
{
	const struct worker *worker = session->worker;
	const uint64_t who[] = {(uintptr_t)session, drain->serial};
	uint64_t from = half_of(drain);
	uint64_t window;

	if (from < worker->began_usec)
		from = worker->began_usec;
	window = drain->streams_usec > from ? drain->streams_usec - from : 0;
	return drain->streams_usec - siphash(&worker->deck.key, who, sizeof(who)) % (window + 1);
}

static bool is_over(const struct session *session, const struct plan_drain *drain)
{
	uint64_t now = session->worker->now;

	return session->stream ? now >= stream_end(session, drain) : now >= drain->requests_usec;
}

static void count_cut(struct session *session)
{
	struct worker_counters *counters = &session->worker->counters;

	counter_add(&counters->cut[session->color], 1);
	counter_add(&counters->cut_ever, 1);
	if (!session->stream)
		return;
	counter_add(&counters->cut_streams[session->color], 1);
	counter_add(&counters->cut_streams_ever, 1);
}

/* A read that a color leaves unanswered, because it hangs say, is for the other one. */
static void cut(struct session *session)
{
	if (!exchange_move(session)) {
		count_cut(session);
		exchange_fail(session, ENDING_CUT);
	}
	session_make_ready(session);
}

static void drain_color(struct worker *worker, enum color color)
{
	const struct plan_drain *drain = &worker->plan.drain[color];
	struct link *link, *after;

	/* cut() ends or keeps this session, and no other. */
	list_for_each(link, after, &worker->sessions)
	{
		struct session *session = container_of(link, struct session, link);

		if (in_scope(session, color, drain->extent) && is_over(session, drain))
			cut(session);
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
	uint64_t half = half_of(drain);
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

/* As in a drain; but what is relayed as bytes may be short and is given all the time. */
static void stop_streams(struct worker *worker)
{
	uint64_t time = worker->shared->settings.shutdown_usec;
	struct plan_drain stop = {
		.begun_usec = worker->stop_at - time,
		.streams_usec = worker->stop_at - time + time / STOP_STREAMS_PART,
	};
	struct link *link, *after;

	list_for_each(link, after, &worker->sessions)
	{
		struct session *session = container_of(link, struct session, link);

		if (!session->stream || session->tcp || worker->now < stream_end(session, &stop))
			continue;
		exchange_fail(session, ENDING_SHUTDOWN);
		session_make_ready(session);
	}
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
	if (worker->stopping) {
		stop_streams(worker);
		if (worker->now + CUT_USEC < next)
			next = worker->now + CUT_USEC;
	}
	if (next != USEC_INFINITY)
		worker->drain_at = next;
}

/* Returns how many were left to be closed. */
static uint32_t pools_shed(struct worker *worker, uint32_t count)
{
	for (int color = 0; color < COLOR_COUNT; color++) {
		struct link *pool = &worker->pool[color];

		for (; count > 0 && !list_empty(pool); count--)
			backend_drop(container_of(pool->previous, struct backend, link));
	}
	return count;
}

void sessions_shed(struct worker *worker, uint32_t count)
{
	/* A connection to a color is made again in no time, and nobody notices. */
	count = pools_shed(worker, count);
	while (count-- > 0 && !list_empty(&worker->timers[TIMER_IDLE])) {
		struct timer *timer =
			container_of(worker->timers[TIMER_IDLE].next, struct timer, link);

		counter_add(&worker->counters.shed, 1);
		session_end(container_of(timer, struct session, timer), SESSION_CLOSE);
	}
}

void sessions_stop(struct worker *worker)
{
	struct link *link, *after;

	worker->stopping = true;
	worker->drain_at = worker->now;
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
		if (session->state != SESSION_HEAD && session->state != SESSION_PROXY)
			continue;
		session->client.readable = true;
		session_advance(session);
		if (session->state == SESSION_PROXY ||
			(session->state == SESSION_HEAD && flow_unparsed(&session->request) == 0))
			session_end(session, SESSION_CLOSE);
	}
}
