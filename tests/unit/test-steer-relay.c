/* SPDX-License-Identifier: MIT */
/*
 * steer-relay.c against a relay of the test's own, over a real SOCK_SEQPACKET socket.
 */
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
	unsigned followed, drained, refused, connected, disconnected, found, counted;
	struct route route;
	enum color color;
	enum drain_scope scope;
	uint64_t cut;
	struct steer_counters counters;
	bool within; /* a steer_*() call is on the stack */
} heard;

static void on_followed(void *owner, const struct route *route)
{
	assert_ptr_equal(owner, &heard);
	assert_false(heard.within);
	heard.followed++;
	heard.route = *route;
}

static void on_drained(void *owner, enum color color, enum drain_scope scope, uint64_t cut)
{
	(void)owner;
	assert_false(heard.within);
	heard.drained++;
	heard.color = color;
	heard.scope = scope;
	heard.cut = cut;
}

static void on_refused(void *owner, enum color color)
{
	(void)owner;
	heard.refused++;
	heard.color = color;
}

static void on_connected(void *owner, bool connected)
{
	(void)owner;
	assert_false(heard.within);
	if (connected)
		heard.connected++;
	else
		heard.disconnected++;
}

static void on_found(void *owner, const struct route *route)
{
	(void)owner;
	/* Before anybody decides what to say to it. */
	assert_int_equal(heard.connected, 0);
	heard.found++;
	heard.route = *route;
}

static void on_counters(void *owner, const struct steer_counters *counters)
{
	(void)owner;
	heard.counted++;
	heard.counters = *counters;
}

static const struct steer_events events = {
	.followed = on_followed,
	.drained = on_drained,
	.refused = on_refused,
	.connected = on_connected,
	.found = on_found,
	.counters = on_counters,
};

static void relay_listen(void)
{
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
}

static void relay_go(void)
{
	relay = fd_close(relay);
	listener = fd_close(listener);
	unlink(address.sun_path);
}

/* Turns the loop until the relay has something to read, or the time is up. */
static bool relay_wait(int fd)
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

static void relay_accept_mute(void)
{
	assert_true(relay_wait(listener));
	relay = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(relay >= 0);
}

static void relay_expect(const char *wanted)
{
	char text[1200];
	ssize_t n;

	assert_true(relay_wait(relay));
	n = recv(relay, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static bool relay_has_been_told(void)
{
	struct pollfd poll_fd = {.fd = relay, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void relay_says(const char *text)
{
	assert_int_equal(send(relay, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A fresh one: nobody has said a route to it. */
static void relay_accept(void)
{
	relay_accept_mute();
	relay_expect("show");
	relay_says("ok show nothing");
}

static void until(const unsigned *count, unsigned wanted)
{
	uint64_t deadline = now_usec() + PATIENCE_USEC;

	while (*count < wanted && now_usec() < deadline)
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
	assert_int_equal(*count, wanted);
}

/* Long enough for anything that is under way to arrive. */
static void a_while(void)
{
	uint64_t deadline = now_usec() + 50 * USEC_PER_MSEC;

	while (now_usec() < deadline)
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
}

static struct route route_of(const char *text)
{
	struct route route;

	assert_int_equal(route_parse(text, &route), 0);
	return route;
}

static void say_route(const char *text)
{
	struct route route = route_of(text);

	heard.within = true;
	assert_int_equal(steer_route(steer, &route), 0);
	heard.within = false;
}

static int begin(void **state)
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

static int end(void **state)
{
	(void)state;
	steer = steer_close(steer);
	event = sd_event_unref(event);
	relay_go();
	return rmdir(dir);
}

#define BACKENDS "backends blue=127.0.0.1:9000 green=127.0.0.1:9001"

static int connected(void **state)
{
	begin(state);
	relay_listen();
	relay_accept();
	relay_expect(BACKENDS);
	relay_says("ok backends");
	until(&heard.connected, 1);
	return 0;
}

static void a_relay_counts_as_there_when_it_has_answered(void **state)
{
	(void)state;
	relay_listen();
	relay_accept_mute();
	relay_expect("show");
	relay_expect(BACKENDS);
	a_while();
	assert_false(steer_is_connected(steer));
	assert_int_equal(heard.connected, 0);
	relay_says("ok show nothing");
	until(&heard.connected, 1);
	assert_true(steer_is_connected(steer));
	assert_int_equal(heard.found, 0);
}

static void an_earlier_relay_that_cannot_show_counts_as_there_too(void **state)
{
	(void)state;
	assert_int_equal(steer_set_protocol(steer, STEER_HTTP), 0);
	say_route("reads=green:100 writes=hold");
	relay_listen();
	relay_accept_mute();
	relay_expect("show");
	relay_expect("protocol http");
	relay_expect(BACKENDS);
	relay_expect("route reads=green:100 writes=hold");
	relay_says(
		"error show no such request; there are backends, limits, route, drain, counters");
	relay_says("error protocol no such request; there are backends, limits");
	relay_says("ok backends");
	relay_says("ok route reads=green:100 writes=hold");
	until(&heard.followed, 1);
	assert_int_equal(heard.connected, 1);
	assert_int_equal(heard.disconnected, 0);
	assert_int_equal(heard.found, 0);
}

static void what_an_earlier_supervisor_said_is_found(void **state)
{
	struct route wanted = route_of("reads=green:100 writes=hold");

	(void)state;
	say_route("reads=blue:100 writes=blue:100");
	relay_listen();
	relay_accept_mute();
	relay_expect("show");
	relay_expect(BACKENDS);
	relay_expect("route reads=blue:100 writes=blue:100");
	assert_int_equal(heard.found, 0);
	relay_says("ok show reads=green:100 writes=hold");
	until(&heard.found, 1);
	assert_true(route_equal(&heard.route, &wanted));
	assert_int_equal(heard.followed, 0);
	until(&heard.connected, 1);
}

static void what_is_no_route_is_not_found(void **state)
{
	static const char *const odd[] = {"ok show", "ok show reads=hold",
		"ok show writes=hold reads=x", "ok show reads=hold writes=hold more"};

	(void)state;
	relay_listen();
	for (unsigned int i = 0; i < ELEMENTS(odd); i++) {
		relay_accept_mute();
		relay_expect("show");
		relay_says(odd[i]);
		until(&heard.connected, i + 1);
		assert_int_equal(heard.found, 0);
		relay = fd_close(relay);
		until(&heard.disconnected, i + 1);
	}
}

static void the_protocol_is_said_and_said_again(void **state)
{
	(void)state;
	assert_int_equal(steer_set_protocol(steer, STEER_TCP), 0);
	relay_expect("protocol tcp");
	relay_says("ok protocol");
	a_while();
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	relay_accept();
	relay_expect("protocol tcp");
	relay_expect(BACKENDS);
}

#define KEY "00112233445566778899aabbccddeeff"

static const struct steer_affinity by_cookie = {
	.kind = AFFINITY_COOKIE,
	.fresh = COLOR_GREEN,
	.key = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
		0xee, 0xff},
	.release = {"v1", "2.0-rc1"},
	.life_usec = 60000000,
};

static void an_affinity_is_said_before_the_route_that_shares(void **state)
{
	struct steer_affinity affinity = by_cookie;

	(void)state;
	assert_int_equal(steer_set_affinity(steer, &affinity), 0);
	relay_expect("affinity cookie fresh=green key=" KEY " life-usec=60000000 blue=v1 "
		     "green=2.0-rc1");
	strcpy(affinity.cookie, "shop");
	affinity.release[COLOR_BLUE][0] = '\0';
	assert_int_equal(steer_set_affinity(steer, &affinity), 0);
	relay_expect("affinity cookie fresh=green key=" KEY " life-usec=60000000 blue= "
		     "green=2.0-rc1 name=shop");
	affinity.kind = AFFINITY_ADDRESS;
	assert_int_equal(steer_set_affinity(steer, &affinity), 0);
	relay_expect("affinity address fresh=green key=" KEY);
	say_route("reads=blue:50,green:50 writes=hold");
	relay_expect("route reads=blue:50,green:50 writes=hold");
	for (int i = 0; i < 3; i++)
		relay_says("ok affinity");
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("affinity address fresh=green key=" KEY);
	relay_expect("route reads=blue:50,green:50 writes=hold");
	affinity.kind = AFFINITY_NONE;
	assert_int_equal(steer_set_affinity(steer, &affinity), 0);
	relay_expect("affinity none");
}

static void said_again_an_affinity_has_what_is_left_of_its_life(void **state)
{
	unsigned long long life;
	char text[1200];
	ssize_t n;

	(void)state;
	assert_int_equal(steer_set_affinity(steer, &by_cookie), 0);
	a_while();
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	relay_accept();
	relay_expect(BACKENDS);
	assert_true(relay_wait(relay));
	n = recv(relay, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(
		sscanf(text, "affinity cookie fresh=green key=" KEY " life-usec=%llu", &life), 1);
	assert_true(life < 60000000 && life > 55000000);
}

static void an_earlier_relay_without_affinity_goes_on_with_the_route(void **state)
{
	(void)state;
	assert_int_equal(steer_set_affinity(steer, &by_cookie), 0);
	say_route("reads=blue:50,green:50 writes=hold");
	relay_says("error affinity no such request; there are backends, limits, route");
	relay_says("ok route reads=blue:50,green:50 writes=hold");
	until(&heard.followed, 1);
	assert_int_equal(heard.disconnected, 0);
}

static void what_no_cookie_can_carry_is_refused(void **state)
{
	static const char *const bad[] = {"a b", "a;b", "a=b", "\n", "\xc3\xa4", "a,b", "\"a\""};
	struct steer_affinity affinity;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		affinity = by_cookie;
		strcpy(affinity.release[COLOR_GREEN], bad[i]);
		assert_int_equal(steer_set_affinity(steer, &affinity), -EINVAL);
		affinity = by_cookie;
		strcpy(affinity.cookie, bad[i]);
		assert_int_equal(steer_set_affinity(steer, &affinity), -EINVAL);
	}
	affinity = by_cookie;
	memset(affinity.release[COLOR_BLUE], 'x', STEER_RELEASE_MAX);
	assert_int_equal(steer_set_affinity(steer, &affinity), -EINVAL);
	assert_false(relay_has_been_told());
}

static void a_route_is_followed_when_the_relay_says_so(void **state)
{
	struct route wanted = route_of("reads=green:100 writes=hold");

	(void)state;
	say_route("reads=green:100 writes=hold");
	relay_expect("route reads=green:100 writes=hold");
	a_while();
	assert_int_equal(heard.followed, 0);
	relay_says("ok route reads=green:100 writes=hold");
	until(&heard.followed, 1);
	assert_true(route_equal(&heard.route, &wanted));
	/* The same again is answered again. */
	say_route("reads=green:100 writes=hold");
	relay_expect("route reads=green:100 writes=hold");
	relay_says("ok route reads=green:100 writes=hold");
	until(&heard.followed, 2);
}

static void only_the_answer_to_the_last_route_is_news(void **state)
{
	(void)state;
	say_route("reads=green:100 writes=hold");
	say_route("reads=blue:100 writes=blue:100");
	relay_expect("route reads=green:100 writes=hold");
	relay_expect("route reads=blue:100 writes=blue:100");
	relay_says("ok route reads=green:100 writes=hold");
	a_while();
	assert_int_equal(heard.followed, 0);
	relay_says("ok route reads=blue:100 writes=blue:100");
	until(&heard.followed, 1);
	assert_int_equal(heard.route.weight[ROUTE_READS][COLOR_BLUE], 100);
}

static void events_may_come_between_answers(void **state)
{
	(void)state;
	say_route("reads=green:100 writes=hold");
	relay_expect("route reads=green:100 writes=hold");
	relay_says("refused blue");
	relay_says("tomorrow blue something=new");
	relay_says("refused purple");
	until(&heard.refused, 1);
	assert_int_equal(heard.color, COLOR_BLUE);
	relay_says("ok route reads=green:100 writes=hold");
	until(&heard.followed, 1);
	assert_int_equal(heard.disconnected, 0);
}

static void a_drain_ends_with_its_own_event_only(void **state)
{
	const struct steer_drain drain = {
		.scope = DRAIN_ALL, .requests_usec = 1000, .streams_usec = 2000};

	(void)state;
	assert_int_equal(steer_drain(steer, COLOR_BLUE, &drain), 0);
	relay_expect("drain blue scope=all requests-usec=1000 streams-usec=2000");
	relay_says("ok drain");
	relay_says("drained green scope=all cut=1");
	relay_says("drained blue scope=reads cut=1");
	relay_says("drained blue scope=nonsense cut=1");
	a_while();
	assert_int_equal(heard.drained, 0);
	relay_says("drained blue scope=all cut=7");
	until(&heard.drained, 1);
	assert_int_equal(heard.color, COLOR_BLUE);
	assert_int_equal(heard.scope, DRAIN_ALL);
	assert_int_equal(heard.cut, 7);
	relay_says("drained blue scope=all cut=7");
	a_while();
	assert_int_equal(heard.drained, 1);
}

static void a_route_that_uses_the_color_again_ends_its_drain(void **state)
{
	const struct steer_drain drain = {.scope = DRAIN_READS};

	(void)state;
	assert_int_equal(steer_drain(steer, COLOR_BLUE, &drain), 0);
	say_route("reads=blue:0,green:100 writes=hold");
	relay_expect("drain blue scope=reads requests-usec=0 streams-usec=0");
	relay_expect("route reads=blue:0,green:100 writes=hold");
	relay_says("ok drain");
	relay_says("ok route reads=blue:0,green:100 writes=hold");
	relay_says("drained blue scope=reads cut=0");
	until(&heard.followed, 1);
	a_while();
	assert_int_equal(heard.drained, 0);
}

static void a_drain_of_reads_lasts_through_a_route_of_writes(void **state)
{
	const struct steer_drain drain = {.scope = DRAIN_READS};

	(void)state;
	assert_int_equal(steer_drain(steer, COLOR_BLUE, &drain), 0);
	say_route("reads=green:100 writes=blue:100");
	relay_expect("drain blue scope=reads requests-usec=0 streams-usec=0");
	relay_expect("route reads=green:100 writes=blue:100");
	relay_says("ok drain");
	relay_says("ok route reads=green:100 writes=blue:100");
	relay_says("drained blue scope=reads cut=0");
	until(&heard.drained, 1);
}

static void everything_is_said_again_to_a_relay_that_comes_back(void **state)
{
	const struct steer_limits limits = {
		.hold_usec = 30000000, .hold_requests = 512, .hold_bytes = 67108864};
	const struct steer_drain drain = {.scope = DRAIN_ALL,
		.requests_usec = 60 * USEC_PER_SEC,
		.streams_usec = 10 * USEC_PER_MSEC};
	unsigned long long requests, streams;
	char text[1200];
	ssize_t n;

	(void)state;
	assert_int_equal(steer_set_limits(steer, &limits), 0);
	say_route("reads=green:100 writes=hold");
	assert_int_equal(steer_drain(steer, COLOR_BLUE, &drain), 0);
	relay_go();
	until(&heard.disconnected, 1);
	assert_false(steer_is_connected(steer));
	assert_int_equal(steer_ask_counters(steer), -ENOTCONN);
	a_while();
	relay_listen();
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("limits hold-usec=30000000 hold-requests=512 hold-bytes=67108864");
	relay_expect("route reads=green:100 writes=hold");
	/* The drain has only what is left of its limits. */
	assert_true(relay_wait(relay));
	n = recv(relay, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "drain blue scope=all requests-usec=%llu streams-usec=%llu",
				 &requests, &streams),
		2);
	assert_true(requests < 60 * USEC_PER_SEC && requests > 55 * USEC_PER_SEC);
	assert_int_equal(streams, 0);
	relay_says("ok backends");
	relay_says("ok limits");
	relay_says("ok route reads=green:100 writes=hold");
	relay_says("ok drain");
	relay_says("drained blue scope=all cut=0");
	until(&heard.drained, 1);
	assert_int_equal(heard.followed, 1);
	assert_int_equal(heard.connected, 2);
}

static void what_is_wished_for_before_there_is_a_relay_is_kept(void **state)
{
	(void)state;
	say_route("reads=green:100 writes=hold");
	say_route("reads=blue:100 writes=blue:100");
	a_while();
	relay_listen();
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("route reads=blue:100 writes=blue:100");
	relay_says("ok backends");
	relay_says("ok route reads=blue:100 writes=blue:100");
	until(&heard.followed, 1);
}

static void counters_are_understood_as_far_as_they_are_known(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_counters(steer), 0);
	relay_expect("counters");
	relay_says("ok counters blue.reads=1 green.reads=2 blue.writes=3 green.writes=4 "
		   "blue.failed=5 green.failed=6 blue.inflight=7 green.inflight=8 blue.streams=9 "
		   "green.streams=10 held=11 holding=12 hold-longest-usec=13 hold-expired=14 "
		   "cut=15 connections=18446744073709551615 purple.reads=99 blue.tomorrow=99 odd");
	until(&heard.counted, 1);
	assert_int_equal(heard.counters.reads[COLOR_BLUE], 1);
	assert_int_equal(heard.counters.reads[COLOR_GREEN], 2);
	assert_int_equal(heard.counters.writes[COLOR_BLUE], 3);
	assert_int_equal(heard.counters.failed[COLOR_GREEN], 6);
	assert_int_equal(heard.counters.inflight[COLOR_BLUE], 7);
	assert_int_equal(heard.counters.streams[COLOR_GREEN], 10);
	assert_int_equal(heard.counters.held, 11);
	assert_int_equal(heard.counters.holding, 12);
	assert_int_equal(heard.counters.hold_longest_usec, 13);
	assert_int_equal(heard.counters.hold_expired, 14);
	assert_int_equal(heard.counters.cut, 15);
	assert_true(heard.counters.connections == UINT64_MAX);
}

static void errors_and_latencies_are_counted_by_color(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_counters(steer), 0);
	relay_expect("counters");
	relay_says("ok counters blue.reads=1 connections=2 blue.errors=3 green.errors=4 "
		   "blue.latency=5,0,6 green.latency=0 purple.latency=9 blue.latency.p99=7");
	until(&heard.counted, 1);
	assert_int_equal(heard.counters.errors[COLOR_BLUE], 3);
	assert_int_equal(heard.counters.errors[COLOR_GREEN], 4);
	assert_int_equal(heard.counters.latency[COLOR_BLUE][0], 5);
	assert_int_equal(heard.counters.latency[COLOR_BLUE][1], 0);
	assert_int_equal(heard.counters.latency[COLOR_BLUE][2], 6);
	assert_int_equal(heard.counters.latency[COLOR_BLUE][3], 0);
	assert_int_equal(heard.counters.latency[COLOR_GREEN][0], 0);
}

static void the_largest_answer_is_understood_whole(void **state)
{
	char text[4096];
	size_t length = (size_t)snprintf(text, sizeof(text), "ok counters connections=2");

	(void)state;
	for (int color = 0; color < COLOR_COUNT; color++)
		for (int bucket = 0; bucket < STEER_LATENCY_BUCKETS + 2; bucket++)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%llu",
				bucket	? ","
				: color ? " green.latency="
					: " blue.latency=",
				(unsigned long long)UINT64_MAX - (unsigned)bucket);
	assert_int_equal(steer_ask_counters(steer), 0);
	relay_expect("counters");
	relay_says(text);
	until(&heard.counted, 1);
	assert_int_equal(heard.counters.connections, 2);
	/* Two buckets more than we know are passed over. */
	for (int bucket = 0; bucket < STEER_LATENCY_BUCKETS; bucket++)
		assert_true(heard.counters.latency[COLOR_GREEN][bucket] ==
			    UINT64_MAX - (unsigned)bucket);
}

static void a_route_that_is_refused_is_not_followed(void **state)
{
	(void)state;
	say_route("reads=green:100 writes=hold");
	relay_expect("route reads=green:100 writes=hold");
	relay_says("error route no worker is left");
	a_while();
	assert_int_equal(heard.followed, 0);
	assert_int_equal(heard.disconnected, 0);
}

static void a_relay_that_answers_what_was_not_asked_is_left_and_asked_again(void **state)
{
	(void)state;
	say_route("reads=green:100 writes=hold");
	relay_expect("route reads=green:100 writes=hold");
	relay_says("ok limits");
	until(&heard.disconnected, 1);
	relay = fd_close(relay);
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("route reads=green:100 writes=hold");
}

static void an_answer_to_nothing_is_no_answer(void **state)
{
	(void)state;
	relay_says("ok route reads=hold writes=hold");
	until(&heard.disconnected, 1);
	assert_int_equal(heard.followed, 0);
}

static void a_relay_that_hangs_does_not_block_and_is_left_in_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		say_route(i % 2 ? "reads=green:100 writes=hold" : "reads=blue:100 writes=blue:100");
	until(&heard.disconnected, 1);
	relay = fd_close(relay);
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("route reads=green:100 writes=hold");
	relay_says("ok backends");
	relay_says("ok route reads=green:100 writes=hold");
	until(&heard.followed, 1);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char path[256];
	struct steer *other = NULL;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(steer_open(event, path, &events, &heard, &other), -ENAMETOOLONG);
}

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(a_relay_counts_as_there_when_it_has_answered, begin),
		story(an_earlier_relay_that_cannot_show_counts_as_there_too, begin),
		story(what_an_earlier_supervisor_said_is_found, begin),
		story(what_is_no_route_is_not_found, begin),
		story(the_protocol_is_said_and_said_again, connected),
		story(an_affinity_is_said_before_the_route_that_shares, connected),
		story(said_again_an_affinity_has_what_is_left_of_its_life, connected),
		story(an_earlier_relay_without_affinity_goes_on_with_the_route, connected),
		story(what_no_cookie_can_carry_is_refused, connected),
		story(a_route_is_followed_when_the_relay_says_so, connected),
		story(only_the_answer_to_the_last_route_is_news, connected),
		story(events_may_come_between_answers, connected),
		story(a_drain_ends_with_its_own_event_only, connected),
		story(a_route_that_uses_the_color_again_ends_its_drain, connected),
		story(a_drain_of_reads_lasts_through_a_route_of_writes, connected),
		story(everything_is_said_again_to_a_relay_that_comes_back, connected),
		story(what_is_wished_for_before_there_is_a_relay_is_kept, begin),
		story(counters_are_understood_as_far_as_they_are_known, connected),
		story(errors_and_latencies_are_counted_by_color, connected),
		story(the_largest_answer_is_understood_whole, connected),
		story(a_route_that_is_refused_is_not_followed, connected),
		story(a_relay_that_answers_what_was_not_asked_is_left_and_asked_again, connected),
		story(an_answer_to_nothing_is_no_answer, connected),
		story(a_relay_that_hangs_does_not_block_and_is_left_in_the_end, connected),
		story(a_path_that_is_too_long_is_refused, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
