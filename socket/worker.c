/* SPDX-License-Identifier: MIT */
/*
 * Knows events, deadlines and accounts; knows neither sessions nor HTTP.
 */
#include "worker.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* How soon a color that refused is asked again by what is held. */
#define RETRY_USEC (50 * USEC_PER_MSEC)

#define LINGER_USEC (2 * USEC_PER_SEC)

/* How long something lies spare before it is given back. */
#define TRIM_USEC USEC_PER_SEC

int worker_init(struct worker *worker, struct shared *shared, uint32_t index)
{
	memset(worker, 0, sizeof(*worker));
	worker->shared = shared;
	/* Which client gets which place is no secret: where the kernel has no randomness yet, any
	 * order will do. */
	if (getrandom(&worker->deck.key, sizeof(worker->deck.key), GRND_NONBLOCK) < 0)
		worker->deck.key.low = now_usec() + index;
	worker->index = index;
	for (int kind = 0; kind < TIMER_KIND_COUNT; kind++)
		list_init(&worker->timers[kind]);
	for (int color = 0; color < COLOR_COUNT; color++)
		list_init(&worker->pool[color]);
	list_init(&worker->sessions);
	list_init(&worker->held);
	list_init(&worker->ready);
	list_init(&worker->dead);
	list_init(&worker->unwatched);
	pthread_mutex_init(&worker->mailbox_lock, NULL);
	worker->mailbox_fd = -EBADF;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll_fd < 0)
		return -errno;
	worker->mailbox_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->mailbox_fd < 0)
		return -errno;
	worker_tick(worker);
	worker->began_usec = worker->now;
	return 0;
}

void worker_clear(struct worker *worker)
{
	worker_bury(worker);
	buffer_pool_clear(&worker->buffers);
	worker->epoll_fd = fd_close(worker->epoll_fd);
	worker->mailbox_fd = fd_close(worker->mailbox_fd);
	pthread_mutex_destroy(&worker->mailbox_lock);
}

void worker_clear_gauges(struct worker_counters *counters)
{
	for (int color = 0; color < COLOR_COUNT; color++) {
		for (int class = 0; class < ROUTE_CLASS_COUNT; class ++)
			atomic_store(&counters->inflight[class][color].value, 0);
		atomic_store(&counters->streams[color].value, 0);
		atomic_store(&counters->connections[color].value, 0);
	}
}

void worker_tick(struct worker *worker)
{
	worker->now = now_usec();
}

const char *worker_date(struct worker *worker)
{
	time_t now = time(NULL);

	if (now != worker->dated_at) {
		worker->dated_at = now;
		date_line(now, worker->date);
	}
	return worker->date;
}

int worker_watch(struct worker *worker, int fd, uint32_t events, struct watch *watch)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	list_init(&watch->dead);
	if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

void worker_forget_fd(struct worker *worker, int fd)
{
	(void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void worker_unwatch(struct worker *worker, struct watch *watch)
{
	watch->wake = NULL;
	list_append(&worker->dead, &watch->dead);
}

void worker_bury(struct worker *worker)
{
	while (!list_empty(&worker->dead)) {
		struct watch *watch = container_of(worker->dead.next, struct watch, dead);

		list_remove(&watch->dead);
		watch->bury(watch);
	}
}

void worker_trim(struct worker *worker)
{
	bool gave = false;

	if (worker->trim_at != 0 && worker->trim_at <= worker->now) {
		worker->trim_at = 0;
		gave = buffer_pool_trim(&worker->buffers);
	}
	if (!buffer_pool_is_empty(&worker->buffers)) {
		if (worker->trim_at == 0)
			worker->trim_at = worker->now + TRIM_USEC;
	} else if (gave) {
		/* Free memory between what is in use is the kernel's again only if we say so. */
		(void)malloc_trim(0);
	}
}

void timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
	list_init(&timer->link);
	timer->kind = TIMER_NONE;
	timer->expired = expired;
}

void timer_arm_since(
	struct worker *worker, struct timer *timer, enum timer_kind kind, uint64_t since)
{
	struct link *before;

	list_remove(&timer->link);
	before = worker->timers[kind].previous;
	timer->kind = kind;
	timer->since = since;
	while (before != &worker->timers[kind] &&
		container_of(before, struct timer, link)->since > since)
		before = before->previous;
	list_insert(before, &timer->link);
}

void timer_arm(struct worker *worker, struct timer *timer, enum timer_kind kind)
{
	timer_arm_since(worker, timer, kind, worker->now);
}

void timer_stop(struct timer *timer)
{
	list_remove(&timer->link);
	timer->kind = TIMER_NONE;
}

static uint64_t timer_length(const struct worker *worker, enum timer_kind kind)
{
	const struct relay_settings *settings = &worker->shared->settings;

	switch (kind) {
	case TIMER_IDLE:
		return settings->idle_usec;
	case TIMER_HEAD:
		return settings->head_usec;
	case TIMER_HOLD:
		return worker->plan.hold_usec;
	case TIMER_CONNECT:
		return settings->connect_usec;
	case TIMER_RESPONSE:
		return settings->response_usec;
	case TIMER_STALL:
		return settings->stall_usec;
	case TIMER_LINGER:
		return LINGER_USEC;
	case TIMER_POOL:
		return settings->pool_usec;
	case TIMER_NONE:
	case TIMER_KIND_COUNT:
		break;
	}
	return USEC_INFINITY;
}

static uint64_t list_deadline(const struct worker *worker, enum timer_kind kind)
{
	const struct link *head = &worker->timers[kind];
	uint64_t since, length = timer_length(worker, kind);

	if (list_empty(head) || length == USEC_INFINITY)
		return USEC_INFINITY;
	since = container_of(head->next, struct timer, link)->since;
	return since > USEC_INFINITY - length ? USEC_INFINITY : since + length;
}

void worker_expire(struct worker *worker)
{
	for (int kind = TIMER_NONE + 1; kind < TIMER_KIND_COUNT; kind++) {
		while (list_deadline(worker, (enum timer_kind)kind) <= worker->now) {
			struct timer *timer =
				container_of(worker->timers[kind].next, struct timer, link);

			timer_stop(timer);
			timer->expired(timer);
		}
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

int worker_timeout_msec(const struct worker *worker)
{
	uint64_t next = USEC_INFINITY;

	if (!list_empty(&worker->ready))
		return 0;
	for (int kind = TIMER_NONE + 1; kind < TIMER_KIND_COUNT; kind++)
		next = earlier(next, list_deadline(worker, (enum timer_kind)kind));
	next = earlier(next, worker->watch_at);
	next = earlier(next, worker->trim_at);
	next = earlier(next, worker->retry_at);
	next = earlier(next, worker->accept_at);
	next = earlier(next, worker->drain_at);
	next = earlier(next, worker->stop_at);
	if (next == USEC_INFINITY)
		return -1;
	if (next <= worker->now)
		return 0;
	next = (next - worker->now + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
	return next > 60000 ? 60000 : (int)next;
}

void worker_tell(struct worker *worker)
{
	uint64_t one = 1;

	/* It can only fail where the counter is full: then somebody is told already. */
	if (write(worker->shared->news_fd, &one, sizeof(one)) < 0)
		return;
}

void worker_retry_soon(struct worker *worker)
{
	if (worker->retry_at == 0)
		worker->retry_at = worker->now + RETRY_USEC;
}

void worker_color_down(struct worker *worker, enum color color)
{
	worker->down |= 1U << color;
	counter_add(&worker->counters.refused[color], 1);
	worker_retry_soon(worker);
	if (!atomic_exchange(&worker->shared->refused[color], true))
		worker_tell(worker);
}

void worker_color_reached(struct worker *worker, enum color color)
{
	if (!(worker->silent & (1U << color)))
		return;
	worker->silent &= ~(1U << color);
	worker->prober[color] = NULL;
	worker->retry_at = worker->now;
}

uint32_t worker_unreachable(const struct worker *worker, enum route_class class)
{
	uint32_t colors = worker->down;

	for (int color = 0; color < COLOR_COUNT; color++)
		if (worker->prober[color] &&
			(class == ROUTE_WRITES || worker->pool_size[color] == 0))
			colors |= 1U << color;
	return colors;
}

void peer_note(struct peer *peer, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		peer->hung_up = true;
	if (events & (EPOLLHUP | EPOLLERR))
		peer->reset = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		peer->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		peer->writable = true;
}

struct peer peer_of(int fd)
{
	/* Readable and writable until the kernel says otherwise: the first attempt tells. */
	return (struct peer){.fd = fd, .readable = true, .writable = true};
}

void peer_keep_alive(const struct peer *peer)
{
	int one = 1, idle_seconds = 60, interval_seconds = 15, probes = 4, fd = peer->fd;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof(idle_seconds));
	(void)setsockopt(
		fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof(interval_seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void peer_cut(const struct peer *peer)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}
