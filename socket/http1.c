/* SPDX-License-Identifier: MIT */
/*
 * Knows when a head is whole and how it frames its body (RFC 9112 section 6). Does not know first
 * lines (http1-line.c), single fields (http1-fields.c) or what is in a body (http1-body.c).
 */
#include "http1.h"

#include <assert.h>
#include <string.h>

#include "http1-parts.h"

/* Digits of 2^63-1; a number of so many fits uint64_t, so that one comparison is enough. */
#define LENGTH_DIGITS_MAX 19

static const struct {
	unsigned int status;
	const char *reason;
} verdicts[HTTP1_VERDICT_COUNT] = {
	[HTTP1_BAD] = {400, "The message is not HTTP/1.1, or its end is not certain."},
	[HTTP1_TOO_LARGE] = {431, "The header fields are too many or too large."},
	[HTTP1_TARGET_TOO_LONG] = {414, "The request target is too long."},
	[HTTP1_NOT_IMPLEMENTED] = {501, "The only transfer coding known here is chunked."},
	[HTTP1_VERSION] = {505, "The versions spoken here are HTTP/1.1 and HTTP/1.0."},
};

bool http1_method_is_safe(enum http1_method method)
{
	return method == HTTP1_GET || method == HTTP1_HEAD || method == HTTP1_OPTIONS ||
	       method == HTTP1_TRACE;
}

unsigned int http1_verdict_status(enum http1_verdict verdict)
{
	assert(verdict > HTTP1_MORE && verdict < HTTP1_VERDICT_COUNT);
	return verdicts[verdict].status;
}

const char *http1_verdict_reason(enum http1_verdict verdict)
{
	assert(verdict > HTTP1_MORE && verdict < HTTP1_VERDICT_COUNT);
	return verdicts[verdict].reason;
}

size_t http1_skip_empty_lines(const char *bytes, size_t size)
{
	size_t n = 0;

	while (size - n >= 2 && bytes[n] == '\r' && bytes[n + 1] == '\n')
		n += 2;
	return n;
}

/*
 * Whether a head that was not whole before may be so now: its empty line has come, or a line that
 * ends in a bare LF, which is to be refused. Bytes before `seen` are not looked at again, except
 * right before a LF.
 */
static bool may_be_whole(const char *bytes, size_t size, size_t seen)
{
	const char *at = bytes + seen, *end = bytes + size;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		if (at == bytes || at[-1] != '\r')
			return true;
		if (at - bytes >= 3 && at[-2] == '\n')
			return true;
		at++;
	}
	return false;
}

/* False: nothing to read yet. */
static bool scan_begin(struct http1_scan *scan, const char *bytes, size_t size, uint32_t seen)
{
	if (size > HTTP1_HEAD_MAX)
		size = HTTP1_HEAD_MAX;
	*scan = (struct http1_scan){.start = bytes, .at = bytes, .end = bytes + size};
	return seen == 0 || size == HTTP1_HEAD_MAX || may_be_whole(bytes, size, seen);
}

/* HTTP1_MORE of a head that has reached its limit is final. */
static enum http1_verdict scan_more(const struct http1_scan *scan, uint32_t *seen)
{
	size_t size = (size_t)(scan->end - scan->start);

	if (size < HTTP1_HEAD_MAX) {
		*seen = (uint32_t)size;
		return HTTP1_MORE;
	}
	return memchr(scan->start, '\n', size) ? HTTP1_TOO_LARGE : HTTP1_TARGET_TOO_LONG;
}

static bool content_length_parse(
	const struct http1_scan *scan, const struct http1_header *header, uint64_t *ret_length)
{
	const char *digits = scan->start + header->value.offset;
	uint64_t length = 0;

	if (header->value.length == 0 || header->value.length > LENGTH_DIGITS_MAX)
		return false;
	for (uint32_t i = 0; i < header->value.length; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		length = length * 10 + (uint64_t)(digits[i] - '0');
	}
	if (length > INT64_MAX)
		return false;
	*ret_length = length;
	return true;
}

/* Exactly `chunked`. One unknown coding or more and then `chunked` is 501; anything else has no
 * end that all would agree on: 400 (RFC 9112 sections 6.1 and 6.3). */
static enum http1_verdict transfer_encoding_judge(
	const struct http1_scan *scan, const struct http1_header *header)
{
	const char *value = scan->start + header->value.offset, *end = value + header->value.length;
	const char *comma, *coding_end;

	if (http1_is_word(value, header->value.length, "chunked"))
		return HTTP1_OK;
	while ((comma = memchr(value, ',', (size_t)(end - value)))) {
		coding_end = value;
		while (http1_is(*coding_end, HTTP1_CLASS_TOKEN))
			coding_end++;
		if (coding_end == value || coding_end != comma ||
			http1_is_word(value, (size_t)(coding_end - value), "chunked"))
			return HTTP1_BAD;
		value = comma + 1;
		while (value < end && *value == ' ')
			value++;
	}
	return http1_is_word(value, (size_t)(end - value), "chunked") ? HTTP1_NOT_IMPLEMENTED
								      : HTTP1_BAD;
}

/* White space behind a value is no part of it, and a tab is white space; but there are parsers that
 * leave it there, and then read another coding, and so another end of the message. */
static bool has_tab_behind(const struct http1_scan *scan, const struct http1_header *header)
{
	uint32_t end = header->value.offset + header->value.length;

	return memchr(scan->start + end, '\t', header->line.offset + header->line.length - end);
}

/* What the fields say of a body, in a request or a response; none is HTTP1_NO_BODY. */
static enum http1_verdict framing_read(
	const struct http1_scan *scan, struct http1_head *head, const struct http1_facts *facts)
{
	head->framing = HTTP1_NO_BODY;
	head->content_length = 0;
	if (facts->content_lengths + facts->transfer_encodings == 0)
		return HTTP1_OK;
	if (facts->content_lengths + facts->transfer_encodings > 1)
		return HTTP1_BAD;
	if (has_tab_behind(scan,
		    facts->content_lengths == 1 ? facts->content_length : facts->transfer_encoding))
		return HTTP1_BAD;
	if (facts->content_lengths == 1) {
		head->framing = HTTP1_LENGTH;
		return content_length_parse(scan, facts->content_length, &head->content_length)
			       ? HTTP1_OK
			       : HTTP1_BAD;
	}
	/* HTTP/1.0 has no transfer codings: who sends one may have it read both ways. */
	if (head->minor == 0)
		return HTTP1_BAD;
	head->framing = HTTP1_CHUNKED;
	return transfer_encoding_judge(scan, facts->transfer_encoding);
}

static void persistence_read(struct http1_head *head, const struct http1_facts *facts)
{
	head->keep_alive = !facts->close && (head->minor == 1 || facts->keep_alive);
	head->upgrade = head->minor == 1 && facts->upgrade && facts->upgrade_field;
}

/* Bytes of a host, up to a bracket or to this one. */
static const char *host_bytes_skip(const char *at, const char *end, char stop)
{
	while (at < end && http1_is(*at, HTTP1_CLASS_HOST) && *at != '[' && *at != ']' &&
		*at != stop)
		at++;
	return at;
}

/* uri-host [ ":" port ], RFC 3986 section 3.2; an address of version 6 stands in brackets. */
static bool host_is_valid(const struct http1_scan *scan, struct http1_span host)
{
	const char *at = scan->start + host.offset, *end = at + host.length, *literal;

	if (at < end && *at == '[') {
		literal = ++at;
		at = host_bytes_skip(at, end, '\0');
		if (at == literal || at == end || *at++ != ']')
			return false;
	} else {
		at = host_bytes_skip(at, end, ':');
	}
	if (at < end && *at == ':')
		for (at++; at < end && *at >= '0' && *at <= '9';)
			at++;
	return at == end;
}

static void field_drop(struct http1_head *head, enum http1_field field)
{
	for (uint32_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == field)
			head->headers[i].hop_by_hop = true;
}

/*
 * `http://HOST/PATH`: its HOST counts, whatever Host says, and we are the server that it is asked
 * of, so that the application is asked for the path (RFC 9112 section 3.2.2). False: it names no
 * host, or who asks (RFC 9110 section 4.2.4), or a place in what is to come.
 */
static bool absolute_form_read(const struct http1_scan *scan, struct http1_head *head)
{
	const char *target = scan->start + head->target.offset, *end = target + head->target.length;
	const char *authority, *at;

	head->secured = false;
	head->absolute = head->method != HTTP1_CONNECT && *target != '/' && *target != '*';
	if (!head->absolute)
		return true;
	at = memchr(target, ':', head->target.length);
	head->secured = at - target == strlen("https");
	at = authority = at + strlen("://");
	while (at < end && *at != '/' && *at != '?' && *at != '#')
		at++;
	head->host = (struct http1_span){http1_offset(scan, authority), (uint32_t)(at - authority)};
	head->target = (struct http1_span){http1_offset(scan, at), (uint32_t)(end - at)};
	field_drop(head, HTTP1_HOST);
	return at > authority && *authority != ':' && host_is_valid(scan, head->host) &&
	       !memchr(at, '#', head->target.length);
}

static enum http1_verdict request_read(struct http1_scan *scan, struct http1_head *head)
{
	struct http1_facts facts;
	enum http1_verdict verdict;

	verdict = http1_request_line_parse(scan, head);
	if (verdict != HTTP1_OK)
		return verdict;
	verdict = http1_fields_parse(scan, head, &facts);
	if (verdict != HTTP1_OK)
		return verdict;
	head->size = http1_offset(scan, scan->at);
	if (facts.hosts > 1 || (facts.hosts == 0 && head->minor == 1) ||
		!host_is_valid(scan, head->host) || !absolute_form_read(scan, head))
		return HTTP1_BAD;
	persistence_read(head, &facts);
	/* An expectation in HTTP/1.0 is to be ignored (RFC 9110 section 10.1.1). */
	if (head->minor == 0) {
		head->expect_continue = false;
		field_drop(head, HTTP1_EXPECT);
	}
	verdict = framing_read(scan, head, &facts);
	/* What follows a CONNECT is not content, whatever it says (RFC 9110 section 9.3.6). */
	if (verdict == HTTP1_OK && head->method == HTTP1_CONNECT && head->framing != HTTP1_NO_BODY)
		return HTTP1_BAD;
	return verdict;
}

/* A 1xx, 204 or 2xx to CONNECT must not say how long its body is (RFC 9110 section 8.6, RFC 9112
 * section 6.1): it has none, and a client that believed the field would wait for one. */
static void framing_fields_drop(struct http1_head *head)
{
	head->content_length = 0;
	field_drop(head, HTTP1_CONTENT_LENGTH);
	field_drop(head, HTTP1_TRANSFER_ENCODING);
}

/* RFC 9112 section 6.3, items 1, 2 and 8. */
static void response_frame(struct http1_head *head, enum http1_method request)
{
	bool success = head->status / 100 == 2;

	if (head->status == 101 || (request == HTTP1_CONNECT && success)) {
		head->framing = HTTP1_TUNNEL;
		framing_fields_drop(head);
	} else if (head->status < 200 || head->status == 204) {
		/* Whoever believes these fields would send the body: the next response on this
		 * connection would begin with it. */
		if (head->content_length > 0 || head->framing == HTTP1_CHUNKED)
			head->keep_alive = false;
		head->framing = HTTP1_NO_BODY;
		framing_fields_drop(head);
	} else if (request == HTTP1_HEAD || head->status == 304) {
		head->framing = HTTP1_NO_BODY;
	} else if (head->framing == HTTP1_NO_BODY) {
		head->framing = HTTP1_UNTIL_CLOSE;
		head->keep_alive = false;
	}
}

static enum http1_verdict response_read(
	struct http1_scan *scan, struct http1_head *head, enum http1_method request)
{
	struct http1_facts facts;
	enum http1_verdict verdict;

	verdict = http1_status_line_parse(scan, head);
	if (verdict != HTTP1_OK)
		return verdict;
	verdict = http1_fields_parse(scan, head, &facts);
	if (verdict != HTTP1_OK)
		return verdict;
	head->size = http1_offset(scan, scan->at);
	persistence_read(head, &facts);
	verdict = framing_read(scan, head, &facts);
	if (verdict == HTTP1_OK)
		response_frame(head, request);
	return verdict;
}

enum http1_verdict http1_request_parse(
	const char *bytes, size_t size, uint32_t *seen, struct http1_head *ret_head)
{
	struct http1_scan scan;
	enum http1_verdict verdict;

	/* The first half of an empty line, which is the caller's to skip once it is whole. */
	if (size == 0 || (size == 1 && bytes[0] == '\r'))
		return HTTP1_MORE;
	if (!scan_begin(&scan, bytes, size, *seen))
		return scan_more(&scan, seen);
	ret_head->host = (struct http1_span){0};
	ret_head->expect_continue = false;
	ret_head->status = 0;
	ret_head->event_stream = false;
	verdict = request_read(&scan, ret_head);
	return verdict == HTTP1_MORE ? scan_more(&scan, seen) : verdict;
}

enum http1_verdict http1_response_parse(const char *bytes, size_t size, uint32_t *seen,
	enum http1_method request, struct http1_head *ret_head)
{
	struct http1_scan scan;
	enum http1_verdict verdict;

	if (!scan_begin(&scan, bytes, size, *seen))
		return scan_more(&scan, seen);
	ret_head->host = ret_head->method_name = ret_head->target = (struct http1_span){0};
	ret_head->method = HTTP1_METHOD_OTHER;
	ret_head->expect_continue = ret_head->absolute = ret_head->secured = false;
	ret_head->event_stream = false;
	verdict = response_read(&scan, ret_head, request);
	return verdict == HTTP1_MORE ? scan_more(&scan, seen) : verdict;
}
