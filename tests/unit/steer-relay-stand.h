/* SPDX-License-Identifier: MIT */
/*
 * For the tests of steer-relay*.c: a relay of the test's own, over a real SOCK_SEQPACKET socket,
 * and what the steer says to its owner.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "steer.h"

#define PATIENCE_USEC (2 * USEC_PER_SEC)

static const uint16_t ports[COLOR_COUNT] = {9000, 9001};

static char dir[32];
static struct sockaddr_un address;
static int listener = -EBADF, relay = -EBADF;
static sd_event *event;
static struct steer *steer;

static struct {
	unsigned followed, drained, refused, connected, disconnected, found, counted, numbered;
	struct route route;
	enum color color;
	enum drain_scope scope;
	struct steer_cut cut;
	struct steer_counters counters;
	bool has_numbers;
	struct steer_numbers numbers;
	bool within; /* a steer_*() call is on the stack */
} heard;

static inline void on_followed(void *owner, const struct route *route)
{
	assert_ptr_equal(owner, &heard);
	assert_false(heard.within);
	heard.followed++;
	heard.route = *route;
}

static inline void on_drained(
	void *owner, enum color color, enum drain_scope scope, const struct steer_cut *cut)
{
	(void)owner;
	assert_false(heard.within);
	heard.drained++;
	heard.color = color;
	heard.scope = scope;
	heard.cut = *cut;
}

static inline void on_refused(void *owner, enum color color)
{
	(void)owner;
	heard.refused++;
	heard.color = color;
}

static inline void on_connected(void *owner, bool connected)
{
	(void)owner;
	assert_false(heard.within);
	if (connected)
		heard.connected++;
	else
		heard.disconnected++;
}

static inline void on_found(void *owner, const struct route *route)
{
	(void)owner;
	/* Before anybody decides what to say to it. */
	assert_int_equal(heard.connected, 0);
	heard.found++;
	heard.route = *route;
}

static inline void on_counters(void *owner, const struct steer_counters *counters)
{
	(void)owner;
	heard.counted++;
	heard.counters = *counters;
}

static inline void on_numbers(void *owner, const struct steer_numbers *numbers)
{
	(void)owner;
	assert_false(heard.within);
	heard.numbered++;
	heard.has_numbers = numbers != NULL;
	if (numbers)
		heard.numbers = *numbers;
}

static const struct steer_events events = {
	.followed = on_followed,
	.drained = on_drained,
	.refused = on_refused,
	.connected = on_connected,
	.found = on_found,
	.counters = on_counters,
	.numbers = on_numbers,
};

static inline void relay_listen(void)
{
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
}

static inline void relay_go(void)
{
	relay = fd_close(relay);
	listener = fd_close(listener);
	unlink(address.sun_path);
}

/* Turns the loop until the relay has something to read, or the time is up. */
static inline bool relay_wait(int fd)
{
	uint64_t until = now_usec() + PATIENCE_USEC;

	while (now_usec() < until) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

		if (poll(&poll_fd, 1, 0) == 1)
			return true;
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
	}
	return false;
}

static inline void relay_accept_mute(void)
{
	assert_true(relay_wait(listener));
	relay = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(relay >= 0);
}

static inline void relay_expect(const char *wanted)
{
	char text[4096];
	ssize_t n;

	assert_true(relay_wait(relay));
	n = recv(relay, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static inline bool relay_has_been_told(void)
{
	struct pollfd poll_fd = {.fd = relay, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static inline void relay_says(const char *text)
{
	assert_int_equal(send(relay, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A fresh one: nobody has said a route to it. */
static inline void relay_accept(void)
{
	relay_accept_mute();
	relay_expect("show");
	relay_says("ok show nothing");
}

static inline void until(const unsigned *count, unsigned wanted)
{
	uint64_t deadline = now_usec() + PATIENCE_USEC;

	while (*count < wanted && now_usec() < deadline)
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
	assert_int_equal(*count, wanted);
}

/* Long enough for anything that is under way to arrive. */
static inline void a_while(void)
{
	uint64_t deadline = now_usec() + 50 * USEC_PER_MSEC;

	while (now_usec() < deadline)
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
}

static inline struct route route_of(const char *text)
{
	struct route route;

	assert_int_equal(route_parse(text, &route), 0);
	return route;
}

static inline void say_route(const char *text)
{
	struct route route = route_of(text);

	heard.within = true;
	assert_int_equal(steer_route(steer, &route), 0);
	heard.within = false;
}

static inline int begin(void **state)
{
	(void)state;
	log_set_level(-1);
	memset(&heard, 0, sizeof(heard));
	snprintf(dir, sizeof(dir), "/tmp/test-steer-XXXXXX");
	assert_non_null(mkdtemp(dir));
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/relay.sock", dir);
	assert_true(sd_event_new(&event) >= 0);
	heard.within = true;
	assert_int_equal(steer_open(event, address.sun_path, &events, &heard, &steer), 0);
	assert_int_equal(steer_backends(steer, ports), 0);
	heard.within = false;
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	steer = steer_close(steer);
	event = sd_event_unref(event);
	relay_go();
	return rmdir(dir);
}

#define BACKENDS "backends blue=127.0.0.1:9000 green=127.0.0.1:9001"

static inline int connected(void **state)
{
	begin(state);
	relay_listen();
	relay_accept();
	relay_expect(BACKENDS);
	relay_says("ok backends");
	until(&heard.connected, 1);
	return 0;
}
