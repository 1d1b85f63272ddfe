/* SPDX-License-Identifier: MIT */
/*
 * Knows what the relay itself says to a client, and how it stops talking. Why, ending.c knows.
 */
#include "session-parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* What Retry-After says where nothing better is known. */
#define RETRY_AFTER_SECONDS 5

static bool says_allow(enum ending ending)
{
	return ending == ENDING_CONNECT_METHOD || ending == ENDING_OPTIONS_HERE ||
	       ending == ENDING_TRACE_HERE;
}

static int answer_format(const struct session *session, enum ending ending, char *text, size_t size)
{
	const char *date = worker_date(session->worker);
	const char *status = ending_status(ending), *sentence = ending_sentence(ending);
	const char *connection = "", *body = session->method == HTTP1_HEAD ? "" : sentence;
	char again[32] = "";

	/* A 503 says when to come back (RFC 9110 section 15.6.4). */
	if (strncmp(status, "503", 3) == 0)
		(void)snprintf(again, sizeof(again), "Retry-After: %d\r\n", RETRY_AFTER_SECONDS);
	if (session->close_after)
		connection = "Connection: close\r\n";
	else if (session->http10)
		connection = "Connection: keep-alive\r\n";
	return snprintf(text, size,
		"HTTP/1.1 %s\r\n%sContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: %zu\r\n%s%s%s\r\n%s%s",
		status, date, strlen(sentence) + 1, again,
		says_allow(ending) ? "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n" : "",
		connection, body, *body ? "\n" : "");
}

void session_give_answer(struct session *session, enum ending ending)
{
	struct worker *worker = session->worker;
	char text[1024];
	int length;

	/* Who may speak anything would not understand our HTTP. */
	if (!ending_status(ending) || session->tcp) {
		session_end(session, SESSION_CLOSE);
		return;
	}
	/* Where the next request begins is known only if this one came whole. */
	if (!session->keep_alive || worker->stopping || session->head_size == 0 ||
		!http1_body_ended(&session->request_body))
		session->close_after = true;
	length = answer_format(session, ending, text, sizeof(text));
	session->state = SESSION_ANSWER;
	timer_arm(worker, &session->timer, TIMER_STALL);
	if (flow_send_behind(&session->answer, &session->client, text, (size_t)length,
		    &worker->buffers) == FLOW_BROKEN)
		session_end(session, SESSION_CLOSE);
}

void session_answer(struct session *session, enum ending ending)
{
	struct worker_counters *counters = &session->worker->counters;

	session_hold_leave(session);
	counter_add(&counters->endings[ending], 1);
	if (ending == ENDING_HOLD_EXPIRED || ending == ENDING_HOLD_FULL)
		counter_add(&counters->hold_expired, 1);
	session_give_answer(session, ending);
}

bool answer_step(struct session *session)
{
	enum flow_result result;

	if (flow_has_unsent(&session->answer)) {
		result = flow_send(&session->answer, &session->client, &session->worker->buffers);
		if (flow_is_over(result))
			session_end(session, SESSION_CLOSE);
		return result == FLOW_MOVED;
	}
	if (session->close_after) {
		session_linger(session);
		return true;
	}
	/* The whole request may stand in the buffer, unsent: over it. */
	flow_drop_unsent(&session->request, &session->worker->buffers);
	session_next(session);
	return true;
}

void session_linger(struct session *session)
{
	flow_clear(&session->request, &session->worker->buffers);
	if (shutdown(session->client.fd, SHUT_WR) < 0) {
		session_end(session, SESSION_CLOSE);
		return;
	}
	session->state = SESSION_LINGER;
	timer_arm(session->worker, &session->timer, TIMER_LINGER);
}

bool linger_step(struct session *session)
{
	struct buffer_pool *buffers = &session->worker->buffers;
	enum flow_result result = flow_fill(&session->request, &session->client, buffers);

	if (flow_is_over(result))
		session_end(session, SESSION_CLOSE);
	else
		flow_clear(&session->request, buffers);
	return result == FLOW_MOVED;
}
