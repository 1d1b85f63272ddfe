/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a head that is passed on: the next reader frames it as we did, and nothing is in
 * it that belonged to the connection it came by, or that only we may say.
 */
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "cookie.h"
#include "forward.h"
#include "fuzz.h"
#include "http1.h"

#define ADDRESS "192.0.2.1"
#define HIDDEN	"a"

static char out[FORWARD_SIZE_MAX];
static struct http1_head head, passed;

static uint32_t count(const struct http1_head *of, enum http1_field field)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < of->header_count; i++)
		n += of->headers[i].field == field;
	return n;
}

static bool same_text(const char *a, struct http1_span in_a, const char *b, struct http1_span in_b)
{
	return in_a.length == in_b.length &&
	       memcmp(a + in_a.offset, b + in_b.offset, in_a.length) == 0;
}

/* Fields were added: it may be over the limits now, and only that. */
static bool grew_too_large(enum http1_verdict verdict, size_t length)
{
	must(verdict == HTTP1_OK || verdict == HTTP1_TOO_LARGE);
	must(verdict == HTTP1_OK || length > HTTP1_HEAD_MAX ||
		passed.header_count == HTTP1_HEADERS_MAX);
	return verdict != HTTP1_OK;
}

static void hop_by_hop_check(bool connection)
{
	for (uint32_t i = 0; i < passed.header_count; i++)
		must(!passed.headers[i].hop_by_hop ||
			(connection && (passed.headers[i].field == HTTP1_CONNECTION ||
					       passed.headers[i].field == HTTP1_UPGRADE)));
}

/* As session-affinity.c does. */
static void cookie_hide(const char *bytes, struct http1_head *of, bool must_be_gone)
{
	for (uint32_t i = 0; i < of->header_count; i++) {
		struct http1_header *header = &of->headers[i];
		const char *at = bytes + header->value.offset, *end = at + header->value.length;
		struct cookie_pair pair;

		while (cookie_is_field(bytes, header) && cookie_next(&at, end, &pair)) {
			if (!cookie_is_named(&pair, HIDDEN))
				continue;
			must(!must_be_gone);
			header->hop_by_hop = true;
		}
	}
}

/* Before what stood behind the host of an absolute target there may be a `/` or `*` of ours. */
static void target_check(const char *bytes)
{
	struct http1_span path = passed.target;

	if (head.absolute && path.length > head.target.length) {
		must(out[path.offset] == '/' || out[path.offset] == '*');
		path.offset++;
		path.length--;
	}
	must(same_text(bytes, head.target, out, path));
}

static void request_check(const char *bytes, bool trusted, const char *hidden)
{
	struct forward_client client;
	struct endpoint endpoint;
	uint32_t seen = 0;
	size_t length;

	must(endpoint_parse(ADDRESS, strlen(ADDRESS), &endpoint) == 0);
	client = forward_client_of(&endpoint, trusted);
	if (forward_reach(bytes, &head) != FORWARD_ON)
		return;
	length = forward_request_head(bytes, &head, &client, hidden, out);

	must(length <= sizeof(out));
	if (grew_too_large(http1_request_parse(out, length, &seen, &passed), length))
		return;
	must(passed.size == length && passed.minor == 1);
	must(passed.framing == head.framing && passed.content_length == head.content_length);
	must(passed.method == head.method);
	must(same_text(bytes, head.method_name, out, passed.method_name));
	must(!passed.absolute);
	target_check(bytes);
	must(count(&passed, HTTP1_HOST) == 1 && count(&passed, HTTP1_X_FORWARDED_FOR) == 1);
	must(head.host.length == 0 || same_text(bytes, head.host, out, passed.host));
	must(passed.upgrade == forward_upgrades(bytes, &head));
	must(count(&passed, HTTP1_CONNECTION) == passed.upgrade);
	must(count(&passed, HTTP1_UPGRADE) == passed.upgrade);
	must(passed.keep_alive);
	hop_by_hop_check(passed.upgrade);
	must(count(&passed, HTTP1_X_FORWARDED_PROTO) >= 1);
	must(trusted || count(&passed, HTTP1_X_FORWARDED_PROTO) == 1);
	must(trusted || count(&passed, HTTP1_X_FORWARDED_HOST) <= 1);
	must(trusted ||
		(count(&passed, HTTP1_X_FORWARDED) == 0 && count(&passed, HTTP1_FORWARDED) == 0 &&
			count(&passed, HTTP1_X_REAL_IP) == 0));
	if (hidden)
		cookie_hide(out, &passed, true);
	for (uint32_t i = 0; !trusted && i < passed.header_count; i++)
		must(passed.headers[i].field != HTTP1_X_FORWARDED_FOR ||
			(passed.headers[i].value.length == strlen(ADDRESS) &&
				memcmp(out + passed.headers[i].value.offset, ADDRESS,
					strlen(ADDRESS)) == 0));
}

static void response_check(const char *bytes, enum http1_method request, enum forward_ending ending)
{
	bool unchunk = head.framing == HTTP1_CHUNKED && ending == FORWARD_CLOSE;
	size_t length = forward_response_head(bytes, &head, ending, unchunk, out);
	uint32_t seen = 0;

	must(length <= sizeof(out));
	if (grew_too_large(http1_response_parse(out, length, &seen, request, &passed), length))
		return;
	must(passed.size == length && passed.status == head.status && passed.minor == 1);
	must(passed.framing == (unchunk ? HTTP1_UNTIL_CLOSE : head.framing));
	must(passed.content_length == head.content_length);
	must(count(&passed, HTTP1_CONNECTION) <= 1);
	must(passed.keep_alive ==
			(ending != FORWARD_CLOSE && passed.framing != HTTP1_UNTIL_CLOSE) ||
		passed.status == 101);
	hop_by_hop_check(true);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const enum http1_method requests[] = {HTTP1_GET, HTTP1_HEAD, HTTP1_CONNECT};
	const char *text = (const char *)bytes;
	uint32_t seen = 0;

	if (http1_request_parse(text, size, &seen, &head) == HTTP1_OK) {
		request_check(text, false, NULL);
		request_check(text, true, NULL);
		cookie_hide(text, &head, false);
		request_check(text, true, HIDDEN);
	}
	for (size_t i = 0; i < ELEMENTS(requests); i++) {
		seen = 0;
		if (http1_response_parse(text, size, &seen, requests[i], &head) != HTTP1_OK)
			continue;
		for (int ending = 0; ending < FORWARD_ENDING_COUNT; ending++)
			response_check(text, requests[i], (enum forward_ending)ending);
	}
	return 0;
}
