/* SPDX-License-Identifier: MIT */
/*
 * http1-line.c: request lines and status lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http1-samples.h"

#define END "\r\nHost: a\r\n\r\n"

struct line {
	const char *bytes;
	size_t size;
	enum http1_verdict verdict;
};

static void lines_read(const struct line *lines, size_t count, enum http1_method as)
{
	static struct http1_head head;

	for (size_t i = 0; i < count; i++)
		sample_read(lines[i].bytes, lines[i].size, as, lines[i].verdict, &head);
}

static void parts_of_a_request_line_are_found(void **state)
{
	static const char request[] = "PROPFIND /a?b=c%20d#e HTTP/1.0" END;
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	sample_assert_span(request, head.method_name, "PROPFIND");
	sample_assert_span(request, head.target, "/a?b=c%20d#e");
	assert_int_equal(head.method, HTTP1_METHOD_OTHER);
	assert_int_equal(head.minor, 0);
	assert_int_equal(head.first_header, strlen("PROPFIND /a?b=c%20d#e HTTP/1.0\r\n"));
	assert_int_equal(head.size, strlen(request));
}

static void methods_are_known_by_their_exact_names(void **state)
{
	static const struct {
		const char *name;
		enum http1_method method;
		bool safe;
	} methods[] = {
		{"GET", HTTP1_GET, true},
		{"HEAD", HTTP1_HEAD, true},
		{"OPTIONS", HTTP1_OPTIONS, true},
		{"TRACE", HTTP1_TRACE, true},
		{"POST", HTTP1_POST, false},
		{"PUT", HTTP1_PUT, false},
		{"DELETE", HTTP1_DELETE, false},
		{"PATCH", HTTP1_PATCH, false},
		{"get", HTTP1_METHOD_OTHER, false},
		{"Get", HTTP1_METHOD_OTHER, false},
		{"GETS", HTTP1_METHOD_OTHER, false},
		{"HEAT", HTTP1_METHOD_OTHER, false},
		{"QUERY", HTTP1_METHOD_OTHER, false},
		{"M-SEARCH", HTTP1_METHOD_OTHER, false},
		{"!#$%&'*+-.^_`|~0", HTTP1_METHOD_OTHER, false},
		{"G", HTTP1_METHOD_OTHER, false},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", HTTP1_METHOD_OTHER, false},
	};
	static struct http1_head head;
	char request[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(methods); i++) {
		int n = snprintf(request, sizeof(request), "%s / HTTP/1.1" END, methods[i].name);

		sample_read(request, (size_t)n, AS_REQUEST, HTTP1_OK, &head);
		assert_int_equal(head.method, methods[i].method);
		sample_assert_span(request, head.method_name, methods[i].name);
		assert_int_equal(http1_method_is_safe(head.method), methods[i].safe);
	}
}

static void connect_is_not_safe_and_has_no_body(void **state)
{
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE("CONNECT a:443 HTTP/1.1" END), AS_REQUEST, HTTP1_OK, &head);
	assert_int_equal(head.method, HTTP1_CONNECT);
	assert_int_equal(head.framing, HTTP1_NO_BODY);
	assert_false(http1_method_is_safe(HTTP1_CONNECT));
}

static void a_target_has_one_of_the_four_forms(void **state)
{
	static const struct line lines[] = {
		{MESSAGE("GET / HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET //a HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET /?\"<>\\^`{|} HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET http://a/ HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET HTTPS://a HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET http://a:80?b HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET http://[::1]:/ HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("OPTIONS http://a HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("OPTIONS * HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("CONNECT a:443 HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("CONNECT [::1]:443 HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("GET * HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("OPTIONS ** HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET @b/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET ?a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET a:443 HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET :///a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET ://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET ftp://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET httpx://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET htt://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://u@a/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://a/#b HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://a#b HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://?a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://:80/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://a:b/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http://[::1/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET 1http://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET ht_tp://a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http:/a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http:a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http:// HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET http:///a HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET a: HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("CONNECT / HTTP/1.1" END), HTTP1_BAD},
	};

	(void)state;
	lines_read(lines, ELEMENTS(lines), AS_REQUEST);
}

static void doubtful_request_lines_are_refused(void **state)
{
	static const struct line lines[] = {
		{MESSAGE(" GET / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET  / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /  HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1 " END), HTTP1_BAD},
		{MESSAGE("GET\t/ HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\tHTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /a b HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET  HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /" END), HTTP1_BAD},
		{MESSAGE("GET" END), HTTP1_BAD},
		{MESSAGE(" / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("G(T / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("G\0T / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("G\x80T / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\0 HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\x1f HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\x7f HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\x80 HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET /\xc3\xa4 HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1\nHost: a\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1\nHost: a\n\n"), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1\rHost: a\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("GET /\r\n HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("\nGET / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("\r\nGET / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("\rGET / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG: x" END), HTTP1_BAD},
		{MESSAGE("Host: a\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("GET / A: b" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1A: b" END), HTTP1_BAD},
		{MESSAGE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"), HTTP1_BAD},
	};

	(void)state;
	lines_read(lines, ELEMENTS(lines), AS_REQUEST);
}

static void another_version_is_told_from_garbage(void **state)
{
	static const struct line lines[] = {
		{MESSAGE("GET / HTTP/1.0" END), HTTP1_OK},
		{MESSAGE("GET / HTTP/1.1" END), HTTP1_OK},
		{MESSAGE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP1_VERSION},
		{MESSAGE("GET / HTTP/0.9" END), HTTP1_VERSION},
		{MESSAGE("GET / HTTP/1.2" END), HTTP1_VERSION},
		{MESSAGE("GET / HTTP/2.0" END), HTTP1_VERSION},
		{MESSAGE("GET / HTTP/3.1" END), HTTP1_VERSION},
		{MESSAGE("GET / http/1.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1,1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1." END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/2" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.1x" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.a" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/a.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1./" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/1.10" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/11.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTP/+1.1" END), HTTP1_BAD},
		{MESSAGE("GET / HTTPS/1.1" END), HTTP1_BAD},
		{MESSAGE("GET / ICAP/1.1" END), HTTP1_BAD},
		{MESSAGE("GET / H\r\n\r\n"), HTTP1_BAD},
	};

	(void)state;
	lines_read(lines, ELEMENTS(lines), AS_REQUEST);
}

static void the_preface_of_http_2_is_known_at_every_split(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4";
	char odd[sizeof(preface)];

	(void)state;
	for (size_t size = 1; size < sizeof(preface); size++)
		assert_int_equal(http1_preface_match(guarded_copy(preface, size), size),
			size < 24 ? HTTP1_MORE : HTTP1_OK);
	for (size_t at = 0; at < 24; at++) {
		memcpy(odd, preface, sizeof(preface));
		odd[at] ^= 0x20;
		for (size_t size = 1; size < sizeof(preface); size++)
			assert_int_equal(http1_preface_match(guarded_copy(odd, size), size),
				size > at ? HTTP1_BAD : HTTP1_MORE);
	}
}

static void a_status_is_three_digits_from_100_to_599(void **state)
{
	static const struct line lines[] = {
		{MESSAGE("HTTP/1.1 200 OK" END), HTTP1_OK},
		{MESSAGE("HTTP/1.0 599 Odd" END), HTTP1_OK},
		{MESSAGE("HTTP/1.1 100 Continue\r\n\r\n"), HTTP1_OK},
		{MESSAGE("HTTP/1.1 200 " END), HTTP1_OK},
		{MESSAGE("HTTP/1.1 200" END), HTTP1_OK},
		{MESSAGE("HTTP/1.1 404 Nicht \xfc"
			 "blich\t!" END),
			HTTP1_OK},
		{MESSAGE("HTTP/1.1 099 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 600 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 999 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 000 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 099\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 600\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("HTTP/1.1A: b" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 20A: b" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200A: b" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 20 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 2000 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 +20 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 2OO A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1  200 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1\t200 A" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200\tA" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200 A\0" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200 A\x7f" END), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200 A\nHost: a\r\n\r\n"), HTTP1_BAD},
		{MESSAGE("HTTP/1.1 200\n\r\n"), HTTP1_BAD},
		{MESSAGE("HTTP/1.1" END), HTTP1_BAD},
		{MESSAGE("http/1.1 200 OK" END), HTTP1_BAD},
		{MESSAGE("ICY 200 OK" END), HTTP1_BAD},
		{MESSAGE(" HTTP/1.1 200 OK" END), HTTP1_BAD},
		{MESSAGE("\r\nHTTP/1.1 200 OK" END), HTTP1_BAD},
		{MESSAGE("HTTP/2.0 200 OK" END), HTTP1_VERSION},
	};

	(void)state;
	lines_read(lines, ELEMENTS(lines), HTTP1_GET);
}

static void parts_of_a_status_line_are_found(void **state)
{
	static const char response[] = "HTTP/1.0 503 Not now\r\nA: b\r\n\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(response), HTTP1_GET, HTTP1_OK, &head);
	assert_int_equal(head.status, 503);
	assert_int_equal(head.minor, 0);
	assert_int_equal(head.first_header, strlen("HTTP/1.0 503 Not now\r\n"));
	assert_int_equal(head.size, strlen(response));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_request_line_are_found),
		cmocka_unit_test(methods_are_known_by_their_exact_names),
		cmocka_unit_test(connect_is_not_safe_and_has_no_body),
		cmocka_unit_test(a_target_has_one_of_the_four_forms),
		cmocka_unit_test(doubtful_request_lines_are_refused),
		cmocka_unit_test(another_version_is_told_from_garbage),
		cmocka_unit_test(the_preface_of_http_2_is_known_at_every_split),
		cmocka_unit_test(a_status_is_three_digits_from_100_to_599),
		cmocka_unit_test(parts_of_a_status_line_are_found),
	};

	return cmocka_run_group_tests_name("http1-line", tests, NULL, NULL);
}
