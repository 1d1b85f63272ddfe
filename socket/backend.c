/* SPDX-License-Identifier: MIT */
/*
 * Knows connections to the colors; knows nothing of what is said on them.
 */
#include "backend.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* For so long after its last response a pooled connection is taken without being looked at. Short
 * beside the whole seconds after which applications close what is idle. */
#define QUIET_USEC (100 * USEC_PER_MSEC)

static void backend_bury(struct watch *watch)
{
	free(container_of(watch, struct backend, watch));
}

struct backend *backend_drop(struct backend *backend)
{
	struct worker *worker;

	if (!backend)
		return NULL;
	worker = backend->worker;
	if (!list_empty(&backend->link)) {
		list_remove(&backend->link);
		worker->pool_size[backend->color]--;
	}
	timer_stop(&backend->timer);
	counter_add(&worker->counters.connections[backend->color], (uint64_t)-1);
	if (backend->handed)
		worker_forget_fd(worker, backend->peer.fd);
	backend->peer.fd = fd_close(backend->peer.fd);
	flow_clear(&backend->flow, &worker->buffers);
	backend->session = NULL;
	worker_unwatch(worker, &backend->watch);
	return NULL;
}

static void backend_expired(struct timer *timer)
{
	backend_drop(container_of(timer, struct backend, timer));
}

static void backend_note(struct watch *watch, uint32_t events)
{
	struct backend *backend = container_of(watch, struct backend, watch);

	peer_note(&backend->peer, events);
	/* Pooled: it is closed by the application, or says what nobody asked. A mere "writable" is
	 * the end of a connect or of a full buffer. */
	if (!backend->session && events & ~(uint32_t)EPOLLOUT)
		backend_drop(backend);
}

static void backend_wake(struct watch *watch)
{
	struct backend *backend = container_of(watch, struct backend, watch);

	if (backend->session)
		backend->woken(backend->session);
}

static int socket_connect(const struct sockaddr_in *address, int *ret_fd)
{
	_cleanup_fd_ int fd = -EBADF;
	int one = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* What we write is whole already; waiting for more only delays it. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* Does not take the descriptor where it fails. */
static int backend_new(
	struct worker *worker, enum color color, int fd, struct backend **ret_backend)
{
	_cleanup_free_ struct backend *backend = calloc(1, sizeof(*backend));
	int r;

	if (!backend)
		return -ENOMEM;
	backend->worker = worker;
	backend->color = color;
	backend->watch.note = backend_note;
	backend->watch.wake = backend_wake;
	backend->watch.bury = backend_bury;
	list_init(&backend->link);
	timer_init(&backend->timer, backend_expired);
	r = worker_watch(worker, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &backend->watch);
	if (r < 0)
		return r;
	backend->peer = peer_of(fd);
	counter_add(&worker->counters.connections[color], 1);
	*ret_backend = take_ptr(backend);
	return 0;
}

static int backend_connect(struct worker *worker, enum color color, struct backend **ret_backend)
{
	_cleanup_fd_ int fd = -EBADF;
	struct backend *backend;
	int r;

	if (!worker->plan.backend_known[color])
		return -ECONNREFUSED;
	counter_add(&worker->counters.connects[color], 1);
	r = socket_connect(&worker->plan.backend[color], &fd);
	if (r < 0)
		return r;
	r = backend_new(worker, color, fd, &backend);
	if (r < 0)
		return r;
	(void)take_fd(fd);
	backend->port = worker->plan.backend[color].sin_port;
	/* An answer before the question would be for nobody. */
	backend->peer.readable = false;
	*ret_backend = backend;
	return 0;
}

int backend_adopt(struct worker *worker, const struct backend *image, int fd, void *session,
	void (*woken)(void *session), struct backend **ret_backend)
{
	struct backend *backend;
	int r;

	r = backend_new(worker, image->color, fd, &backend);
	if (r < 0)
		return r;
	backend->handed = true;
	backend->port = image->port;
	backend->pooled = image->pooled;
	backend->introduced = image->introduced;
	backend->sent = image->sent;
	backend->deaf = image->deaf;
	backend->peer.hung_up = image->peer.hung_up;
	backend->peer.reset = image->peer.reset;
	backend->peer.ended = image->peer.ended;
	backend->peer.error = image->peer.error;
	backend->peer.sent = image->peer.sent;
	backend->session = session;
	backend->woken = woken;
	*ret_backend = backend;
	return 0;
}

static bool is_empty(const struct backend *backend)
{
	char byte;

	return recv(backend->peer.fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/*
 * What stands in it before the question is no answer: a 408 for idling, or bytes behind the
 * response before. Whatever came before the batch of events under way began was noted with it, and
 * the connection dropped, unless more was waiting than the batch holds; so what may be missed came
 * since, while others of the batch went on.
 * A connection that has rested is asked again, because it is then that applications say a 408 or
 * go. One that has just been given back is not: that would cost a system call a request where
 * requests are many, and nobody gives up a connection within QUIET_USEC of its last response. Bytes
 * behind a response come with it or at once, and whoever writes those so late that they fall into
 * this very batch could as well write them a moment after the question, where nothing tells them
 * from its answer.
 */
static bool backend_is_quiet(const struct backend *backend)
{
	const struct worker *worker = backend->worker;

	return (!worker->crowded && worker->now - backend->timer.since < QUIET_USEC) ||
	       is_empty(backend);
}
static struct backend *pool_take(struct worker *worker, enum color color)
{
	while (!list_empty(&worker->pool[color])) {
		struct backend *backend =
			container_of(worker->pool[color].next, struct backend, link);

		if (!backend_is_quiet(backend)) {
			backend_drop(backend);
			continue;
		}
		list_remove(&backend->link);
		worker->pool_size[color]--;
		timer_stop(&backend->timer);
		backend->pooled = true;
		return backend;
	}
	return NULL;
}

int backend_take(struct worker *worker, enum color color, enum backend_kind kind, void *session,
	void (*woken)(void *session), struct backend **ret_backend)
{
	struct backend *backend = NULL;
	int r;

	if (kind == BACKEND_POOLED_IF_ANY)
		backend = pool_take(worker, color);
	if (!backend) {
		r = backend_connect(worker, color, &backend);
		if (r < 0)
			return r;
	}
	backend->sent = false;
	backend->session = session;
	backend->woken = woken;
	*ret_backend = backend;
	return 0;
}

static uint32_t pool_limit(const struct worker *worker)
{
	uint32_t limit = worker->shared->settings.connections_max / POOL_SHARE;

	return limit < 1 ? 1 : limit > POOL_MAX ? POOL_MAX : limit;
}

void backend_give_back(struct backend *backend)
{
	struct worker *worker = backend->worker;
	enum color color = backend->color;

	flow_settle(&backend->flow, &worker->buffers);
	/* Who read exactly to the end of a response, as with splice, does not know of more. */
	if (backend->peer.readable && is_empty(backend))
		backend->peer.readable = false;
	/* Bytes that nobody asked for, an end, or a color that is to be left alone. */
	if (backend->introduced || backend->flow.buffer || backend->flow.front ||
		backend->peer.readable || backend->deaf || backend->peer.hung_up ||
		backend->peer.ended || backend->peer.error || worker->stopping ||
		!route_uses(&worker->plan.route, color) ||
		backend->port != worker->plan.backend[color].sin_port) {
		backend_drop(backend);
		return;
	}
	backend->session = NULL;
	backend->flow.last = false;
	list_insert(&worker->pool[color], &backend->link);
	worker->pool_size[color]++;
	timer_arm(worker, &backend->timer, TIMER_POOL);
	if (worker->pool_size[color] > pool_limit(worker))
		backend_drop(container_of(worker->pool[color].previous, struct backend, link));
}

void backend_pool_clear(struct worker *worker, enum color color)
{
	while (!list_empty(&worker->pool[color]))
		backend_drop(container_of(worker->pool[color].next, struct backend, link));
}

bool backend_error_is_refusal(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return true;
	default:
		return false;
	}
}
