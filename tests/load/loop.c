/* SPDX-License-Identifier: MIT */
/*
 * Deadlines are a binary heap, so that thousands of connections cost the judge no time that would
 * look like the server's.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

#define NO_PLACE   SIZE_MAX
#define EVENTS_MAX 256

struct loop {
	int epoll_fd;
	struct actor **heap;
	size_t count, room;
};

static void heap_put(struct loop *loop, size_t place, struct actor *actor)
{
	loop->heap[place] = actor;
	actor->place = place;
}

static void heap_rise(struct loop *loop, size_t place)
{
	struct actor *actor = loop->heap[place];

	while (place > 0) {
		size_t parent = (place - 1) / 2;

		if (loop->heap[parent]->deadline <= actor->deadline)
			break;
		heap_put(loop, place, loop->heap[parent]);
		place = parent;
	}
	heap_put(loop, place, actor);
}

static void heap_sink(struct loop *loop, size_t place)
{
	struct actor *actor = loop->heap[place];

	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= loop->count)
			break;
		if (child + 1 < loop->count &&
			loop->heap[child + 1]->deadline < loop->heap[child]->deadline)
			child++;
		if (actor->deadline <= loop->heap[child]->deadline)
			break;
		heap_put(loop, place, loop->heap[child]);
		place = child;
	}
	heap_put(loop, place, actor);
}

static void heap_remove(struct loop *loop, struct actor *actor)
{
	size_t place = actor->place;
	struct actor *last = loop->heap[--loop->count];

	actor->place = NO_PLACE;
	if (last == actor)
		return;
	heap_put(loop, place, last);
	heap_rise(loop, place);
	heap_sink(loop, last->place);
}

static int heap_add(struct loop *loop, struct actor *actor)
{
	if (loop->count == loop->room) {
		size_t room = loop->room ? loop->room * 2 : 64;
		struct actor **heap = reallocarray(loop->heap, room, sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		loop->heap = heap;
		loop->room = room;
	}
	heap_put(loop, loop->count++, actor);
	heap_rise(loop, actor->place);
	return 0;
}

int loop_set_deadline(struct loop *loop, struct actor *actor, uint64_t usec)
{
	if (actor->deadline != USEC_INFINITY)
		heap_remove(loop, actor);
	actor->deadline = usec;
	return usec == USEC_INFINITY ? 0 : heap_add(loop, actor);
}

int loop_adopt(struct loop *loop, struct actor *actor, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = actor};

	actor->fd = fd;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, struct actor *actor, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = actor};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, actor->fd, &event) < 0 ? -errno : 0;
}

void loop_drop(struct loop *loop, struct actor *actor)
{
	(void)loop;
	actor->fd = fd_close(actor->fd);
}

/* To the microsecond: an open schedule must not be late by our own doing. NULL: no deadline. */
static const struct timespec *wait_time(const struct loop *loop, struct timespec *wait)
{
	uint64_t now, usec;

	if (loop->count == 0)
		return NULL;
	now = now_usec();
	usec = loop->heap[0]->deadline > now ? loop->heap[0]->deadline - now : 0;
	wait->tv_sec = (time_t)(usec / USEC_PER_SEC);
	wait->tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC);
	return wait;
}

int loop_turn(struct loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	struct timespec wait;
	uint64_t now;
	int n = epoll_pwait2(loop->epoll_fd, events, EVENTS_MAX, wait_time(loop, &wait), NULL);

	if (n < 0 && errno != EINTR)
		return -errno;
	/* An actor has one descriptor, hence one event a turn, and nobody drops another's
	 * descriptor from on_ready(): no event here can be of a descriptor already closed. */
	for (int i = 0; i < n; i++) {
		struct actor *actor = events[i].data.ptr;

		actor->on_ready(actor, events[i].events);
	}
	now = now_usec();
	while (loop->count > 0 && loop->heap[0]->deadline <= now) {
		struct actor *actor = loop->heap[0];

		(void)loop_set_deadline(loop, actor, USEC_INFINITY);
		actor->on_deadline(actor);
	}
	return 0;
}

int loop_open(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int r = -errno;

		free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

struct loop *loop_close(struct loop *loop)
{
	if (!loop)
		return NULL;
	fd_close(loop->epoll_fd);
	free(loop->heap);
	free(loop);
	return NULL;
}
