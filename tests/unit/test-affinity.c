/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "affinity.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "guarded.h"

static const struct affinity_plan plan = {
	.kind = AFFINITY_COOKIE,
	.fresh = COLOR_GREEN,
	.key = {1, 2},
	.release = {"v1", ""},
	.name = "name",
	.life_usec = 100 * USEC_PER_SEC,
};

static bool share_of(const char *text, uint8_t *ret_share)
{
	struct route route;

	assert_int_equal(route_parse(text, &route), 0);
	return affinity_share(&route, ROUTE_READS, COLOR_GREEN, ret_share);
}

static void a_share_is_in_percent_of_the_sum(void **state)
{
	static const struct {
		const char *route;
		uint8_t share;
	} rows[] = {
		{"reads=blue:90,green:10 writes=hold", 10},
		{"reads=blue:50,green:50 writes=hold", 50},
		{"reads=blue:1,green:1 writes=hold", 50},
		{"reads=blue:1,green:2 writes=hold", 66},
		{"reads=blue:100,green:1 writes=hold", 0},
		{"reads=blue:1,green:100 writes=hold", 99},
		{"reads=blue:100,green:100 writes=hold", 50},
	};
	uint8_t share;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_true(share_of(rows[i].route, &share));
		assert_int_equal(share, rows[i].share);
	}
}

static void what_one_color_has_alone_is_not_shared(void **state)
{
	static const char *const alone[] = {
		"reads=blue:100,green:0 writes=blue:1,green:1",
		"reads=blue:0,green:1 writes=hold",
		"reads=blue:1 writes=hold",
		"reads=green:1 writes=hold",
		"reads=hold writes=hold",
		"reads=blue:0,green:0 writes=hold",
	};
	uint8_t share = 7;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(alone); i++)
		assert_false(share_of(alone[i], &share));
	assert_int_equal(share, 7);
}

static const struct endpoint *end_of(const char *text)
{
	static struct endpoint endpoint;

	assert_int_equal(endpoint_parse(text, strlen(text), &endpoint), 0);
	return &endpoint;
}

static void an_address_has_one_place(void **state)
{
	static const unsigned char v4[] = {192, 0, 2, 7};
	static const unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	uint8_t place = 0;

	(void)state;
	assert_true(affinity_place_of_address(&plan.key, end_of("192.0.2.7"), &place));
	assert_int_equal(place, siphash(&plan.key, v4, sizeof(v4)) % 100);
	assert_true(affinity_place_of_address(&plan.key, end_of("2001:db8::1"), &place));
	assert_int_equal(place, siphash(&plan.key, v6, sizeof(v6)) % 100);
	assert_false(affinity_place_of_address(&plan.key, &(struct endpoint){0}, &place));
}

/* The value of a Set-Cookie line. */
static const char *value_of(const char *line)
{
	static char value[AFFINITY_LINE_MAX];

	assert_int_equal(strncmp(line, "Set-Cookie: name=", 17), 0);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + 17, ";"), line + 17);
	return value;
}

static const char *cookie(const char *tag, uint8_t place)
{
	static char line[AFFINITY_LINE_MAX];
	size_t length = affinity_line(&plan, tag, place, 40 * USEC_PER_SEC, line);

	assert_int_equal(length, strlen(line));
	return line;
}

static enum affinity_seal read_value(const char *value, size_t length, uint8_t *ret_place)
{
	return affinity_read(&plan, guarded_copy(value, length), length, ret_place);
}

static void what_we_write_we_read_again(void **state)
{
	static const char longest[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+";
	static const char *const tags[] = {"v1", "1.2.3", "a", ".", "-", "x.99", longest};

	(void)state;
	assert_int_equal(sizeof(longest), AFFINITY_RELEASE_MAX);
	for (size_t i = 0; i < ELEMENTS(tags); i++) {
		for (uint8_t place = 0; place < AFFINITY_PLACES; place++) {
			const char *value = value_of(cookie(tags[i], place));
			uint8_t read = AFFINITY_NOWHERE;

			assert_int_equal(read_value(value, strlen(value), &read), AFFINITY_SEALED);
			assert_int_equal(read, place);
			assert_true(affinity_names(value, strlen(value), tags[i]));
			assert_false(affinity_names(value, strlen(value), "v"));
			assert_false(affinity_names(value, strlen(value), "v12"));
		}
	}
}

static void a_line_says_how_long_it_holds(void **state)
{
	char line[AFFINITY_LINE_MAX];
	size_t length;

	(void)state;
	assert_non_null(
		strstr(cookie("v1", 3), "; Path=/; Max-Age=61; HttpOnly; SameSite=Lax\r\n"));
	/* Past its time it still is a cookie; 0 would be none. */
	affinity_line(&plan, "v1", 3, 200 * USEC_PER_SEC, line);
	assert_non_null(strstr(line, "; Max-Age=1;"));
	length = affinity_line_forget(&plan, line);
	assert_int_equal(length, strlen(line));
	assert_string_equal(
		line, "Set-Cookie: name=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax\r\n");
}

static void the_longest_line_fits(void **state)
{
	struct affinity_plan long_plan = plan;
	char line[AFFINITY_LINE_MAX];

	(void)state;
	memset(long_plan.name, 'n', AFFINITY_NAME_MAX - 1);
	memset(long_plan.release[COLOR_BLUE], 'r', AFFINITY_RELEASE_MAX - 1);
	long_plan.life_usec = UINT64_MAX;
	assert_true(affinity_line(&long_plan, affinity_tag(&long_plan, COLOR_BLUE), 99, 0, line) <
		    AFFINITY_LINE_MAX);
	assert_string_equal(line + strlen(line) - 2, "\r\n");
}

/* One byte more, less, or other makes it strange or forged, never ours. */
static void no_change_of_a_value_is_taken(void **state)
{
	char value[AFFINITY_LINE_MAX], changed[AFFINITY_LINE_MAX];
	size_t length;
	uint8_t place = 77;

	(void)state;
	snprintf(value, sizeof(value), "%s", value_of(cookie("v1.0", 12)));
	length = strlen(value);
	for (size_t at = 0; at < length; at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(changed, value, length);
			changed[at] = (char)byte;
			if (changed[at] != value[at])
				assert_int_not_equal(
					read_value(changed, length, &place), AFFINITY_SEALED);
		}
		assert_int_not_equal(read_value(value, at, &place), AFFINITY_SEALED);
		memcpy(changed, value, at);
		changed[at] = '0';
		memcpy(changed + at + 1, value + at, length - at);
		assert_int_not_equal(read_value(changed, length + 1, &place), AFFINITY_SEALED);
	}
	assert_int_equal(place, 77);
}

static void only_what_we_could_have_made_is_of_our_form(void **state)
{
	static const char *const forged[] = {
		"v1.1.0123456789abcdef", "a.b.99.ffffffffffffffff", "..0.0000000000000000"};
	static const char *const strange[] = {"", ".", "v1", "v1.1.", "v1.100.0123456789abcdef",
		"v1.01.0123456789abcdef", "v1.x.0123456789abcdef", "v1..0123456789abcdef",
		"1.0123456789abcdef", ".1.0123456789abcdef", "v1.1.0123456789ABCDEF",
		"v1.1.0123456789abcde", "v1.1.0123456789abcdef0", "v 1.1.0123456789abcdef",
		"v%1.1.0123456789abcdef",
		("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ++.1."
		 "0123456789abcdef")};
	uint8_t place;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(forged); i++)
		assert_int_equal(read_value(forged[i], strlen(forged[i]), &place), AFFINITY_FORGED);
	for (size_t i = 0; i < ELEMENTS(strange); i++)
		assert_int_equal(
			read_value(strange[i], strlen(strange[i]), &place), AFFINITY_STRANGE);
}

static void a_color_without_a_release_stands_for_itself(void **state)
{
	(void)state;
	assert_string_equal(affinity_tag(&plan, COLOR_BLUE), "v1");
	assert_string_equal(affinity_tag(&plan, COLOR_GREEN), "green");
}

static void a_hundred_places_are_dealt_once_each_in_an_order_of_the_key(void **state)
{
	struct affinity_deck deck = {.key = {3, 4}}, other = {.key = {3, 5}};
	unsigned int same = 0, in_order = 0, below_half = 0;

	(void)state;
	for (int round = 0; round < 10; round++) {
		bool dealt[AFFINITY_PLACES] = {false};

		for (int i = 0; i < AFFINITY_PLACES; i++) {
			uint8_t place = affinity_deal(&deck);

			assert_true(place < AFFINITY_PLACES);
			assert_false(dealt[place]);
			dealt[place] = true;
			same += place == affinity_deal(&other);
			in_order += place == i || place == AFFINITY_PLACES - 1 - i;
			below_half += i < AFFINITY_PLACES / 2 && place < AFFINITY_PLACES / 2;
		}
	}
	/* By chance 10, 20 and 250. */
	assert_true(same < 50);
	assert_true(in_order < 60);
	assert_true(below_half > 180 && below_half < 320);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_in_percent_of_the_sum),
		cmocka_unit_test(what_one_color_has_alone_is_not_shared),
		cmocka_unit_test(an_address_has_one_place),
		cmocka_unit_test(what_we_write_we_read_again),
		cmocka_unit_test(a_line_says_how_long_it_holds),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(no_change_of_a_value_is_taken),
		cmocka_unit_test(only_what_we_could_have_made_is_of_our_form),
		cmocka_unit_test(a_color_without_a_release_stands_for_itself),
		cmocka_unit_test(a_hundred_places_are_dealt_once_each_in_an_order_of_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
