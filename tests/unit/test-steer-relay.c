/* SPDX-License-Identifier: MIT */
/*
 * steer-relay.c against a relay of the test's own, over a real SOCK_SEQPACKET socket: routes,
 * drains, counters, and relays that do not behave.
 */
#include "steer-relay-stand.h"

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
	relay_says("drained blue scope=all cut=7 streams=3 tomorrow=4");
	until(&heard.drained, 1);
	assert_int_equal(heard.color, COLOR_BLUE);
	assert_int_equal(heard.scope, DRAIN_ALL);
	assert_int_equal(heard.cut.exchanges, 7);
	assert_int_equal(heard.cut.streams, 3);
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

static void counters_are_understood_as_far_as_they_are_known(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_counters(steer), 0);
	relay_expect("counters");
	relay_says("ok counters blue.reads=1 green.reads=2 blue.writes=3 green.writes=4 "
		   "blue.failed=5 green.failed=6 blue.inflight=7 green.inflight=8 blue.streams=9 "
		   "green.streams=10 held=11 holding=12 hold-longest-usec=13 hold-expired=14 "
		   "cut=15 connections=18446744073709551615 purple.reads=99 blue.tomorrow=99 odd "
		   "cut-streams=14");
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
	assert_int_equal(heard.counters.cut.exchanges, 15);
	assert_int_equal(heard.counters.cut.streams, 14);
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
		story(a_route_is_followed_when_the_relay_says_so, connected),
		story(only_the_answer_to_the_last_route_is_news, connected),
		story(events_may_come_between_answers, connected),
		story(a_drain_ends_with_its_own_event_only, connected),
		story(a_route_that_uses_the_color_again_ends_its_drain, connected),
		story(a_drain_of_reads_lasts_through_a_route_of_writes, connected),
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
