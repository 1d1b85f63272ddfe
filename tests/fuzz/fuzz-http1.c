/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a request head, and as the head of responses: the verdict does not depend on how
 * they come, and every part lies where it should.
 */
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "http1.h"
#include "unit/guarded.h"

#define AS_REQUEST HTTP1_METHOD_COUNT

static enum http1_verdict parse(const char *bytes, size_t size, uint32_t *seen,
	enum http1_method as, struct http1_head *ret_head)
{
	const char *copy = guarded_copy(bytes, size);

	return as == AS_REQUEST ? http1_request_parse(copy, size, seen, ret_head)
				: http1_response_parse(copy, size, seen, as, ret_head);
}

static void span_lies_in(struct http1_span span, struct http1_span in)
{
	must(span.offset >= in.offset);
	must((uint64_t)span.offset + span.length <= (uint64_t)in.offset + in.length);
}

static void header_check(const char *bytes, const struct http1_header *header)
{
	const char *line = bytes + header->line.offset;
	uint32_t value = header->value.offset - header->line.offset;

	must(header->line.length >= 4);
	must(header->name.offset == header->line.offset && header->name.length > 0);
	must(line[header->name.length] == ':');
	must(!memchr(line, ':', header->name.length));
	must(value > header->name.length);
	span_lies_in(header->value, header->line);
	must(value + header->value.length <= header->line.length - 2);
	for (uint32_t i = header->name.length + 1; i < header->line.length - 2; i++) {
		bool blank = line[i] == ' ' || line[i] == '\t';

		/* Blank outside the value, and not at either end of it. */
		if (i < value || i >= value + header->value.length)
			must(blank);
		if (i == value || i + 1 == value + header->value.length)
			must(!blank || header->value.length == 0);
	}
	must(memcmp(line + header->line.length - 2, "\r\n", 2) == 0);
	must(!memchr(line, '\0', header->line.length));
	must(memchr(line, '\r', header->line.length) == line + header->line.length - 2);
}

/* Lines follow each other without a gap from the first to the empty line. */
static uint32_t headers_check(
	const char *bytes, const struct http1_head *head, enum http1_field counted)
{
	uint32_t at = head->first_header, count = 0;

	must(head->header_count <= HTTP1_HEADERS_MAX);
	for (uint32_t i = 0; i < head->header_count; i++) {
		must(head->headers[i].line.offset == at);
		header_check(bytes, &head->headers[i]);
		at += head->headers[i].line.length;
		count += head->headers[i].field == counted;
	}
	must(at + 2 == head->size);
	must(memcmp(bytes + at, "\r\n", 2) == 0);
	return count;
}

static void head_check(
	const char *bytes, size_t size, enum http1_method as, const struct http1_head *head)
{
	struct http1_span whole = {0, head->first_header};
	uint32_t lengths = headers_check(bytes, head, HTTP1_CONTENT_LENGTH);
	uint32_t codings = headers_check(bytes, head, HTTP1_TRANSFER_ENCODING);

	must(head->size <= size && head->size <= HTTP1_HEAD_MAX);
	must(head->framing < HTTP1_FRAMING_COUNT);
	must(lengths + codings <= 1);
	must(head->framing != HTTP1_LENGTH || lengths == 1);
	must(head->framing != HTTP1_CHUNKED || (codings == 1 && head->minor == 1));
	must(head->content_length <= INT64_MAX);
	must(head->minor <= 1);
	if (as == AS_REQUEST) {
		must(head->framing <= HTTP1_CHUNKED);
		must(lengths + codings == 0 || head->framing != HTTP1_NO_BODY);
		must(head->minor == 0 || headers_check(bytes, head, HTTP1_HOST) == 1);
		must(head->method < HTTP1_METHOD_COUNT);
		must(head->method_name.length > 0);
		must(head->target.length > 0 || (head->absolute && head->host.length > 0));
		span_lies_in(head->method_name, whole);
		span_lies_in(head->target, whole);
	} else {
		must(head->status >= 100 && head->status <= 599);
		must(head->framing != HTTP1_UNTIL_CLOSE || !head->keep_alive);
	}
}

/* Its empty line is there, a line that does not end in CRLF, or too much. */
static bool is_whole(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '\n' &&
			(i == 0 || bytes[i - 1] != '\r' || (i >= 3 && bytes[i - 2] == '\n')))
			return true;
	return size >= HTTP1_HEAD_MAX;
}

/* The first piece may be judged early, but never otherwise than the whole. What is wrong in a
 * head that is not whole may be found later: when it is. */
static void split_check(const char *bytes, size_t size, size_t split, enum http1_method as,
	enum http1_verdict expected)
{
	static struct http1_head head;
	uint32_t seen = 0;
	enum http1_verdict verdict = parse(bytes, split, &seen, as, &head);

	must(seen <= split);
	if (verdict == HTTP1_MORE)
		verdict = parse(bytes, size, &seen, as, &head);
	must(verdict == expected ||
		(verdict == HTTP1_MORE && expected != HTTP1_OK && !is_whole(bytes, size)));
}

static void read_as(const char *bytes, size_t size, enum http1_method as)
{
	static struct http1_head head;
	uint32_t seen = 0;
	enum http1_verdict verdict = parse(bytes, size, &seen, as, &head);

	must(verdict < HTTP1_VERDICT_COUNT);
	for (size_t split = fuzz_split_first(bytes, size); split < size;
		split += fuzz_split_step(size))
		split_check(bytes, size, split, as, verdict);
	if (verdict > HTTP1_MORE)
		must(http1_verdict_status(verdict) >= 400 && *http1_verdict_reason(verdict));
	if (verdict != HTTP1_OK)
		return;
	head_check(bytes, size, as, &head);
	/* No byte of the head is superfluous, and none behind it was looked at. */
	split_check(bytes, head.size, head.size - 1, as, HTTP1_OK);
	seen = 0;
	must(parse(bytes, head.size - 1, &seen, as, &head) == HTTP1_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const enum http1_method kinds[] = {AS_REQUEST, HTTP1_GET, HTTP1_HEAD, HTTP1_CONNECT};
	const char *text = (const char *)bytes;

	if (size > GUARDED_MAX)
		return 0;
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		size_t skipped = kinds[i] == AS_REQUEST ? http1_skip_empty_lines(text, size) : 0;

		must(skipped <= size && skipped % 2 == 0);
		read_as(text + skipped, size - skipped, kinds[i]);
	}
	return 0;
}
