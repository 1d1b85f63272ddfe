/* SPDX-License-Identifier: MIT */
/*
 * Knows the heads that come on a client connection: how one is read, refused, and made a request.
 * Does not know where it goes (session-hold.c).
 */
#include "session-parts.h"

#include "forward.h"

static enum ending ending_of(enum http1_verdict verdict)
{
	switch (verdict) {
	case HTTP1_TOO_LARGE:
		return ENDING_HEAD_TOO_LARGE;
	case HTTP1_TARGET_TOO_LONG:
		return ENDING_TARGET_TOO_LONG;
	case HTTP1_NOT_IMPLEMENTED:
		return ENDING_NOT_IMPLEMENTED;
	case HTTP1_VERSION:
		return ENDING_VERSION;
	case HTTP1_OK:
	case HTTP1_MORE:
	case HTTP1_BAD:
	case HTTP1_VERDICT_COUNT:
		break;
	}
	return ENDING_BAD_REQUEST;
}

static void head_refuse(struct session *session, enum ending ending)
{
	session->keep_alive = false;
	session->method = HTTP1_METHOD_OTHER;
	session->http10 = false;
	session->close_after = true;
	session_answer(session, ending);
}

/* It is relayed as bytes from now on, and counts as a write: nobody here knows what they mean. */
void bytes_begin(struct session *session)
{
	session->tcp = true;
	session->class = ROUTE_WRITES;
	counter_add(&session->worker->counters.begun, 1);
	session_dispatch_parsed(session);
}

static void request_begin(struct session *session)
{
	struct worker *worker = session->worker;
	const struct http1_head *head = &worker->head;
	struct flow *flow = &session->request;

	counter_add(&worker->counters.begun, 1);
	flow->keeping = true;
	flow->kept = flow->parsed;
	session->unread = false;
	session->head_size = head->size;
	session->method = head->method;
	session->keep_alive = head->keep_alive;
	session->http10 = head->minor == 0;
	session->upgrade = forward_upgrades(flow_bytes(flow) + flow->kept, head);
	session->class = http1_method_is_safe(head->method) && !session->upgrade ? ROUTE_READS
										 : ROUTE_WRITES;
	session->request_body = http1_body_begin(head);
	flow_skip_head(flow, head->size);
	if (head->method == HTTP1_CONNECT) {
		head_refuse(session, ENDING_CONNECT_METHOD);
		return;
	}
	/* A front end that is trusted has secured it (RFC 9110 section 7.4). */
	if (head->secured && !session->forward.trusted) {
		head_refuse(session, ENDING_MISDIRECTED);
		return;
	}
	if (flow_frame(flow, &session->request_body, false) == HTTP1_BAD) {
		head_refuse(session, ENDING_BAD_REQUEST);
		return;
	}
	switch (forward_reach(flow_bytes(flow) + flow->kept, head)) {
	case FORWARD_ON:
		session_dispatch_parsed(session);
		break;
	case FORWARD_HERE:
		session_answer(session,
			head->method == HTTP1_TRACE ? ENDING_TRACE_HERE : ENDING_OPTIONS_HERE);
		break;
	case FORWARD_ASTRAY:
		head_refuse(session, ENDING_BAD_REQUEST);
		break;
	}
}

static bool head_fill(struct session *session)
{
	enum flow_result result =
		flow_fill(&session->request, &session->client, &session->worker->buffers);

	if (flow_is_over(result))
		session_end(session, SESSION_CLOSE);
	return result == FLOW_MOVED;
}

static void empty_lines_skip(struct session *session)
{
	struct flow *flow = &session->request;
	size_t n;

	if (!flow->buffer)
		return;
	n = http1_skip_empty_lines(flow_bytes(flow) + flow->parsed, flow_unparsed(flow));
	if (n > 0)
		session->unread = false;
	flow_skip_head(flow, (uint32_t)n);
	flow_settle(flow, &session->worker->buffers);
}

/* HTTP/2 begins with a connection or not at all; behind a request its preface is one of a version
 * that is not spoken. */
static enum http1_verdict preface_look(const struct session *session)
{
	const struct flow *flow = &session->request;

	return session->unread
		       ? http1_preface_match(flow_bytes(flow) + flow->parsed, flow_unparsed(flow))
		       : HTTP1_BAD;
}

bool head_step(struct session *session)
{
	struct worker *worker = session->worker;
	struct flow *flow = &session->request;
	enum http1_verdict verdict;

	empty_lines_skip(session);
	if (flow_unparsed(flow) == 0) {
		session->head_size = 0;
		return head_fill(session);
	}
	verdict = preface_look(session);
	if (verdict == HTTP1_OK) {
		bytes_begin(session);
		return true;
	}
	if (verdict != HTTP1_MORE)
		verdict = http1_request_parse(flow_bytes(flow) + flow->parsed, flow_unparsed(flow),
			&session->seen, &worker->head);
	if (verdict == HTTP1_OK) {
		request_begin(session);
		return true;
	}
	session->head_size = 0;
	if (verdict == HTTP1_MORE && flow_unparsed(flow) == BUFFER_SIZE)
		verdict = HTTP1_TOO_LARGE;
	if (verdict != HTTP1_MORE) {
		counter_add(&worker->counters.begun, 1);
		head_refuse(session, ending_of(verdict));
		return true;
	}
	if (session->timer.kind != TIMER_HEAD)
		timer_arm(worker, &session->timer, TIMER_HEAD);
	return head_fill(session);
}

bool held_step(struct session *session)
{
	/*
	 * Who closed may be gone for good, and would never know that its write was executed; who
	 * closed only its sending half reads this answer.
	 */
	if (!session->client.hung_up)
		return false;
	session->close_after = true;
	session_answer(session, ENDING_HOLD_LEFT);
	return true;
}

void head_expired(struct session *session)
{
	struct worker_counters *counters = &session->worker->counters;

	if (flow_unparsed(&session->request) == 0) {
		counter_add(&counters->idle_closed, 1);
		session_end(session, SESSION_CLOSE);
		return;
	}
	counter_add(&counters->begun, 1);
	head_refuse(session, ENDING_CLIENT_SLOW);
}
