/* SPDX-License-Identifier: MIT */
/*
 * Knows threads and what they are told; does not know what a worker does all day (relay-loop.c).
 */
#include "relay-parts.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "relay-numbers.h"

/* Pipes in use at once, a worker: a user without privileges may have 16384 pages in them
 * (fs.pipe-user-pages-soft), and descriptors are for clients first. Who gets none has a buffer. */
#define PIPES_MAX	   96
#define CLIENTS_FOR_A_PIPE 16

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
