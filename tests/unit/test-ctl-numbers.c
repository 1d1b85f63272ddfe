/* SPDX-License-Identifier: MIT */
/*
 * ctl-screen-numbers.c and ctl-prometheus.c: what is printed of numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control-show.h"
#include "ctl-screen.h"

static const struct ctl ctl = {.app = "shop", .sha256 = ""};

static char text[65536];

/* What is printed, in `text`. */
static void print(
	void (*printer)(const struct ctl *ctl, const json_t *numbers), const json_t *numbers)
{
	FILE *file = tmpfile();
	int before;
	size_t n;

	assert_non_null(file);
	fflush(stdout);
	before = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	printer(&ctl, numbers);
	fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	close(before);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
}

static json_t *sample(void)
{
	struct steer_numbers numbers = {.clients = 2, .clients_ever = 40, .holding = 1};
	struct steer_color_numbers *blue = &numbers.colors[COLOR_BLUE];

	blue->connections = 3;
	blue->pooled = 2;
	blue->sum = (struct steer_sum){
		.release = "1.1",
		.for_usec = 11100000000,
		.reads = 90,
		.writes = 8,
		.failed = 2,
		.errors = 3,
		.refused = 7,
		.connects = 12,
		.bytes_to_app = 1023,
		.bytes_to_clients = UINT64_C(5) << 20,
		.status = {0, 95, 0, 0, 3},
		.latency =
			{[0] = 50, [1] = 30, [8] = 10, [60] = 7, [STEER_LATENCY_BUCKETS - 1] = 1},
		.latency_usec = 30500000,
		.endings = {.count = 2, .of = {{"done", 98}, {"backend-reset", 2}}},
	};
	blue->earlier_count = 1;
	blue->earlier[0] = (struct steer_sum){.release = "1.0",
		.for_usec = 7000000,
		.ago_usec = 3000000,
		.reads = 20,
		.latency = {[0] = 20}};
	numbers.endings.count = 1;
	strcpy(numbers.endings.of[0].name, "bad-request");
	numbers.endings.of[0].count = 5;
	return show_numbers("shop", &numbers);
}

static void assert_says(const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void assert_is_silent_of(const char *what)
{
	if (strstr(text, what))
		fail_msg("\"%s\" is in:\n%s", what, text);
}

static void the_screen_tells_what_happened_and_only_that(void **state)
{
	static const char *const said[] = {"blue  1.1, for 3 h 5 min\n",
		"90 reads, 8 writes; 5 % errors (3 answered with 5xx, 2 failed)\n",
		"  status  95 2xx, 3 5xx\n", "p50 0.5 ms, p90 2 ms, p99 23.2 s\n",
		"  also    7 connects refused\n", "1023 bytes to the app, 5.0 MiB to clients\n",
		"3 connections, 2 of them pooled (12 tried so far); 0 exchanges",
		"        98  done               The response was passed on whole",
		"         2  backend-reset      The application closed or reset",
		"  before  1.0 for 7 s, until 3 s ago: 20 requests, 0 % errors, p50 0.5 ms",
		"green  no release said yet, for 0 ms\n", "2 now, 40 so far, 0 refused",
		"         5  bad-request        The request was not well-formed"};
	json_t *numbers = sample();

	(void)state;
	print(screen_numbers, numbers);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		assert_says(said[i]);
	assert_is_silent_of("sent again");
	assert_is_silent_of("1xx");
	json_decref(numbers);
}

static void prometheus_is_told_by_color_and_release(void **state)
{
	static const char *const said[] = {
		"# TYPE bluegreen_requests_total counter\n"
		"bluegreen_requests_total{app=\"shop\",color=\"blue\",release=\"1.1\",class="
		"\"read\"} 90\n",
		"{app=\"shop\",color=\"green\",release=\"\",class=\"write\"} 0\n",
		"bluegreen_responses_total{app=\"shop\",color=\"blue\",release=\"1.1\",status="
		"\"5xx\"} 3\n",
		"bluegreen_sent_bytes_total{app=\"shop\",color=\"blue\",release=\"1.1\",to="
		"\"clients\"} 5242880\n",
		"bluegreen_endings_total{app=\"shop\",color=\"blue\",release=\"1.1\",ending="
		"\"done\"} 98\n",
		"# TYPE bluegreen_response_seconds histogram\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"0.0005\"}"
		" 50\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"0.001\"} "
		"80\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"0.002\"} "
		"90\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"8.192\"} "
		"90\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"16.384\"}"
		" 97\n",
		"response_seconds_bucket{app=\"shop\",color=\"blue\",release=\"1.1\",le=\"+Inf\"} "
		"98\n",
		"response_seconds_sum{app=\"shop\",color=\"blue\",release=\"1.1\"} 30.5\n",
		"response_seconds_count{app=\"shop\",color=\"blue\",release=\"1.1\"} 98\n",
		"bluegreen_relay_clients{app=\"shop\"} 2\n",
		"bluegreen_relay_endings_total{app=\"shop\",ending=\"bad-request\"} 5\n",
	};
	json_t *numbers = sample();

	(void)state;
	print(prometheus_numbers, numbers);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		assert_says(said[i]);
	json_decref(numbers);
}

/* The text format: a family's samples stand together, behind its one HELP and one TYPE. */
static void each_family_stands_together(void **state)
{
	json_t *numbers = sample();
	char *rest = NULL, family[128] = "", seen[8192] = "";

	(void)state;
	print(prometheus_numbers, numbers);
	json_decref(numbers);
	assert_true(text[strlen(text) - 1] == '\n');
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[120], mark[128];

		if (sscanf(line, "# HELP %119s", name) == 1) {
			snprintf(mark, sizeof(mark), " %s ", name);
			assert_null(strstr(seen, mark));
			strcat(seen, mark);
			snprintf(family, sizeof(family), "%s", name);
		} else if (sscanf(line, "# TYPE %119s", name) == 1) {
			assert_string_equal(name, family);
		} else {
			assert_int_equal(sscanf(line, "%119[a-z_]{", name), 1);
			assert_int_equal(strncmp(name, family, strlen(family)), 0);
		}
	}
}

static void what_is_missing_is_shown_as_nothing(void **state)
{
	json_t *numbers = json_object();

	(void)state;
	print(screen_numbers, numbers);
	assert_says("0 reads, 0 writes; 0 % errors");
	print(prometheus_numbers, numbers);
	assert_says("bluegreen_relay_clients{app=\"\"} 0\n");
	json_decref(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_screen_tells_what_happened_and_only_that),
		cmocka_unit_test(prometheus_is_told_by_color_and_release),
		cmocka_unit_test(each_family_stands_together),
		cmocka_unit_test(what_is_missing_is_shown_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
