/* SPDX-License-Identifier: MIT */
/*
 * Knows how a response comes and goes on to the client, and what makes it whole. Does not know what
 * becomes of a request that got none (exchange.c).
 */
#include "exchange-parts.h"

#include "forward.h"

/* 1xx answers to one request; an endless row of them would keep a client waiting for ever. */
#define INFORMATIONAL_MAX 32

/* Counted before its last byte is sent, so that who has its answer finds it counted. */
static void response_is_whole(struct session *session)
{
	session->response_whole = true;
	session->backend->flow.last = session->close_after;
	counter_add(&session->worker->counters.answered[session->class][session->color], 1);
}

void response_count_status(struct session *session)
{
	/* From 100 to 599: a head with any other is none. */
	unsigned int class = session->worker->head.status / 100U - 1;

	counter_add(&session->worker->counters.status[class][session->color], 1);
}

/*
 * What the color itself said of how it went, and how long it took: both clocks are those of the
 * batch of events that the bytes were in, so that counting costs no system call. 501 and 505 say
 * something of the request.
 */
static void response_count(struct session *session)
{
	struct worker_counters *counters = &session->worker->counters;
	uint16_t status = session->worker->head.status;
	unsigned int bucket = latency_bucket(session->answered_at - session->sent_at);

	counter_add(&counters->latency[session->color][bucket], 1);
	counter_add(
		&counters->latency_usec[session->color], session->answered_at - session->sent_at);
	response_count_status(session);
	if (status >= 500 && status != 501 && status != 505)
		counter_add(&counters->errors[session->color], 1);
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
void response_pass_head(struct session *session, enum forward_ending ending)
{
	struct worker *worker = session->worker;
	struct flow *flow = &session->backend->flow;
	size_t length = forward_response_head(flow_bytes(flow) + flow->parsed, &worker->head,
		ending, session->http10, worker->scratch);
	bool framed;

	/* Who passes on an answer without a date adds it (RFC 9110 section 6.6.1); an interim one
	 * is of no age. */
	if (worker->head.status >= 200 && !worker->head.dated)
		length = forward_add_lines(
			worker->scratch, length, worker_date(worker), DATE_LINE_SIZE - 1);
	if (session->response_begun && session->cookie_due != SESSION_COOKIE_STAYS)
		length = session_put_cookie(session, worker->scratch, length);
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
	response_count_status(session);
	session->answered_at = session->worker->now; /* what stands behind it came no later */
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

static void response_begin(struct session *session)
{
	struct worker *worker = session->worker;
	const struct http1_head *head = &worker->head;
	enum forward_ending ending = FORWARD_PLAIN;

	/* A stream may last for hours; it needs no memory for its request. */
	flow_forget(&session->request);
	flow_settle(&session->request, &worker->buffers);
	response_count(session);
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
		exchange_stream_begins(session);
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
	return !session->keep_alive && flow_unparsed(&session->request) == 0 &&
	       session_is_quiet(session);
}

/* The whole response has been sent. */
void response_done(struct session *session)
{
	bool request_whole =
		http1_body_ended(&session->request_body) && !flow_has_unsent(&session->request);

	exchange_count_end(session, ENDING_DONE);
	exchange_release(session, session->backend_keeps && request_whole);
	if (request_whole && !session->close_after)
		session_next(session);
	else if (request_whole && client_is_done(session))
		session_say_end(session);
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
		counter_add(&session->worker->counters.reset[session->color], 1);
		exchange_fail(session, ENDING_BACKEND_TRUNCATED);
		return;
	}
	/* An end is what a close-delimited response ends with. */
	session->backend_keeps = false;
	response_is_whole(session);
}

static bool response_receive(struct session *session)
{
	struct buffer_pool *buffers = &session->worker->buffers;
	struct peer *peer = &session->backend->peer;
	struct flow *flow = &session->backend->flow;
	enum flow_result result;

	if (session->response_whole)
		return false;
	if (!session->response_begun && flow_unparsed(flow) == 0)
		session->answered_at = session->worker->now;
	if (session->response_begun)
		result = flow_receive(flow, peer, &session->response_body, buffers);
	else
		result = flow_fill(flow, peer, buffers);
	if (result == FLOW_BLOCKED)
		return false;
	if (flow_is_over(result)) {
		response_ended(session);
		return true;
	}
	session->progress = true;
	if (session->response_begun && !response_frame(session))
		exchange_fail(session, ENDING_BACKEND_TRUNCATED);
	return true;
}

bool response_send(struct session *session)
{
	struct flow *flow = &session->backend->flow;
	enum flow_result result;

	if (!flow_has_unsent(flow))
		return false;
	result = flow_send(flow, &session->client, &session->worker->buffers);
	if (result == FLOW_BLOCKED)
		return false;
	session->progress = true;
	exchange_count_bytes(session);
	if (flow_is_over(result))
		exchange_fail(session, ENDING_CLIENT_GONE);
	return true;
}

/*
 * A head that stands in the buffer comes before what the socket says next: behind an interim
 * answer and the final one there may already be the end of the connection.
 */
bool response_step(struct session *session)
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
