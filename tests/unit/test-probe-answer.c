/* SPDX-License-Identifier: MIT */
/*
 * probe-answer.c, through libcurl and real sockets: what is made of each answer.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "probe-server.h"

static void expected_status_passes(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 204 No Content\r\n\r\n", END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
	assert_int_equal(result.status, 204);
	assert_says(result, "/health answered 204 No Content");
	assert_true(result.duration_usec < LONG);
}

static void other_status_is_named_with_the_first_line_of_the_body(void **state)
{
	struct probe_result result = probe_server("HTTP/1.1 500 Internal Server Error\r\n"
						  "Content-Length: 27\r\n\r\n"
						  "\n  no such table: notes\nbye",
		END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_int_equal(result.status, 500);
	assert_says(result, "answered 500 Internal Server Error: no such table: notes");
	assert_null(strstr(result.reason, "bye"));
}

static void tags_of_a_page_are_left_out_of_the_reason(void **state)
{
	struct probe_result result = probe_server("HTTP/1.0 404 Not Found\r\n\r\n"
						  "<!doctype html>\n<html lang=en>\n"
						  "<title>404 Not Found</title>\n<h1>x</h1>",
		END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_string_equal(
		strstr(result.reason, "answered"), "answered 404 Not Found: 404 Not Found");
}

static void reason_is_printable_ascii_and_bounded(void **state)
{
	static char says[3000];
	struct probe_result result;

	(void)state;
	strcpy(says, "HTTP/1.1 500 a\tb\xc3\xa4\r\n\r\n");
	memset(says + strlen(says), '\xe4', 2000);
	result = probe_server(says, END_CLOSE, LONG, NULL);
	assert_int_equal(result.verdict, PROBE_STATUS);
	for (const char *p = result.reason; *p; p++)
		assert_in_range(*p, ' ', '~');
	assert_in_range(strlen(result.reason), 100, PROBE_REASON_MAX - 1);
}

static void redirect_is_an_answer_and_not_followed(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_int_equal(result.status, 302);
}

static void interim_answer_is_not_the_answer(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
			     "Content-Length: 2\r\n\r\nok",
			END_STAY, LONG, "ok");

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
	assert_int_equal(result.status, 200);
}

static void expected_body_passes_in_chunks(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "5\r\nstatu\r\n6\r\ns: wel\r\n1\r\nl\r\n0\r\n\r\n",
			END_STAY, LONG, "status: well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
}

static void other_body_is_named(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsick", END_STAY, LONG, "well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_BODY);
	assert_int_equal(result.status, 200);
	assert_says(result, "answered 200 OK without the expected text, but: sick");
}

static void no_body_is_not_the_expected_body(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 204 No Content\r\n\r\n", END_STAY, LONG, "well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_BODY);
}

static void answer_without_end_ends_at_the_deadline(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", END_STAY,
		SHORT, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_TIMED_OUT);
	assert_int_equal(result.status, 200);
	assert_says(result, "answered 200 OK, but the answer did not end within 0.3s");
}

static void early_end_is_broken(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
	assert_says(result, "got no whole answer: ");
}

static void reset_is_broken(void **state)
{
	struct probe_result result = probe_server("", END_RESET, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
	assert_int_equal(result.status, 0);
}

static void end_without_an_answer_is_broken(void **state)
{
	struct probe_result result = probe_server("", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
}

static void what_is_not_http_is_broken(void **state)
{
	struct probe_result result =
		probe_server("220 mail.example ESMTP\r\n", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
}

static void endless_body_is_looked_at_only_in_part(void **state)
{
	struct probe_request request;
	struct probe_result result;
	struct server server = {
		.says = "HTTP/1.1 200 OK\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef",
		.repeat = 1000000,
		.ending = END_STAY,
	};

	(void)state;
	server.fd = listen_on_any(&server.port);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
	request = request_to(server.port, LONG);
	request.body = "def0123";
	result = probe(&request);
	server_join(&server);
	assert_int_equal(result.verdict, PROBE_PASSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expected_status_passes),
		cmocka_unit_test(other_status_is_named_with_the_first_line_of_the_body),
		cmocka_unit_test(tags_of_a_page_are_left_out_of_the_reason),
		cmocka_unit_test(reason_is_printable_ascii_and_bounded),
		cmocka_unit_test(redirect_is_an_answer_and_not_followed),
		cmocka_unit_test(interim_answer_is_not_the_answer),
		cmocka_unit_test(expected_body_passes_in_chunks),
		cmocka_unit_test(other_body_is_named),
		cmocka_unit_test(no_body_is_not_the_expected_body),
		cmocka_unit_test(answer_without_end_ends_at_the_deadline),
		cmocka_unit_test(early_end_is_broken),
		cmocka_unit_test(reset_is_broken),
		cmocka_unit_test(end_without_an_answer_is_broken),
		cmocka_unit_test(what_is_not_http_is_broken),
		cmocka_unit_test(endless_body_is_looked_at_only_in_part),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("probe-answer", tests, NULL, NULL);
}
