/* SPDX-License-Identifier: MIT */
/*
 * http1-body.c: where bodies end, however their bytes come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "guarded.h"
#include "http1.h"

#define MESSAGE(text) (text), sizeof(text) - 1

/* Bytes behind a body, which are not its own. */
#define NEXT "5\r\nGET / HTTP/1.1\r\n"

struct outcome {
	enum http1_verdict verdict;
	size_t taken;
	size_t payload; /* bytes of it, and a sum that depends on their order */
	uint32_t sum;
};

static struct http1_body body_of(enum http1_framing framing, uint64_t length)
{
	const struct http1_head head = {.framing = framing, .content_length = length};

	return http1_body_begin(&head);
}

/* In pieces of `step` bytes, each with nothing mapped behind it. */
static struct outcome feed(struct http1_body body, const char *bytes, size_t size, size_t step)
{
	struct outcome outcome = {.verdict = HTTP1_MORE};

	while (outcome.verdict == HTTP1_MORE && outcome.taken < size) {
		size_t n = size - outcome.taken < step ? size - outcome.taken : step;
		size_t taken;

		outcome.verdict =
			http1_body_feed(&body, guarded_copy(bytes + outcome.taken, n), n, &taken);
		assert_true(taken <= n);
		assert_true(outcome.verdict != HTTP1_MORE || taken == n);
		outcome.taken += taken;
	}
	assert_int_equal(http1_body_ended(&body), outcome.verdict == HTTP1_OK);
	return outcome;
}

/* The same by spans, payload told from framing. */
static struct outcome feed_spans(
	struct http1_body body, const char *bytes, size_t size, size_t step)
{
	struct outcome outcome = {.verdict = HTTP1_MORE};

	while (outcome.verdict == HTTP1_MORE && outcome.taken < size) {
		size_t n = size - outcome.taken < step ? size - outcome.taken : step;
		const char *copy = guarded_copy(bytes + outcome.taken, n);
		size_t taken;
		bool payload;

		outcome.verdict = http1_body_feed_span(&body, copy, n, &taken, &payload);
		assert_true(taken > 0 || outcome.verdict != HTTP1_MORE);
		outcome.taken += taken;
		for (size_t i = 0; payload && i < taken; i++)
			outcome.sum = outcome.sum * 31 + (uint8_t)copy[i];
		outcome.payload += payload ? taken : 0;
	}
	return outcome;
}

/* Whole, in pieces of every size, in two pieces split anywhere: all agree. */
static struct outcome read_body(struct http1_body body, const char *bytes, size_t size)
{
	struct outcome whole = feed_spans(body, bytes, size, size);

	for (size_t step = 1; step <= size; step++) {
		struct outcome plain = feed(body, bytes, size, step);
		struct outcome spans = feed_spans(body, bytes, size, step);

		assert_int_equal(plain.verdict, whole.verdict);
		assert_int_equal(plain.taken, whole.taken);
		assert_int_equal(spans.verdict, whole.verdict);
		assert_int_equal(spans.taken, whole.taken);
		assert_int_equal(spans.payload, whole.payload);
		assert_int_equal(spans.sum, whole.sum);
	}
	for (size_t split = 0; split <= size; split++) {
		struct http1_body copy = body;
		size_t taken;
		enum http1_verdict verdict =
			http1_body_feed(&copy, guarded_copy(bytes, split), split, &taken);

		if (verdict != HTTP1_MORE) {
			assert_int_equal(verdict, whole.verdict);
			assert_int_equal(taken, whole.taken);
		} else {
			struct outcome rest = feed(copy, bytes + split, size - split, size);

			assert_int_equal(taken, split);
			assert_int_equal(rest.verdict, split == size ? HTTP1_MORE : whole.verdict);
			assert_int_equal(split + rest.taken, whole.taken);
		}
	}
	return whole;
}

static void no_body_and_a_length_of_zero_end_at_once(void **state)
{
	struct http1_body bodies[] = {body_of(HTTP1_NO_BODY, 5), body_of(HTTP1_LENGTH, 0)};
	size_t taken = 1;
	bool payload = true;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bodies); i++) {
		assert_true(http1_body_ended(&bodies[i]));
		assert_int_equal(http1_body_opaque(&bodies[i]), 0);
		assert_int_equal(http1_body_feed(&bodies[i], NEXT, 5, &taken), HTTP1_OK);
		assert_int_equal(taken, 0);
		assert_int_equal(
			http1_body_feed_span(&bodies[i], NEXT, 5, &taken, &payload), HTTP1_OK);
		assert_int_equal(taken, 0);
		assert_false(payload);
	}
}

static void a_length_ends_with_its_last_byte(void **state)
{
	struct outcome outcome = read_body(body_of(HTTP1_LENGTH, 5), MESSAGE("he\0lo" NEXT));

	(void)state;
	assert_int_equal(outcome.verdict, HTTP1_OK);
	assert_int_equal(outcome.taken, 5);
	assert_int_equal(outcome.payload, 5);
	outcome = read_body(body_of(HTTP1_LENGTH, 5), MESSAGE("hell"));
	assert_int_equal(outcome.verdict, HTTP1_MORE);
	assert_int_equal(outcome.taken, 4);
}

static void what_ends_with_the_connection_takes_everything(void **state)
{
	const enum http1_framing framings[] = {HTTP1_UNTIL_CLOSE, HTTP1_TUNNEL};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(framings); i++) {
		struct http1_body body = body_of(framings[i], 0);
		struct outcome outcome = read_body(body, MESSAGE("0\r\n\r\n" NEXT));

		assert_int_equal(outcome.verdict, HTTP1_MORE);
		assert_int_equal(outcome.payload, strlen("0\r\n\r\n" NEXT));
		assert_true(http1_body_opaque(&body) == UINT64_MAX);
		http1_body_moved(&body, UINT64_MAX);
		assert_true(http1_body_opaque(&body) == UINT64_MAX);
		assert_false(http1_body_ended(&body));
	}
}

static void chunks_end_with_the_empty_line_behind_the_last(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		size_t payload;
	} good[] = {
		{MESSAGE("0\r\n\r\n"), 0},
		{MESSAGE("000\r\n\r\n"), 0},
		{MESSAGE("5\r\nhello\r\n0\r\n\r\n"), 5},
		{MESSAGE("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), 5},
		{MESSAGE("1\r\n\0\r\n2\r\nab\r\n0\r\n\r\n"), 3},
		{MESSAGE("9\r\n012345678\r\n0\r\n\r\n"), 9},
		{MESSAGE("a\r\n0123456789\r\n0\r\n\r\n"), 10},
		{MESSAGE("A\r\n0123456789\r\n0\r\n\r\n"), 10},
		{MESSAGE("0010\r\n0123456789abcdef\r\n0\r\n\r\n"), 16},
		{MESSAGE("1;a\r\nx\r\n0;b\r\n\r\n"), 1},
		{MESSAGE("1;\r\nx\r\n0\r\n\r\n"), 1},
		{MESSAGE("1;a=b;c=\"d \t;~\" \r\nx\r\n0\r\n\r\n"), 1},
		{MESSAGE("0\r\nA: b\r\n\r\n"), 0},
		{MESSAGE("0\r\nA:\r\nServer-Timing: a;dur=1\r\nX: \t\xe4 \r\n\r\n"), 0},
		{MESSAGE("0\r\nGrpc-Status: 0\r\nTes: 1\r\nT: 1\r\nHos: t\r\n\r\n"), 0},
	};
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(good); i++) {
		struct outcome outcome;

		memcpy(bytes, good[i].bytes, good[i].size);
		memcpy(bytes + good[i].size, NEXT, sizeof(NEXT) - 1);
		outcome = read_body(
			body_of(HTTP1_CHUNKED, 0), bytes, good[i].size + sizeof(NEXT) - 1);
		if (outcome.verdict != HTTP1_OK || outcome.taken != good[i].size)
			fail_msg("verdict %d at byte %zu of %s", outcome.verdict, outcome.taken,
				good[i].bytes);
		assert_int_equal(outcome.payload, good[i].payload);
	}
}

static void doubtful_chunks_are_refused_where_they_go_wrong(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		size_t taken; /* bytes that were good */
	} bad[] = {
		{MESSAGE("\r\n0\r\n\r\n"), 0},
		{MESSAGE(";a\r\n"), 0},
		{MESSAGE(" 5\r\nhello\r\n"), 0},
		{MESSAGE("\t5\r\nhello\r\n"), 0},
		{MESSAGE("5 \r\nhello\r\n"), 1},
		{MESSAGE("5 ;a\r\nhello\r\n"), 1},
		{MESSAGE("5\t\r\nhello\r\n"), 1},
		{MESSAGE("0x5\r\nhello\r\n"), 1},
		{MESSAGE("x5\r\nhello\r\n"), 0},
		{MESSAGE("+5\r\nhello\r\n"), 0},
		{MESSAGE("-5\r\nhello\r\n"), 0},
		{MESSAGE("5_0\r\nhello\r\n"), 1},
		{MESSAGE("g\r\n"), 0},
		{MESSAGE("5,\r\n"), 1},
		{MESSAGE("5\0\r\n"), 1},
		{MESSAGE("5\nhello\r\n"), 1},
		{MESSAGE("5\rhello\r\n"), 2},
		{MESSAGE("5\r\r\nhello\r\n"), 2},
		{MESSAGE("5;a\nhello\r\n"), 3},
		{MESSAGE("5;a\rb\r\nhello\r\n"), 4},
		{MESSAGE("5;a\0\r\nhello\r\n"), 3},
		{MESSAGE("5;a\x7f\r\nhello\r\n"), 3},
		{MESSAGE("5;a\x1f\r\nhello\r\n"), 3},
		{MESSAGE("5;\xe4\r\nhello\r\n"), 2},
		{MESSAGE("5\r\nhello\n0\r\n\r\n"), 8},
		{MESSAGE("5\r\nhello0\r\n\r\n"), 8},
		{MESSAGE("5\r\nhello\r0\r\n\r\n"), 9},
		{MESSAGE("5\r\nhelloo\r\n0\r\n\r\n"), 8},
		{MESSAGE("5\r\nhello\r\n\r\n"), 10},
		{MESSAGE("0\n\n"), 1},
		{MESSAGE("0\r\n\n"), 3},
		{MESSAGE("0\r\n\rA"), 4},
		{MESSAGE("0\r\nA: b\n\r\n"), 7},
		{MESSAGE("0\r\nA: b\r\n\n"), 9},
		{MESSAGE("0\r\nA: b\rB: c\r\n\r\n"), 8},
		{MESSAGE("0\r\nA: b\r\n c\r\n\r\n"), 9},
		{MESSAGE("0\r\n A: b\r\n\r\n"), 3},
		{MESSAGE("0\r\nA : b\r\n\r\n"), 4},
		{MESSAGE("0\r\n: b\r\n\r\n"), 3},
		{MESSAGE("0\r\nA\r\n\r\n"), 4},
		{MESSAGE("0\r\nA: \0\r\n\r\n"), 6},
		{MESSAGE("0\r\nA: \x7f\r\n\r\n"), 6},
		{MESSAGE("0\r\nGET / HTTP/1.1\r\n\r\n"), 6},
		{MESSAGE("8000000000000000\r\n"), 15},
		{MESSAGE("ffffffffffffffff\r\n"), 15},
		{MESSAGE("10000000000000005\r\nhello\r\n"), 16},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		struct outcome outcome =
			read_body(body_of(HTTP1_CHUNKED, 0), bad[i].bytes, bad[i].size);

		if (outcome.verdict != HTTP1_BAD || outcome.taken != bad[i].taken)
			fail_msg("verdict %d at byte %zu, not %zu, of %s", outcome.verdict,
				outcome.taken, bad[i].taken, bad[i].bytes);
	}
}

static void a_trailer_that_frames_or_routes_is_refused(void **state)
{
	static const char *const names[] = {"Content-Length", "TRANSFER-ENCODING", "host",
		"Trailer", "Connection", "TE", "Upgrade", "Keep-Alive", "Proxy-Connection",
		"Content-Type", "Content-Encoding", "Content-Range", "Authorization", "Cookie",
		"Set-Cookie", "Expect", "Cache-Control", "Range", "Max-Forwards", "Forwarded",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP",
		"Content_Length", "x_forwarded_for"};
	char bytes[64];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		int n = snprintf(bytes, sizeof(bytes), "0\r\nA: b\r\n%s: 1\r\n\r\n", names[i]);
		struct outcome outcome = read_body(body_of(HTTP1_CHUNKED, 0), bytes, (size_t)n);

		assert_int_equal(outcome.verdict, HTTP1_BAD);
		assert_int_equal(outcome.taken, strlen("0\r\nA: b\r\n") + strlen(names[i]));
		/* One letter more, or less, is another name. */
		n = snprintf(bytes, sizeof(bytes), "0\r\n%sx: 1\r\n%.*s: 1\r\n\r\n", names[i],
			(int)strlen(names[i]) - 1, names[i]);
		outcome = read_body(body_of(HTTP1_CHUNKED, 0), bytes, (size_t)n);
		assert_int_equal(outcome.verdict, HTTP1_OK);
	}
}

static void no_trailer_passes_where_connection_takes_fields_away(void **state)
{
	const struct http1_head nominating = {.framing = HTTP1_CHUNKED, .nominates = true};
	struct outcome outcome;

	(void)state;
	outcome = read_body(http1_body_begin(&nominating), MESSAGE("0\r\nA: b\r\n\r\n"));
	assert_int_equal(outcome.verdict, HTTP1_BAD);
	assert_int_equal(outcome.taken, strlen("0\r\n"));
	outcome = read_body(http1_body_begin(&nominating), MESSAGE("1\r\na\r\n0\r\n\r\n"));
	assert_int_equal(outcome.verdict, HTTP1_OK);
}

static void a_body_refused_stays_refused(void **state)
{
	struct http1_body body = body_of(HTTP1_CHUNKED, 0);
	size_t taken;
	bool payload;

	(void)state;
	assert_int_equal(http1_body_feed(&body, MESSAGE("x"), &taken), HTTP1_BAD);
	assert_int_equal(http1_body_feed(&body, MESSAGE("0\r\n\r\n"), &taken), HTTP1_BAD);
	assert_int_equal(taken, 0);
	assert_int_equal(
		http1_body_feed_span(&body, MESSAGE("0\r\n\r\n"), &taken, &payload), HTTP1_BAD);
	assert_int_equal(taken, 0);
	assert_int_equal(http1_body_opaque(&body), 0);
	assert_false(http1_body_ended(&body));
}

static void bytes_moved_unseen_count_like_bytes_fed(void **state)
{
	static const char bytes[] = "5;x\r\nhello\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
	struct http1_body body = body_of(HTTP1_CHUNKED, 0);
	size_t at = 0, moved = 0;

	(void)state;
	while (!http1_body_ended(&body)) {
		size_t n = (size_t)http1_body_opaque(&body), taken;

		if (n > 0) {
			/* In two moves, the last of them to the end. */
			http1_body_moved(&body, n - 1);
			assert_int_equal(http1_body_opaque(&body), 1);
			http1_body_moved(&body, 0);
			http1_body_moved(&body, 1);
			assert_int_equal(http1_body_opaque(&body), 0);
			at += n;
			moved += n;
		} else {
			assert_true(at < sizeof(bytes) - 1);
			assert_true(http1_body_feed(&body, bytes + at, 1, &taken) != HTTP1_BAD);
			at += taken;
		}
	}
	assert_int_equal(at, sizeof(bytes) - 1);
	assert_int_equal(moved, 8);

	body = body_of(HTTP1_LENGTH, 7);
	assert_int_equal(http1_body_opaque(&body), 7);
	http1_body_moved(&body, 7);
	assert_true(http1_body_ended(&body));
}

static void a_body_fed_nothing_waits(void **state)
{
	struct http1_body body = body_of(HTTP1_CHUNKED, 0);
	size_t taken = 1;
	bool payload = true;

	(void)state;
	assert_int_equal(http1_body_feed(&body, guarded_copy("", 0), 0, &taken), HTTP1_MORE);
	assert_int_equal(taken, 0);
	assert_int_equal(
		http1_body_feed_span(&body, guarded_copy("", 0), 0, &taken, &payload), HTTP1_MORE);
	assert_int_equal(taken, 0);
	assert_false(payload);
}

/* In every state that reading passes through, the body that was read so far is sound. */
static void a_body_that_was_read_so_far_can_be_read_on(void **state)
{
	static const char chunks[] = "1a;x=\"y\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n"
				     "Content-Lengt: x\r\nX: y\r\n\r\n";
	const struct http1_head head = {.framing = HTTP1_CHUNKED};
	struct http1_body body = http1_body_begin(&head), none = {0};
	size_t taken;

	(void)state;
	assert_true(http1_body_is_sound(&none));
	for (const char *at = chunks; *at; at++) {
		assert_true(http1_body_is_sound(&body));
		assert_int_equal(
			http1_body_feed(&body, at, 1, &taken), at[1] ? HTTP1_MORE : HTTP1_OK);
	}
	assert_true(http1_body_is_sound(&body));
}

static void a_body_that_nobody_read_is_not_sound(void **state)
{
	static const struct http1_body bodies[] = {
		{.framing = HTTP1_LENGTH},
		{.framing = HTTP1_LENGTH, .state = 8, .remaining = 1},
		{.framing = HTTP1_CHUNKED},
		{.framing = HTTP1_CHUNKED, .state = 1, .remaining = 1},
		{.framing = HTTP1_CHUNKED, .state = 2, .remaining = UINT64_MAX},
		{.framing = HTTP1_CHUNKED, .state = 8, .remaining = UINT64_C(0x100000400)},
		{.framing = HTTP1_CHUNKED, .state = 8, .remaining = UINT64_C(1) << 63},
		{.framing = HTTP1_CHUNKED, .state = 200},
		{.framing = HTTP1_UNTIL_CLOSE, .remaining = 5},
		{.framing = HTTP1_FRAMING_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bodies); i++)
		assert_false(http1_body_is_sound(&bodies[i]));
}

/* Without this its reader would wait for ever, at once. */
static void a_body_that_never_began_is_refused(void **state)
{
	struct http1_body body = {0};
	size_t taken = 1;

	(void)state;
	assert_int_equal(http1_body_feed(&body, "x", 1, &taken), HTTP1_BAD);
	assert_int_equal(taken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_that_was_read_so_far_can_be_read_on),
		cmocka_unit_test(a_body_that_nobody_read_is_not_sound),
		cmocka_unit_test(a_body_that_never_began_is_refused),
		cmocka_unit_test(no_body_and_a_length_of_zero_end_at_once),
		cmocka_unit_test(a_length_ends_with_its_last_byte),
		cmocka_unit_test(what_ends_with_the_connection_takes_everything),
		cmocka_unit_test(chunks_end_with_the_empty_line_behind_the_last),
		cmocka_unit_test(doubtful_chunks_are_refused_where_they_go_wrong),
		cmocka_unit_test(a_trailer_that_frames_or_routes_is_refused),
		cmocka_unit_test(no_trailer_passes_where_connection_takes_fields_away),
		cmocka_unit_test(a_body_refused_stays_refused),
		cmocka_unit_test(bytes_moved_unseen_count_like_bytes_fed),
		cmocka_unit_test(a_body_fed_nothing_waits),
	};

	return cmocka_run_group_tests_name("http1-body", tests, NULL, NULL);
}
