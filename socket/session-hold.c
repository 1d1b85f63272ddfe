/* SPDX-License-Identifier: MIT */
/*
 * Knows how a request gets its color, or waits for one. Does not know what is sent.
 */
#include "session-parts.h"

#include "exchange.h"

void session_hold_leave(struct session *session)
{
	struct shared *shared = session->worker->shared;
	uint64_t waited, longest;

	if (list_empty(&session->held))
		return;
	list_remove(&session->held);
	atomic_fetch_sub(&shared->holding, 1);
	atomic_fetch_sub(&shared->held_bytes, session->held_bytes);
	session->held_bytes = 0;
	waited = session->worker->now - session->held_since;
	longest = atomic_load(&shared->hold_longest_usec);
	while (waited > longest &&
		!atomic_compare_exchange_weak(&shared->hold_longest_usec, &longest, waited))
		;
}

/* The longest wait first. */
static void held_insert(struct session *session)
{
	struct link *before = session->worker->held.previous;

	while (before != &session->worker->held &&
		container_of(before, struct session, held)->held_since > session->held_since)
		before = before->previous;
	list_insert(before, &session->held);
}

void session_hold_restore(struct session *session)
{
	struct shared *shared = session->worker->shared;

	session->held_bytes = session->request.end - session->request.kept;
	atomic_fetch_add(&shared->holding, 1);
	atomic_fetch_add(&shared->held_bytes, session->held_bytes);
	held_insert(session);
}

static void hold(struct session *session)
{
	struct worker *worker = session->worker;
	struct shared *shared = worker->shared;
	uint64_t bytes = session->request.end - session->request.kept;

	if (!list_empty(&session->held))
		return; /* it was tried, and waits on */
	/* What was held at SIGTERM was told the same: nobody would come in time. */
	if (worker->stopping) {
		session_answer(session, ENDING_SHUTDOWN);
		return;
	}
	if (atomic_fetch_add(&shared->holding, 1) >= worker->plan.hold_requests ||
		atomic_load(&shared->held_bytes) + bytes > worker->plan.hold_bytes) {
		atomic_fetch_sub(&shared->holding, 1);
		session_answer(session, ENDING_HOLD_FULL);
		return;
	}
	if (session->held_since == 0) {
		session->held_since = worker->now;
		counter_add(&worker->counters.held_ever, 1);
	}
	session->held_bytes = bytes;
	atomic_fetch_add(&shared->held_bytes, bytes);
	session->state = SESSION_HELD;
	timer_arm_since(worker, &session->timer, TIMER_HOLD, session->held_since);
	held_insert(session);
	/* Not the route but a color that failed it is why it waits: that may pass unannounced. */
	if (session->refused != 0)
		worker_retry_soon(worker);
}

/* The color that the request goes to next, if any. */
static bool color_pick(struct session *session, enum color *ret_color)
{
	struct worker *worker = session->worker;
	unsigned int refused = session->refused | worker_unreachable(worker, session->class);

	if (session->pinned && !(refused & (1U << session->pin))) {
		*ret_color = session->pin;
		return true;
	}
	/* A write waits for the color that is to have it; a read is well served by the other. */
	if (session->pinned && session->class == ROUTE_WRITES && !session->tcp)
		return false;
	return route_pick(&worker->plan.route, session->class, &worker->turn[session->class],
		refused, ret_color);
}

/* worker->head is the request's; a connection that is relayed as bytes has none. */
void session_dispatch_parsed(struct session *session)
{
	struct worker *worker = session->worker;
	enum color color;

	session->pinned = session->cookie_hidden = false;
	session->cookie_due = SESSION_COOKIE_STAYS;
	if (affinity_is_active(&worker->plan.affinity))
		session_place(session);
	while (color_pick(session, &color)) {
		switch (exchange_begin(session, color)) {
		case EXCHANGE_BEGUN:
			session_hold_leave(session);
			return;
		case EXCHANGE_REFUSED:
			session->refused |= 1U << color;
			worker_color_down(worker, color);
			break;
		case EXCHANGE_NO_MEANS:
			/* No color's fault: nobody is told, and no other is asked. */
			worker->shed = SHED_COUNT;
			worker_retry_soon(worker);
			hold(session);
			return;
		}
		/* A write waits for the color that is to have it; who only connects goes on. */
		if (session->class == ROUTE_WRITES && !session->tcp)
			break;
	}
	hold(session);
}

void session_dispatch(struct session *session)
{
	struct flow *flow = &session->request;
	uint32_t seen = 0;

	/* It was parsed once, so it can be again; the worker's one head has served others since. */
	if (!session->tcp &&
		http1_request_parse(flow_bytes(flow) + flow->kept, flow->end - flow->kept, &seen,
			&session->worker->head) != HTTP1_OK) {
		session_answer(session, ENDING_BAD_REQUEST);
		return;
	}
	session_dispatch_parsed(session);
}

void sessions_retry_held(struct worker *worker)
{
	struct link *link, *after;

	worker->down = 0;
	worker->retry_at = 0;
	list_for_each(link, after, &worker->held)
	{
		struct session *session = container_of(link, struct session, held);
		struct route_turn turn = worker->turn[session->class];
		enum color color;

		session->refused = 0;
		/* Without a color there is no need to read its head again. */
		if (!route_pick(&worker->plan.route, session->class, &turn,
			    worker_unreachable(worker, session->class), &color))
			continue;
		session_dispatch(session);
		if (session->state != SESSION_HELD)
			session_make_ready(session);
	}
}

void sessions_follow_plan(struct worker *worker)
{
	struct link *link, *after;

	for (int color = 0; color < COLOR_COUNT; color++)
		if (!route_uses(&worker->plan.route, (enum color)color))
			backend_pool_clear(worker, (enum color)color);
	list_for_each(link, after, &worker->sessions)
	{
		struct session *session = container_of(link, struct session, link);

		if (session->state == SESSION_PROXY)
			session_make_ready(session);
		/* Chosen, and not a byte sent: still ours to choose again. */
		if (session->state != SESSION_EXCHANGE || session->backend->sent ||
			worker->plan.route.weight[session->class][session->color] != ROUTE_NEVER)
			continue;
		exchange_release(session, false);
		session->refused = 0;
		session_dispatch(session);
		session_make_ready(session);
	}
	sessions_retry_held(worker);
	worker->drain_at = worker->now;
}
