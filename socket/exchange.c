/* SPDX-License-Identifier: MIT */
/*
 * Knows how a request and its response move, and what may be tried again. Does not choose colors.
 *
 * The rule that everything here serves: a request of which any byte may have reached the
 * application is never sent again, unless its method is safe; and what came of a response is never
 * passed off as the whole.
 */
#include "exchange.h"

#include <errno.h>

#include "forward.h"

/* 1xx answers to one request; an endless row of them would keep a client waiting for ever. */
#define INFORMATIONAL_MAX 32

/* A read whose fresh connection died is tried once more, not on and on: a request that kills
 * the instance it meets must not be led through all of them. */
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
		if (backend_is_good)
			backend_give_back(session->backend);
		else
			backend_drop(session->backend);
		session->backend = NULL;
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
	if (!session->response_begun && ending_status(ending)) {
		session_answer(session, ending);
		return;
	}
	counter_add(&worker->counters.endings[ending], 1);
	session_end(session, stream ? SESSION_CLOSE : SESSION_CUT);
}

static void stream_begins(struct session *session)
{
	session->stream = true;
	counter_add(&session->worker->counters.streams[session->color], 1);
}

/* ---- sending the request ---- */

static enum exchange_begun begun_from_error(int error)
{
	return backend_error_is_refusal(error) ? EXCHANGE_REFUSED : EXCHANGE_NO_MEANS;
}

enum exchange_begun exchange_begin(struct session *session, enum color color)
{
	struct worker *worker = session->worker;
	struct forward_peer peer = {session->address, session->trusted};
	enum backend_kind kind = BACKEND_FRESH;
	struct flow *flow = &session->request;
	struct backend *backend;
	size_t length;
	int r;

	if (session->class == ROUTE_READS && !session->fresh_only)
		kind = BACKEND_POOLED_IF_ANY;
	r = backend_take(worker, color, kind, session, backend_woken, &backend);
	if (r < 0)
		return begun_from_error(-r);

	length = forward_request_head(
		flow_bytes(flow) + flow->kept, &worker->head, &peer, worker->scratch);
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
	session->backend = backend;
	session->color = color;
	session->state = SESSION_EXCHANGE;
	session->response_seen = 0;
	session->inflight = true;
	counter_add(inflight_counter(session), 1);
	timer_arm(worker, &session->timer, backend->sent ? TIMER_RESPONSE : TIMER_CONNECT);
	return EXCHANGE_BEGUN;
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

/* It ended or broke before its response began. */
static void exchange_lost(struct session *session)
{
	const struct backend *backend = session->backend;

	if (flow_unparsed(&backend->flow) > 0) {
		exchange_fail(session, ENDING_BACKEND_BAD);
		return;
	}
	if (!backend->sent && !backend->pooled) {
		exchange_refused(session);
		return;
	}
	if (session->class != ROUTE_READS || !session->request.keeping ||
		session->informational > 0 || session->tries >= TRIES_MAX) {
		exchange_fail(session, ENDING_BACKEND_RESET);
		return;
	}
	if (!backend->pooled) {
		session->tries++;
		session->refused |= 1U << session->color;
	}
	session->fresh_only = true;
	exchange_release(session, false);
	session_dispatch(session);
}

/* True if bytes moved. */
static bool request_send(struct session *session)
{
	struct backend *backend = session->backend;

	if (backend->deaf || !flow_has_unsent(&session->request))
		return false;
	switch (flow_send(&session->request, &backend->peer, &session->worker->buffers)) {
	case FLOW_MOVED:
		if (!backend->sent)
			timer_arm(session->worker, &session->timer, TIMER_RESPONSE);
		backend->sent = true;
		session->progress = true;
		return true;
	case FLOW_BLOCKED:
		return false;
	case FLOW_ENDED:
	case FLOW_BROKEN:
		break;
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

	if (http1_body_ended(&session->request_body) || session->backend->deaf)
		return false;
	if (flow_is_full(flow) && flow->keeping && flow->next > flow->kept)
		flow_forget(flow); /* too long to be kept for another try */
	switch (flow_fill(flow, &session->client, &session->worker->buffers)) {
	case FLOW_MOVED:
		session->progress = true;
		break;
	case FLOW_BLOCKED:
		return false;
	case FLOW_ENDED:
	case FLOW_BROKEN:
		exchange_fail(session, ENDING_CLIENT_GONE);
		return true;
	}
	if (flow_frame(flow, &session->request_body, false) == HTTP1_BAD) {
		session->keep_alive = false;
		exchange_fail(session, ENDING_BAD_REQUEST);
	}
	return true;
}

/* ---- receiving the response ---- */

/* Counted before its last byte is sent, so that who has its answer finds it counted. */
static void response_is_whole(struct session *session)
{
	session->response_whole = true;
	counter_add(&session->worker->counters.answered[session->class][session->color], 1);
}

/* Frames what was received of the body. False: it is of doubtful framing. */
static bool response_frame(struct session *session)
{
	enum http1_verdict verdict =
		flow_frame(&session->backend->flow, &session->response_body, session->unchunk);

	if (verdict == HTTP1_OK)
		response_is_whole(session);
	return verdict == HTTP1_OK || verdict == HTTP1_MORE;
}

/* Sends a head of the application on to the client, with what stands behind it. */
static void response_pass_head(struct session *session, enum forward_ending ending)
{
	struct worker *worker = session->worker;
	struct flow *flow = &session->backend->flow;
	size_t length = forward_response_head(flow_bytes(flow) + flow->parsed, &worker->head,
		ending, session->unchunk, worker->scratch);
	bool framed;

	flow_skip_head(flow, worker->head.size);
	framed = !session->response_begun || response_frame(session);
	if (flow_send_behind(flow, &session->client, worker->scratch, length, &worker->buffers) ==
		FLOW_BROKEN)
		exchange_fail(session, ENDING_CLIENT_GONE);
	else if (!framed)
		exchange_fail(session, ENDING_BACKEND_TRUNCATED);
}

static void response_informational(struct session *session)
{
	struct flow *flow = &session->backend->flow;

	session->response_seen = 0;
	if (++session->informational > INFORMATIONAL_MAX) {
		exchange_fail(session, ENDING_BACKEND_BAD);
		return;
	}
	if (session->http10) {
		/* RFC 9110 section 15.2: never sent to an HTTP/1.0 client. */
		flow_skip_head(flow, session->worker->head.size);
		flow_settle(flow, &session->worker->buffers);
		return;
	}
	response_pass_head(session, FORWARD_PLAIN);
}

static void tunnel_begin(struct session *session)
{
	if (!session->upgrade) {
		exchange_fail(session, ENDING_BACKEND_BAD);
		return;
	}
	session->response_begun = true;
	session->response_body = http1_body_begin(&session->worker->head);
	response_pass_head(session, FORWARD_PLAIN);
	if (session->state != SESSION_EXCHANGE)
		return;
	flow_forget(&session->request);
	session->request_body = session->response_body;
	(void)flow_frame(&session->request, &session->request_body, false);
	stream_begins(session);
	session->state = SESSION_TUNNEL;
	timer_stop(&session->timer);
}

static void response_begin(struct session *session)
{
	struct worker *worker = session->worker;
	const struct http1_head *head = &worker->head;
	enum forward_ending ending = FORWARD_PLAIN;

	flow_forget(&session->request);
	session->response_begun = true;
	session->response_body = http1_body_begin(head);
	session->unchunk = session->http10 && head->framing == HTTP1_CHUNKED;
	session->backend_keeps = head->keep_alive && head->framing != HTTP1_UNTIL_CLOSE;
	session->close_after = !session->keep_alive || head->framing == HTTP1_UNTIL_CLOSE ||
			       session->unchunk || worker->stopping ||
			       !http1_body_ended(&session->request_body);
	if (session->close_after)
		ending = FORWARD_CLOSE;
	else if (session->http10)
		ending = FORWARD_KEEP_ALIVE;
	if (head->event_stream)
		stream_begins(session);
	response_pass_head(session, ending);
}

static void response_head(struct session *session)
{
	struct worker *worker = session->worker;
	struct flow *flow = &session->backend->flow;
	enum http1_verdict verdict;

	verdict = http1_response_parse(flow_bytes(flow) + flow->parsed, flow_unparsed(flow),
		&session->response_seen, session->method, &worker->head);
	if (verdict == HTTP1_MORE && flow_unparsed(flow) < BUFFER_SIZE)
		return;
	if (verdict != HTTP1_OK)
		exchange_fail(session, ENDING_BACKEND_BAD);
	else if (worker->head.framing == HTTP1_TUNNEL)
		tunnel_begin(session);
	else if (worker->head.status < 200)
		response_informational(session);
	else
		response_begin(session);
}

/* Bytes that we leave unread would turn our end into a reset that overtakes the response (RFC 9112
 * section 9.6). Who said that this is its last request sends none. */
static bool client_is_done(const struct session *session)
{
	return !session->keep_alive && !session->client.readable &&
	       flow_unparsed(&session->request) == 0;
}

/* The whole response has been sent. */
static void response_done(struct session *session)
{
	struct worker *worker = session->worker;
	bool request_whole =
		http1_body_ended(&session->request_body) && !flow_has_unsent(&session->request);

	counter_add(&worker->counters.endings[ENDING_DONE], 1);
	exchange_release(session, session->backend_keeps && request_whole);
	if (request_whole && !session->close_after)
		session_next(session);
	else if (request_whole && client_is_done(session))
		session_end(session, SESSION_CLOSE);
	else
		session_linger(session);
}

/* The backend's connection came to its end. */
static void response_ended(struct session *session)
{
	struct backend *backend = session->backend;

	if (!session->response_begun) {
		exchange_lost(session);
		return;
	}
	if (session->response_body.framing != HTTP1_UNTIL_CLOSE || backend->peer.error) {
		exchange_fail(session, ENDING_BACKEND_TRUNCATED);
		return;
	}
	/* An end is what a close-delimited response ends with. */
	session->backend_keeps = false;
	response_is_whole(session);
}

static bool response_receive(struct session *session)
{
	struct flow *flow = &session->backend->flow;

	if (session->response_whole)
		return false;
	switch (flow_fill(flow, &session->backend->peer, &session->worker->buffers)) {
	case FLOW_MOVED:
		session->progress = true;
		break;
	case FLOW_BLOCKED:
		return false;
	case FLOW_ENDED:
	case FLOW_BROKEN:
		response_ended(session);
		return true;
	}
	if (session->response_begun && !response_frame(session))
		exchange_fail(session, ENDING_BACKEND_TRUNCATED);
	return true;
}

static bool response_send(struct session *session)
{
	struct flow *flow = &session->backend->flow;

	if (!flow_has_unsent(flow))
		return false;
	switch (flow_send(flow, &session->client, &session->worker->buffers)) {
	case FLOW_MOVED:
		session->progress = true;
		return true;
	case FLOW_BLOCKED:
		return false;
	case FLOW_ENDED:
	case FLOW_BROKEN:
		break;
	}
	exchange_fail(session, ENDING_CLIENT_GONE);
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

	if (kind == TIMER_CONNECT)
		exchange_refused(session);
	else if (kind == TIMER_STALL && !session->response_begun)
		exchange_fail(session, ENDING_CLIENT_SLOW);
	else if (kind == TIMER_STALL)
		exchange_fail(session, ENDING_CLIENT_STALLED);
	else
		exchange_fail(session, ENDING_BACKEND_SLOW);
}

/*
 * A head that stands in the buffer comes before what the socket says next: behind an interim
 * answer and the final one there may already be the end of the connection.
 */
static bool response_step(struct session *session)
{
	uint32_t unparsed = flow_unparsed(&session->backend->flow);

	if (!session->response_begun && unparsed > 0) {
		response_head(session);
		if (session->state != SESSION_EXCHANGE || session->response_begun ||
			flow_unparsed(&session->backend->flow) < unparsed)
			return true;
	}
	return response_receive(session);
}

bool exchange_step(struct session *session)
{
	bool more;

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

/* ---- after a 101 ---- */

enum tunnel_moved { TUNNEL_MOVED, TUNNEL_STILL, TUNNEL_OVER };

/* One direction; an end is passed on as an end, once everything before it was sent. */
static enum tunnel_moved tunnel_move(
	struct session *session, struct flow *flow, struct peer *from, struct peer *to)
{
	bool up = flow == &session->request;
	struct http1_body *body = up ? &session->request_body : &session->response_body;
	enum tunnel_moved moved = TUNNEL_STILL;
	enum flow_result result;

	if (!from->ended) {
		result = flow_fill(flow, from, &session->worker->buffers);
		if (result == FLOW_BROKEN)
			return TUNNEL_OVER;
		if (result == FLOW_MOVED)
			(void)flow_frame(flow, body, false);
		if (result != FLOW_BLOCKED)
			moved = TUNNEL_MOVED;
		if (result == FLOW_ENDED && !flow_has_unsent(flow))
			(void)shutdown(to->fd, SHUT_WR);
	}
	if (!flow_has_unsent(flow))
		return moved;
	result = flow_send(flow, to, &session->worker->buffers);
	if (result == FLOW_BROKEN)
		return TUNNEL_OVER;
	if (result == FLOW_MOVED)
		moved = TUNNEL_MOVED;
	if (from->ended && !flow_has_unsent(flow))
		(void)shutdown(to->fd, SHUT_WR);
	return moved;
}

bool tunnel_step(struct session *session)
{
	struct backend *backend = session->backend;
	enum tunnel_moved up, down;

	up = tunnel_move(session, &session->request, &session->client, &backend->peer);
	down = tunnel_move(session, &backend->flow, &backend->peer, &session->client);
	if (up == TUNNEL_OVER || down == TUNNEL_OVER ||
		(session->client.ended && backend->peer.ended &&
			!flow_has_unsent(&session->request) && !flow_has_unsent(&backend->flow))) {
		counter_add(&session->worker->counters.answered[session->class][session->color], 1);
		session_end(session, SESSION_CLOSE);
		return false;
	}
	/* Who has heard the end has a while to say its own. */
	if ((session->client.ended || backend->peer.ended) &&
		(session->timer.kind == TIMER_NONE || up == TUNNEL_MOVED || down == TUNNEL_MOVED))
		timer_arm(session->worker, &session->timer, TIMER_STALL);
	return up == TUNNEL_MOVED || down == TUNNEL_MOVED;
}
