/* SPDX-License-Identifier: MIT */
/*
 * Knows bytes that go both ways, whatever they mean: after a 101 Switching Protocols, and where
 * nothing is HTTP.
 */
#include "exchange-parts.h"

#include <errno.h>
#include <sys/socket.h>

#include "forward.h"
#include "session-parts.h"

/* ---- how one begins ---- */

static void tunnel_enter(struct session *session)
{
	exchange_stream_begins(session);
	session->state = SESSION_TUNNEL;
	timer_stop(&session->timer);
}

void tunnel_begin(struct session *session)
{
	if (!session->upgrade) {
		exchange_fail(session, ENDING_BACKEND_BAD);
		return;
	}
	response_count_status(session);
	session->response_begun = true;
	session->response_body = http1_body_begin(&session->worker->head);
	response_pass_head(session, FORWARD_PLAIN);
	if (session->state != SESSION_EXCHANGE)
		return;
	flow_forget(&session->request);
	session->request_body = session->response_body;
	(void)flow_frame(&session->request, &session->request_body, false);
	flow_settle(&session->request, &session->worker->buffers);
	tunnel_enter(session);
}

bool tunnel_await(struct session *session, struct backend *backend)
{
	struct flow *flow = &session->request;
	char introduction[PROXY_HEADER_WRITE_MAX];
	size_t size = session_introduce(session, introduction);

	/* There may be nothing to send, so only the kernel's event can say that it is connected. */
	backend->peer.writable = false;
	peer_keep_alive(&backend->peer);
	/* A color that refused may have left one of its own. */
	flow_rewind(flow, 0);
	return size == 0 || flow_put_front(flow, introduction, size) == 0;
}

bool tunnel_connect_step(struct session *session)
{
	struct peer *peer = &session->backend->peer;
	struct http1_head *head = &session->worker->head;
	socklen_t size = sizeof(peer->error);

	if (!peer->writable)
		return false;
	if (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &peer->error, &size) < 0)
		peer->error = errno;
	if (peer->error) {
		exchange_lost(session);
		return true;
	}
	worker_color_reached(session->worker, session->color);
	session->backend->sent = true;
	session->response_begun = true; /* no answer of ours would be understood */
	head->framing = HTTP1_TUNNEL;
	session->request_body = session->response_body = http1_body_begin(head);
	/* What came with a PROXY header, or a preface that was read before anybody knew what it is.
	 */
	(void)flow_frame(&session->request, &session->request_body, false);
	tunnel_enter(session);
	return true;
}

/* ---- its way ---- */

enum tunnel_moved { TUNNEL_MOVED, TUNNEL_STILL, TUNNEL_OVER };

/*
 * One direction; an end is passed on as an end, once everything before it was sent. Who takes no
 * more may have said something before it left: that still goes the other way.
 */
static enum tunnel_moved tunnel_move(
	struct session *session, struct flow *flow, struct peer *from, struct peer *to)
{
	bool up = flow == &session->request;
	struct http1_body *body = up ? &session->request_body : &session->response_body;
	enum tunnel_moved moved = TUNNEL_STILL;
	enum flow_result result;

	if (to->error)
		return TUNNEL_STILL;
	if (!from->ended) {
		result = flow_receive(flow, from, body, &session->worker->buffers);
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
	if (result == FLOW_BLOCKED)
		return moved;
	if (result == FLOW_BROKEN) {
		flow_drop_unsent(flow, &session->worker->buffers);
		to->readable = true;
	}
	if (from->ended && !flow_has_unsent(flow))
		(void)shutdown(to->fd, SHUT_WR);
	return TUNNEL_MOVED;
}

static bool has_ended(const struct peer *from, const struct flow *flow, const struct peer *to)
{
	return to->error || (from->ended && !flow_has_unsent(flow));
}

/* It hung up, said all, and we have not ended towards it: it is gone, and no read would tell. */
static bool has_left(const struct peer *peer, const struct flow *from_it, const struct flow *to_it,
	const struct peer *other)
{
	return peer->reset && peer->ended && !flow_has_unsent(from_it) &&
	       (!other->ended || flow_has_unsent(to_it));
}

static bool tunnel_is_over(const struct session *session)
{
	const struct peer *client = &session->client, *color = &session->backend->peer;
	const struct flow *up = &session->request, *down = &session->backend->flow;

	return (has_ended(client, up, color) && has_ended(color, down, client)) ||
	       has_left(client, up, down, color) || has_left(color, down, up, client);
}

/* EPIPE: it had ended before, and only took no more. */
static bool was_reset(const struct peer *peer)
{
	return peer->error != 0 && peer->error != EPIPE;
}

static enum ending tunnel_ending(const struct session *session)
{
	if (was_reset(&session->backend->peer))
		return ENDING_TUNNEL_RESET;
	return was_reset(&session->client) ? ENDING_CLIENT_GONE : ENDING_DONE;
}

/* What broke off for one side breaks off for the other: an end could be taken for the whole. */
void tunnel_end(struct session *session)
{
	struct worker_counters *counters = &session->worker->counters;
	struct peer *color = &session->backend->peer;
	enum ending ending = tunnel_ending(session);

	counter_add(&counters->answered[session->class][session->color], 1);
	if (ending == ENDING_TUNNEL_RESET)
		counter_add(&counters->reset[session->color], 1);
	exchange_count_end(session, ending);
	if (was_reset(&session->client))
		peer_cut(color);
	session_end(session, was_reset(color) ? SESSION_CUT : SESSION_CLOSE);
}

bool tunnel_step(struct session *session)
{
	struct backend *backend = session->backend;
	enum tunnel_moved up, down;

	down = tunnel_move(session, &backend->flow, &backend->peer, &session->client);
	up = tunnel_move(session, &session->request, &session->client, &backend->peer);
	if (up == TUNNEL_OVER || down == TUNNEL_OVER || tunnel_is_over(session)) {
		tunnel_end(session);
		return false;
	}
	/* Who has heard the end of an upgraded connection has a while to say its own; what we do
	 * not know may take its time, and keep-alive finds who is gone. */
	if (!session->tcp && (session->client.ended || backend->peer.ended) &&
		(session->timer.kind == TIMER_NONE || up == TUNNEL_MOVED || down == TUNNEL_MOVED))
		timer_arm(session->worker, &session->timer, TIMER_STALL);
	exchange_count_bytes(session);
	return up == TUNNEL_MOVED || down == TUNNEL_MOVED;
}
