/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "control-show.h"

static double bound(unsigned int bucket)
{
	return (double)steer_latency_bound(bucket) / 1e6;
}

static void a_percentile_is_the_end_of_its_bucket(void **state)
{
	uint64_t counts[STEER_LATENCY_BUCKETS] = {0};

	(void)state;
	assert_true(show_percentile(counts, 500) == 0);
	counts[4] = 1;
	for (unsigned int permille = 1; permille <= 1000; permille += 111)
		assert_true(show_percentile(counts, permille) == bound(4));
	counts[4] = 90;
	counts[10] = 9;
	counts[20] = 1;
	assert_true(show_percentile(counts, 500) == bound(4));
	assert_true(show_percentile(counts, 900) == bound(4));
	assert_true(show_percentile(counts, 901) == bound(10));
	assert_true(show_percentile(counts, 990) == bound(10));
	assert_true(show_percentile(counts, 991) == bound(20));
	assert_true(show_percentile(counts, 1000) == bound(20));
}

static void the_bucket_without_an_end_is_where_it_begins(void **state)
{
	uint64_t counts[STEER_LATENCY_BUCKETS] = {[STEER_LATENCY_BUCKETS - 1] = 3};

	(void)state;
	assert_true(show_percentile(counts, 500) == bound(STEER_LATENCY_BUCKETS - 2));
}

static struct steer_numbers numbers_sample(void)
{
	struct steer_numbers numbers = {.clients = 2, .begun = 130, .hold_longest_usec = 1500000};
	struct steer_color_numbers *blue = &numbers.colors[COLOR_BLUE];

	blue->connections = 3;
	blue->pooled = 2;
	blue->sum = (struct steer_sum){
		.release = "1.1",
		.for_usec = 2500000,
		.reads = 90,
		.writes = 8,
		.failed = 2,
		.errors = 3,
		.again = 4,
		.bytes_to_app = UINT64_MAX,
		.status = {0, 95, 0, 0, 3},
		.latency = {[0] = 97, [STEER_LATENCY_BUCKETS - 1] = 1},
		.latency_usec = 30000000,
		.endings = {.count = 2, .of = {{"done", 98}, {"backend-reset", 2}}},
	};
	blue->earlier_count = 1;
	blue->earlier[0] = (struct steer_sum){
		.release = "1.0", .for_usec = 7000000, .ago_usec = 3000000, .reads = 20};
	return numbers;
}

static const json_t *at(const json_t *value, const char *path)
{
	char copy[128], *rest = NULL;

	strcpy(copy, path);
	for (char *word = strtok_r(copy, "/", &rest); word && value;
		word = strtok_r(NULL, "/", &rest))
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(word))
					     : json_object_get(value, word);
	assert_non_null(value);
	return value;
}

static void numbers_are_shown_by_color_and_release(void **state)
{
	struct steer_numbers numbers = numbers_sample();
	json_t *shown = show_numbers("shop", &numbers);
	const char *whole[] = {"app", "relay/clients", "relay/begun", "relay/endings",
		"colors/blue/held", "colors/green/reads", "colors/green/earlier"};

	(void)state;
	assert_non_null(shown);
	for (size_t i = 0; i < ELEMENTS(whole); i++)
		assert_non_null(at(shown, whole[i]));
	assert_string_equal(json_string_value(at(shown, "app")), "shop");
	assert_string_equal(json_string_value(at(shown, "colors/blue/release")), "1.1");
	assert_true(json_real_value(at(shown, "colors/blue/seconds")) == 2.5);
	assert_true(json_real_value(at(shown, "colors/blue/error_share")) == 0.05);
	assert_int_equal(json_integer_value(at(shown, "colors/blue/status/5xx")), 3);
	assert_int_equal(json_integer_value(at(shown, "colors/blue/sent_again")), 4);
	assert_true(json_integer_value(at(shown, "colors/blue/bytes_to_app")) == INT64_MAX);
	assert_int_equal(json_integer_value(at(shown, "colors/blue/pooled")), 2);
	assert_int_equal(json_integer_value(at(shown, "colors/blue/latency/count")), 98);
	assert_true(json_real_value(at(shown, "colors/blue/latency/seconds")) == 30);
	assert_true(json_real_value(at(shown, "colors/blue/latency/p90")) == bound(0));
	assert_true(json_real_value(at(shown, "colors/blue/latency/buckets/0/le")) == bound(0));
	assert_null(json_object_get(at(shown, "colors/blue/latency/buckets/1"), "le"));
	assert_int_equal(json_integer_value(at(shown, "colors/blue/latency/buckets/1/count")), 1);
	assert_string_equal(
		json_string_value(at(shown, "colors/blue/endings/1/ending")), "backend-reset");
	assert_non_null(
		strstr(json_string_value(at(shown, "colors/blue/endings/1/why")), "application"));
	assert_string_equal(json_string_value(at(shown, "colors/blue/earlier/0/release")), "1.0");
	assert_true(json_real_value(at(shown, "colors/blue/earlier/0/ended_ago")) == 3);
	assert_int_equal(json_integer_value(at(shown, "colors/blue/earlier/0/reads")), 20);
	assert_true(json_real_value(at(shown, "relay/hold_longest")) == 1.5);
	json_decref(shown);
}

static void a_color_that_served_nothing_has_no_errors(void **state)
{
	struct steer_numbers numbers = {0};
	json_t *shown = show_numbers("app", &numbers);

	(void)state;
	assert_true(json_real_value(at(shown, "colors/green/error_share")) == 0);
	assert_int_equal(json_array_size(at(shown, "colors/green/endings")), 0);
	json_decref(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_percentile_is_the_end_of_its_bucket),
		cmocka_unit_test(the_bucket_without_an_end_is_where_it_begins),
		cmocka_unit_test(numbers_are_shown_by_color_and_release),
		cmocka_unit_test(a_color_that_served_nothing_has_no_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
