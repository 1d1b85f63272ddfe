/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "relay-control.h"
#include "relay-words.h"

/* The functions write into their text. */
static char *words(const char *text)
{
	static char copy[CONTROL_MESSAGE_MAX + 1];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	return copy;
}

static void backends_are_an_address_and_a_port_each(void **state)
{
	struct plan plan = {0};

	(void)state;
	assert_int_equal(
		words_backends(words("blue=127.0.0.1:9000 green=127.0.0.1:9001"), &plan), 0);
	assert_int_equal(ntohs(plan.backend[COLOR_BLUE].sin_port), 9000);
	assert_int_equal(ntohs(plan.backend[COLOR_GREEN].sin_port), 9001);
	assert_true(plan.backend_known[COLOR_BLUE] && plan.backend_known[COLOR_GREEN]);
}

static void bad_backends_change_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"blue=127.0.0.1:9000",
		"green=127.0.0.1:9001 blue=127.0.0.1:9000",
		"blue=127.0.0.1:9000 green=127.0.0.1:9001 ",
		"blue=127.0.0.1:9000 green=127.0.0.1:9001 red=127.0.0.1:9002",
		"blue=127.0.0.1:0 green=127.0.0.1:9001",
		"blue=127.0.0.1:65536 green=127.0.0.1:9001",
		"blue=127.0.0.1: green=127.0.0.1:9001",
		"blue=127.0.0.1:9000x green=127.0.0.1:9001",
		"blue=localhost:9000 green=127.0.0.1:9001",
		"blue=::1:9000 green=127.0.0.1:9001",
		"blue=127.0.0.1.127.0.0.1:9000 green=127.0.0.1:9001",
		"blue= green=",
	};
	struct plan plan = {0}, untouched = {0};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_backends(words(bad[i]), &plan), -EINVAL);
	assert_memory_equal(&plan, &untouched, sizeof(plan));
}

static void clients_are_who_is_trusted_and_two_answers(void **state)
{
	struct plan plan = {0};

	(void)state;
	assert_int_equal(
		words_clients(words("trust=10.0.0.0/8,::1 accept-proxy=yes send-proxy=v2"), &plan),
		0);
	assert_true(plan.clients.said && plan.clients.accept_proxy);
	assert_int_equal(plan.clients.send_proxy, PROXY_VERSION_2);
	assert_int_equal(plan.clients.trust.count, 2);
	assert_int_equal(
		words_clients(words("trust=none accept-proxy=no send-proxy=no"), &plan), 0);
	assert_false(plan.clients.accept_proxy);
	assert_int_equal(plan.clients.send_proxy, PROXY_VERSION_NONE);
	assert_int_equal(plan.clients.trust.count, 0);
}

static void bad_clients_change_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"trust=none",
		"trust=none accept-proxy=no",
		"trust= accept-proxy=no send-proxy=no",
		"trust=nobody accept-proxy=no send-proxy=no",
		"trust=10.0.0.1/8 accept-proxy=no send-proxy=no",
		"trust=none accept-proxy=1 send-proxy=no",
		"trust=none accept-proxy=no send-proxy=v3",
		"trust=none accept-proxy=no send-proxy=no x",
		"accept-proxy=no trust=none send-proxy=no",
	};
	struct plan plan = {0}, untouched = {0};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_clients(words(bad[i]), &plan), -EINVAL);
	assert_memory_equal(&plan, &untouched, sizeof(plan));
}

/* The longest that a supervisor says. */
static void as_many_prefixes_as_there_may_be_fit_a_message(void **state)
{
	struct plan plan = {.clients.trust.count = TRUST_MAX}, read = {0};
	char text[CONTROL_MESSAGE_MAX + 1], prefixes[TRUST_TEXT_MAX];
	int length;

	(void)state;
	for (size_t i = 0; i < TRUST_MAX; i++) {
		memset(plan.clients.trust.prefixes[i].address, 0xff, ENDPOINT_ADDRESS_SIZE - 1);
		plan.clients.trust.prefixes[i].bits = 127;
	}
	length = snprintf(text, sizeof(text), "clients trust=%s accept-proxy=yes send-proxy=v2",
		trust_text(&plan.clients.trust, prefixes));
	assert_true(length > 1024 && length <= CONTROL_MESSAGE_MAX);
	assert_int_equal(words_clients(words(text + strlen("clients ")), &read), 0);
	assert_memory_equal(&read.clients.trust, &plan.clients.trust, sizeof(struct trust));
}

static void limits_are_three_numbers(void **state)
{
	struct plan plan = {0};

	(void)state;
	assert_int_equal(
		words_limits(words("hold-usec=1 hold-requests=2 hold-bytes=18446744073709551615"),
			&plan),
		0);
	assert_int_equal(plan.hold_usec, 1);
	assert_int_equal(plan.hold_requests, 2);
	assert_true(plan.hold_bytes == UINT64_MAX);
}

static void bad_limits_change_nothing(void **state)
{
	static const char *const bad[] = {
		"hold-usec=1 hold-requests=2",
		"hold-usec=1 hold-requests=2 hold-bytes=",
		"hold-usec=-1 hold-requests=2 hold-bytes=3",
		"hold-usec=+1 hold-requests=2 hold-bytes=3",
		"hold-usec=1s hold-requests=2 hold-bytes=3",
		"hold-usec=1 hold-requests=4294967296 hold-bytes=3",
		"hold-usec=18446744073709551616 hold-requests=2 hold-bytes=3",
		"hold-usec=1  hold-requests=2 hold-bytes=3",
		"hold-usec=1 hold-requests=2 hold-bytes=3 x",
	};
	struct plan plan = {0}, untouched = {0};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_limits(words(bad[i]), &plan), -EINVAL);
	assert_memory_equal(&plan, &untouched, sizeof(plan));
}

static void a_drain_has_limits_from_now(void **state)
{
	struct plan_drain drain;
	enum color color;

	(void)state;
	assert_int_equal(words_drain(words("green scope=reads requests-usec=5 streams-usec=7"), 100,
				 &color, &drain),
		0);
	assert_int_equal(color, COLOR_GREEN);
	assert_int_equal(drain.extent, DRAIN_OF_READS);
	assert_int_equal(drain.begun_usec, 100);
	assert_int_equal(drain.requests_usec, 105);
	assert_int_equal(drain.streams_usec, 107);
}

static void a_drain_without_end_has_none(void **state)
{
	struct plan_drain drain;
	enum color color;

	(void)state;
	assert_int_equal(words_drain(words("blue scope=all requests-usec=18446744073709551615 "
					   "streams-usec=18446744073709551615"),
				 100, &color, &drain),
		0);
	assert_true(drain.requests_usec == USEC_INFINITY && drain.streams_usec == USEC_INFINITY);
}

static void bad_drains_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"red scope=all requests-usec=1 streams-usec=1",
		"blue scope=none requests-usec=1 streams-usec=1",
		"blue scope=writes requests-usec=1 streams-usec=1",
		"blue requests-usec=1 streams-usec=1",
		"blue scope=all requests-usec=1",
		"blue scope=all requests-usec=1 streams-usec=1 now",
	};
	struct plan_drain drain;
	enum color color;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_drain(words(bad[i]), 0, &color, &drain), -EINVAL);
}

#define KEY "000102030405060708090a0b0C0D0E0F"

static void an_affinity_is_a_key_and_what_its_cookie_says(void **state)
{
	struct affinity_plan affinity = {0};

	(void)state;
	assert_int_equal(words_affinity(words("cookie fresh=green key=" KEY
					      " life-usec=5 blue= green=1.2+b-c_d"),
				 100, &affinity),
		0);
	assert_int_equal(affinity.kind, AFFINITY_COOKIE);
	assert_int_equal(affinity.fresh, COLOR_GREEN);
	assert_true(affinity.key.low == UINT64_C(0x0706050403020100));
	assert_true(affinity.key.high == UINT64_C(0x0f0e0d0c0b0a0908));
	assert_int_equal(affinity.life_usec, 105);
	assert_string_equal(affinity.release[COLOR_BLUE], "");
	assert_string_equal(affinity.release[COLOR_GREEN], "1.2+b-c_d");
	assert_string_equal(affinity.name, "bluegreen");
	assert_int_equal(words_affinity(words("cookie fresh=blue key=" KEY
					      " life-usec=7 blue= green= name=shop"),
				 100, &affinity),
		0);
	assert_string_equal(affinity.name, "shop");
}

static void of_an_affinity_that_ends_its_cookies_are_remembered(void **state)
{
	struct affinity_plan affinity = {0};

	(void)state;
	assert_int_equal(words_affinity(words("none"), 100, &affinity), 0);
	assert_false(affinity_is_active(&affinity));
	assert_int_equal(words_affinity(words("cookie fresh=green key=" KEY
					      " life-usec=5 blue=a green=b name=shop"),
				 100, &affinity),
		0);
	assert_int_equal(words_affinity(words("address fresh=blue key=" KEY), 101, &affinity), 0);
	assert_int_equal(affinity.kind, AFFINITY_ADDRESS);
	assert_int_equal(words_affinity(words("none"), 102, &affinity), 0);
	assert_true(affinity_is_active(&affinity));
	assert_int_equal(affinity.kind, AFFINITY_NONE);
	assert_int_equal(affinity.life_usec, 105);
	assert_string_equal(affinity.name, "shop");
}

static void bad_affinities_change_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"none ",
		"address",
		"address fresh=green",
		"address fresh=green key=" KEY " x",
		"address key=" KEY " fresh=green",
		"address fresh=green key=0" KEY,
		"cookie fresh=green key=" KEY " life-usec=1 blue=a",
		"cookie fresh=green key=" KEY " life-usec=1 blue=a green=b\n",
		"cookie fresh=green key=" KEY " life-usec=1 blue=a green=b name=",
		"cookie fresh=green key=" KEY " life-usec=1 blue=a green=b name=x name=y",
	};
	struct affinity_plan affinity = {0}, untouched = {0};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_affinity(words(bad[i]), 0, &affinity), -EINVAL);
	assert_memory_equal(&affinity, &untouched, sizeof(affinity));
}

static void the_largest_counters_fit_in_a_message(void **state)
{
	struct relay_totals totals;
	char text[CONTROL_ANSWER_MAX];

	(void)state;
	memset(&totals, 0xff, sizeof(totals));
	words_counters(&totals, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text) - strlen("ok counters ") - 1);
	assert_non_null(strstr(text, "blue.reads=18446744073709551615 "));
	assert_non_null(strstr(text, " connections=18446744073709551615 "));
	assert_non_null(strstr(text, " green.errors=18446744073709551615 "));
	assert_non_null(strstr(text, ",18446744073709551615 cut-streams="));
	assert_string_equal(text + strlen(text) - 21, "=18446744073709551615");
}

static void an_earlier_supervisor_finds_what_it_knows_in_front(void **state)
{
	struct relay_totals totals;
	char text[CONTROL_ANSWER_MAX];

	(void)state;
	memset(&totals, 0xff, sizeof(totals));
	words_counters(&totals, text, sizeof(text));
	/* It reads 1024 bytes of an answer and 32 words of those. */
	text[1024 - strlen("ok counters ")] = '\0';
	assert_non_null(strstr(text, " connections=18446744073709551615 "));
}

static void latencies_end_with_the_last_that_is_not_0(void **state)
{
	struct relay_totals totals = {0};
	char text[CONTROL_ANSWER_MAX];

	(void)state;
	totals.latency[COLOR_BLUE][0] = 3;
	totals.latency[COLOR_BLUE][2] = 1;
	totals.errors[COLOR_GREEN] = 7;
	words_counters(&totals, text, sizeof(text));
	assert_non_null(strstr(text, " blue.errors=0 green.errors=7 blue.latency=3,0,1 "));
	assert_string_equal(strstr(text, " green.latency"), " green.latency=0 cut-streams=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backends_are_an_address_and_a_port_each),
		cmocka_unit_test(bad_backends_change_nothing),
		cmocka_unit_test(clients_are_who_is_trusted_and_two_answers),
		cmocka_unit_test(bad_clients_change_nothing),
		cmocka_unit_test(as_many_prefixes_as_there_may_be_fit_a_message),
		cmocka_unit_test(limits_are_three_numbers),
		cmocka_unit_test(bad_limits_change_nothing),
		cmocka_unit_test(a_drain_has_limits_from_now),
		cmocka_unit_test(a_drain_without_end_has_none),
		cmocka_unit_test(bad_drains_are_refused),
		cmocka_unit_test(an_affinity_is_a_key_and_what_its_cookie_says),
		cmocka_unit_test(of_an_affinity_that_ends_its_cookies_are_remembered),
		cmocka_unit_test(bad_affinities_change_nothing),
		cmocka_unit_test(the_largest_counters_fit_in_a_message),
		cmocka_unit_test(an_earlier_supervisor_finds_what_it_knows_in_front),
		cmocka_unit_test(latencies_end_with_the_last_that_is_not_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
