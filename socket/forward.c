/* SPDX-License-Identifier: MIT */
/*
 * Knows which fields go, stay and come; knows no connection.
 */
#include "forward.h"

#include <string.h>
#include <strings.h>

#include "cookie.h"

struct writer {
	char *out;
	size_t length;
};

static void put(struct writer *writer, const char *bytes, size_t size)
{
	memcpy(writer->out + writer->length, bytes, size);
	writer->length += size;
}

static void put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

static void put_span(struct writer *writer, const char *bytes, struct http1_span span)
{
	put(writer, bytes + span.offset, span.length);
}

static const struct http1_header *find(const struct http1_head *head, enum http1_field field)
{
	for (uint32_t i = 0; i < head->header_count; i++)
		if (head->headers[i].field == field)
			return &head->headers[i];
	return NULL;
}

#define BIT(field) (1U << (field))

/* What tells the application who asked; only who is trusted may say it. */
#define FORWARDED_FIELDS                                                                           \
	(BIT(HTTP1_X_FORWARDED_FOR) | BIT(HTTP1_X_FORWARDED_PROTO) | BIT(HTTP1_X_FORWARDED_HOST) | \
		BIT(HTTP1_X_FORWARDED) | BIT(HTTP1_FORWARDED) | BIT(HTTP1_X_REAL_IP))

static const char for_name[] = "X-Forwarded-For: ";
static const char proto_line[] = "X-Forwarded-Proto: http\r\n";
static const char via_line[] = "Via: 1.1 app-bluegreen\r\n";
static const char host_name[] = "X-Forwarded-Host: ";

struct forward_client forward_client_of(const struct endpoint *endpoint, bool trusted)
{
	struct forward_client client = {.trusted = trusted};
	struct writer writer = {.out = client.lines};
	char address[ENDPOINT_TEXT_MAX];

	client.address_size = (uint8_t)endpoint_text(endpoint, address);
	if (client.address_size > 0) {
		put_text(&writer, for_name);
		put(&writer, address, client.address_size);
		put_text(&writer, "\r\n");
	}
	put_text(&writer, proto_line);
	put_text(&writer, via_line);
	put_text(&writer, host_name);
	client.lines_size = (uint8_t)writer.length;
	return client;
}

/* Lines that follow each other are copied in one piece. */
static void put_headers(struct writer *writer, const char *bytes, const struct http1_head *head,
	bool (*keeps)(
		const struct http1_head *head, const struct http1_header *header, uint32_t option),
	uint32_t option)
{
	uint32_t begin = 0, end = 0;

	for (uint32_t i = 0; i < head->header_count; i++) {
		const struct http1_header *header = &head->headers[i];

		if (!keeps(head, header, option))
			continue;
		if (header->line.offset != end) {
			put(writer, bytes + begin, end - begin);
			begin = header->line.offset;
		}
		end = header->line.offset + header->line.length;
	}
	put(writer, bytes + begin, end - begin);
}

bool forward_upgrades(const char *bytes, const struct http1_head *head)
{
	const struct http1_header *upgrade = head->upgrade ? find(head, HTTP1_UPGRADE) : NULL;
	const char *value;

	if (!upgrade || upgrade->value.length == 0)
		return false;
	value = bytes + upgrade->value.offset;
	for (uint32_t i = 0; i + 3 <= upgrade->value.length; i++)
		if (strncasecmp(value + i, "h2c", 3) == 0)
			return false;
	return true;
}

static bool counts_forwards(const struct http1_head *head)
{
	return (head->method == HTTP1_OPTIONS || head->method == HTTP1_TRACE) &&
	       (head->fields & BIT(HTTP1_MAX_FORWARDS));
}

/* As large as matters: what is above it may be lowered to it (RFC 9110 section 7.6.2). */
#define FORWARDS_MAX 1000000

static bool forwards_parse(const char *digits, uint32_t length, uint32_t *ret_forwards)
{
	uint32_t forwards = 0;

	for (uint32_t i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		forwards = forwards * 10 + (uint32_t)(digits[i] - '0');
		if (forwards > FORWARDS_MAX)
			forwards = FORWARDS_MAX;
	}
	*ret_forwards = forwards;
	return length > 0;
}

enum forward_reach forward_reach(const char *bytes, const struct http1_head *head)
{
	uint32_t forwards = 0, count = 0;

	if (!counts_forwards(head))
		return FORWARD_ON;
	for (uint32_t i = 0; i < head->header_count; i++) {
		const struct http1_header *header = &head->headers[i];

		if (header->field != HTTP1_MAX_FORWARDS)
			continue;
		if (++count > 1 || !forwards_parse(bytes + header->value.offset,
					   header->value.length, &forwards))
			return FORWARD_ASTRAY;
	}
	return forwards > 0 ? FORWARD_ON : FORWARD_HERE;
}

/* The framing is passed on as it came; `dropped` are fields that we say anew, or not at all. */
static bool request_keeps(
	const struct http1_head *head, const struct http1_header *header, uint32_t dropped)
{
	(void)head;
	if (dropped & BIT(header->field))
		return false;
	return !header->hop_by_hop || header->field == HTTP1_TRANSFER_ENCODING ||
	       header->field == HTTP1_TRAILER;
}

static uint32_t request_drops(const struct http1_head *head, const struct forward_client *client)
{
	uint32_t dropped = client->trusted ? BIT(HTTP1_X_FORWARDED_FOR) : FORWARDED_FIELDS;

	if (counts_forwards(head))
		dropped |= BIT(HTTP1_MAX_FORWARDS);
	return dropped;
}

static void put_max_forwards(
	struct writer *writer, const char *bytes, const struct http1_head *head)
{
	struct http1_span value = find(head, HTTP1_MAX_FORWARDS)->value;
	char text[ENDPOINT_NUMBER_MAX];
	uint32_t forwards;

	if (!forwards_parse(bytes + value.offset, value.length, &forwards) || forwards == 0)
		return; /* forward_reach() said that it goes nowhere */
	put_text(writer, "Max-Forwards: ");
	put(writer, text, endpoint_number(forwards - 1, text));
	put_text(writer, "\r\n");
}

static void put_forwarded_for(struct writer *writer, const char *bytes,
	const struct http1_head *head, const struct forward_client *client)
{
	bool named = false;

	/* Several fields are one list (RFC 9110 section 5.3). */
	for (uint32_t i = 0; client->trusted && i < head->header_count; i++) {
		struct http1_span value = head->headers[i].value;

		if (head->headers[i].field != HTTP1_X_FORWARDED_FOR || value.length == 0)
			continue;
		put_text(writer, named ? ", " : for_name);
		put_span(writer, bytes, value);
		named = true;
	}
	if (client->address_size > 0) {
		put_text(writer, named ? ", " : for_name);
		put(writer, client->lines + sizeof(for_name) - 1, client->address_size);
		named = true;
	}
	if (named)
		put_text(writer, "\r\n");
}

/* Who is trusted has said some of it already, or the client speaks HTTP/1.0 or named no host. */
static void put_forwarded_slowly(struct writer *writer, const char *bytes,
	const struct http1_head *head, const struct forward_client *client)
{
	uint32_t said = client->trusted ? head->fields : 0;

	put_forwarded_for(writer, bytes, head, client);
	if (!(said & BIT(HTTP1_X_FORWARDED_PROTO)))
		put_text(writer, proto_line);
	put_text(writer, head->minor == 0 ? "Via: 1.0 app-bluegreen\r\n" : via_line);
	if (head->host.length > 0 && !(said & BIT(HTTP1_X_FORWARDED_HOST))) {
		put_text(writer, host_name);
		put_span(writer, bytes, head->host);
		put_text(writer, "\r\n");
	}
}

/* The proxies on the way are a list too, whose last line is ours (RFC 9110 section 7.6.3). */
static void put_forwarded(struct writer *writer, const char *bytes, const struct http1_head *head,
	const struct forward_client *client)
{
	const uint32_t said = BIT(HTTP1_X_FORWARDED_FOR) | BIT(HTTP1_X_FORWARDED_PROTO) |
			      BIT(HTTP1_X_FORWARDED_HOST);

	if ((client->trusted && (head->fields & said)) || head->minor == 0 ||
		head->host.length == 0) {
		put_forwarded_slowly(writer, bytes, head, client);
		return;
	}
	put(writer, client->lines, client->lines_size);
	put_span(writer, bytes, head->host);
	put_text(writer, "\r\n");
}

/* The other cookies of the fields that were left out because ours is in them. */
static void put_cookies(
	struct writer *writer, const char *bytes, const struct http1_head *head, const char *hidden)
{
	for (uint32_t i = 0; i < head->header_count; i++) {
		const struct http1_header *header = &head->headers[i];
		const char *at = bytes + header->value.offset, *end = at + header->value.length;
		struct cookie_pair pair;
		bool begun = false;

		if (!header->hop_by_hop || !cookie_is_field(bytes, header))
			continue;
		while (cookie_next(&at, end, &pair)) {
			if (cookie_is_named(&pair, hidden))
				continue;
			put_text(writer, begun ? "; " : "Cookie: ");
			put(writer, pair.text, pair.length);
			begun = true;
		}
		if (begun)
			put_text(writer, "\r\n");
	}
}

/* Behind the host of an absolute target there may be no path (RFC 9112 sections 3.2.1, 3.2.4). */
static void put_target(struct writer *writer, const char *bytes, const struct http1_head *head)
{
	if (head->target.length == 0)
		put_text(writer, head->method == HTTP1_OPTIONS ? "*" : "/");
	else if (bytes[head->target.offset] == '?')
		put_text(writer, "/");
	put_span(writer, bytes, head->target);
}

static void put_host(struct writer *writer, const char *bytes, const struct http1_head *head)
{
	put_text(writer, "Host: ");
	put_span(writer, bytes, head->host);
	put_text(writer, "\r\n");
}

size_t forward_request_head(const char *bytes, const struct http1_head *head,
	const struct forward_client *client, const char *hidden, char out[static FORWARD_SIZE_MAX])
{
	struct writer writer = {.out = out};

	put_span(&writer, bytes, head->method_name);
	put_text(&writer, " ");
	put_target(&writer, bytes, head);
	put_text(&writer, " HTTP/1.1\r\n");
	put_headers(&writer, bytes, head, request_keeps, request_drops(head, client));
	/* Only HTTP/1.0 may leave it out, and we speak HTTP/1.1 (RFC 9112 section 3.2). */
	if (head->absolute)
		put_host(&writer, bytes, head);
	else if (!(head->fields & BIT(HTTP1_HOST)))
		put_text(&writer, "Host: localhost\r\n");
	put_forwarded(&writer, bytes, head, client);
	if (counts_forwards(head))
		put_max_forwards(&writer, bytes, head);
	if (hidden)
		put_cookies(&writer, bytes, head, hidden);
	if (forward_upgrades(bytes, head)) {
		put_text(&writer, "Connection: upgrade\r\nUpgrade: ");
		put_span(&writer, bytes, find(head, HTTP1_UPGRADE)->value);
		put_text(&writer, "\r\n");
	}
	put_text(&writer, "\r\n");
	return writer.length;
}

static bool response_keeps(
	const struct http1_head *head, const struct http1_header *header, uint32_t unchunk)
{
	/* hop_by_hop: it came with a 1xx or 204, whose client would wait for the chunks. */
	if (header->field == HTTP1_TRANSFER_ENCODING || header->field == HTTP1_TRAILER)
		return !unchunk && !header->hop_by_hop;
	/* A 101 says to what it switched; any other answer may say what it could (426). */
	if (header->field == HTTP1_UPGRADE)
		return head->status == 101 || head->status == 426;
	return !header->hop_by_hop;
}

/* Whoever sends Upgrade names it in Connection (RFC 9110 section 7.8). */
static const char *const connection_lines[2][FORWARD_ENDING_COUNT] = {
	[false] =
		{
			[FORWARD_PLAIN] = "",
			[FORWARD_KEEP_ALIVE] = "Connection: keep-alive\r\n",
			[FORWARD_CLOSE] = "Connection: close\r\n",
		},
	[true] =
		{
			[FORWARD_PLAIN] = "Connection: upgrade\r\n",
			[FORWARD_KEEP_ALIVE] = "Connection: keep-alive, upgrade\r\n",
			[FORWARD_CLOSE] = "Connection: close, upgrade\r\n",
		},
};

size_t forward_response_head(const char *bytes, const struct http1_head *head,
	enum forward_ending ending, bool unchunk, char out[static FORWARD_SIZE_MAX])
{
	struct writer writer = {.out = out};
	/* "HTTP/1.x 200" is twelve bytes; the rest of the status line is the application's, but for
	 * the space that it may have left out (RFC 9112 section 4). */
	struct http1_span status = {8, 4}, rest = {12, head->first_header - 12};
	bool upgrades = head->status == 101 || head->status == 426;

	put_text(&writer, "HTTP/1.1");
	put_span(&writer, bytes, status);
	if (bytes[rest.offset] != ' ')
		put_text(&writer, " ");
	put_span(&writer, bytes, rest);
	put_headers(&writer, bytes, head, response_keeps, unchunk);
	put_text(&writer, connection_lines[upgrades][ending]);
	put_text(&writer, "\r\n");
	return writer.length;
}

size_t forward_add_lines(char *head, size_t length, const char *lines, size_t size)
{
	/* In front of the empty line. A response's head leaves more room than any line takes. */
	memcpy(head + length - 2, lines, size);
	memcpy(head + length - 2 + size, "\r\n", 2);
	return length + size;
}
