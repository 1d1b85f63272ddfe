/* SPDX-License-Identifier: MIT */
/*
 * steer-relay-wishes.c: what a relay is told, and told again when it comes back.
 */
#include "steer-relay-stand.h"
#include "steer-relay-words.h"

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

static const struct steer_clients behind_a_front = {
	.trust = {.count = 1, .prefixes = {{.address = {[15] = 1}, .bits = 128}}},
	.accept_proxy = true,
	.send_proxy = PROXY_VERSION_2,
};

static void clients_are_said_and_said_again(void **state)
{
	const struct steer_clients nobody = {0};

	(void)state;
	assert_int_equal(steer_set_clients(steer, &nobody), 0);
	relay_expect("clients trust=none accept-proxy=no send-proxy=no");
	assert_int_equal(steer_set_clients(steer, &behind_a_front), 0);
	relay_expect("clients trust=::1 accept-proxy=yes send-proxy=v2");
	relay_says("ok clients");
	relay_says("ok clients");
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	relay_accept();
	relay_expect("clients trust=::1 accept-proxy=yes send-proxy=v2");
	relay_expect(BACKENDS);
}

/* It knows no such request, or cannot even read one so long. */
static void an_earlier_relay_is_gone_on_with_without_clients(void **state)
{
	struct steer_clients many = {.trust.count = TRUST_MAX};
	char wanted[STEER_WORDS_CLIENTS_MAX + 16], words[STEER_WORDS_CLIENTS_MAX];

	(void)state;
	assert_int_equal(steer_set_clients(steer, &behind_a_front), 0);
	for (size_t i = 0; i < TRUST_MAX; i++) {
		memset(many.trust.prefixes[i].address, 0xff, ENDPOINT_ADDRESS_SIZE);
		many.trust.prefixes[i].bits = 128;
	}
	assert_int_equal(steer_set_clients(steer, &many), 0);
	say_route("reads=blue:100 writes=hold");
	relay_expect("clients trust=::1 accept-proxy=yes send-proxy=v2");
	snprintf(wanted, sizeof(wanted), "clients %s", steer_words_clients(&many, words));
	assert_true(strlen(wanted) > 1024);
	relay_expect(wanted);
	relay_says("error clients no such request; there are backends, limits, route");
	relay_says("error - a message is text of at most 1024 bytes");
	relay_says("ok route reads=blue:100 writes=hold");
	until(&heard.followed, 1);
	assert_int_equal(heard.disconnected, 0);
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

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(an_earlier_relay_that_cannot_show_counts_as_there_too, begin),
		story(what_an_earlier_supervisor_said_is_found, begin),
		story(what_is_no_route_is_not_found, begin),
		story(the_protocol_is_said_and_said_again, connected),
		story(clients_are_said_and_said_again, connected),
		story(an_earlier_relay_is_gone_on_with_without_clients, connected),
		story(an_affinity_is_said_before_the_route_that_shares, connected),
		story(said_again_an_affinity_has_what_is_left_of_its_life, connected),
		story(an_earlier_relay_without_affinity_goes_on_with_the_route, connected),
		story(what_no_cookie_can_carry_is_refused, connected),
		story(everything_is_said_again_to_a_relay_that_comes_back, connected),
		story(what_is_wished_for_before_there_is_a_relay_is_kept, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
