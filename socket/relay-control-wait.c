/* SPDX-License-Identifier: MIT */
/*
 * Knows what the control thread waits for; not what is done then. With epoll(7), because poll(2)
 * refuses more descriptors than RLIMIT_NOFILE allows, which somebody may lower while we run.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "relay-control-parts.h"

enum { WAIT_SIGNAL, WAIT_NEWS, WAIT_LISTENER, WAIT_CLIENTS };
enum { WAIT_COUNT = WAIT_CLIENTS + CONTROL_CLIENTS_MAX };

enum wanted { UNWANTED, WANTED };

/* Said anew each time: a descriptor that was closed is forgotten, and its number comes round. */
static int want(const struct control *control, uint32_t index, int fd, enum wanted wanted)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

	if (fd < 0)
		return 0;
	if (wanted == UNWANTED) {
		(void)epoll_ctl(control->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
		(errno == ENOENT && epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0))
		return 0;
	return -errno;
}

static int want_all(const struct control *control)
{
	int r;

	r = want(control, WAIT_SIGNAL, control->signal_fd, WANTED);
	if (r >= 0)
		r = want(control, WAIT_NEWS, relay_news_fd(control->relay), WANTED);
	if (r >= 0)
		r = want(control, WAIT_LISTENER, control->listener_fd,
			control->listener_rests_until ? UNWANTED : WANTED);
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX && r >= 0; i++) {
		const struct control_client *client = &control->clients[i];

		/* Answers come in order: what is asked behind one that is owed waits. */
		r = want(control, WAIT_CLIENTS + i, client->fd,
			client->owed == OWED_NOTHING ? WANTED : UNWANTED);
	}
	return r;
}

int control_wait(struct control *control, int msec, struct control_ready *ret_ready)
{
	struct epoll_event events[WAIT_COUNT];
	struct control_ready ready = {0};
	int n, r;

	r = want_all(control);
	if (r < 0)
		return r;
	n = epoll_wait(control->epoll_fd, events, WAIT_COUNT, msec);
	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		uint32_t index = events[i].data.u32;

		if (index >= WAIT_CLIENTS)
			ready.clients[index - WAIT_CLIENTS] = true;
		else if (index == WAIT_LISTENER)
			ready.listener = true;
		else if (index == WAIT_NEWS)
			ready.news = true;
		else
			ready.signal = true;
	}
	*ret_ready = ready;
	return 0;
}
