/* SPDX-License-Identifier: MIT */
/*
 * Knows libcurl's multi interface and how sd-event turns it; does not know what is transferred.
 */
#include "transfer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"

struct transfer_loop {
	sd_event *event;
	CURLM *multi;
	sd_event_source *timer; /* libcurl's own */
	transfer_ended_fn ended;
	bool curl_ready; /* curl_global_init() was called */
};

static uint32_t epoll_of(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return EPOLLIN;
	case CURL_POLL_OUT:
		return EPOLLOUT;
	case CURL_POLL_INOUT:
		return EPOLLIN | EPOLLOUT;
	default:
		return 0;
	}
}

static void loop_collect(struct transfer_loop *loop)
{
	CURLMsg *message;
	int more;

	while ((message = curl_multi_info_read(loop->multi, &more)))
		if (message->msg == CURLMSG_DONE)
			loop->ended(message->easy_handle, message->data.result);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *owner)
{
	struct transfer_loop *loop = owner;
	int what = 0, running;

	(void)source;
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(loop->multi, fd, what, &running);
	loop_collect(loop);
	return 0;
}

static int on_curl_timer(sd_event_source *source, uint64_t usec, void *owner)
{
	struct transfer_loop *loop = owner;
	int running;

	(void)source;
	(void)usec;
	(void)curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	loop_collect(loop);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION: which events libcurl waits for. If we cannot wait for them, nothing more
 * is heard of the transfer until its owner has waited long enough. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *assigned)
{
	struct transfer_loop *loop = owner;
	sd_event_source *source = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		(void)curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	if (source) {
		(void)sd_event_source_set_io_events(source, epoll_of(what));
		return 0;
	}
	if (sd_event_add_io(loop->event, &source, fd, epoll_of(what), on_socket, loop) < 0)
		return 0;
	(void)curl_multi_assign(loop->multi, fd, source);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION: when libcurl wants to be called; -1: not at all. */
static int want_timer(CURLM *multi, long timeout_ms, void *owner)
{
	struct transfer_loop *loop = owner;

	(void)multi;
	if (timeout_ms < 0)
		return sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time(
		    loop->timer, now_usec() + (uint64_t)timeout_ms * USEC_PER_MSEC) < 0)
		return -1;
	return sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

int transfer_loop_open(sd_event *event, transfer_ended_fn ended, struct transfer_loop **ret_loop)
{
	_cleanup_(cleanup_transfer_loop_close) struct transfer_loop *loop =
		calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->ended = ended;
	loop->event = sd_event_ref(event);
	r = sd_event_add_time(event, &loop->timer, CLOCK_MONOTONIC, 0, 1, on_curl_timer, loop);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	loop->curl_ready = true;
	loop->multi = curl_multi_init();
	if (!loop->multi)
		return -ENOMEM;
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	*ret_loop = take_ptr(loop);
	return 0;
}

struct transfer_loop *transfer_loop_close(struct transfer_loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->multi)
		curl_multi_cleanup(loop->multi);
	if (loop->curl_ready)
		curl_global_cleanup();
	sd_event_source_disable_unref(loop->timer);
	sd_event_unref(loop->event);
	free(loop);
	return NULL;
}

int transfer_loop_add(struct transfer_loop *loop, CURL *easy)
{
	return curl_multi_add_handle(loop->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void transfer_loop_remove(struct transfer_loop *loop, CURL *easy)
{
	(void)curl_multi_remove_handle(loop->multi, easy);
}
