/* SPDX-License-Identifier: MIT */
/*
 * Knows a worker's loop: whom it accepts, what is due after a batch of events, the plan it is told.
 * Knows nothing of HTTP.
 */
#include "relay-parts.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "session.h"

/* Connections taken before their requests get their turn. Few, so that the other workers, who are
 * woken while any wait, take their share. */
#define ACCEPT_BATCH 8

/* Few enough that what was noted of a pooled connection at the batch's begin is still true when it
 * is taken (see backend.c); so many that asking for events costs nothing beside acting on them. */
#define EVENT_BATCH 64

/*
 * Sessions that begin a request after each batch of events. Less than a batch, so that of a crowd
 * of clients the kernel's queue is soon empty, and answers pass the crowd: what has begun ends
 * before something new begins. So few requests are in flight at once, on few connections to the
 * application, and these stay in the processor's caches.
 */
#define READY_BATCH 32

/* How long a listener rests when descriptors have run out: the backlog keeps who comes. */
#define ACCEPT_REST_USEC (50 * USEC_PER_MSEC)

static struct listener *listeners_of(const struct worker *worker)
{
	const struct relay *relay = worker->shared->relay;

	return relay->listeners + worker->index * relay->listener_count;
}

static void listeners_unwatch(struct worker *worker)
{
	struct listener *listener = listeners_of(worker);

	for (size_t i = 0; i < worker->shared->relay->listener_count; i++, listener++)
		(void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL);
}

static bool accept_one(struct listener *listener)
{
	struct worker *worker = listener->worker;
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address);
	int fd;

	fd = accept4(
		listener->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		session_begin(worker, fd, &address);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		worker->shed = SHED_COUNT;
		worker->accept_at = worker->now + ACCEPT_REST_USEC;
		listeners_unwatch(worker);
		return false;
	}
	/* Who came and went before we looked is no reason to stop. */
	return errno == ECONNABORTED || errno == EINTR;
}

void listener_wake(struct watch *watch)
{
	struct listener *listener = container_of(watch, struct listener, watch);

	/* The word to stop may stand before this event in one batch. */
	if (listener->worker->stopping)
		return;
	for (int i = 0; i < ACCEPT_BATCH && listener->worker->accept_at == 0; i++)
		if (!accept_one(listener))
			break;
}

static void listeners_watch(struct worker *worker)
{
	struct listener *listener = listeners_of(worker);

	/* Level-triggered, and one worker is woken for one connection (epoll_ctl(2)). */
	for (size_t i = 0; i < worker->shared->relay->listener_count; i++, listener++)
		if (worker_watch(worker, listener->fd, EPOLLIN | EPOLLEXCLUSIVE, &listener->watch) <
				0 &&
			errno != EEXIST)
			log_warning("A listener could not be watched: %m.");
}

static void plan_follow(struct worker *worker)
{
	struct plan before = worker->plan;

	pthread_mutex_lock(&worker->mailbox_lock);
	worker->plan = worker->mailbox;
	pthread_mutex_unlock(&worker->mailbox_lock);
	if (worker->plan.serial == before.serial)
		return; /* no news, but a call */

	for (int color = 0; color < COLOR_COUNT; color++) {
		/* What is pooled leads elsewhere, or has begun in another way. */
		if (worker->plan.backend[color].sin_port != before.backend[color].sin_port ||
			worker->plan.clients.send_proxy != before.clients.send_proxy)
			backend_pool_clear(worker, (enum color)color);
		if (worker->plan.drain[color].serial == before.drain[color].serial)
			continue;
		atomic_store(&worker->counters.cut[color].value, 0);
		atomic_store(&worker->counters.cut_streams[color].value, 0);
	}
	sessions_follow_plan(worker);
	atomic_store(&worker->followed, worker->plan.serial);
	worker_tell(worker);
}

void mailbox_wake(struct watch *watch)
{
	struct worker *worker = container_of(watch, struct worker, mailbox_watch);
	uint64_t count;

	if (read(worker->mailbox_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warning("A worker's mailbox could not be read: %m.");
	atomic_store(&worker->answers, atomic_load(&worker->calls));
	plan_follow(worker);
	if (atomic_load(&worker->stop_asked) && !worker->stopping) {
		worker->stop_at = worker->now + worker->shared->settings.shutdown_usec;
		worker->accept_at = 0; /* a listener that rests is not asked again */
		listeners_unwatch(worker);
		sessions_stop(worker);
	}
}

static void worker_ready(struct worker *worker)
{
	struct link round;

	/* Those who become ready again wait for the next round, behind all others. */
	list_init(&round);
	for (int i = 0; i < READY_BATCH && !list_empty(&worker->ready); i++) {
		struct link *link = worker->ready.next;

		list_remove(link);
		list_append(&round, link);
	}
	while (!list_empty(&round))
		session_advance(container_of(round.next, struct session, ready));
}

/* What is due after a batch of events. */
static void worker_turn(struct worker *worker)
{
	worker_ready(worker);
	worker_expire(worker);
	if (worker->watch_at != 0 && worker->watch_at <= worker->now)
		sessions_watch(worker);
	if (worker->retry_at != 0 && worker->retry_at <= worker->now)
		sessions_retry_held(worker);
	if (worker->drain_at != 0 && worker->drain_at <= worker->now)
		sessions_drain(worker);
	if (worker->shed > 0) {
		sessions_shed(worker, worker->shed);
		buffer_pool_clear(&worker->buffers);
		worker->shed = 0;
	}
	if (worker->accept_at != 0 && worker->accept_at <= worker->now) {
		worker->accept_at = 0;
		listeners_watch(worker);
	}
	worker_trim(worker);
	worker_bury(worker);
}

static void worker_events(struct worker *worker)
{
	struct epoll_event events[EVENT_BATCH];
	int n;

	n = epoll_wait(worker->epoll_fd, events, EVENT_BATCH, worker_timeout_msec(worker));
	worker_tick(worker);
	worker->crowded = n == EVENT_BATCH;
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->note)
			watch->note(watch, events[i].events);
	}
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		/* Given up earlier in this batch. */
		if (watch->wake)
			watch->wake(watch);
	}
	worker_turn(worker);
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;
	struct relay *relay = container_of(worker->shared, struct relay, shared);

	if (!worker->stopping)
		listeners_watch(worker);
	while (!worker->stopping ||
		(!list_empty(&worker->sessions) && worker->now < worker->stop_at)) {
		worker_events(worker);
		if (atomic_load(&worker->freeze_asked))
			return NULL;
	}
	while (!list_empty(&worker->sessions))
		session_end(container_of(worker->sessions.next, struct session, link), SESSION_CUT);
	for (int color = 0; color < COLOR_COUNT; color++)
		backend_pool_clear(worker, (enum color)color);
	/* Who sends nothing any more follows every plan: others may still be at work under them. */
	atomic_store(&worker->followed, UINT64_MAX);
	atomic_store(&worker->answers, UINT32_MAX);
	atomic_fetch_sub(&relay->running, 1);
	worker_tell(worker);
	return NULL;
}
