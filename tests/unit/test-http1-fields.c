/* SPDX-License-Identifier: MIT */
/*
 * http1-fields.c: field lines, what is recognised, what belongs to one connection only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http1-samples.h"

#define START "GET / HTTP/1.1\r\nHost: a\r\n"

struct fields {
	const char *bytes;
	size_t size;
};

static void parts_of_a_field_are_found(void **state)
{
	static const char request[] = START "Accept: \t text/html, \xe4 ;q=1 \t\r\nEmpty:\r\n\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	assert_int_equal(head.header_count, 3);
	sample_assert_span(request, head.headers[0].line, "Host: a\r\n");
	sample_assert_span(request, head.headers[1].name, "Accept");
	sample_assert_span(request, head.headers[1].value, "text/html, \xe4 ;q=1");
	sample_assert_span(request, head.headers[1].line, "Accept: \t text/html, \xe4 ;q=1 \t\r\n");
	sample_assert_span(request, head.headers[2].name, "Empty");
	sample_assert_span(request, head.headers[2].value, "");
	sample_assert_span(request, head.headers[2].line, "Empty:\r\n");
	sample_assert_span(request, head.host, "a");
	assert_int_equal(head.headers[1].field, HTTP1_OTHER);
	assert_false(head.headers[1].hop_by_hop);
}

static void unusual_but_clear_fields_are_read(void **state)
{
	static const struct fields good[] = {
		{MESSAGE(START "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n")},
		{MESSAGE(START "A:\r\n\r\n")},
		{MESSAGE(START "A:x\r\n\r\n")},
		{MESSAGE(START "A: \r\n\r\n")},
		{MESSAGE(START "A: x\ty\r\n\r\n")},
		{MESSAGE(START "A: \x80\xff\r\n\r\n")},
		{MESSAGE(START "A: :\r\n\r\n")},
		{MESSAGE(START "A: 1\r\nA: 2\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost:\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a_b.%c3~!$&'()*+,;=:1\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.0\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.0\r\nHost: a\r\n\r\n")},
	};
	static struct http1_head head;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(good); i++)
		sample_read(good[i].bytes, good[i].size, AS_REQUEST, HTTP1_OK, &head);
}

static void doubtful_fields_are_refused(void **state)
{
	static const struct fields bad[] = {
		{MESSAGE(START " A: x\r\n\r\n")},
		{MESSAGE(START "A: x\r\n y\r\n\r\n")},
		{MESSAGE(START "A: x\r\n\ty\r\n\r\n")},
		{MESSAGE(START "A: x\r\n \r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\n Host: a\r\n\r\n")},
		{MESSAGE(START "A : x\r\n\r\n")},
		{MESSAGE(START "A\t: x\r\n\r\n")},
		{MESSAGE(START "A B: x\r\n\r\n")},
		{MESSAGE(START ": x\r\n\r\n")},
		{MESSAGE(START "A\r\n\r\n")},
		{MESSAGE(START "A\0: x\r\n\r\n")},
		{MESSAGE(START "A\x80: x\r\n\r\n")},
		{MESSAGE(START "A\x7f: x\r\n\r\n")},
		{MESSAGE(START "(A): x\r\n\r\n")},
		{MESSAGE(START "A;b: x\r\n\r\n")},
		{MESSAGE(START "A: x\0y\r\n\r\n")},
		{MESSAGE(START "A: x\x01\r\n\r\n")},
		{MESSAGE(START "A: x\x0b\r\n\r\n")},
		{MESSAGE(START "A: x\x0cy\r\n\r\n")},
		{MESSAGE(START "A: x\x1f\r\n\r\n")},
		{MESSAGE(START "A: x\x7f\r\n\r\n")},
		{MESSAGE(START "A: x\ry\r\n\r\n")},
		{MESSAGE(START "A: x\r\r\n\r\n")},
		{MESSAGE(START "A: x\n\r\n\r\n")},
		{MESSAGE(START "A: x\nB: y\r\n\r\n")},
		{MESSAGE(START "A: x\n\n")},
		{MESSAGE(START "A: x\r\n\n")},
		{MESSAGE(START "\n")},
		{MESSAGE(START "A: x\r\n\rx\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHosts: a\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n")},
		{MESSAGE("GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n")},
	};
	static struct http1_head head;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		sample_read(bad[i].bytes, bad[i].size, AS_REQUEST, HTTP1_BAD, &head);
}

static void a_host_is_a_name_or_an_address_and_perhaps_a_port(void **state)
{
	static const struct {
		const char *host;
		enum http1_verdict verdict;
	} hosts[] = {
		{"", HTTP1_OK},
		{"a_b-c.example", HTTP1_OK},
		{"a.example:", HTTP1_OK},
		{"a.example:8080", HTTP1_OK},
		{"127.0.0.1:80", HTTP1_OK},
		{"[::1]", HTTP1_OK},
		{"[2001:db8::1]:443", HTTP1_OK},
		{"a:b", HTTP1_BAD},
		{"a:80:80", HTTP1_BAD},
		{"a:-1", HTTP1_BAD},
		{"::1", HTTP1_BAD},
		{"[::1", HTTP1_BAD},
		{"::1]", HTTP1_BAD},
		{"[]", HTTP1_BAD},
		{"[[::1]]", HTTP1_BAD},
		{"[::1]a", HTTP1_BAD},
		{"a[::1]", HTTP1_BAD},
		{"[", HTTP1_BAD},
	};
	static struct http1_head head;
	char request[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(hosts); i++) {
		int n = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
			hosts[i].host);

		sample_read(request, (size_t)n, AS_REQUEST, hosts[i].verdict, &head);
	}
}

static void fields_are_recognised_in_any_case(void **state)
{
	static const struct {
		const char *name;
		enum http1_field field;
		bool hop_by_hop;
	} fields[] = {
		{"Connection", HTTP1_CONNECTION, true},
		{"content-length", HTTP1_CONTENT_LENGTH, false},
		{"CONTENT-TYPE", HTTP1_CONTENT_TYPE, false},
		{"dATE", HTTP1_DATE, false},
		{"Expect", HTTP1_EXPECT, false},
		{"Keep-Alive", HTTP1_KEEP_ALIVE, true},
		{"Proxy-Connection", HTTP1_PROXY_CONNECTION, true},
		{"tE", HTTP1_TE, true},
		{"Trailer", HTTP1_TRAILER, false},
		{"Upgrade", HTTP1_UPGRADE, true},
		{"X-Forwarded-For", HTTP1_X_FORWARDED_FOR, false},
		{"x-forwarded-proto", HTTP1_X_FORWARDED_PROTO, false},
		{"X-FORWARDED-HOST", HTTP1_X_FORWARDED_HOST, false},
		{"Connectiom", HTTP1_OTHER, false},
		{"Content-Lengtt", HTTP1_OTHER, false},
		{"Hops", HTTP1_OTHER, false},
		{"Ta", HTTP1_OTHER, false},
		{"T", HTTP1_OTHER, false},
		{"Forwarded", HTTP1_FORWARDED, false},
		{"Max-Forwards", HTTP1_MAX_FORWARDS, false},
		{"x-Real-IP", HTTP1_X_REAL_IP, false},
		{"X-Forwarded-Foo", HTTP1_X_FORWARDED, false},
		{"x-forwarded-For2", HTTP1_X_FORWARDED, false},
		{"X-Forwarded-1", HTTP1_X_FORWARDED, false},
		{"X-Forwarded-", HTTP1_OTHER, false},
		{"X-Forwarded", HTTP1_OTHER, false},
		{"Y-Forwarded-Port", HTTP1_OTHER, false},
		/* CGI and WSGI would take these for the real ones. */
		{"X_Forwarded_For", HTTP1_OTHER, true},
		{"x-forwarded_proto", HTTP1_OTHER, true},
		{"X_Forwarded-Host", HTTP1_OTHER, true},
		{"X-Forwarded_Port", HTTP1_OTHER, true},
		{"x_real_ip", HTTP1_OTHER, true},
		{"Max_Forwards", HTTP1_OTHER, true},
		{"Content_Length", HTTP1_OTHER, true},
		{"Transfer_Encoding", HTTP1_OTHER, true},
		{"Other_Name", HTTP1_OTHER, false},
	};
	static struct http1_head head;
	char request[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(fields); i++) {
		int n = snprintf(request, sizeof(request), START "%s: 1\r\n\r\n", fields[i].name);

		sample_read(request, (size_t)n, AS_REQUEST, HTTP1_OK, &head);
		assert_int_equal(head.headers[1].field, fields[i].field);
		assert_int_equal(head.headers[1].hop_by_hop, fields[i].hop_by_hop);
		assert_int_equal(head.headers[0].field, HTTP1_HOST);
	}
}

/* The header of this name, in lower case or not, must be there. */
static const struct http1_header *header_named(
	const char *bytes, const struct http1_head *head, const char *name)
{
	for (uint32_t i = 0; i < head->header_count; i++)
		if (head->headers[i].name.length == strlen(name) &&
			strncasecmp(bytes + head->headers[i].name.offset, name, strlen(name)) == 0)
			return &head->headers[i];
	fail_msg("no header %s", name);
	return NULL;
}

static void connection_names_fields_before_and_behind_it(void **state)
{
	static const char request[] =
		START "X-Before: 1\r\nconnection: close,,X-BEHIND ,\tx-before\r\n"
		      "X-Behind: 1\r\nX-Behind: 2\r\nX-Behind-Not: 1\r\n"
		      "Connection: x-third\r\nX-Third: 1\r\n\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	assert_true(header_named(request, &head, "X-Before")->hop_by_hop);
	assert_true(head.headers[3].hop_by_hop);
	assert_true(head.headers[4].hop_by_hop);
	assert_true(header_named(request, &head, "X-Third")->hop_by_hop);
	assert_false(header_named(request, &head, "X-Behind-Not")->hop_by_hop);
	assert_false(head.keep_alive);
	assert_true(head.nominates);
}

/* What is of one connection by itself, or is kept, takes nothing away. */
static void connection_takes_nothing_away_by_naming_what_we_know(void **state)
{
	static const char request[] =
		START "Connection: close, keep-alive, upgrade, TE, Cookie, trailer\r\n\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	assert_false(head.nominates);
}

/* Only the beginning of these names is that of one that is kept. */
static void connection_takes_away_what_merely_resembles_the_kept(void **state)
{
	static const char request[] = START "Connection: x-forwards-and-more, authors, cook\r\n"
					    "X-Forwards-And-More: 1\r\nAuthors: 1\r\nCook: 1\r\n"
					    "\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	for (uint32_t i = 2; i < head.header_count; i++)
		assert_true(head.headers[i].hop_by_hop);
}

static void connection_cannot_take_away_what_the_application_needs(void **state)
{
	static const char *const names[] = {"Authorization", "Cache-Control", "Content-Type",
		"Content-Encoding", "Content-Length", "Cookie", "Date", "Expect", "Forwarded",
		"Host", "If-Match", "Origin", "Range", "Referer", "Sec-WebSocket-Key",
		"Sec-Fetch-Site", "Set-Cookie", "Trailer", "Via", "X-Forwarded-For",
		"X-Forwarded-User", "X-Real-IP"};
	static struct http1_head head;
	char request[256];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		const char *host = strcmp(names[i], "Host") == 0 ? "" : "Host: a\r\n";
		int n = snprintf(request, sizeof(request),
			"GET / HTTP/1.1\r\n%s%s: 1\r\nConnection: %s\r\n\r\n", host, names[i],
			names[i]);

		sample_read(request, (size_t)n, AS_REQUEST, HTTP1_OK, &head);
		assert_false(header_named(request, &head, names[i])->hop_by_hop);
	}
}

static void connection_cannot_take_away_the_chunked_framing(void **state)
{
	static const char request[] =
		START "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(request), AS_REQUEST, HTTP1_OK, &head);
	assert_int_equal(head.framing, HTTP1_CHUNKED);
	assert_false(header_named(request, &head, "Transfer-Encoding")->hop_by_hop);
}

static size_t nominations_write(char *request, size_t size, unsigned int count)
{
	int n = snprintf(request, size, START "Connection: close");

	for (unsigned int i = 0; i < count; i++)
		n += snprintf(request + n, size - (size_t)n, ",a");
	n += snprintf(request + n, size - (size_t)n, "\r\nA: 1\r\n\r\n");
	return (size_t)n;
}

static void connection_may_name_so_many_fields_and_no_more(void **state)
{
	static struct http1_head head;
	char request[256];
	size_t size;

	(void)state;
	size = nominations_write(request, sizeof(request), HTTP1_NOMINATIONS_MAX);
	sample_read(request, size, AS_REQUEST, HTTP1_OK, &head);
	assert_true(header_named(request, &head, "A")->hop_by_hop);
	size = nominations_write(request, sizeof(request), HTTP1_NOMINATIONS_MAX + 1);
	sample_read(request, size, AS_REQUEST, HTTP1_TOO_LARGE, &head);
}

static void an_event_stream_is_known_by_its_type(void **state)
{
	static const struct {
		const char *type;
		bool event_stream;
	} types[] = {
		{"text/event-stream", true},
		{"Text/Event-Stream", true},
		{"text/event-stream;charset=utf-8", true},
		{"text/event-stream ; charset=utf-8", true},
		{"text/event-streams", false},
		{"text/event", false},
		{"text/html", false},
		{"text/javascript-of-some-kind", false},
		{"application/text/event-stream", false},
		{"", false},
	};
	static struct http1_head head;
	char response[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(types); i++) {
		int n = snprintf(response, sizeof(response),
			"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n", types[i].type);

		sample_read(response, (size_t)n, HTTP1_GET, HTTP1_OK, &head);
		assert_int_equal(head.event_stream, types[i].event_stream);
	}
}

static void an_expectation_is_100_continue_in_http_1_1(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool expect_continue;
	} requests[] = {
		{MESSAGE(START "Expect: 100-continue\r\n\r\n"), true},
		{MESSAGE(START "expect: 100-CONTINUE\r\n\r\n"), true},
		{MESSAGE(START "Expect: 100-continued\r\n\r\n"), false},
		{MESSAGE(START "Expect: 100\r\n\r\n"), false},
		{MESSAGE(START "Expect:\r\n\r\n"), false},
		{MESSAGE("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), false},
	};
	static struct http1_head head;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(requests); i++) {
		sample_read(requests[i].bytes, requests[i].size, AS_REQUEST, HTTP1_OK, &head);
		assert_int_equal(head.expect_continue, requests[i].expect_continue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_field_are_found),
		cmocka_unit_test(unusual_but_clear_fields_are_read),
		cmocka_unit_test(doubtful_fields_are_refused),
		cmocka_unit_test(a_host_is_a_name_or_an_address_and_perhaps_a_port),
		cmocka_unit_test(fields_are_recognised_in_any_case),
		cmocka_unit_test(connection_names_fields_before_and_behind_it),
		cmocka_unit_test(connection_takes_nothing_away_by_naming_what_we_know),
		cmocka_unit_test(connection_takes_away_what_merely_resembles_the_kept),
		cmocka_unit_test(connection_cannot_take_away_what_the_application_needs),
		cmocka_unit_test(connection_cannot_take_away_the_chunked_framing),
		cmocka_unit_test(connection_may_name_so_many_fields_and_no_more),
		cmocka_unit_test(an_event_stream_is_known_by_its_type),
		cmocka_unit_test(an_expectation_is_100_continue_in_http_1_1),
	};

	return cmocka_run_group_tests_name("http1-fields", tests, NULL, NULL);
}
