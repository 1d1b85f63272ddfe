/* SPDX-License-Identifier: MIT */
/*
 * Knows what follows a 101 Switching Protocols: bytes both ways, whatever they mean.
 */
#include "exchange-parts.h"

#include "forward.h"

void tunnel_begin(struct session *session)
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
	flow_settle(&session->request, &session->worker->buffers);
	exchange_stream_begins(session);
	session->state = SESSION_TUNNEL;
	timer_stop(&session->timer);
}

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
