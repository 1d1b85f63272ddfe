/* SPDX-License-Identifier: MIT */
/*
 * Knows the first line of a request or response (RFC 9112 sections 2.3, 3 and 4); knows nothing of
 * what comes behind it.
 */
#include <string.h>

#include "http1-parts.h"

#define METHOD_MAX 32
#define STATUS_MIN 100
#define STATUS_MAX 599

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

	if (scan->end - at >= 8 && http1_load(at) == http1_load("HTTP/1.1")) {
		*ret_minor = 1;
		scan->at += 8;
		return HTTP1_OK;
	}
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
	if (!colon || target + length - colon < 4)
		return false;
	if (!http1_is_word(target, (size_t)(colon - target), "http") &&
		!http1_is_word(target, (size_t)(colon - target), "https"))
		return false;
	return colon[1] == '/' && colon[2] == '/';
}

enum http1_verdict http1_preface_match(const char *bytes, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t length = sizeof(preface) - 1;

	if (memcmp(bytes, preface, size < length ? size : length) != 0)
		return HTTP1_BAD;
	return size < length ? HTTP1_MORE : HTTP1_OK;
}

/* request-line = method SP request-target SP HTTP-version, RFC 9112 section 3 */
enum http1_verdict http1_request_line_parse(struct http1_scan *scan, struct http1_head *head)
{
	const char *at = scan->at, *end = scan->end, *target;
	enum http1_verdict verdict;

	at = http1_skip_token(at, end);
	if (at - scan->start > METHOD_MAX)
		return HTTP1_BAD;
	if (at == end)
		return HTTP1_MORE;
	if (*at != ' ' || at == scan->start)
		return HTTP1_BAD;
	head->method_name = (struct http1_span){.length = http1_offset(scan, at)};
	head->method = method_recognise(scan->start, head->method_name.length);

	target = ++at;
	at = http1_skip_target(at, end);
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
enum http1_verdict http1_status_line_parse(struct http1_scan *scan, struct http1_head *head)
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
	scan->at = http1_skip_value(scan->at, scan->end);
	verdict = http1_crlf(scan);
	head->first_header = http1_offset(scan, scan->at);
	return verdict;
}
