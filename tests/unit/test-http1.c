/* SPDX-License-Identifier: MIT */
/*
 * http1.c: when a head is whole, how it frames its body, whether the connection lives on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http1-samples.h"

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define TE   "Transfer-Encoding: "
#define CL   "Content-Length: "

struct framed {
	const char *bytes;
	size_t size;
	enum http1_verdict verdict;
	enum http1_framing framing;
	uint64_t length;
};

static void framings_read(const struct framed *messages, size_t count, enum http1_method as)
{
	static struct http1_head head;

	for (size_t i = 0; i < count; i++) {
		sample_read(messages[i].bytes, messages[i].size, as, messages[i].verdict, &head);
		if (messages[i].verdict != HTTP1_OK)
			continue;
		assert_int_equal(head.framing, messages[i].framing);
		assert_int_equal(head.content_length, messages[i].length);
		assert_int_equal(head.size, messages[i].size);
	}
}

static void a_request_is_framed_by_length_or_chunks_or_has_no_body(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE(POST "\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE(POST CL "0\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 0},
		{MESSAGE(POST CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE(POST CL "\t 5 \r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE(POST CL "0005\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE(POST CL "9223372036854775807\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, INT64_MAX},
		{MESSAGE(POST TE "chunked\r\n\r\n"), HTTP1_OK, HTTP1_CHUNKED, 0},
		{MESSAGE(POST TE "\tCHUNKed \r\n\r\n"), HTTP1_OK, HTTP1_CHUNKED, 0},
		{MESSAGE("GET / HTTP/1.1\r\nHost: a\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH,
			5},
		{MESSAGE("POST / HTTP/1.0\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE("POST / HTTP/1.0\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), AS_REQUEST);
}

static void an_odd_content_length_is_refused(void **state)
{
	static const char *const values[] = {"", "+5", "-5", "-0", "5,5", "5, 5", "5 5", "0x5",
		"5;", "5.", "5.0", "1e1", "\"5\"", "five", "5a", "a5", "\xb2",
		"9223372036854775808", "18446744073709551615", "18446744073709551621",
		"99999999999999999999", "00000000000000000005", "5\t", "5 \t "};
	static struct http1_head head;
	char request[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(values); i++) {
		int n = snprintf(request, sizeof(request), POST CL "%s\r\n\r\n", values[i]);

		sample_read(request, (size_t)n, AS_REQUEST, HTTP1_BAD, &head);
		n = snprintf(
			request, sizeof(request), "HTTP/1.1 200 OK\r\n" CL "%s\r\n\r\n", values[i]);
		sample_read(request, (size_t)n, HTTP1_GET, HTTP1_BAD, &head);
	}
}

static void a_transfer_encoding_is_one_chunked_or_refused(void **state)
{
	static const struct {
		const char *value;
		enum http1_verdict verdict;
	} codings[] = {
		{"", HTTP1_BAD},
		{"identity", HTTP1_BAD},
		{"gzip", HTTP1_BAD},
		{"xchunked", HTTP1_BAD},
		{"chunkedx", HTTP1_BAD},
		{"chunked, chunked", HTTP1_BAD},
		{"chunked,chunked", HTTP1_BAD},
		{"chunked, gzip", HTTP1_BAD},
		{"gzip, chunked, chunked", HTTP1_BAD},
		{"chunked, gzip, chunked", HTTP1_BAD},
		{"chunked,", HTTP1_BAD},
		{",chunked", HTTP1_BAD},
		{", chunked", HTTP1_BAD},
		{"gzip,,chunked", HTTP1_BAD},
		{"gzip chunked", HTTP1_BAD},
		{"chunked;q=1", HTTP1_BAD},
		{"\"chunked\"", HTTP1_BAD},
		{"chun\tked", HTTP1_BAD},
		{"chunked\t", HTTP1_BAD},
		{"chunked \t ", HTTP1_BAD},
		{"\xff"
		 "chunked",
			HTTP1_BAD},
		{"gzip, chunked", HTTP1_NOT_IMPLEMENTED},
		{"gzip,CHUNKED", HTTP1_NOT_IMPLEMENTED},
		{"gzip, deflate, chunked", HTTP1_NOT_IMPLEMENTED},
		{"identity, chunked", HTTP1_NOT_IMPLEMENTED},
	};
	static struct http1_head head;
	char message[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(codings); i++) {
		int n = snprintf(message, sizeof(message), POST TE "%s\r\n\r\n", codings[i].value);

		sample_read(message, (size_t)n, AS_REQUEST, codings[i].verdict, &head);
		n = snprintf(message, sizeof(message), "HTTP/1.1 200 OK\r\n" TE "%s\r\n\r\n",
			codings[i].value);
		sample_read(message, (size_t)n, HTTP1_GET, codings[i].verdict, &head);
	}
}

static void two_ways_to_frame_a_request_are_refused(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE(POST CL "5\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "chunked\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "gzip, chunked\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "x\r\n" CL "x\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST CL "5\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST CL "5\r\ncontent-length: 6\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST CL "0\r\n" CL "0\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "chunked\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "gzip\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST TE "\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST "Transfer-Encoding : chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST "A: x\nTransfer-Encoding: chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE(POST "A: x\rTransfer-Encoding: chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("POST / HTTP/1.0\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0,
			0},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), AS_REQUEST);
}

static void a_response_without_a_length_ends_with_the_connection(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE("HTTP/1.1 200 OK\r\n\r\n"), HTTP1_OK, HTTP1_UNTIL_CLOSE, 0},
		{MESSAGE("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"), HTTP1_OK,
			HTTP1_UNTIL_CLOSE, 0},
		{MESSAGE("HTTP/1.1 500 No\r\n\r\n"), HTTP1_OK, HTTP1_UNTIL_CLOSE, 0},
	};
	static struct http1_head head;

	(void)state;
	framings_read(messages, ELEMENTS(messages), HTTP1_GET);
	for (size_t i = 0; i < ELEMENTS(messages); i++) {
		sample_read(messages[i].bytes, messages[i].size, HTTP1_GET, HTTP1_OK, &head);
		assert_false(head.keep_alive);
	}
}

static void a_response_is_framed_by_length_or_chunks(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE("HTTP/1.1 200 OK\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE("HTTP/1.1 200 OK\r\n" CL "0\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 0},
		{MESSAGE("HTTP/1.0 200 OK\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE("HTTP/1.1 200 OK\r\n" TE "chunked\r\n\r\n"), HTTP1_OK, HTTP1_CHUNKED, 0},
		{MESSAGE("HTTP/1.0 200 OK\r\n" TE "chunked\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("HTTP/1.1 200 OK\r\n" TE "chunked\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("HTTP/1.1 200 OK\r\n" CL "5\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
		{MESSAGE("HTTP/1.1 304 No\r\n" TE "chunked\r\n" CL "5\r\n\r\n"), HTTP1_BAD, 0, 0},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), HTTP1_POST);
}

static void some_statuses_have_no_body_whatever_they_say(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE("HTTP/1.1 100 Continue\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 204 No\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 204 No\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 204 No\r\n" TE "chunked\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 304 No\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 5},
		{MESSAGE("HTTP/1.1 304 No\r\n" TE "chunked\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 101 Go\r\n\r\n"), HTTP1_OK, HTTP1_TUNNEL, 0},
		{MESSAGE("HTTP/1.1 101 Go\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_TUNNEL, 0},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), HTTP1_GET);
}

static void a_response_to_head_has_no_body_but_its_length(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE("HTTP/1.1 200 OK\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 200 OK\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 5},
		{MESSAGE("HTTP/1.1 200 OK\r\n" TE "chunked\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
		{MESSAGE("HTTP/1.1 404 No\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 5},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), HTTP1_HEAD);
}

static void success_of_connect_is_a_tunnel(void **state)
{
	static const struct framed messages[] = {
		{MESSAGE("HTTP/1.1 200 OK\r\n\r\n"), HTTP1_OK, HTTP1_TUNNEL, 0},
		{MESSAGE("HTTP/1.1 299 OK\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_TUNNEL, 0},
		{MESSAGE("HTTP/1.1 204 No\r\n\r\n"), HTTP1_OK, HTTP1_TUNNEL, 0},
		{MESSAGE("HTTP/1.1 407 No\r\n" CL "5\r\n\r\n"), HTTP1_OK, HTTP1_LENGTH, 5},
		{MESSAGE("HTTP/1.1 100 On\r\n\r\n"), HTTP1_OK, HTTP1_NO_BODY, 0},
	};

	(void)state;
	framings_read(messages, ELEMENTS(messages), HTTP1_CONNECT);
}

static void a_framing_field_that_must_not_be_there_is_not_forwarded(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool dropped;
	} responses[] = {
		{MESSAGE("HTTP/1.1 204 No\r\nA: b\r\n" TE "chunked\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 204 No\r\n" CL "5\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 100 On\r\n" CL "5\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 101 Go\r\n" TE "chunked\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 304 No\r\n" CL "5\r\n\r\n"), false},
		{MESSAGE("HTTP/1.1 200 OK\r\n" CL "5\r\n\r\n"), false},
		{MESSAGE("HTTP/1.1 200 OK\r\n" TE "chunked\r\n\r\n"), false},
	};
	static struct http1_head head;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(responses); i++) {
		sample_read(responses[i].bytes, responses[i].size, HTTP1_GET, HTTP1_OK, &head);
		assert_int_equal(
			head.headers[head.header_count - 1].hop_by_hop, responses[i].dropped);
	}
}

/* Its sender may believe it, and send the body where the next response is expected. */
static void a_204_that_announces_a_body_is_the_last_on_its_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool keep_alive;
	} responses[] = {
		{MESSAGE("HTTP/1.1 204 No\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 204 No\r\n" CL "0\r\n\r\n"), true},
		{MESSAGE("HTTP/1.1 204 No\r\n" CL "5\r\n\r\n"), false},
		{MESSAGE("HTTP/1.1 204 No\r\n" TE "chunked\r\n\r\n"), false},
		{MESSAGE("HTTP/1.1 304 No\r\n" CL "5\r\n\r\n"), true},
	};
	static struct http1_head head;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(responses); i++) {
		sample_read(responses[i].bytes, responses[i].size, HTTP1_GET, HTTP1_OK, &head);
		assert_int_equal(head.keep_alive, responses[i].keep_alive);
	}
}

static void a_connection_persists_by_version_and_option(void **state)
{
	static const struct {
		uint8_t minor;
		const char *fields;
		bool keep_alive;
		bool upgrade;
	} heads[] = {
		{1, "", true, false},
		{1, "Connection: keep-alive\r\n", true, false},
		{1, "Connection: close\r\n", false, false},
		{1, "Connection: CLOSE\r\n", false, false},
		{1, "Connection: keep-alive, close\r\n", false, false},
		{1, "Connection: close\r\nConnection: keep-alive\r\n", false, false},
		{1, "Connection: closed\r\n", true, false},
		{1, "Connection: x-close\r\n", true, false},
		{1, "Connection:\r\n", true, false},
		{1, "Connection: , ,\r\n", true, false},
		{1, "Proxy-Connection: close\r\n", true, false},
		{0, "", false, false},
		{0, "Connection: close\r\n", false, false},
		{0, "Connection: Keep-Alive\r\n", true, false},
		{0, "Connection: foo,\tkeep-alive\r\n", true, false},
		{0, "Connection: close, keep-alive\r\n", false, false},
		{0, "Proxy-Connection: keep-alive\r\n", false, false},
		{0, "Keep-Alive: timeout=5\r\n", false, false},
		{1, "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true},
		{1, "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", true, true},
		{1, "Upgrade: websocket\r\n", true, false},
		{1, "Connection: upgrade\r\n", true, false},
		{1, "Connection: upgrade\r\nUpgrade:\r\n", true, false},
		{1, "Connection: upgrades\r\nUpgrade: websocket\r\n", true, false},
		{0, "Connection: upgrade\r\nUpgrade: websocket\r\n", false, false},
	};
	static struct http1_head head;
	char message[256];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(heads); i++) {
		int n = snprintf(message, sizeof(message), "GET / HTTP/1.%d\r\nHost: a\r\n%s\r\n",
			heads[i].minor, heads[i].fields);

		sample_read(message, (size_t)n, AS_REQUEST, HTTP1_OK, &head);
		assert_int_equal(head.keep_alive, heads[i].keep_alive);
		assert_int_equal(head.upgrade, heads[i].upgrade);
		n = snprintf(message, sizeof(message), "HTTP/1.%d 200 OK\r\n" CL "0\r\n%s\r\n",
			heads[i].minor, heads[i].fields);
		sample_read(message, (size_t)n, HTTP1_GET, HTTP1_OK, &head);
		assert_int_equal(head.keep_alive, heads[i].keep_alive);
	}
}

static void nothing_is_left_of_the_head_that_was_read_before(void **state)
{
	static const char rich[] = "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" CL
				   "5\r\nConnection: upgrade\r\nUpgrade: x\r\n"
				   "Content-Type: text/event-stream\r\n\r\n";
	static const char rich_response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
					    "Expect: 100-continue\r\nHost: a\r\n\r\n";
	static const char poor[] = "X / HTTP/1.0\r\n\r\n";
	static const char plain[] = "X / HTTP/1.1\r\nHost:\r\n\r\n";
	static const char poor_response[] = "HTTP/1.0 204\r\n\r\n";
	static struct http1_head used, fresh;

	(void)state;
	sample_read(MESSAGE(rich), AS_REQUEST, HTTP1_OK, &used);
	memset(&fresh, 0, sizeof(fresh));
	sample_read(MESSAGE(poor), AS_REQUEST, HTTP1_OK, &fresh);
	sample_read(MESSAGE(poor), AS_REQUEST, HTTP1_OK, &used);
	sample_assert_same(&used, &fresh);
	assert_false(fresh.expect_continue || fresh.event_stream || fresh.upgrade);
	assert_int_equal(fresh.host.length, 0);

	sample_read(MESSAGE(rich), AS_REQUEST, HTTP1_OK, &used);
	sample_read(MESSAGE(plain), AS_REQUEST, HTTP1_OK, &used);
	assert_false(used.expect_continue);

	sample_read(MESSAGE(rich_response), HTTP1_GET, HTTP1_OK, &used);
	memset(&fresh, 0, sizeof(fresh));
	sample_read(MESSAGE(poor_response), HTTP1_GET, HTTP1_OK, &fresh);
	sample_read(MESSAGE(poor_response), HTTP1_GET, HTTP1_OK, &used);
	sample_assert_same(&used, &fresh);
	assert_false(fresh.expect_continue || fresh.event_stream || fresh.upgrade);
}

static void what_follows_a_head_is_not_part_of_it(void **state)
{
	static const char first[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char both[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\n\n\0 GET";
	static struct http1_head head;

	(void)state;
	sample_read(MESSAGE(both), AS_REQUEST, HTTP1_OK, &head);
	assert_int_equal(head.size, strlen(first));
}

static void empty_lines_before_a_request_are_skipped_by_pairs(void **state)
{
	static struct http1_head head;
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(http1_skip_empty_lines(guarded_copy("", 0), 0), 0);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\r", 1), 1), 0);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\n", 1), 1), 0);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\r\n", 2), 2), 2);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\r\n\r\n\r", 5), 5), 4);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\r\n\n\r\n", 5), 5), 2);
	assert_int_equal(http1_skip_empty_lines(guarded_copy("\r\nG\r\n", 5), 5), 2);
	/* A CR alone is not refused before its LF had a chance to come, and nothing is kept of
	 * it that would be wrong once it is skipped. */
	assert_int_equal(http1_request_parse(guarded_copy("\r", 1), 1, &seen, &head), HTTP1_MORE);
	assert_int_equal(seen, 0);
}

static void verdicts_have_a_status_and_a_reason(void **state)
{
	static const unsigned int statuses[HTTP1_VERDICT_COUNT] = {
		[HTTP1_BAD] = 400,
		[HTTP1_TOO_LARGE] = 431,
		[HTTP1_TARGET_TOO_LONG] = 414,
		[HTTP1_NOT_IMPLEMENTED] = 501,
		[HTTP1_VERSION] = 505,
	};

	(void)state;
	for (int verdict = HTTP1_BAD; verdict < HTTP1_VERDICT_COUNT; verdict++) {
		assert_int_equal(
			http1_verdict_status((enum http1_verdict)verdict), statuses[verdict]);
		assert_non_null(strchr(http1_verdict_reason((enum http1_verdict)verdict), '.'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_framed_by_length_or_chunks_or_has_no_body),
		cmocka_unit_test(an_odd_content_length_is_refused),
		cmocka_unit_test(a_transfer_encoding_is_one_chunked_or_refused),
		cmocka_unit_test(two_ways_to_frame_a_request_are_refused),
		cmocka_unit_test(a_response_without_a_length_ends_with_the_connection),
		cmocka_unit_test(a_response_is_framed_by_length_or_chunks),
		cmocka_unit_test(some_statuses_have_no_body_whatever_they_say),
		cmocka_unit_test(a_response_to_head_has_no_body_but_its_length),
		cmocka_unit_test(success_of_connect_is_a_tunnel),
		cmocka_unit_test(a_framing_field_that_must_not_be_there_is_not_forwarded),
		cmocka_unit_test(a_204_that_announces_a_body_is_the_last_on_its_connection),
		cmocka_unit_test(a_connection_persists_by_version_and_option),
		cmocka_unit_test(nothing_is_left_of_the_head_that_was_read_before),
		cmocka_unit_test(what_follows_a_head_is_not_part_of_it),
		cmocka_unit_test(empty_lines_before_a_request_are_skipped_by_pairs),
		cmocka_unit_test(verdicts_have_a_status_and_a_reason),
	};

	return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
