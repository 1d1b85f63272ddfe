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
#include "relay-control.h"
#include "relay-numbers.h"
#include "relay-words.h"

#define START 1000

static struct numbers_book book;
static struct relay_totals totals;

static int begin(void **state)
{
	(void)state;
	memset(&book, 0, sizeof(book));
	memset(&totals, 0, sizeof(totals));
	numbers_begin(&book, START);
	return 0;
}

/* The functions write into their text. */
static char *words(const char *text)
{
	static char copy[256];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	return copy;
}

static const char *told(const char *question, uint64_t now)
{
	static char text[CONTROL_ANSWER_MAX];
	struct numbers_question asked;

	assert_int_equal(words_numbers_question(words(question), &asked), 0);
	words_numbers(&book, &totals, &asked, now, text, sizeof(text));
	return text;
}

static void serve(enum color color, uint64_t count)
{
	totals.answered[ROUTE_READS][color] += count;
	totals.status[color][1] += count;
	totals.ended[color][ENDING_DONE] += count;
	totals.latency[color][3] += count;
}

static void a_release_that_is_named_later_keeps_what_was_counted(void **state)
{
	(void)state;
	serve(COLOR_BLUE, 3);
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 2000);
	assert_int_equal(numbers_of(&book, &totals, COLOR_BLUE).requests[ROUTE_READS], 3);
	assert_int_equal(book.colors[COLOR_BLUE].since_usec, START);
	assert_int_equal(book.colors[COLOR_BLUE].earlier_count, 0);
}

static void a_new_release_begins_anew_and_closes_the_former(void **state)
{
	const struct numbers_color *blue = &book.colors[COLOR_BLUE];
	struct numbers numbers;

	(void)state;
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 1500);
	numbers_release(&book, &totals, COLOR_GREEN, "1.0", 1500);
	serve(COLOR_BLUE, 3);
	serve(COLOR_GREEN, 1);
	numbers_release(&book, &totals, COLOR_BLUE, "1.1", 2000);
	serve(COLOR_BLUE, 5);
	numbers = numbers_of(&book, &totals, COLOR_BLUE);
	assert_int_equal(numbers.requests[ROUTE_READS], 5);
	assert_int_equal(numbers.status[1], 5);
	assert_int_equal(numbers.endings[ENDING_DONE], 5);
	assert_int_equal(numbers.latency[3], 5);
	assert_int_equal(blue->earlier_count, 1);
	assert_string_equal(blue->earlier[0].release, "1.0");
	assert_int_equal(blue->earlier[0].sum.requests[ROUTE_READS], 3);
	assert_int_equal(blue->earlier[0].since_usec, START);
	assert_int_equal(blue->earlier[0].until_usec, 2000);
	assert_int_equal(numbers_of(&book, &totals, COLOR_GREEN).requests[ROUTE_READS], 1);
	assert_int_equal(book.colors[COLOR_GREEN].earlier_count, 0);
}

static void a_release_that_is_not_said_or_said_again_changes_nothing(void **state)
{
	struct numbers_book before;

	(void)state;
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 1500);
	serve(COLOR_BLUE, 3);
	before = book;
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 2000);
	numbers_release(&book, &totals, COLOR_BLUE, "", 2000);
	assert_memory_equal(&book, &before, sizeof(book));
}

static void earlier_releases_are_kept_up_to_a_limit(void **state)
{
	const struct numbers_color *green = &book.colors[COLOR_GREEN];

	(void)state;
	for (uint64_t number = 1; number <= NUMBERS_EARLIER_MAX + 3; number++) {
		char release[8];

		(void)snprintf(release, sizeof(release), "%u", (unsigned int)number);
		numbers_release(&book, &totals, COLOR_GREEN, release, START + number);
		serve(COLOR_GREEN, number);
	}
	assert_int_equal(green->earlier_count, NUMBERS_EARLIER_MAX);
	for (uint64_t i = 0; i < NUMBERS_EARLIER_MAX; i++)
		assert_int_equal(
			green->earlier[i].sum.requests[ROUTE_READS], NUMBERS_EARLIER_MAX + 2 - i);
}

/* A successor that counts otherwise knows the releases, but not what was counted. */
static void counters_that_were_lost_begin_a_release_anew(void **state)
{
	(void)state;
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 1500);
	serve(COLOR_BLUE, 3);
	numbers_release(&book, &totals, COLOR_BLUE, "1.1", 2000);
	serve(COLOR_BLUE, 4);
	memset(&totals, 0, sizeof(totals));
	numbers_count_anew(&book, 3000);
	serve(COLOR_BLUE, 2);
	assert_int_equal(numbers_of(&book, &totals, COLOR_BLUE).requests[ROUTE_READS], 2);
	assert_int_equal(book.colors[COLOR_BLUE].since_usec, 3000);
	assert_string_equal(book.colors[COLOR_BLUE].release, "1.1");
	assert_int_equal(book.colors[COLOR_BLUE].earlier[0].sum.requests[ROUTE_READS], 3);
}

/* Each counter of a worker is in the totals: what is forgotten there would be told as 0. */
static void every_counter_is_summed(void **state)
{
	static struct worker_counters counters;
	static struct relay_totals sum;
	struct counter *row = (struct counter *)&counters;
	uint64_t added = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(counters) / sizeof(*row); i++)
		counter_add(&row[i], 1);
	numbers_add(&sum, &counters);
	numbers_add(&sum, &counters);
	for (size_t i = 0; i < sizeof(sum) / sizeof(uint64_t); i++)
		added += ((const uint64_t *)&sum)[i];
	assert_int_equal(added, 2 * sizeof(counters) / sizeof(*row));
}

static void a_color_is_told_in_words(void **state)
{
	(void)state;
	numbers_release(&book, &totals, COLOR_BLUE, "1.0", 1500);
	serve(COLOR_BLUE, 3);
	totals.ended[COLOR_BLUE][ENDING_CLIENT_GONE] = 1;
	totals.connections[COLOR_BLUE] = 4;
	totals.inflight[ROUTE_WRITES][COLOR_BLUE] = 1;
	assert_string_equal(told("blue", 1750),
		"blue release=1.0 for-usec=750 inflight=1 streams=0 connections=4 pooled=3 reads=3 "
		"writes=0 failed=0 errors=0 held=0 again=0 refused=0 reset=0 bytes-to-app=0 "
		"bytes-to-clients=0 connects=0 streams-ever=0 latency-usec=0 status=0,3,0,0,0 "
		"latency=0,0,0,3 endings=done:3,client-gone:1");
	assert_string_equal(told("blue earlier=1", 1750), "blue earlier=1 none");
}

static void the_relay_is_told_in_words(void **state)
{
	(void)state;
	totals.clients = 2;
	totals.begun = 9;
	totals.endings[ENDING_BAD_REQUEST] = 5;
	assert_string_equal(told("relay", 1750),
		"relay clients=2 clients-ever=0 clients-refused=0 idle-closed=0 shed=0 begun=9 "
		"held=0 holding=0 hold-longest-usec=0 hold-expired=0 cut=0 endings=bad-request:5");
}

/* As many workers as there may be, each with numbers that took a century, could not make it so. */
static void the_largest_numbers_fit_into_an_answer(void **state)
{
	static const char *const questions[] = {"green", "green earlier=4", "relay"};
	const char prefix[] = "ok numbers ";
	char release[NUMBERS_RELEASE_MAX];

	(void)state;
	memset(release, 'x', sizeof(release) - 1);
	release[sizeof(release) - 1] = '\0';
	for (int i = 0; i <= NUMBERS_EARLIER_MAX; i++) {
		release[0] = (char)('a' + i);
		numbers_release(&book, &totals, COLOR_GREEN, release, START);
		memset(&book.colors[COLOR_GREEN].base, 0, sizeof(struct numbers));
		memset(&totals, 0xff, sizeof(totals));
	}
	memset(&book.colors[COLOR_GREEN].base, 0, sizeof(struct numbers));
	for (int i = 0; i < NUMBERS_EARLIER_MAX; i++)
		memset(&book.colors[COLOR_GREEN].earlier[i].sum, 0xff, sizeof(struct numbers));
	for (size_t i = 0; i < ELEMENTS(questions); i++) {
		const char *text = told(questions[i], UINT64_MAX);
		const char *last = strrchr(text, ',');

		assert_true(strlen(prefix) + strlen(text) < CONTROL_ANSWER_MAX - 16);
		assert_non_null(last);
		assert_string_equal(last, ",tunnel-reset:18446744073709551615");
	}
}

static void questions_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {"", "red", "blue green", "blue earlier=0",
		"blue earlier=5", "blue earlier=11", "blue earlier=", "blue earlier=1 ",
		"relay earlier=1", "relay ", "blue "};
	struct numbers_question question = {.earlier = 7}, untouched = question;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_numbers_question(words(bad[i]), &question), -EINVAL);
	assert_memory_equal(&question, &untouched, sizeof(question));
}

static void releases_are_words_or_nothing(void **state)
{
	static const char *const bad[] = {"", "blue=1", "green=1 blue=1", "blue=1 green=2 red=3",
		"blue=a/b green=1", "blue=1,2 green=1", "blue=1 green=2 ",
		"blue=1 green=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	char release[COLOR_COUNT][NUMBERS_RELEASE_MAX] = {"a", "b"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(words_release(words(bad[i]), release), -EINVAL);
	assert_string_equal(release[COLOR_BLUE], "a");
	assert_int_equal(words_release(words("blue=v1.2-rc+3_x green="), release), 0);
	assert_string_equal(release[COLOR_BLUE], "v1.2-rc+3_x");
	assert_string_equal(release[COLOR_GREEN], "");
	assert_int_equal(words_release(words("blue= green=@0af3"), release), 0);
	assert_string_equal(release[COLOR_GREEN], "@0af3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_release_that_is_named_later_keeps_what_was_counted, begin),
		cmocka_unit_test_setup(a_new_release_begins_anew_and_closes_the_former, begin),
		cmocka_unit_test_setup(
			a_release_that_is_not_said_or_said_again_changes_nothing, begin),
		cmocka_unit_test_setup(earlier_releases_are_kept_up_to_a_limit, begin),
		cmocka_unit_test_setup(counters_that_were_lost_begin_a_release_anew, begin),
		cmocka_unit_test_setup(every_counter_is_summed, begin),
		cmocka_unit_test_setup(a_color_is_told_in_words, begin),
		cmocka_unit_test_setup(the_relay_is_told_in_words, begin),
		cmocka_unit_test_setup(the_largest_numbers_fit_into_an_answer, begin),
		cmocka_unit_test_setup(questions_that_are_none_are_refused, begin),
		cmocka_unit_test_setup(releases_are_words_or_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
