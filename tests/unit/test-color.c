/* SPDX-License-Identifier: MIT */
/*
 * color.c: the two words.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "color.h"

static void colors_and_their_names_are_inverse(void **state)
{
	(void)state;
	assert_string_equal(color_name(COLOR_BLUE), "blue");
	assert_string_equal(color_name(COLOR_GREEN), "green");
	for (int i = 0; i < COLOR_COUNT; i++) {
		enum color color = COLOR_COUNT;

		assert_int_equal(color_from_name(color_name((enum color)i), &color), 0);
		assert_int_equal(color, i);
	}
}

static void a_word_that_names_no_color_changes_nothing(void **state)
{
	static const char *const words[] = {"", "red", "Blue", "blue ", " blue", "gree", "greens"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		enum color color = COLOR_COUNT;

		assert_int_equal(color_from_name(words[i], &color), -EINVAL);
		assert_int_equal(color, COLOR_COUNT);
	}
}

static void the_other_color_is_the_other_one(void **state)
{
	(void)state;
	assert_int_equal(color_other(COLOR_BLUE), COLOR_GREEN);
	assert_int_equal(color_other(COLOR_GREEN), COLOR_BLUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colors_and_their_names_are_inverse),
		cmocka_unit_test(a_word_that_names_no_color_changes_nothing),
		cmocka_unit_test(the_other_color_is_the_other_one),
	};

	return cmocka_run_group_tests_name("color", tests, NULL, NULL);
}
