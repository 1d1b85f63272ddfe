/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "trust.h"

static struct endpoint end_of(const char *text)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(text, strlen(text), &endpoint), 0);
	return endpoint;
}

static bool holds(const char *list, const char *address)
{
	struct endpoint endpoint = end_of(address);
	struct trust trust;

	assert_int_equal(trust_parse(list, &trust), 0);
	return trust_holds(&trust, &endpoint);
}

static void a_prefix_holds_what_begins_with_it(void **state)
{
	(void)state;
	assert_true(holds("192.0.2.0/24", "192.0.2.0"));
	assert_true(holds("192.0.2.0/24", "192.0.2.255"));
	assert_false(holds("192.0.2.0/24", "192.0.3.0"));
	assert_true(holds("192.0.2.128/25", "192.0.2.200"));
	assert_false(holds("192.0.2.128/25", "192.0.2.127"));
	assert_true(holds("10.0.0.0/8", "10.255.0.1"));
	assert_true(holds("10.0.0.0/15", "10.1.255.255"));
	assert_false(holds("10.0.0.0/15", "10.2.0.0"));
	assert_true(holds("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(holds("2001:db8::/32", "2001:db9::"));
	assert_true(holds("2001:db8:8000::/33", "2001:db8:8000::1"));
	assert_false(holds("2001:db8:8000::/33", "2001:db8:7fff::1"));
}

/* Every length: the last bit of it counts, the one behind it does not. */
static void each_length_ends_at_its_bit(void **state)
{
	(void)state;
	for (unsigned int bits = 1; bits <= 128; bits++) {
		struct trust trust = {.count = 1};
		struct endpoint endpoint = {.known = true};

		trust.prefixes[0].bits = (uint8_t)bits;
		assert_true(trust_holds(&trust, &endpoint));
		endpoint.address[(bits - 1) / 8] = (uint8_t)(0x80 >> (bits - 1) % 8);
		assert_false(trust_holds(&trust, &endpoint));
		if (bits == 128)
			break;
		endpoint = (struct endpoint){.known = true};
		endpoint.address[bits / 8] = (uint8_t)(0x80 >> bits % 8);
		assert_true(trust_holds(&trust, &endpoint));
	}
}

static void an_address_is_a_prefix_of_all_its_bits(void **state)
{
	(void)state;
	assert_true(holds("192.0.2.7", "192.0.2.7"));
	assert_false(holds("192.0.2.7", "192.0.2.6"));
	assert_true(holds("2001:db8::1", "2001:db8::1"));
	assert_false(holds("2001:db8::1", "2001:db8::2"));
}

static void localhost_is_both_families(void **state)
{
	struct trust trust = trust_localhost();
	struct endpoint endpoint = end_of("127.9.9.9");

	(void)state;
	assert_true(trust_holds(&trust, &endpoint));
	assert_true(holds("localhost", "127.0.0.1"));
	assert_true(holds("localhost", "::1"));
	assert_true(holds("localhost", "::ffff:127.0.0.1"));
	assert_false(holds("localhost", "128.0.0.1"));
	assert_false(holds("localhost", "::2"));
	assert_false(holds("localhost", "::127.0.0.1"));
}

/* A listener for both families shows them so. */
static void a_mapped_address_is_an_ipv4_one(void **state)
{
	(void)state;
	assert_true(holds("192.0.2.0/24", "::ffff:192.0.2.7"));
	assert_true(holds("::ffff:192.0.2.0/120", "192.0.2.7"));
	assert_true(holds("0.0.0.0/0", "203.0.113.1"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("::/0", "2001:db8::1"));
}

static void nobody_is_trusted_but_who_has_no_address(void **state)
{
	struct endpoint nameless = {0};
	struct trust trust;

	(void)state;
	assert_int_equal(trust_parse("none", &trust), 0);
	assert_int_equal(trust.count, 0);
	assert_true(trust_holds(&trust, &nameless));
	assert_false(holds("none", "127.0.0.1"));
	assert_false(holds("none", "::1"));
}

static void a_list_is_written_as_it_is_read(void **state)
{
	static const char *const lists[] = {"none", "127.0.0.0/8,::1", "192.0.2.7",
		"10.0.0.0/8,2001:db8::/32,0.0.0.0/0,::/0", "::ffff:0.0.0.0/95"};
	char text[TRUST_TEXT_MAX];
	struct trust trust;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lists); i++) {
		assert_int_equal(trust_parse(lists[i], &trust), i == 4 ? -EINVAL : 0);
		if (i < 4)
			assert_string_equal(trust_text(&trust, text), lists[i]);
	}
	assert_int_equal(trust_parse("localhost,fe80::/10", &trust), 0);
	assert_string_equal(trust_text(&trust, text), "127.0.0.0/8,::1,fe80::/10");
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const bad[] = {"", ",", "10.0.0.0/8,", ",::1", "10.0.0.0/8 ::1",
		"10.0.0.1/8", "192.0.2.129/25", "2001:db8::1/32", "10.0.0.0/33", "::/129",
		"10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
		"10.0.0.0/8x", "10/8", "Localhost", "none,::1", "::1,none", "all",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
	struct trust trust = {.count = 3}, untouched = trust;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(trust_parse(bad[i], &trust), -EINVAL);
	assert_memory_equal(&trust, &untouched, sizeof(trust));
}

static void more_than_there_is_room_for_is_refused(void **state)
{
	struct trust trust = {0};
	char word[32];

	(void)state;
	for (unsigned int i = 0; i < TRUST_MAX - 1; i++) {
		snprintf(word, sizeof(word), "10.0.0.%u", i);
		assert_int_equal(trust_add(&trust, word), 0);
	}
	/* It is two, and comes whole or not at all. */
	assert_int_equal(trust_add(&trust, "localhost"), -E2BIG);
	assert_int_equal(trust.count, TRUST_MAX - 1);
	assert_int_equal(trust_add(&trust, "::1"), 0);
	assert_int_equal(trust_add(&trust, "::2"), -E2BIG);
	assert_int_equal(trust.count, TRUST_MAX);
}

static void the_longest_list_fits_its_text(void **state)
{
	struct trust trust = {.count = TRUST_MAX}, read;
	char text[TRUST_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < TRUST_MAX; i++) {
		memset(trust.prefixes[i].address, 0xff, ENDPOINT_ADDRESS_SIZE - 1);
		trust.prefixes[i].bits = 127;
	}
	assert_int_equal(trust_parse(trust_text(&trust, text), &read), 0);
	assert_memory_equal(&read, &trust, sizeof(trust));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_holds_what_begins_with_it),
		cmocka_unit_test(each_length_ends_at_its_bit),
		cmocka_unit_test(an_address_is_a_prefix_of_all_its_bits),
		cmocka_unit_test(localhost_is_both_families),
		cmocka_unit_test(a_mapped_address_is_an_ipv4_one),
		cmocka_unit_test(nobody_is_trusted_but_who_has_no_address),
		cmocka_unit_test(a_list_is_written_as_it_is_read),
		cmocka_unit_test(what_is_no_prefix_is_refused),
		cmocka_unit_test(more_than_there_is_room_for_is_refused),
		cmocka_unit_test(the_longest_list_fits_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
