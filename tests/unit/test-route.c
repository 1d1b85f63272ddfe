/* SPDX-License-Identifier: MIT */
/*
 * route.c: the text of a route, and who gets a request.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "guarded.h"
#include "route.h"

#define BLUE_REFUSED  (1U << COLOR_BLUE)
#define GREEN_REFUSED (1U << COLOR_GREEN)

static struct route route_of(const char *text)
{
	struct route route;

	if (route_parse(text, &route) < 0)
		fail_msg("not a route: %s", text);
	return route;
}

static void a_route_is_read_and_written_as_the_same_text(void **state)
{
	static const char *const texts[] = {
		"reads=hold writes=hold",
		"reads=blue:100 writes=blue:100",
		"reads=blue:100,green:0 writes=hold",
		"reads=green:100 writes=hold",
		"reads=blue:1,green:99 writes=green:0",
		"reads=blue:0,green:0 writes=blue:100,green:100",
	};
	char buffer[ROUTE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		struct route route = route_of(texts[i]);

		assert_string_equal(route_format(&route, buffer), texts[i]);
		assert_ptr_equal(route_format(&route, buffer), buffer);
	}
}

static void order_of_classes_and_colors_does_not_matter(void **state)
{
	struct route a = route_of("reads=blue:100,green:0 writes=hold");
	struct route b = route_of("writes=hold reads=green:0,blue:100");

	(void)state;
	assert_true(route_equal(&a, &b));
	b = route_of("reads=blue:100 writes=hold");
	assert_false(route_equal(&a, &b));
}

static void every_route_survives_its_text(void **state)
{
	static const int8_t weights[] = {ROUTE_NEVER, ROUTE_STANDBY, 1, 50, ROUTE_WEIGHT_MAX};
	char buffer[ROUTE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < 5 * 5 * 5 * 5; i++) {
		struct route route, again;

		route.weight[ROUTE_READS][COLOR_BLUE] = weights[i % 5];
		route.weight[ROUTE_READS][COLOR_GREEN] = weights[i / 5 % 5];
		route.weight[ROUTE_WRITES][COLOR_BLUE] = weights[i / 25 % 5];
		route.weight[ROUTE_WRITES][COLOR_GREEN] = weights[i / 125];
		assert_true(strlen(route_format(&route, buffer)) < ROUTE_TEXT_MAX);
		assert_int_equal(route_parse(buffer, &again), 0);
		assert_true(route_equal(&route, &again));
	}
}

static void text_that_is_no_route_is_refused_as_a_whole(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"reads",
		"reads=",
		"reads=hold",
		"writes=hold",
		"reads=hold writes=",
		"reads=hold writes=hold ",
		" reads=hold writes=hold",
		"reads=hold  writes=hold",
		"reads=hold\twrites=hold",
		"reads=hold writes=hold\n",
		"reads=hold,writes=hold",
		"reads=hold writes=hold reads=hold",
		"reads=hold reads=hold",
		"reads=hold writes=hold other=hold",
		"Reads=hold writes=hold",
		"reads=Hold writes=hold",
		"reads=hold:1 writes=hold",
		"reads=hold,blue:1 writes=hold",
		"reads=blue writes=hold",
		"reads=blue: writes=hold",
		"reads=blue:1, writes=hold",
		"reads=,blue:1 writes=hold",
		"reads=blue:1,,green:1 writes=hold",
		"reads=blue:1,blue:1 writes=hold",
		"reads=blue:101 writes=hold",
		"reads=blue:-1 writes=hold",
		"reads=blue:+1 writes=hold",
		"reads=blue:1x writes=hold",
		"reads=blue:1.5 writes=hold",
		"reads=blue:0x1 writes=hold",
		"reads=blue:256 writes=hold",
		"reads=blue:4294967297 writes=hold",
		"reads=blue:99999999999999999999 writes=hold",
		"reads=red:1 writes=hold",
		"reads=Blue:1 writes=hold",
		"reads=:1 writes=hold",
		"reads=blue:1:1 writes=hold",
		"reads=blue=1 writes=hold",
		("reads=bluebluebluebluebluebluebluebluebluebluebluebluebluebluebluebluebluebluebl"
		 "ue:1 writes=hold"),
	};
	struct route route = route_of("reads=blue:7 writes=green:9"), before = route;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		if (route_parse(guarded_copy(texts[i], strlen(texts[i]) + 1), &route) != -EINVAL)
			fail_msg("taken for a route: %s", texts[i]);
		assert_true(route_equal(&route, &before));
	}
}

static void held_goes_nowhere(void **state)
{
	struct route route = route_held();
	struct route_turn turn = {0};
	enum color color = COLOR_COUNT;

	(void)state;
	assert_false(route_pick(&route, ROUTE_READS, &turn, 0, &color));
	assert_false(route_pick(&route, ROUTE_WRITES, &turn, 0, &color));
	assert_int_equal(color, COLOR_COUNT);
	assert_false(route_uses(&route, COLOR_BLUE));
	assert_false(route_uses(&route, COLOR_GREEN));
}

static void a_color_is_used_by_a_weight_or_as_standby_in_any_class(void **state)
{
	struct route route = route_of("reads=green:0 writes=hold");

	(void)state;
	assert_false(route_uses(&route, COLOR_BLUE));
	assert_true(route_uses(&route, COLOR_GREEN));
	route = route_of("reads=hold writes=blue:1");
	assert_true(route_uses(&route, COLOR_BLUE));
	assert_false(route_uses(&route, COLOR_GREEN));
}

/* How many of `requests` go to blue. */
static unsigned int picks_of_blue(
	const struct route *route, struct route_turn *turn, unsigned int requests)
{
	unsigned int blue = 0;

	for (unsigned int i = 0; i < requests; i++) {
		enum color color;

		assert_true(route_pick(route, ROUTE_READS, turn, 0, &color));
		blue += color == COLOR_BLUE;
	}
	return blue;
}

static void shares_are_exact_over_their_sum(void **state)
{
	static const struct {
		const char *text;
		unsigned int sum, blue;
	} shares[] = {
		{"reads=blue:100 writes=hold", 100, 100},
		{"reads=green:1 writes=hold", 100, 0},
		{"reads=blue:50,green:50 writes=hold", 100, 50},
		{"reads=blue:90,green:10 writes=hold", 100, 90},
		{"reads=blue:1,green:99 writes=hold", 100, 1},
		{"reads=blue:1,green:2 writes=hold", 3, 1},
		{"reads=blue:100,green:0 writes=hold", 100, 100},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(shares); i++) {
		struct route route = route_of(shares[i].text);
		struct route_turn turn = {0};

		for (int round = 0; round < 3; round++)
			assert_int_equal(
				picks_of_blue(&route, &turn, shares[i].sum), shares[i].blue);
	}
}

static void shares_are_spread_evenly_not_in_blocks(void **state)
{
	struct route route = route_of("reads=blue:75,green:25 writes=hold");
	struct route_turn turn = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(picks_of_blue(&route, &turn, 4), 3);
}

static void a_standby_serves_only_when_the_weighted_one_refused(void **state)
{
	struct route route = route_of("reads=blue:100,green:0 writes=hold");
	struct route_turn turn = {0};
	enum color color;

	(void)state;
	assert_true(route_pick(&route, ROUTE_READS, &turn, 0, &color));
	assert_int_equal(color, COLOR_BLUE);
	assert_true(route_pick(&route, ROUTE_READS, &turn, GREEN_REFUSED, &color));
	assert_int_equal(color, COLOR_BLUE);
	assert_true(route_pick(&route, ROUTE_READS, &turn, BLUE_REFUSED, &color));
	assert_int_equal(color, COLOR_GREEN);
	assert_false(route_pick(&route, ROUTE_READS, &turn, BLUE_REFUSED | GREEN_REFUSED, &color));
}

static void a_color_not_listed_gets_nothing_even_if_the_other_refused(void **state)
{
	struct route route = route_of("reads=green:100 writes=blue:100");
	struct route_turn turn = {0};
	enum color color = COLOR_COUNT;

	(void)state;
	assert_false(route_pick(&route, ROUTE_READS, &turn, GREEN_REFUSED, &color));
	assert_false(route_pick(&route, ROUTE_WRITES, &turn, BLUE_REFUSED, &color));
	assert_int_equal(color, COLOR_COUNT);
}

static void a_refused_color_is_passed_over_by_the_weighted_other(void **state)
{
	struct route route = route_of("reads=blue:99,green:1 writes=hold");
	struct route_turn turn = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		enum color color;

		assert_true(route_pick(&route, ROUTE_READS, &turn, BLUE_REFUSED, &color));
		assert_int_equal(color, COLOR_GREEN);
	}
	/* Nothing is owed to the color that was away. */
	assert_int_equal(picks_of_blue(&route, &turn, 100), 99);
}

static void classes_have_names(void **state)
{
	(void)state;
	assert_string_equal(route_class_name(ROUTE_READS), "reads");
	assert_string_equal(route_class_name(ROUTE_WRITES), "writes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_read_and_written_as_the_same_text),
		cmocka_unit_test(order_of_classes_and_colors_does_not_matter),
		cmocka_unit_test(every_route_survives_its_text),
		cmocka_unit_test(text_that_is_no_route_is_refused_as_a_whole),
		cmocka_unit_test(held_goes_nowhere),
		cmocka_unit_test(a_color_is_used_by_a_weight_or_as_standby_in_any_class),
		cmocka_unit_test(shares_are_exact_over_their_sum),
		cmocka_unit_test(shares_are_spread_evenly_not_in_blocks),
		cmocka_unit_test(a_standby_serves_only_when_the_weighted_one_refused),
		cmocka_unit_test(a_color_not_listed_gets_nothing_even_if_the_other_refused),
		cmocka_unit_test(a_refused_color_is_passed_over_by_the_weighted_other),
		cmocka_unit_test(classes_have_names),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
