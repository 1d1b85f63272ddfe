/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a body: its end and its payload do not depend on how they come, feed and feed_span
 * agree, and a second reader, which has everything before it and no states, finds the same.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "http1.h"
#include "unit/guarded.h"

struct outcome {
	enum http1_verdict verdict;
	size_t taken;
	char payload[GUARDED_MAX];
	size_t payload_size;
};

static struct http1_body body_of(enum http1_framing framing, uint64_t length)
{
	const struct http1_head head = {.framing = framing, .content_length = length};

	return http1_body_begin(&head);
}

static void feed_spans(
	struct http1_body body, const char *bytes, size_t size, struct outcome *ret_outcome)
{
	const char *copy = guarded_copy(bytes, size);
	size_t taken;
	bool payload;

	ret_outcome->taken = ret_outcome->payload_size = 0;
	do {
		uint64_t opaque = http1_body_opaque(&body);
		const char *at = copy + ret_outcome->taken;

		ret_outcome->verdict = http1_body_feed_span(
			&body, at, size - ret_outcome->taken, &taken, &payload);
		must(taken <= size - ret_outcome->taken);
		must(taken == 0 || payload == (opaque > 0));
		if (payload) {
			memcpy(ret_outcome->payload + ret_outcome->payload_size, at, taken);
			ret_outcome->payload_size += taken;
		}
		ret_outcome->taken += taken;
	} while (ret_outcome->verdict == HTTP1_MORE && ret_outcome->taken < size);
	must(http1_body_ended(&body) == (ret_outcome->verdict == HTTP1_OK));
}

static void split_check(struct http1_body body, const char *bytes, size_t size, size_t split,
	const struct outcome *whole)
{
	size_t taken, rest;
	enum http1_verdict verdict =
		http1_body_feed(&body, guarded_copy(bytes, split), split, &taken);

	must(verdict != HTTP1_MORE || taken == split);
	if (verdict == HTTP1_MORE) {
		verdict = http1_body_feed(
			&body, guarded_copy(bytes + split, size - split), size - split, &rest);
		taken += rest;
	}
	must(verdict == whole->verdict);
	must(taken == whole->taken);
}

static void bytewise_check(
	struct http1_body body, const char *bytes, size_t size, const struct outcome *whole)
{
	enum http1_verdict verdict = http1_body_ended(&body) ? HTTP1_OK : HTTP1_MORE;
	size_t at = 0, taken;

	while (verdict == HTTP1_MORE && at < size) {
		verdict = http1_body_feed(&body, bytes + at, 1, &taken);
		at += taken;
	}
	must(verdict == whole->verdict);
	must(at == whole->taken);
}

/* Where the line at `at` ends, CRLF included. It is there: the body was found good. */
static size_t line_end(const char *bytes, size_t size, size_t at)
{
	const char *lf = memchr(bytes + at, '\n', size - at);

	must(lf);
	must(lf > bytes + at && lf[-1] == '\r');
	return (size_t)(lf - bytes) + 1;
}

/* Nothing behind the line is looked at, not even by libFuzzer's own ear at strncasecmp(3). */
static bool begins_with(const char *line, size_t size, const char *beginning)
{
	size_t n = strlen(beginning);

	return size >= n && strncasecmp(line, beginning, n) == 0;
}

/* The second reader, of a chunked body that the first found good. */
static void chunks_check(const char *bytes, const struct outcome *whole)
{
	size_t at = 0, payload = 0, end;
	unsigned long long chunk;

	do {
		char digits[32] = "";
		size_t n = strspn(bytes + at, "0123456789abcdefABCDEF");

		must(n > 0);
		/* Leading zeros may be more than the buffer takes. */
		for (; n >= sizeof(digits); n--, at++)
			must(bytes[at] == '0');
		memcpy(digits, bytes + at, n);
		chunk = strtoull(digits, NULL, 16);
		end = line_end(bytes, whole->taken, at);
		must(bytes[at + n] == '\r' || bytes[at + n] == ';');
		at = end;
		if (chunk == 0)
			break;
		must(chunk <= whole->payload_size - payload);
		must(memcmp(whole->payload + payload, bytes + at, chunk) == 0);
		payload += chunk;
		at += chunk;
		must(memcmp(bytes + at, "\r\n", 2) == 0);
		at += 2;
	} while (true);
	while ((end = line_end(bytes, whole->taken, at)) > at + 2) {
		must(!begins_with(bytes + at, end - at, "content-length:"));
		must(!begins_with(bytes + at, end - at, "transfer-encoding:"));
		must(memchr(bytes + at, ':', end - at));
		at = end;
	}
	must(end == whole->taken);
	must(payload == whole->payload_size);
}

static void body_check(struct http1_body body, const char *bytes, size_t size)
{
	static struct outcome whole;

	feed_spans(body, bytes, size, &whole);
	for (size_t split = fuzz_split_first(bytes, size); split <= size;
		split += fuzz_split_step(size))
		split_check(body, bytes, size, split, &whole);
	bytewise_check(body, bytes, size, &whole);
	if (body.framing == HTTP1_CHUNKED && whole.verdict == HTTP1_OK)
		chunks_check(bytes, &whole);
	if (body.framing == HTTP1_LENGTH)
		must(whole.verdict != HTTP1_BAD && whole.payload_size == whole.taken);
	must(whole.verdict != HTTP1_MORE || whole.taken == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *text = (const char *)bytes;

	if (size > GUARDED_MAX)
		return 0;
	body_check(body_of(HTTP1_CHUNKED, 0), text, size);
	body_check(body_of(HTTP1_LENGTH, size > 0 ? bytes[0] : 0), text, size);
	body_check(body_of(HTTP1_UNTIL_CLOSE, 0), text, size);
	return 0;
}
