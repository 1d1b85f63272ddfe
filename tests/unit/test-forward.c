/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "forward.h"

#define VIA "Via: 1.1 app-bluegreen\r\n"

static struct http1_head head;
static char out[FORWARD_SIZE_MAX + 1];

/* Who asks, on the stage of a test. */
struct asker {
	const char *address; /* "": over a unix socket */
	bool trusted;
	const char *hidden;
};

static const struct asker stranger = {"192.0.2.7", false, NULL};
static const struct asker front = {"127.0.0.1", true, NULL};
static const struct asker nameless = {"", true, NULL};

static size_t pass(const char *text, const struct asker *asker)
{
	struct forward_client client;
	struct endpoint endpoint = {0};

	if (*asker->address)
		assert_int_equal(
			endpoint_parse(asker->address, strlen(asker->address), &endpoint), 0);
	client = forward_client_of(&endpoint, asker->trusted);
	return forward_request_head(text, &head, &client, asker->hidden, out);
}

static const char *request(const char *text, const struct asker *asker)
{
	uint32_t seen = 0;

	assert_int_equal(http1_request_parse(text, strlen(text), &seen, &head), HTTP1_OK);
	out[pass(text, asker)] = '\0';
	return out;
}

static const char *response(const char *text, enum forward_ending ending, bool unchunk)
{
	uint32_t seen = 0;
	size_t length;

	assert_int_equal(
		http1_response_parse(text, strlen(text), &seen, HTTP1_GET, &head), HTTP1_OK);
	length = forward_response_head(text, &head, ending, unchunk, out);
	out[length] = '\0';
	return out;
}

static void fields_keep_their_order_and_spelling(void **state)
{
	(void)state;
	assert_string_equal(
		request("GET /a?b HTTP/1.1\r\nhOST: x\r\nB:  2 \r\nA:1\r\n\r\n", &stranger),
		"GET /a?b HTTP/1.1\r\nhOST: x\r\nB:  2 \r\nA:1\r\n"
		"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n" VIA
		"X-Forwarded-Host: x\r\n\r\n");
}

static void fields_of_one_connection_are_taken_out(void **state)
{
	(void)state;
	assert_string_equal(
		request("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Foo\r\nFoo: 1\r\n"
			"Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nBar: 2\r\n\r\n",
			&nameless),
		"GET / HTTP/1.1\r\nHost: x\r\nBar: 2\r\nX-Forwarded-Proto: http\r\n" VIA
		"X-Forwarded-Host: x\r\n\r\n");
}

static void a_hidden_cookie_is_left_out_and_the_others_stay(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nCookie: a=1; ours=2; b=3\r\n"
				   "A: 1\r\nCOOKIE: c=4;d\r\nCookie:ours=5\r\n\r\n";
	static const struct asker hiding = {"", true, "ours"};
	uint32_t seen = 0;
	size_t length;

	(void)state;
	assert_int_equal(http1_request_parse(text, strlen(text), &seen, &head), HTTP1_OK);
	head.headers[1].hop_by_hop = head.headers[4].hop_by_hop = true;
	length = pass(text, &hiding);
	out[length] = '\0';
	assert_string_equal(out, "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nCOOKIE: c=4;d\r\n"
				 "X-Forwarded-Proto: http\r\n" VIA "X-Forwarded-Host: x\r\n"
				 "Cookie: a=1; b=3\r\n\r\n");
}

/* Each pair may grow by the space that we put behind its semicolon. */
static void the_largest_cookie_field_fits(void **state)
{
	static char text[HTTP1_HEAD_MAX + 1];
	static const struct asker hiding = {"", true, "ours"};
	size_t length = (size_t)sprintf(text, "GET / HTTP/1.0\r\nCookie: ours=;");
	uint32_t seen = 0;

	(void)state;
	while (length + 6 <= HTTP1_HEAD_MAX)
		length += (size_t)sprintf(text + length, "a;");
	length += (size_t)sprintf(text + length, "\r\n\r\n");
	assert_int_equal(http1_request_parse(text, length, &seen, &head), HTTP1_OK);
	head.headers[0].hop_by_hop = true;
	length = pass(text, &hiding);
	assert_true(length > HTTP1_HEAD_MAX && length <= FORWARD_SIZE_MAX);
}

static void lines_of_our_own_stand_in_front_of_the_empty_one(void **state)
{
	char text[64] = "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n";
	size_t length = forward_add_lines(text, strlen(text), "B: 2\r\n", 6);

	(void)state;
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", length);
	assert_int_equal(length, 31);
	assert_int_equal(forward_add_lines(text, length, "", 0), 31);
}

static void a_stranger_cannot_say_whom_he_forwards_for(void **state)
{
	const char *sent = request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.1\r\n"
				   "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\r\n",
		&stranger);

	(void)state;
	assert_null(strstr(sent, "203.0.113.1"));
	assert_null(strstr(sent, "https"));
	assert_null(strstr(sent, "evil"));
	assert_non_null(strstr(sent, "X-Forwarded-For: 192.0.2.7\r\n"));
}

static void a_front_end_on_this_host_is_believed(void **state)
{
	(void)state;
	assert_string_equal(
		request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "
			"203.0.113.1\r\nX-Forwarded-For: "
			"203.0.113.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: site\r\n\r\n",
			&front),
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
		"site\r\n"
		"X-Forwarded-For: 203.0.113.1, 203.0.113.2, 127.0.0.1\r\n" VIA "\r\n");
}

static void what_an_application_may_believe_is_dropped_from_a_stranger(void **state)
{
	static const char *const lines[] = {"X-Forwarded-Port: 1\r\n", "x-forwarded-prefix: /a\r\n",
		"X-FORWARDED-Q: 1\r\n", "Forwarded: for=1\r\n", "X-Real-IP: 1\r\n",
		"x-real-ip:\r\n"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines[i]);
		assert_null(strstr(request(text, &stranger), lines[i]));
		assert_non_null(strstr(request(text, &front), lines[i]));
		assert_non_null(strstr(request(text, &nameless), lines[i]));
	}
}

/* WSGI and CGI make one name of them. */
static void lookalikes_are_dropped_from_everybody(void **state)
{
	static const char *const names[] = {"X_Forwarded_For", "x-forwarded_port",
		"X_FORWARDED-Prefix", "x_real_ip", "X-Real_IP", "Max_Forwards"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		snprintf(text, sizeof(text), "OPTIONS / HTTP/1.1\r\nHost: x\r\n%s: 0\r\n\r\n",
			names[i]);
		assert_null(strstr(request(text, &stranger), names[i]));
		assert_null(strstr(request(text, &front), names[i]));
	}
	assert_non_null(strstr(
		request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded: 1\r\nX-Forward-A: 2\r\n\r\n",
			&stranger),
		"X-Forwarded: 1\r\nX-Forward-A: 2\r\n"));
}

static void an_empty_list_of_hops_is_no_hop(void **state)
{
	(void)state;
	assert_non_null(
		strstr(request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For:\r\n\r\n", &front),
			"\r\nX-Forwarded-For: 127.0.0.1\r\n"));
	assert_null(
		strstr(request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \r\n\r\n", &nameless),
			"X-Forwarded-For"));
}

static void an_ipv6_client_is_named_without_brackets(void **state)
{
	static const struct asker six = {"2001:DB8:0::1", false, NULL};
	static const struct asker longest = {
		"1111:2222:3333:4444:5555:6666:7777:8888", false, NULL};

	(void)state;
	assert_non_null(strstr(request("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &six),
		"X-Forwarded-For: 2001:db8::1\r\n"));
	assert_non_null(strstr(request("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &longest),
		"X-Forwarded-For: 1111:2222:3333:4444:5555:6666:7777:8888\r\nX-Forwarded-Proto"));
}

/* RFC 9110 section 7.6.3: each proxy adds its own line, behind those that were there. */
static void via_is_appended_with_the_version_that_was_received(void **state)
{
	(void)state;
	assert_non_null(strstr(
		request("GET / HTTP/1.1\r\nHost: x\r\nVia: 1.0 fred\r\nA: 1\r\n\r\n", &stranger),
		"Via: 1.0 fred\r\nA: 1\r\nX-Forwarded-For: 192.0.2.7\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 app-bluegreen\r\n"));
	assert_non_null(strstr(request("GET / HTTP/1.0\r\nHost: x\r\n\r\n", &stranger),
		"\r\nVia: 1.0 app-bluegreen\r\n"));
	assert_null(strstr(out, "1.1 app-bluegreen"));
}

static enum forward_reach reach_of(const char *method, const char *fields)
{
	uint32_t seen = 0;
	static char text[256];

	snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: x\r\n%s\r\n", method, fields);
	assert_int_equal(http1_request_parse(text, strlen(text), &seen, &head), HTTP1_OK);
	return forward_reach(text, &head);
}

/* RFC 9110 section 7.6.2 */
static void max_forwards_ends_the_way_of_options_and_trace(void **state)
{
	static const char *const bad[] = {"Max-Forwards:\r\n", "Max-Forwards: -1\r\n",
		"Max-Forwards: 1, 2\r\n", "Max-Forwards: 1x\r\n",
		"Max-Forwards: 1\r\nMax-Forwards: 1\r\n"};

	(void)state;
	assert_int_equal(reach_of("OPTIONS", "Max-Forwards: 0\r\n"), FORWARD_HERE);
	assert_int_equal(reach_of("TRACE", "max-forwards: 000\r\n"), FORWARD_HERE);
	assert_int_equal(reach_of("TRACE", "Max-Forwards: 1\r\n"), FORWARD_ON);
	assert_int_equal(reach_of("OPTIONS", ""), FORWARD_ON);
	assert_int_equal(reach_of("GET", "Max-Forwards: 0\r\n"), FORWARD_ON);
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		assert_int_equal(reach_of("OPTIONS", bad[i]), FORWARD_ASTRAY);
		assert_int_equal(reach_of("GET", bad[i]), FORWARD_ON);
	}
}

static void max_forwards_is_one_less_behind_us(void **state)
{
	(void)state;
	assert_non_null(strstr(
		request("OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 10\r\n\r\n", &stranger),
		"\r\nMax-Forwards: 9\r\n"));
	assert_null(strstr(out, "10"));
	assert_non_null(strstr(request("TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: "
				       "99999999999999999999\r\n\r\n",
				       &stranger),
		"\r\nMax-Forwards: 999999\r\n"));
	assert_non_null(
		strstr(request("GET / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 10\r\n\r\n", &stranger),
			"\r\nMax-Forwards: 10\r\n"));
}

static void http_1_0_gets_the_host_that_http_1_1_wants(void **state)
{
	(void)state;
	assert_string_equal(request("GET / HTTP/1.0\r\n\r\n", &nameless),
		"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: http\r\n"
		"Via: 1.0 app-bluegreen\r\n\r\n");
}

static void an_absolute_target_is_taken_apart_and_its_host_counts(void **state)
{
	static const struct {
		const char *target, *line;
	} rows[] = {
		{"GET http://b:1/p?q", "GET /p?q HTTP/1.1\r\n"},
		{"GET HTTPS://b:1//p", "GET //p HTTP/1.1\r\n"},
		{"GET http://b:1", "GET / HTTP/1.1\r\n"},
		{"GET http://b:1?q", "GET /?q HTTP/1.1\r\n"},
		{"OPTIONS http://b:1", "OPTIONS * HTTP/1.1\r\n"},
		{"OPTIONS http://b:1?q", "OPTIONS /?q HTTP/1.1\r\n"},
		{"OPTIONS http://b:1/", "OPTIONS / HTTP/1.1\r\n"},
	};
	static const char *const rest[] = {
		" HTTP/1.1\r\nHost: a\r\nB: 2\r\n\r\n",
		" HTTP/1.0\r\nB: 2\r\n\r\n",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows) * ELEMENTS(rest); i++) {
		const char *sent;

		(void)snprintf(text, sizeof(text), "%s%s", rows[i / 2].target, rest[i % 2]);
		sent = request(text, &stranger);
		assert_memory_equal(sent, rows[i / 2].line, strlen(rows[i / 2].line));
		assert_non_null(strstr(sent, "\r\nHost: b:1\r\n"));
		assert_non_null(strstr(sent, "\r\nX-Forwarded-Host: b:1\r\n"));
		assert_non_null(strstr(sent, "\r\nB: 2\r\n"));
		assert_null(strstr(sent, "Host: a"));
		assert_null(strstr(sent, "localhost"));
	}
}

static void an_expectation_of_http_1_0_ends_here(void **state)
{
	(void)state;
	assert_null(strstr(request("POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 1\r\n"
				   "Expect: 100-continue\r\n\r\n",
				   &nameless),
		"Expect"));
	assert_non_null(strstr(request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
				       "Expect: 100-continue\r\n\r\n",
				       &nameless),
		"Expect: 100-continue\r\n"));
}

static void the_framing_of_a_body_stays(void **state)
{
	(void)state;
	assert_non_null(
		strstr(request("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
			       "Trailer: Sum\r\n\r\n",
			       &nameless),
			"Transfer-Encoding: chunked\r\nTrailer: Sum\r\n"));
}

static void a_websocket_upgrade_is_passed_on_and_h2c_is_not(void **state)
{
	(void)state;
	assert_non_null(
		strstr(request("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
			       "Upgrade: websocket\r\n\r\n",
			       &nameless),
			"Connection: upgrade\r\nUpgrade: websocket\r\n"));
	assert_null(strcasestr(
		request("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
			"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
			&nameless),
		"upgrade"));
}

static void the_longest_head_fits(void **state)
{
	static char text[HTTP1_HEAD_MAX + 1];
	static const char begin[] = "GET / HTTP/1.1\r\nHost: ";
	size_t length;

	(void)state;
	memset(text, 'h', HTTP1_HEAD_MAX);
	memcpy(text, begin, strlen(begin));
	memcpy(text + HTTP1_HEAD_MAX - 4, "\r\n\r\n", 4);
	length = strlen(request(text, &stranger));
	assert_true(length > HTTP1_HEAD_MAX && length <= FORWARD_SIZE_MAX);
}

static void a_response_says_what_becomes_of_the_connection(void **state)
{
	static const char text[] =
		"HTTP/1.0 200 Fine\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	assert_string_equal(response(text, FORWARD_PLAIN, false),
		"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(response(text, FORWARD_KEEP_ALIVE, false),
		"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(response(text, FORWARD_CLOSE, false),
		"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void who_knows_no_chunks_is_not_told_of_them(void **state)
{
	(void)state;
	assert_string_equal(
		response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n"
			 "A: 1\r\n\r\n",
			FORWARD_CLOSE, true),
		"HTTP/1.1 200 OK\r\nA: 1\r\nConnection: close\r\n\r\n");
}

static void a_status_line_has_its_second_space(void **state)
{
	(void)state;
	assert_string_equal(
		response("HTTP/1.0 204\r\n\r\n", FORWARD_PLAIN, false), "HTTP/1.1 204 \r\n\r\n");
	assert_string_equal(
		response("HTTP/1.1 204 \r\n\r\n", FORWARD_PLAIN, false), "HTTP/1.1 204 \r\n\r\n");
}

static void who_says_upgrade_says_so_in_connection(void **state)
{
	static const char text[] = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\n"
				   "Connection: upgrade\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	assert_non_null(
		strstr(response(text, FORWARD_PLAIN, false), "\r\nConnection: upgrade\r\n"));
	assert_non_null(strstr(response(text, FORWARD_CLOSE, false),
		"\r\nUpgrade: x\r\nContent-Length: 0\r\nConnection: close, upgrade\r\n"));
	assert_non_null(strstr(response(text, FORWARD_KEEP_ALIVE, false),
		"\r\nConnection: keep-alive, upgrade\r\n"));
}

static void a_101_says_to_what_it_switched(void **state)
{
	(void)state;
	assert_string_equal(response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
				     "Connection: Upgrade\r\n\r\n",
				    FORWARD_PLAIN, false),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
		"upgrade\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_keep_their_order_and_spelling),
		cmocka_unit_test(fields_of_one_connection_are_taken_out),
		cmocka_unit_test(a_hidden_cookie_is_left_out_and_the_others_stay),
		cmocka_unit_test(the_largest_cookie_field_fits),
		cmocka_unit_test(lines_of_our_own_stand_in_front_of_the_empty_one),
		cmocka_unit_test(a_stranger_cannot_say_whom_he_forwards_for),
		cmocka_unit_test(a_front_end_on_this_host_is_believed),
		cmocka_unit_test(what_an_application_may_believe_is_dropped_from_a_stranger),
		cmocka_unit_test(lookalikes_are_dropped_from_everybody),
		cmocka_unit_test(an_empty_list_of_hops_is_no_hop),
		cmocka_unit_test(an_ipv6_client_is_named_without_brackets),
		cmocka_unit_test(via_is_appended_with_the_version_that_was_received),
		cmocka_unit_test(max_forwards_ends_the_way_of_options_and_trace),
		cmocka_unit_test(max_forwards_is_one_less_behind_us),
		cmocka_unit_test(http_1_0_gets_the_host_that_http_1_1_wants),
		cmocka_unit_test(an_absolute_target_is_taken_apart_and_its_host_counts),
		cmocka_unit_test(an_expectation_of_http_1_0_ends_here),
		cmocka_unit_test(the_framing_of_a_body_stays),
		cmocka_unit_test(a_websocket_upgrade_is_passed_on_and_h2c_is_not),
		cmocka_unit_test(the_longest_head_fits),
		cmocka_unit_test(a_response_says_what_becomes_of_the_connection),
		cmocka_unit_test(who_knows_no_chunks_is_not_told_of_them),
		cmocka_unit_test(a_status_line_has_its_second_space),
		cmocka_unit_test(who_says_upgrade_says_so_in_connection),
		cmocka_unit_test(a_101_says_to_what_it_switched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
