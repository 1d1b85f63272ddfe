/* SPDX-License-Identifier: MIT */
/*
 * Knows threads, listeners and each worker's loop; knows nothing of HTTP.
 */
#include "relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "relay-numbers.h"
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

/* Pipes in use at once, a worker: a user without privileges may have 16384 pages in them
 * (fs.pipe-user-pages-soft), and descriptors are for clients first. Who gets none has a buffer. */
#define PIPES_MAX	   96
#define CLIENTS_FOR_A_PIPE 16

struct listener {
	struct watch watch;
	struct worker *worker;
	int fd;
};

struct relay {
	struct shared shared;
	uint32_t worker_count;
	size_t listener_count;
	_Atomic uint32_t running;
	struct worker *workers;
	struct listener *listeners; /* a row a worker */
};

struct plan plan_initial(void)
{
	/* The limits are the defaults of app-bluegreen.conf(5). */
	return (struct plan){
		.route = route_held(),
		.hold_usec = 30 * USEC_PER_SEC,
		.hold_requests = 512,
		.hold_bytes = UINT64_C(64) << 20,
		.clients.trust = trust_localhost(),
	};
}

/* ---- a worker's loop ---- */

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

static void listener_wake(struct watch *watch)
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

static void mailbox_wake(struct watch *watch)
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

static void *worker_run(void *argument)
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

/* ---- for the control thread ---- */

static void worker_call(struct worker *worker)
{
	uint64_t one = 1;

	if (write(worker->mailbox_fd, &one, sizeof(one)) < 0)
		log_warning("A worker could not be told its plan: %m.");
}

static uint32_t pipes_for_worker(const struct relay *relay)
{
	uint32_t pipes =
		relay->shared.settings.connections_max / CLIENTS_FOR_A_PIPE / relay->worker_count;

	return pipes < PIPES_MAX ? pipes : PIPES_MAX;
}

static int worker_prepare(struct relay *relay, uint32_t index, const int *listeners)
{
	struct worker *worker = &relay->workers[index];
	struct listener *row = relay->listeners + index * relay->listener_count;

	for (size_t i = 0; i < relay->listener_count; i++) {
		row[i].worker = worker;
		row[i].fd = listeners[i];
		row[i].watch.wake = listener_wake;
	}
	worker->mailbox = plan_initial();
	worker->buffers.pipes_max = pipes_for_worker(relay);
	worker->mailbox_watch.wake = mailbox_wake;
	return worker_watch(worker, worker->mailbox_fd, EPOLLIN, &worker->mailbox_watch);
}

/*
 * Accepted sockets inherit these, so that no accept pays for them. Keep-alive finds clients that
 * vanished without a word during a stream; they do not apply to unix sockets, where they fail.
 */
static int listener_prepare(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	peer_keep_alive(&(struct peer){.fd = fd});
	return fd_set_nonblocking(fd);
}

static int relay_allocate(uint32_t workers, size_t listener_count, struct relay **ret_relay)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int r;

	if (!relay)
		return -ENOMEM;
	relay->shared.relay = relay;
	relay->listener_count = listener_count;
	relay->shared.news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	relay->workers = calloc(workers, sizeof(*relay->workers));
	relay->listeners = calloc(workers * listener_count, sizeof(*relay->listeners));
	if (relay->shared.news_fd < 0 || !relay->workers || !relay->listeners) {
		relay_free(relay);
		return -ENOMEM;
	}
	for (; relay->worker_count < workers; relay->worker_count++) {
		r = worker_init(
			&relay->workers[relay->worker_count], &relay->shared, relay->worker_count);
		if (r < 0) {
			relay_free(relay);
			return r;
		}
	}
	*ret_relay = relay;
	return 0;
}

int relay_new(const struct relay_settings *settings, uint32_t workers, const int *listeners,
	size_t listener_count, struct relay **ret_relay)
{
	struct relay *relay;
	int r;

	for (size_t i = 0; i < listener_count; i++) {
		r = listener_prepare(listeners[i]);
		if (r < 0)
			return r;
	}
	r = relay_allocate(workers, listener_count, &relay);
	if (r < 0)
		return r;
	relay->shared.settings = *settings;
	for (uint32_t i = 0; i < workers; i++) {
		r = worker_prepare(relay, i, listeners);
		if (r < 0) {
			relay_free(relay);
			return r;
		}
	}
	*ret_relay = relay;
	return 0;
}

int relay_run(struct relay *relay)
{
	int r;

	for (uint32_t i = 0; i < relay->worker_count; i++) {
		struct worker *worker = &relay->workers[i];

		atomic_store(&worker->freeze_asked, false);
		if (atomic_load(&worker->followed) == 0) {
			/* What is there already is under this plan; that it follows it, and what
			 * that changes for those who came from another process, comes first. */
			worker->plan = worker->mailbox;
			worker->plan.serial = 0;
		}
		atomic_fetch_add(&relay->running, 1);
		r = pthread_create(&worker->thread, NULL, worker_run, worker);
		if (r != 0) {
			worker->thread = 0;
			atomic_fetch_sub(&relay->running, 1);
			relay_stop(relay);
			return -r;
		}
	}
	return 0;
}

void relay_freeze(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		atomic_store(&relay->workers[i].freeze_asked, true);
		worker_call(&relay->workers[i]);
	}
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		pthread_join(relay->workers[i].thread, NULL);
		relay->workers[i].thread = 0;
		atomic_fetch_sub(&relay->running, 1);
	}
}

uint32_t relay_worker_count(const struct relay *relay)
{
	return relay->worker_count;
}

struct worker *relay_worker(struct relay *relay, uint32_t index)
{
	return &relay->workers[index];
}

void relay_call_all(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		atomic_fetch_add(&relay->workers[i].calls, 1);
		worker_call(&relay->workers[i]);
	}
}

int relay_find_silent(const struct relay *relay)
{
	for (uint32_t i = 0; i < relay->worker_count; i++)
		if (atomic_load(&relay->workers[i].answers) < atomic_load(&relay->workers[i].calls))
			return (int)i;
	return -1;
}

int relay_news_fd(const struct relay *relay)
{
	return relay->shared.news_fd;
}

void relay_read_news(struct relay *relay)
{
	uint64_t count;

	if (read(relay->shared.news_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warning("The workers' news could not be read: %m.");
}

void relay_publish(struct relay *relay, const struct plan *plan)
{
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		struct worker *worker = &relay->workers[i];

		pthread_mutex_lock(&worker->mailbox_lock);
		worker->mailbox = *plan;
		pthread_mutex_unlock(&worker->mailbox_lock);
		worker_call(worker);
	}
}

uint64_t relay_followed(const struct relay *relay)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < relay->worker_count; i++) {
		uint64_t followed = atomic_load(&relay->workers[i].followed);

		if (followed < least)
			least = followed;
	}
	return least;
}

bool relay_take_refused(struct relay *relay, enum color color)
{
	return atomic_exchange(&relay->shared.refused[color], false);
}

struct relay_totals relay_count(const struct relay *relay)
{
	struct relay_totals totals = {0};

	for (uint32_t i = 0; i < relay->worker_count; i++)
		numbers_add(&totals, &relay->workers[i].counters);
	totals.holding = atomic_load(&relay->shared.holding);
	totals.hold_longest_usec = atomic_load(&relay->shared.hold_longest_usec);
	totals.clients = atomic_load(&relay->shared.clients);
	return totals;
}

void relay_stop(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		atomic_store(&relay->workers[i].stop_asked, true);
		worker_call(&relay->workers[i]);
	}
}

bool relay_is_stopped(const struct relay *relay)
{
	return atomic_load(&relay->running) == 0;
}

struct relay *relay_free(struct relay *relay)
{
	if (!relay)
		return NULL;
	for (uint32_t i = 0; i < relay->worker_count; i++) {
		if (relay->workers[i].thread)
			pthread_join(relay->workers[i].thread, NULL);
		worker_clear(&relay->workers[i]);
	}
	fd_close(relay->shared.news_fd);
	free(relay->workers);
	free(relay->listeners);
	free(relay);
	return NULL;
}
