/* SPDX-License-Identifier: MIT */
/*
 * Knows how a request and its response move, and what may be tried again. Does not choose colors.
 *
 * The rule that everything here serves: a request of which any byte may have reached the
 * application is never sent again, unless its method is safe; and what came of a response is never
 * passed off as the whole.
 */
#include "exchange-parts.h"

#include <errno.h>

#include "forward.h"
#include "session-parts.h"

/* A read whose fresh connection died is tried so often again, not on and on: a request may kill
 * every instance that it meets. */
#define TRIES_MAX 2

static void backend_woken(void *owner)
{
	session_advance(owner);
}

static struct counter *inflight_counter(struct session *session)
{
	return &session->worker->counters.inflight[session->class][session->color];
}

void exchange_release(struct session *session, bool backend_is_good)
{
	struct worker *worker = session->worker;

	if (session->backend) {
		exchange_count_bytes(session);
		if (backend_is_good)
			backend_give_back(session->backend);
		else
			backend_drop(session->backend);
		session->backend = NULL;
	}
	if (worker->prober[session->color] == session) {
		worker->prober[session->color] = NULL;
		worker_retry_soon(worker);
	}
	if (session->stream)
		counter_add(&worker->counters.streams[session->color], (uint64_t)-1);
	session->stream = false;
	if (!session->inflight)
		return;
	session->inflight = false;
	counter_add(inflight_counter(session), (uint64_t)-1);
	if (worker->plan.drain[session->color].extent != DRAIN_NONE &&
		counter_read(inflight_counter(session)) == 0)
		worker_tell(worker);
}

void exchange_fail(struct session *session, enum ending ending)
{
	struct worker *worker = session->worker;
	bool stream = session->stream;

	if (ending_blames_backend(ending))
		counter_add(&worker->counters.failed[session->color], 1);
	/* An interim answer of the application that is only half on its way can't be followed by
	 * ours. */
	if (session->backend && session->backend->flow.front)
		session->response_begun = true;
	exchange_release(session, false);
	exchange_count_end(session, ending);
	if (!session->response_begun && ending_status(ending))
		session_give_answer(session, ending);
	else
		session_end(session, stream ? SESSION_CLOSE : SESSION_CUT);
}

void exchange_stream_begins(struct session *session)
{
	session->stream = true;
	counter_add(&session->worker->counters.streams[session->color], 1);
	counter_add(&session->worker->counters.streams_ever[session->color], 1);
}

/* ---- sending the request ---- */

static enum exchange_begun begun_from_error(int error)
{
	return backend_error_is_refusal(error) ? EXCHANGE_REFUSED : EXCHANGE_NO_MEANS;
}

/* The session and its backend connection belong together from now on. */
static void exchange_attach(struct session *session, struct backend *backend)
{
	struct worker *worker = session->worker;

	session->backend = backend;
	session->color = backend->color;
	session->state = SESSION_EXCHANGE;
	session->response_seen = 0;
	session->sent_at = worker->now; /* or later: request_send() */
	session->client.sent = 0;	/* what we said ourselves is no color's */
	session->inflight = true;
	counter_add(inflight_counter(session), 1);
	timer_arm(worker, &session->timer, backend->sent ? TIMER_RESPONSE : TIMER_CONNECT);
	if (backend->pooled)
		return; /* what it takes says nothing of a connect */
	if (backend->sent)
		worker_color_reached(worker, session->color);
	else if (worker->silent & (1U << session->color))
		worker->prober[session->color] = session;
}

enum exchange_begun exchange_begin(struct session *session, enum color color)
{
	struct worker *worker = session->worker;
	const char *hidden = session->cookie_hidden ? worker->plan.affinity.name : NULL;
	enum backend_kind kind = BACKEND_FRESH;
	struct flow *flow = &session->request;
	struct backend *backend;
	size_t length;
	int r;

	/* What begins with a PROXY header is its client's own. */
	if (session->class == ROUTE_READS && !session->fresh_only &&
		worker->plan.clients.send_proxy == PROXY_VERSION_NONE)
		kind = BACKEND_POOLED_IF_ANY;
	r = backend_take(worker, color, kind, session, backend_woken, &backend);
	if (r < 0)
		return begun_from_error(-r);
	backend->introduced = worker->plan.clients.send_proxy != PROXY_VERSION_NONE;
	if (session->tcp) {
		if (!tunnel_await(session, backend)) {
			backend_drop(backend);
			return EXCHANGE_NO_MEANS;
		}
		exchange_attach(session, backend);
		return EXCHANGE_BEGUN;
	}

	length = session_introduce(session, worker->scratch);
	length += forward_request_head(flow_bytes(flow) + flow->kept, &worker->head,
		&session->forward, hidden, worker->scratch + length);
	flow_rewind(flow, session->head_size);
	switch (flow_send_behind(flow, &backend->peer, worker->scratch, length, &worker->buffers)) {
	case FLOW_MOVED:
		backend->sent = true;
		break;
	case FLOW_BLOCKED:
		break; /* the connection is not there yet */
	case FLOW_ENDED:
	case FLOW_BROKEN:
		/* A pooled connection that is gone says nothing about the color. */
		if (backend->pooled && backend_error_is_refusal(backend->peer.error)) {
			backend_drop(backend);
			session->fresh_only = true;
			return exchange_begin(session, color);
		}
		r = backend->peer.error;
		backend_drop(backend);
		return begun_from_error(r);
	}
	exchange_attach(session, backend);
	return EXCHANGE_BEGUN;
}

int exchange_adopt(struct session *session, const struct backend *image, int fd)
{
	struct backend now = *image;
	int r;

	now.color = session->color;
	r = backend_adopt(session->worker, &now, fd, session, backend_woken, &session->backend);
	if (r < 0) {
		session->inflight = session->stream = false; /* not counted yet */
		return r;
	}
	/* Only the kernel's event says that it is connected. */
	if (session->tcp && session->state == SESSION_EXCHANGE)
		session->backend->peer.writable = false;
	session->backend->peer.readable = image->sent;
	counter_add(inflight_counter(session), 1);
	if (session->stream)
		counter_add(&session->worker->counters.streams[session->color], 1);
	return 0;
}

/* The connection was refused, or died, before a byte of the request was given to it. */
static void exchange_refused(struct session *session)
{
	struct worker *worker = session->worker;

	session->refused |= 1U << session->color;
	worker_color_down(worker, session->color);
	exchange_release(session, false);
	session_dispatch(session);
}

/* It is safe, it is here whole, and nothing of a response was passed on. */
static bool may_go_again(const struct session *session)
{
	return session->class == ROUTE_READS && session->request.keeping &&
	       session->informational == 0 && session->tries < TRIES_MAX;
}

bool exchange_move(struct session *session)
{
	const struct route *route = &session->worker->plan.route;
	enum color other = color_other(session->color);

	if (!may_go_again(session) || route->weight[ROUTE_READS][other] == ROUTE_NEVER)
		return false;
	session->tries++;
	session->refused |= 1U << session->color;
	counter_add(&session->worker->counters.again[session->color], 1);
	exchange_release(session, false);
	session_dispatch(session);
	return true;
}

/* It ended or broke before its response began. */
void exchange_lost(struct session *session)
{
	const struct backend *backend = session->backend;

	if (!backend->sent && !backend->pooled && flow_unparsed(&backend->flow) == 0) {
		worker_color_reached(session->worker, session->color);
		exchange_refused(session);
		return;
	}
	counter_add(&session->worker->counters.reset[session->color], 1);
	if (flow_unparsed(&backend->flow) > 0) {
		exchange_fail(session, ENDING_BACKEND_BAD);
		return;
	}
	if (!may_go_again(session)) {
		exchange_fail(session, ENDING_BACKEND_RESET);
		return;
	}
	if (!backend->pooled) {
		session->tries++;
		session->refused |= 1U << session->color;
	}
	session->fresh_only = true;
	counter_add(&session->worker->counters.again[session->color], 1);
	exchange_release(session, false);
	session_dispatch(session);
}

/* True if bytes moved. */
static bool request_send(struct session *session)
{
	struct backend *backend = session->backend;
	enum flow_result result;

	if (backend->deaf || !flow_has_unsent(&session->request))
		return false;
	result = flow_send(&session->request, &backend->peer, &session->worker->buffers);
	if (result == FLOW_BLOCKED)
		return false;
	if (result == FLOW_MOVED) {
		if (!backend->sent) {
			timer_arm(session->worker, &session->timer, TIMER_RESPONSE);
			session->sent_at = session->worker->now;
			worker_color_reached(session->worker, session->color);
		}
		backend->sent = true;
		session->progress = true;
		exchange_count_bytes(session);
		return true;
	}
	if (!backend->sent) {
		exchange_lost(session);
		return true;
	}
	/* It may have answered before it closed (RFC 9112 section 9.5): read that. */
	backend->deaf = true;
	backend->peer.error = 0;
	backend->peer.readable = true;
	return true;
}

/* Receives more of the request's body. True if bytes moved or the state changed. */
static bool request_receive(struct session *session)
{
	struct flow *flow = &session->request;
	enum flow_result result;

	if (http1_body_ended(&session->request_body) || session->backend->deaf)
		return false;
	/* Too long to be kept for another try; what is not sent yet will need one whole. */
	if (flow_is_full(flow) && flow->keeping && session->backend->sent)
		flow_forget(flow);
	result = flow_receive(
		flow, &session->client, &session->request_body, &session->worker->buffers);
	if (result == FLOW_BLOCKED)
		return false;
	if (flow_is_over(result)) {
		exchange_fail(session, ENDING_CLIENT_GONE);
		return true;
	}
	session->progress = true;
	if (flow_frame(flow, &session->request_body, false) == HTTP1_BAD) {
		session->keep_alive = false;
		exchange_fail(session, ENDING_BAD_REQUEST);
	}
	return true;
}

/* Who is waited for, and how long that may take. */
static enum timer_kind exchange_timer(const struct session *session)
{
	if (!session->backend->sent)
		return TIMER_CONNECT;
	if (flow_has_unsent(&session->backend->flow))
		return TIMER_STALL;
	if (session->stream)
		return TIMER_NONE;
	if (!session->response_begun && !http1_body_ended(&session->request_body) &&
		!flow_has_unsent(&session->request))
		return TIMER_STALL;
	return TIMER_RESPONSE;
}

static void exchange_arm(struct session *session)
{
	enum timer_kind kind = exchange_timer(session);

	if (kind == session->timer.kind && !session->progress)
		return;
	session->progress = false;
	if (kind == TIMER_NONE)
		timer_stop(&session->timer);
	else
		timer_arm(session->worker, &session->timer, kind);
}

void exchange_expired(struct session *session)
{
	enum timer_kind kind = exchange_timer(session);

	if (kind == TIMER_CONNECT) {
		session->worker->silent |= 1U << session->color;
		exchange_refused(session);
	} else if (kind == TIMER_STALL && !session->response_begun) {
		exchange_fail(session, ENDING_CLIENT_SLOW);
	} else if (kind == TIMER_STALL) {
		exchange_fail(session, ENDING_CLIENT_STALLED);
	} else {
		exchange_fail(session, ENDING_BACKEND_SLOW);
	}
}

bool exchange_step(struct session *session)
{
	bool more;

	if (session->tcp)
		return tunnel_connect_step(session);
	/* Who closes while its request is answered may have closed its sending half only; who reads
	 * a stream has nothing left to close but the whole. */
	if (session->client.reset || (session->stream && session->client.hung_up)) {
		exchange_fail(session, ENDING_CLIENT_GONE);
		return true;
	}
	more = request_send(session);
	if (session->state == SESSION_EXCHANGE && request_receive(session))
		more = true;
	if (session->state == SESSION_EXCHANGE && response_step(session))
		more = true;
	if (session->state == SESSION_EXCHANGE && response_send(session))
		more = true;
	if (session->state != SESSION_EXCHANGE)
		return true;
	if (session->response_whole && !flow_has_unsent(&session->backend->flow)) {
		response_done(session);
		return true;
	}
	exchange_arm(session);
	return more;
}
