/* SPDX-License-Identifier: MIT */
/*
 * http1.c, http1-body.c: heads and chunks at their limits, and one over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "http1-samples.h"

#define FIRST "GET / HTTP/1.1\r\nHost: a\r\n"

static char message[2 * HTTP1_HEAD_MAX];
static struct http1_head head;

/* `first`, a field that fills, the empty line: `size` bytes altogether. */
static void head_fill(const char *first, size_t size)
{
	size_t n = strlen(first);

	memset(message, 'x', sizeof(message));
	memcpy(message, first, n);
	memcpy(message + n, "A: ", 3);
	memcpy(message + size - 4, "\r\n\r\n", 4);
}

/* `first`, then so many fields, then the empty line. Returns its size. */
static size_t head_of_fields(const char *first, unsigned int fields)
{
	int n = snprintf(message, sizeof(message), "%s", first);

	for (unsigned int i = 0; i < fields; i++)
		n += snprintf(message + n, sizeof(message) - (size_t)n, "A: %u\r\n", i);
	n += snprintf(message + n, sizeof(message) - (size_t)n, "\r\n");
	return (size_t)n;
}

static enum http1_verdict parse_whole(size_t size, enum http1_method as)
{
	uint32_t seen = 0;

	return sample_parse(message, size, &seen, as, &head);
}

/* In pieces of `step` bytes, until there is a verdict. */
static enum http1_verdict parse_steps(
	size_t size, size_t step, enum http1_method as, size_t *ret_at)
{
	enum http1_verdict verdict = HTTP1_MORE;
	uint32_t seen = 0;
	size_t n = 0;

	while (verdict == HTTP1_MORE && n < size) {
		n = n + step < size ? n + step : size;
		verdict = as == AS_REQUEST ? http1_request_parse(message, n, &seen, &head)
					   : http1_response_parse(message, n, &seen, as, &head);
	}
	*ret_at = n;
	return verdict;
}

static void a_head_of_just_the_limit_is_read(void **state)
{
	size_t at;

	(void)state;
	head_fill(FIRST, HTTP1_HEAD_MAX);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX, AS_REQUEST), HTTP1_OK);
	assert_int_equal(head.size, HTTP1_HEAD_MAX);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX - 1, AS_REQUEST), HTTP1_MORE);
	/* What follows it does not count. */
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX + 1000, AS_REQUEST), HTTP1_OK);
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX, 1, AS_REQUEST, &at), HTTP1_OK);
	assert_int_equal(parse_steps(2 * HTTP1_HEAD_MAX, 1000, AS_REQUEST, &at), HTTP1_OK);

	head_fill("HTTP/1.1 200 OK\r\n", HTTP1_HEAD_MAX);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX, HTTP1_GET), HTTP1_OK);
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX, 1, HTTP1_GET, &at), HTTP1_OK);
}

static void a_head_one_byte_over_the_limit_is_refused(void **state)
{
	size_t at;

	(void)state;
	head_fill(FIRST, HTTP1_HEAD_MAX + 1);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX + 1, AS_REQUEST), HTTP1_TOO_LARGE);
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX + 1, 7, AS_REQUEST, &at), HTTP1_TOO_LARGE);
	/* No byte over the limit is waited for. */
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX + 1, 1, AS_REQUEST, &at), HTTP1_TOO_LARGE);
	assert_int_equal(at, HTTP1_HEAD_MAX);

	head_fill("HTTP/1.1 200 OK\r\n", HTTP1_HEAD_MAX + 1);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX + 1, HTTP1_GET), HTTP1_TOO_LARGE);
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX + 1, 1, HTTP1_GET, &at), HTTP1_TOO_LARGE);
}

static void a_request_line_over_the_limit_is_a_target_too_long(void **state)
{
	size_t at;

	(void)state;
	memset(message, 'x', sizeof(message));
	memcpy(message, "GET /", 5);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX - 1, AS_REQUEST), HTTP1_MORE);
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX, AS_REQUEST), HTTP1_TARGET_TOO_LONG);
	assert_int_equal(
		parse_steps(sizeof(message), 1000, AS_REQUEST, &at), HTTP1_TARGET_TOO_LONG);
	assert_int_equal(parse_steps(sizeof(message), 1, AS_REQUEST, &at), HTTP1_TARGET_TOO_LONG);
	assert_int_equal(at, HTTP1_HEAD_MAX);
	memcpy(message + HTTP1_HEAD_MAX - 11, " HTTP/1.1\r\n", 11);
	assert_int_equal(parse_whole(sizeof(message), AS_REQUEST), HTTP1_TOO_LARGE);
}

static void a_method_without_end_is_refused_at_once(void **state)
{
	(void)state;
	memset(message, 'x', sizeof(message));
	assert_int_equal(parse_whole(32, AS_REQUEST), HTTP1_MORE);
	assert_int_equal(parse_whole(33, AS_REQUEST), HTTP1_BAD);
}

static void what_is_wrong_within_the_limit_is_refused_as_such(void **state)
{
	size_t at;

	(void)state;
	head_fill(FIRST, HTTP1_HEAD_MAX + 1);
	message[HTTP1_HEAD_MAX - 2] = '\0';
	assert_int_equal(parse_whole(HTTP1_HEAD_MAX + 1, AS_REQUEST), HTTP1_BAD);
	assert_int_equal(parse_steps(HTTP1_HEAD_MAX + 1, 1000, AS_REQUEST, &at), HTTP1_BAD);
}

static void so_many_fields_are_read_and_no_more(void **state)
{
	size_t size, at;

	(void)state;
	size = head_of_fields(FIRST, HTTP1_HEADERS_MAX - 1);
	assert_int_equal(parse_whole(size, AS_REQUEST), HTTP1_OK);
	assert_int_equal(head.header_count, HTTP1_HEADERS_MAX);
	sample_assert_span(message, head.headers[HTTP1_HEADERS_MAX - 1].line, "A: 98\r\n");
	assert_int_equal(parse_steps(size, 1, AS_REQUEST, &at), HTTP1_OK);

	size = head_of_fields(FIRST, HTTP1_HEADERS_MAX);
	assert_int_equal(parse_whole(size, AS_REQUEST), HTTP1_TOO_LARGE);
	assert_int_equal(parse_steps(size, 1, AS_REQUEST, &at), HTTP1_TOO_LARGE);

	size = head_of_fields("HTTP/1.1 200 OK\r\n", HTTP1_HEADERS_MAX);
	assert_int_equal(parse_whole(size, HTTP1_GET), HTTP1_OK);
	size = head_of_fields("HTTP/1.1 200 OK\r\n", HTTP1_HEADERS_MAX + 1);
	assert_int_equal(parse_whole(size, HTTP1_GET), HTTP1_TOO_LARGE);
}

/* 32 KiB byte by byte are half a billion bytes if each call begins anew: seconds, not the few
 * milliseconds that searching them once takes. */
static void bytes_that_come_one_by_one_are_searched_once(void **state)
{
	uint64_t begun = now_usec();
	size_t at;

	(void)state;
	head_fill(FIRST, HTTP1_HEAD_MAX);
	for (int i = 0; i < 20; i++)
		assert_int_equal(parse_steps(HTTP1_HEAD_MAX, 1, AS_REQUEST, &at), HTTP1_OK);
	assert_true(now_usec() - begun < 2 * USEC_PER_SEC);
}

static struct http1_body body_of_chunks(void)
{
	const struct http1_head chunked = {.framing = HTTP1_CHUNKED};

	return http1_body_begin(&chunked);
}

static void the_largest_chunk_is_2_63_minus_1(void **state)
{
	struct http1_body body = body_of_chunks();
	size_t taken;

	(void)state;
	assert_int_equal(
		http1_body_feed(&body, MESSAGE("7fffffffffffffff\r\n"), &taken), HTTP1_MORE);
	assert_int_equal(taken, 18);
	assert_true(http1_body_opaque(&body) == INT64_MAX);
	http1_body_moved(&body, INT64_MAX);
	assert_int_equal(http1_body_feed(&body, MESSAGE("\r\n0\r\n\r\n"), &taken), HTTP1_OK);
}

static void a_size_line_has_its_limit(void **state)
{
	char line[HTTP1_CHUNK_LINE_MAX + 8] = "1;";
	struct http1_body body = body_of_chunks();
	size_t taken;

	(void)state;
	memset(line + 2, 'x', sizeof(line) - 2);
	memcpy(line + HTTP1_CHUNK_LINE_MAX - 2, "\r\n", 2);
	/* Each line anew: the second one is not too long because of the first. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			http1_body_feed(&body, line, HTTP1_CHUNK_LINE_MAX, &taken), HTTP1_MORE);
		assert_int_equal(taken, HTTP1_CHUNK_LINE_MAX);
		assert_int_equal(http1_body_feed(&body, MESSAGE("a\r\n"), &taken), HTTP1_MORE);
	}
	memcpy(line + HTTP1_CHUNK_LINE_MAX - 2, "x\r\n", 3);
	assert_int_equal(http1_body_feed(&body, line, HTTP1_CHUNK_LINE_MAX + 1, &taken), HTTP1_BAD);
	assert_int_equal(taken, HTTP1_CHUNK_LINE_MAX);

	/* Leading zeros are no way around it. */
	body = body_of_chunks();
	memset(line, '0', sizeof(line));
	assert_int_equal(http1_body_feed(&body, line, sizeof(line), &taken), HTTP1_BAD);
	assert_int_equal(taken, HTTP1_CHUNK_LINE_MAX);
}

static void a_trailer_section_has_its_limit(void **state)
{
	static char section[HTTP1_TRAILER_MAX + 1];
	struct http1_body begun = body_of_chunks(), body;
	size_t taken;

	(void)state;
	assert_int_equal(http1_body_feed(&begun, MESSAGE("0\r\n"), &taken), HTTP1_MORE);
	memset(section, 'x', sizeof(section));
	section[1000] = ':';
	memcpy(section + HTTP1_TRAILER_MAX - 4, "\r\n\r\n", 4);
	body = begun;
	assert_int_equal(http1_body_feed(&body, section, HTTP1_TRAILER_MAX, &taken), HTTP1_OK);
	assert_int_equal(taken, HTTP1_TRAILER_MAX);
	memcpy(section + HTTP1_TRAILER_MAX - 4, "x\r\n\r\n", 5);
	body = begun;
	assert_int_equal(http1_body_feed(&body, section, sizeof(section), &taken), HTTP1_BAD);
	assert_int_equal(taken, HTTP1_TRAILER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_of_just_the_limit_is_read),
		cmocka_unit_test(a_head_one_byte_over_the_limit_is_refused),
		cmocka_unit_test(a_request_line_over_the_limit_is_a_target_too_long),
		cmocka_unit_test(a_method_without_end_is_refused_at_once),
		cmocka_unit_test(what_is_wrong_within_the_limit_is_refused_as_such),
		cmocka_unit_test(so_many_fields_are_read_and_no_more),
		cmocka_unit_test(bytes_that_come_one_by_one_are_searched_once),
		cmocka_unit_test(the_largest_chunk_is_2_63_minus_1),
		cmocka_unit_test(a_size_line_has_its_limit),
		cmocka_unit_test(a_trailer_section_has_its_limit),
	};

	return cmocka_run_group_tests_name("http1-limits", tests, NULL, NULL);
}
