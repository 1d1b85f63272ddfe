/* SPDX-License-Identifier: MIT */
/*
 * Reads one head in every way it may come: whole, in two pieces split anywhere, and byte by byte,
 * each time with nothing mapped behind it. All must agree; the tests then look at one result.
 * Include after cmocka.h.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "guarded.h"
#include "http1.h"

/* A message with its size: NUL bytes are allowed in it. */
#define MESSAGE(text) (text), sizeof(text) - 1

/* What HTTP1_METHOD_COUNT means to the functions below: read it as a request. */
#define AS_REQUEST HTTP1_METHOD_COUNT

static inline enum http1_verdict sample_parse(const char *bytes, size_t size, uint32_t *seen,
	enum http1_method as, struct http1_head *ret_head)
{
	const char *copy = guarded_copy(bytes, size);

	return as == AS_REQUEST ? http1_request_parse(copy, size, seen, ret_head)
				: http1_response_parse(copy, size, seen, as, ret_head);
}

/* All fields of http1_head that were written; padding and unused headers differ. */
static inline void sample_assert_same(const struct http1_head *a, const struct http1_head *b)
{
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->first_header, b->first_header);
	assert_int_equal(a->minor, b->minor);
	assert_int_equal(a->keep_alive, b->keep_alive);
	assert_int_equal(a->upgrade, b->upgrade);
	assert_int_equal(a->framing, b->framing);
	assert_int_equal(a->content_length, b->content_length);
	assert_int_equal(a->method, b->method);
	assert_memory_equal(&a->method_name, &b->method_name, sizeof(a->method_name));
	assert_memory_equal(&a->target, &b->target, sizeof(a->target));
	assert_memory_equal(&a->host, &b->host, sizeof(a->host));
	assert_int_equal(a->expect_continue, b->expect_continue);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->event_stream, b->event_stream);
	assert_int_equal(a->header_count, b->header_count);
	for (uint32_t i = 0; i < a->header_count; i++) {
		assert_int_equal(a->headers[i].field, b->headers[i].field);
		assert_int_equal(a->headers[i].hop_by_hop, b->headers[i].hop_by_hop);
		assert_memory_equal(
			&a->headers[i].line, &b->headers[i].line, sizeof(a->headers[i].line));
		assert_memory_equal(
			&a->headers[i].name, &b->headers[i].name, sizeof(a->headers[i].name));
		assert_memory_equal(
			&a->headers[i].value, &b->headers[i].value, sizeof(a->headers[i].value));
	}
}

/* Two pieces: the first may be judged early, but never otherwise than the whole. */
static inline void sample_split(const char *bytes, size_t size, size_t split, enum http1_method as,
	enum http1_verdict expected)
{
	static struct http1_head head;
	uint32_t seen = 0;
	enum http1_verdict verdict = sample_parse(bytes, split, &seen, as, &head);

	if (verdict == HTTP1_MORE) {
		assert_true(seen <= split);
		verdict = sample_parse(bytes, size, &seen, as, &head);
	} else {
		assert_true(verdict != HTTP1_OK || head.size <= split);
	}
	if (verdict != expected)
		fail_msg("split at %zu: verdict %d, not %d: %s", split, verdict, expected, bytes);
}

/* Reads the head in all ways and asserts the verdict; `ret_head` is that of the whole. */
static inline void sample_read(const char *bytes, size_t size, enum http1_method as,
	enum http1_verdict expected, struct http1_head *ret_head)
{
	static struct http1_head head;
	enum http1_verdict verdict;
	uint32_t seen = 0;

	for (size_t split = 0; split <= size; split++)
		sample_split(bytes, size, split, as, expected);

	verdict = HTTP1_MORE;
	for (size_t n = 0; n <= size && verdict == HTTP1_MORE; n++)
		verdict = sample_parse(bytes, n, &seen, as, &head);
	if (verdict != expected)
		fail_msg("byte by byte: verdict %d, not %d: %s", verdict, expected, bytes);

	seen = 0;
	assert_int_equal(sample_parse(bytes, size, &seen, as, ret_head), expected);
	if (expected == HTTP1_OK)
		sample_assert_same(&head, ret_head);
}

static inline void sample_assert_span(
	const char *bytes, struct http1_span span, const char *expected)
{
	assert_int_equal(span.length, strlen(expected));
	assert_memory_equal(bytes + span.offset, expected, span.length);
}
