/* SPDX-License-Identifier: MIT */
/*
 * Knows a client connection from accept to close. Does not know how heads are read
 * (session-head.c), how a color is chosen (session-hold.c) nor how bodies move (exchange.c).
 */
#include "session-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "exchange.h"

/* Steps before others get their turn, and bytes moved by the kernel, of which one step takes many.
 */
#define STEPS_MAX 64
#define MOVED_MAX (512 * 1024)

/* So long a client that waits for its first response goes unwatched: who asks one question a
 * connection has left by then, and never cost an epoll_ctl(). Whether it hung up is known later by
 * so much, no more. */
#define WATCH_USEC (5 * USEC_PER_MSEC)

static void session_bury(struct watch *watch)
{
	free(container_of(watch, struct session, watch));
}

void session_make_ready(struct session *session)
{
	if (session->state != SESSION_DEAD && list_empty(&session->ready))
		list_append(&session->worker->ready, &session->ready);
}

void session_end(struct session *session, enum session_end how)
{
	if (session->state == SESSION_DEAD)
		return;
	session->state = SESSION_DEAD;
	session_hold_leave(session);
	exchange_release(session, false);
	timer_stop(&session->timer);
	list_remove(&session->link);
	list_remove(&session->ready);
	list_remove(&session->unwatched);
	flow_clear(&session->request, &session->worker->buffers);
	flow_clear(&session->answer, &session->worker->buffers);
	/* A reset says that what came is not the whole; an end could be taken for it. */
	if (how == SESSION_CUT)
		peer_cut(&session->client);
	if (session->handed)
		worker_forget_fd(session->worker, session->client.fd);
	session->client.fd = fd_close(session->client.fd);
	atomic_fetch_sub(&session->worker->shared->clients, 1);
	worker_unwatch(session->worker, &session->watch);
}

void session_say_end(struct session *session)
{
	/* First the end, with the bytes that waited for it: should the client say something after
	 * all, close() throws away what was not sent. */
	(void)shutdown(session->client.fd, SHUT_WR);
	session_end(session, SESSION_CLOSE);
}

void session_next(struct session *session)
{
	struct worker *worker = session->worker;

	session->state = SESSION_HEAD;
	session->seen = session->response_seen = 0;
	session->held_since = 0;
	session->refused = 0;
	session->tries = session->informational = 0;
	session->fresh_only = session->response_begun = session->response_whole = false;
	session->unchunk = session->upgrade = false;
	session->place = AFFINITY_NOWHERE;
	flow_forget(&session->request);
	flow_settle(&session->request, &worker->buffers);
	if (worker->stopping && !session->request.buffer) {
		session_end(session, SESSION_CLOSE);
		return;
	}
	timer_arm(worker, &session->timer, TIMER_IDLE);
}

/* ---- the life of a connection ---- */

static bool session_step(struct session *session)
{
	switch (session->state) {
	case SESSION_PROXY:
		return proxy_step(session);
	case SESSION_HEAD:
		return head_step(session);
	case SESSION_HELD:
		return held_step(session);
	case SESSION_EXCHANGE:
		return exchange_step(session);
	case SESSION_TUNNEL:
		return tunnel_step(session);
	case SESSION_ANSWER:
		return answer_step(session);
	case SESSION_LINGER:
		return linger_step(session);
	case SESSION_DEAD:
	case SESSION_STATE_COUNT:
		break;
	}
	return false;
}

/* ---- watching it ---- */

static bool is_watched(const struct session *session)
{
	return list_empty(&session->unwatched);
}

static void session_watch(struct session *session)
{
	list_remove(&session->unwatched);
	if (worker_watch(session->worker, session->client.fd,
		    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &session->watch) < 0)
		session_end(session, SESSION_CUT);
}

/* Only the kernel can say when it goes on: it has to be watched. */
static bool waits_for_client(const struct session *session)
{
	return session->state != SESSION_EXCHANGE || session->tcp || session->stream ||
	       !http1_body_ended(&session->request_body) || !session->client.writable;
}

void sessions_watch(struct worker *worker)
{
	worker->watch_at = 0;
	while (!list_empty(&worker->unwatched)) {
		struct session *session =
			container_of(worker->unwatched.next, struct session, unwatched);

		if (session->begun + WATCH_USEC > worker->now) {
			worker->watch_at = session->begun + WATCH_USEC;
			return;
		}
		session_watch(session);
	}
}

bool session_is_quiet(const struct session *session)
{
	char byte;

	if (is_watched(session))
		return !session->client.readable;
	return recv(session->client.fd, &byte, sizeof(byte), MSG_PEEK) < 0 && errno == EAGAIN;
}

void session_advance(struct session *session)
{
	const struct buffer_pool *buffers = &session->worker->buffers;
	uint64_t enough = buffers->moved + MOVED_MAX;
	bool more = true;

	list_remove(&session->ready);
	for (int steps = 0; more && steps < STEPS_MAX && buffers->moved < enough; steps++)
		more = session_step(session);
	if (session->state == SESSION_DEAD)
		return;
	if (more)
		session_make_ready(session);
	if (!is_watched(session) && waits_for_client(session))
		session_watch(session);
}

static void session_note(struct watch *watch, uint32_t events)
{
	peer_note(&container_of(watch, struct session, watch)->client, events);
}

/* What has begun goes on at once. Something new waits until the answers of this batch have gone
 * through, worker_ready(). */
static void session_wake(struct watch *watch)
{
	struct session *session = container_of(watch, struct session, watch);

	if (session->state == SESSION_HEAD)
		session_make_ready(session);
	else
		session_advance(session);
}

static void session_expired(struct timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);

	switch (session->state) {
	case SESSION_PROXY:
		proxy_expired(session);
		break;
	case SESSION_HEAD:
		head_expired(session);
		break;
	case SESSION_HELD:
		session_answer(session, ENDING_HOLD_EXPIRED);
		break;
	case SESSION_EXCHANGE:
		exchange_expired(session);
		break;
	case SESSION_TUNNEL:
		tunnel_end(session);
		break;
	case SESSION_ANSWER:
	case SESSION_LINGER:
		session_end(session, SESSION_CLOSE);
		break;
	case SESSION_DEAD:
	case SESSION_STATE_COUNT:
		break;
	}
	if (session->state != SESSION_DEAD)
		session_advance(session);
}

void session_enter(struct session *session)
{
	struct worker *worker = session->worker;

	session->state = SESSION_HEAD;
	timer_arm(worker, &session->timer, TIMER_IDLE);
	/* Its client may wait for the server to speak first. */
	if (worker->plan.protocol == PROTOCOL_TCP)
		bytes_begin(session);
}

/* In its list, and not yet watched. */
static void session_init(struct session *session, struct worker *worker, int fd)
{
	session->worker = worker;
	session->watch.note = session_note;
	session->watch.wake = session_wake;
	session->watch.bury = session_bury;
	session->client.fd = fd;
	/* Until the kernel says otherwise: the first attempt tells. */
	session->client.readable = session->client.writable = true;
	session->begun = worker->now;
	list_init(&session->watch.dead);
	list_init(&session->unwatched);
	list_init(&session->held);
	list_init(&session->ready);
	timer_init(&session->timer, session_expired);
	list_append(&worker->sessions, &session->link);
}

int session_adopt(
	struct worker *worker, const struct session *image, int fd, struct session **ret_session)
{
	struct session *session = malloc(sizeof(*session));
	int r;

	if (!session)
		return -ENOMEM;
	*session = *image;
	session->forward = forward_client_of(&image->source, image->forward.trusted);
	session->handed = true;
	session_init(session, worker, fd);
	r = worker_watch(worker, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &session->watch);
	if (r < 0) {
		list_remove(&session->link);
		free(session);
		return r;
	}
	atomic_fetch_add(&worker->shared->clients, 1);
	if (image->timer.kind != TIMER_NONE)
		timer_arm_since(worker, &session->timer, image->timer.kind, image->timer.since);
	*ret_session = session;
	return 0;
}

void session_begin(struct worker *worker, int fd, const struct sockaddr_storage *address)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		counter_add(&worker->counters.clients_refused, 1);
		(void)fd_close(fd);
		return;
	}
	session_init(session, worker, fd);
	session->place = AFFINITY_NOWHERE;
	list_append(&worker->unwatched, &session->unwatched);
	if (worker->watch_at == 0)
		worker->watch_at = worker->now + WATCH_USEC;
	counter_add(&worker->counters.clients_ever, 1);
	session->unread = true;
	if (atomic_fetch_add(&worker->shared->clients, 1) >=
		worker->shared->settings.connections_max) {
		session->tcp = worker->plan.protocol == PROTOCOL_TCP;
		session->close_after = true;
		counter_add(&worker->counters.clients_refused, 1);
		counter_add(&worker->counters.begun, 1);
		session_answer(session, ENDING_TOO_MANY_CLIENTS);
	} else {
		session_meet(session, address);
	}
	session_advance(session);
}
