/* SPDX-License-Identifier: MIT */
/*
 * Knows the first line of a message and how a head frames its body (RFC 9112 sections 3, 4
 * and 6). Does not know single fields (http1-fields.c) or what is in a body (http1-body.c).
 */
#include "http1.h"

#include <assert.h>
#include <string.h>

#include "http1-fields.h"

#define METHOD_MAX 32
#define STATUS_MIN 100
#define STATUS_MAX 599

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

static const char *const method_names[HTTP1_METHOD_COUNT] = {
	[HTTP1_GET] = "GET",
	[HTTP1_HEAD] = "HEAD",
	[HTTP1_OPTIONS] = "OPTIONS",
	[HTTP1_TRACE] = "TRACE",
	[HTTP1_POST] = "POST",
	[HTTP1_PUT] = "PUT",
	[HTTP1_DELETE] = "DELETE",
	[HTTP1_PATCH] = "PATCH",
	[HTTP1_CONNECT] = "CONNECT",
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

/* No two methods have the same length and first letter. Methods are case-sensitive. */
static enum http1_method method_recognise(const char *name, size_t length)
{
	enum http1_method method = HTTP1_METHOD_OTHER;

#define KEY(n, letter) ((n) << 8 | (letter))
	switch (KEY(length, (uint8_t)name[0])) {
	case KEY(3, 'G'):
		method = HTTP1_GET;
		break;
	case KEY(3, 'P'):
		method = HTTP1_PUT;
		break;
	case KEY(4, 'H'):
		method = HTTP1_HEAD;
		break;
	case KEY(4, 'P'):
		method = HTTP1_POST;
		break;
	case KEY(5, 'P'):
		method = HTTP1_PATCH;
		break;
	case KEY(5, 'T'):
		method = HTTP1_TRACE;
		break;
	case KEY(6, 'D'):
		method = HTTP1_DELETE;
		break;
	case KEY(7, 'C'):
		method = HTTP1_CONNECT;
		break;
	case KEY(7, 'O'):
		method = HTTP1_OPTIONS;
		break;
	default:
		return HTTP1_METHOD_OTHER;
	}
#undef KEY
	return memcmp(name, method_names[method], length) == 0 ? method : HTTP1_METHOD_OTHER;
}

/* "HTTP/1.1", RFC 9112 section 2.3. Another version is told from garbage by its form. */
static enum http1_verdict version_parse(struct http1_scan *scan, uint8_t *ret_minor)
{
	static const char form[] = "HTTP/0.0";
	const char *at = scan->at;

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (at + i == scan->end)
			return HTTP1_MORE;
		if (form[i] == '0' ? at[i] < '0' || at[i] > '9' : at[i] != form[i])
			return HTTP1_BAD;
	}
	if (at[5] != '1' || at[7] > '1')
		return HTTP1_VERSION;
	*ret_minor = (uint8_t)(at[7] - '0');
	scan->at += sizeof(form) - 1;
	return HTTP1_OK;
}

/* RFC 9112 section 3.2. Other forms, such as `@host/`, mean something else to whoever puts a URL
 * together from them. */
static bool target_is_valid(enum http1_method method, const char *target, size_t length)
{
	const char *colon;

	if (method == HTTP1_CONNECT)
		return target[0] != '/';
	if (target[0] == '/')
		return true;
	if (target[0] == '*')
		return length == 1 && method == HTTP1_OPTIONS;
	colon = memchr(target, ':', length);
	if (!colon || colon == target || target + length - colon < 4)
		return false;
	for (const char *at = target; at < colon; at++)
		if (((*at | 0x20) < 'a' || (*at | 0x20) > 'z') &&
			(at == target || ((*at < '0' || *at > '9') && *at != '+' && *at != '-' &&
						 *at != '.')))
			return false;
	return colon[1] == '/' && colon[2] == '/' && colon[3] != '/';
}

/* request-line = method SP request-target SP HTTP-version, RFC 9112 section 3 */
static enum http1_verdict request_line_parse(struct http1_scan *scan, struct http1_head *head)
{
	const char *at = scan->at, *end = scan->end, *target;
	enum http1_verdict verdict;

	while (at < end && http1_is(*at, HTTP1_CLASS_TOKEN))
		at++;
	if (at - scan->start > METHOD_MAX)
		return HTTP1_BAD;
	if (at == end)
		return HTTP1_MORE;
	if (*at != ' ' || at == scan->start)
		return HTTP1_BAD;
	head->method_name = (struct http1_span){.length = http1_offset(scan, at)};
	head->method = method_recognise(scan->start, head->method_name.length);

	target = ++at;
	while (at < end && http1_is(*at, HTTP1_CLASS_TARGET))
		at++;
	if (at == end)
		return HTTP1_MORE;
	if (*at != ' ' || at == target)
		return HTTP1_BAD;
	head->target.offset = http1_offset(scan, target);
	head->target.length = (uint32_t)(at - target);

	scan->at = at + 1;
	verdict = version_parse(scan, &head->minor);
	if (verdict != HTTP1_OK)
		return verdict;
	/* Only now, so that the preface of HTTP/2, `PRI * HTTP/2.0`, is told its version. */
	if (!target_is_valid(head->method, target, head->target.length))
		return HTTP1_BAD;
	verdict = http1_crlf(scan);
	head->first_header = http1_offset(scan, scan->at);
	return verdict;
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ], RFC 9112 section 4. The space
 * behind the code may be missing where the reason is: many applications do so. */
static enum http1_verdict status_line_parse(struct http1_scan *scan, struct http1_head *head)
{
	enum http1_verdict verdict;
	unsigned int status = 0;

	verdict = version_parse(scan, &head->minor);
	if (verdict != HTTP1_OK)
		return verdict;
	for (int i = 0; i < 4; i++, scan->at++) {
		if (scan->at == scan->end)
			return HTTP1_MORE;
		if (i == 0 ? *scan->at != ' ' : *scan->at < '0' || *scan->at > '9')
			return HTTP1_BAD;
		if (i > 0)
			status = status * 10 + (unsigned int)(*scan->at - '0');
	}
	if (status < STATUS_MIN || status > STATUS_MAX)
		return HTTP1_BAD;
	head->status = (uint16_t)status;

	if (scan->at < scan->end && *scan->at != '\r' && *scan->at != ' ')
		return HTTP1_BAD;
	while (scan->at < scan->end && http1_is(*scan->at, HTTP1_CLASS_VALUE))
		scan->at++;
	verdict = http1_crlf(scan);
	head->first_header = http1_offset(scan, scan->at);
	return verdict;
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

static bool host_is_valid(const struct http1_scan *scan, struct http1_span host)
{
	for (uint32_t i = 0; i < host.length; i++)
		if (!http1_is(scan->start[host.offset + i], HTTP1_CLASS_HOST))
			return false;
	return true;
}

static enum http1_verdict request_read(struct http1_scan *scan, struct http1_head *head)
{
	struct http1_facts facts;
	enum http1_verdict verdict;

	verdict = request_line_parse(scan, head);
	if (verdict != HTTP1_OK)
		return verdict;
	verdict = http1_fields_parse(scan, head, &facts);
	if (verdict != HTTP1_OK)
		return verdict;
	head->size = http1_offset(scan, scan->at);
	if (facts.hosts > 1 || (facts.hosts == 0 && head->minor == 1) ||
		!host_is_valid(scan, head->host))
		return HTTP1_BAD;
	persistence_read(head, &facts);
	/* An expectation in HTTP/1.0 is to be ignored (RFC 9110 section 10.1.1). */
	head->expect_continue = head->expect_continue && head->minor == 1;
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
	for (uint32_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == HTTP1_CONTENT_LENGTH ||
			head->headers[i].field == HTTP1_TRANSFER_ENCODING)
			head->headers[i].hop_by_hop = true;
}

/* RFC 9112 section 6.3, items 1, 2 and 8. */
static void response_frame(struct http1_head *head, enum http1_method request)
{
	bool success = head->status / 100 == 2;

	if (head->status == 101 || (request == HTTP1_CONNECT && success)) {
		head->framing = HTTP1_TUNNEL;
		framing_fields_drop(head);
	} else if (head->status < 200 || head->status == 204) {
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

	verdict = status_line_parse(scan, head);
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
	ret_head->expect_continue = false;
	ret_head->event_stream = false;
	verdict = response_read(&scan, ret_head, request);
	return verdict == HTTP1_MORE ? scan_more(&scan, seen) : verdict;
}
