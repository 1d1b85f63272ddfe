/* SPDX-License-Identifier: MIT */
/*
 * Knows header fields: their syntax, the names that a proxy looks at, and which of them belong to
 * one connection only. Does not know what they mean for the framing of a message (http1.c).
 */
#include "http1-parts.h"

#include <string.h>

static const char *const field_names[HTTP1_FIELD_COUNT] = {
	[HTTP1_CONNECTION] = "connection",
	[HTTP1_CONTENT_LENGTH] = "content-length",
	[HTTP1_CONTENT_TYPE] = "content-type",
	[HTTP1_DATE] = "date",
	[HTTP1_EXPECT] = "expect",
	[HTTP1_FORWARDED] = "forwarded",
	[HTTP1_HOST] = "host",
	[HTTP1_KEEP_ALIVE] = "keep-alive",
	[HTTP1_MAX_FORWARDS] = "max-forwards",
	[HTTP1_PROXY_CONNECTION] = "proxy-connection",
	[HTTP1_TE] = "te",
	[HTTP1_TRAILER] = "trailer",
	[HTTP1_TRANSFER_ENCODING] = "transfer-encoding",
	[HTTP1_UPGRADE] = "upgrade",
	[HTTP1_X_FORWARDED_FOR] = "x-forwarded-for",
	[HTTP1_X_FORWARDED_PROTO] = "x-forwarded-proto",
	[HTTP1_X_FORWARDED_HOST] = "x-forwarded-host",
	[HTTP1_X_REAL_IP] = "x-real-ip",
};

/* RFC 9110 section 7.6.1. Transfer-Encoding is named there too, but we forward the chunks as they
 * are, and what frames them must go with them. */
static const bool field_is_hop_by_hop[HTTP1_FIELD_COUNT] = {
	[HTTP1_CONNECTION] = true,
	[HTTP1_KEEP_ALIVE] = true,
	[HTTP1_PROXY_CONNECTION] = true,
	[HTTP1_TE] = true,
	[HTTP1_UPGRADE] = true,
};

/* `| 0x20` maps no other byte of class token or value onto a lower-case letter, a digit, or the
 * signs in the words we know. */
bool http1_is_word(const char *bytes, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
		if ((bytes[i] | 0x20) != word[i])
			return false;
	return word[length] == '\0';
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

enum http1_verdict http1_crlf(struct http1_scan *scan)
{
	if (scan->at == scan->end)
		return HTTP1_MORE;
	if (scan->at[0] != '\r')
		return HTTP1_BAD;
	if (scan->at + 1 == scan->end)
		return HTTP1_MORE;
	if (scan->at[1] != '\n')
		return HTTP1_BAD;
	scan->at += 2;
	return HTTP1_OK;
}

/* The only field of this length with this first letter. */
static enum http1_field field_candidate(const char *name, size_t length)
{
#define KEY(n, letter) ((n) << 8 | (letter))
	switch (KEY(length, (uint8_t)(name[0] | 0x20))) {
	case KEY(2, 't'):
		return HTTP1_TE;
	case KEY(4, 'd'):
		return HTTP1_DATE;
	case KEY(4, 'h'):
		return HTTP1_HOST;
	case KEY(6, 'e'):
		return HTTP1_EXPECT;
	case KEY(7, 't'):
		return HTTP1_TRAILER;
	case KEY(7, 'u'):
		return HTTP1_UPGRADE;
	case KEY(9, 'f'):
		return HTTP1_FORWARDED;
	case KEY(9, 'x'):
		return HTTP1_X_REAL_IP;
	case KEY(10, 'c'):
		return HTTP1_CONNECTION;
	case KEY(10, 'k'):
		return HTTP1_KEEP_ALIVE;
	case KEY(12, 'c'):
		return HTTP1_CONTENT_TYPE;
	case KEY(12, 'm'):
		return HTTP1_MAX_FORWARDS;
	case KEY(14, 'c'):
		return HTTP1_CONTENT_LENGTH;
	case KEY(15, 'x'):
		return HTTP1_X_FORWARDED_FOR;
	case KEY(16, 'p'):
		return HTTP1_PROXY_CONNECTION;
	case KEY(16, 'x'):
		return HTTP1_X_FORWARDED_HOST;
	case KEY(17, 't'):
		return HTTP1_TRANSFER_ENCODING;
	case KEY(17, 'x'):
		return HTTP1_X_FORWARDED_PROTO;
	default:
		return HTTP1_OTHER;
	}
#undef KEY
}

/* CGI and WSGI know `X-Forwarded-For` and `X_Forwarded_For` by one name, so that the second would
 * pass for what only we may say. */
static bool is_lookalike(const char *name, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
		if ((name[i] == '_' ? '-' : name[i] | 0x20) != word[i])
			return false;
	return true;
}

/* Applications believe more of these than we know: -Port, -Prefix, -Ssl, -User ... */
static void forwarded_recognise(const char *name, size_t length, struct http1_header *header)
{
	static const char beginning[] = "x-forwarded-";

	if ((name[0] | 0x20) != 'x' || length < sizeof(beginning) ||
		!is_lookalike(name, sizeof(beginning) - 1, beginning))
		return;
	if (http1_is_word(name, sizeof(beginning) - 1, beginning))
		header->field = HTTP1_X_FORWARDED;
	else
		header->hop_by_hop = true;
}

/* The same as http1_is_word() for a name that is as long as the word. */
static bool is_word_of(const char *name, size_t length, const char *word)
{
	const uint64_t lower = UINT64_C(0x2020202020202020);

	if (length < sizeof(uint64_t))
		return http1_is_word(name, length, word);
	for (size_t i = 0; i + sizeof(uint64_t) < length; i += sizeof(uint64_t))
		if ((http1_load(name + i) | lower) != http1_load(word + i))
			return false;
	length -= sizeof(uint64_t);
	return (http1_load(name + length) | lower) == http1_load(word + length);
}

static void field_recognise(const char *name, size_t length, struct http1_header *header)
{
	enum http1_field field = field_candidate(name, length);

	header->hop_by_hop = field_is_hop_by_hop[field];
	if (field != HTTP1_OTHER && !is_word_of(name, length, field_names[field])) {
		header->hop_by_hop = is_lookalike(name, length, field_names[field]);
		field = HTTP1_OTHER;
	}
	header->field = field;
	if (field == HTTP1_OTHER)
		forwarded_recognise(name, length, header);
}

/* field-line = field-name ":" OWS field-value OWS CRLF, RFC 9112 section 5. A line that begins
 * with white space (obs-fold) has an empty name and is refused by that. */
static enum http1_verdict header_parse(struct http1_scan *scan, struct http1_header *ret_header)
{
	const char *line = scan->at, *end = scan->end, *at = line, *name_end, *value, *value_end;
	enum http1_verdict verdict;

	at = http1_skip_token(at, end);
	if (at == end)
		return HTTP1_MORE;
	if (*at != ':' || at == line)
		return HTTP1_BAD;
	name_end = at++;
	while (at < end && is_blank(*at))
		at++;
	value = at;
	value_end = at = http1_skip_value(at, end);
	while (value_end > value && is_blank(value_end[-1]))
		value_end--;
	scan->at = at;
	verdict = http1_crlf(scan);
	if (verdict != HTTP1_OK)
		return verdict;

	field_recognise(line, (size_t)(name_end - line), ret_header);
	ret_header->line.offset = ret_header->name.offset = http1_offset(scan, line);
	ret_header->line.length = (uint32_t)(scan->at - line);
	ret_header->name.length = (uint32_t)(name_end - line);
	ret_header->value.offset = http1_offset(scan, value);
	ret_header->value.length = (uint32_t)(value_end - value);
	return HTTP1_OK;
}

/* The next element of a comma-separated list; false if there is none. */
static bool list_next(const char **list, const char *end, struct http1_scan *ret_element)
{
	const char *at = *list, *stop;

	while (at < end && (is_blank(*at) || *at == ','))
		at++;
	if (at == end)
		return false;
	ret_element->start = at;
	while (at < end && *at != ',')
		at++;
	*list = stop = at;
	while (is_blank(stop[-1]))
		stop--;
	ret_element->end = stop;
	return true;
}

static void option_note(const char *option, size_t length, struct http1_facts *facts)
{
	facts->nominations++;
	if (!http1_is_kept(option, length))
		facts->nominates = true;
}

static void connection_read(const char *value, size_t length, struct http1_facts *facts)
{
	const char *end = value + length;
	struct http1_scan option;

	while (list_next(&value, end, &option)) {
		size_t n = (size_t)(option.end - option.start);

		if (http1_is_word(option.start, n, "close"))
			facts->close = true;
		else if (http1_is_word(option.start, n, "keep-alive"))
			facts->keep_alive = true;
		else if (http1_is_word(option.start, n, "upgrade"))
			facts->upgrade = true;
		else if (!http1_is_word(option.start, n, "te")) /* of one connection by itself */
			option_note(option.start, n, facts);
	}
}

static bool is_event_stream(const char *value, size_t length)
{
	static const char type[] = "text/event-stream";

	return http1_begins_with(value, length, type) &&
	       (length == sizeof(type) - 1 || value[sizeof(type) - 1] == ';' ||
		       is_blank(value[sizeof(type) - 1]));
}

/* Notes what the field says; what several of them say together is judged at the end. */
static void header_note(const struct http1_scan *scan, const struct http1_header *header,
	struct http1_head *head, struct http1_facts *facts)
{
	const char *value = scan->start + header->value.offset;
	size_t length = header->value.length;

	head->fields |= 1U << header->field;
	switch (header->field) {
	case HTTP1_CONNECTION:
		connection_read(value, length, facts);
		break;
	case HTTP1_CONTENT_LENGTH:
		facts->content_lengths++;
		facts->content_length = header;
		break;
	case HTTP1_CONTENT_TYPE:
		head->event_stream = is_event_stream(value, length);
		break;
	case HTTP1_DATE:
		head->dated = true;
		break;
	case HTTP1_EXPECT:
		head->expect_continue = http1_is_word(value, length, "100-continue");
		break;
	case HTTP1_HOST:
		facts->hosts++;
		head->host = header->value;
		break;
	case HTTP1_TRANSFER_ENCODING:
		facts->transfer_encodings++;
		facts->transfer_encoding = header;
		break;
	case HTTP1_UPGRADE:
		facts->upgrade_field = facts->upgrade_field || length > 0;
		break;
	case HTTP1_OTHER:
	case HTTP1_FORWARDED:
	case HTTP1_KEEP_ALIVE:
	case HTTP1_MAX_FORWARDS:
	case HTTP1_PROXY_CONNECTION:
	case HTTP1_TE:
	case HTTP1_TRAILER:
	case HTTP1_X_FORWARDED_FOR:
	case HTTP1_X_FORWARDED_PROTO:
	case HTTP1_X_FORWARDED_HOST:
	case HTTP1_X_REAL_IP:
	case HTTP1_X_FORWARDED:
	case HTTP1_FIELD_COUNT:
		break;
	}
}

/* Marks the fields that one option of Connection names. */
static void option_nominate(
	const struct http1_scan *scan, const struct http1_scan *option, struct http1_head *head)
{
	size_t length = (size_t)(option->end - option->start);

	if (http1_is_kept(option->start, length))
		return;
	for (uint32_t i = 0; i < head->header_count; i++) {
		struct http1_header *header = &head->headers[i];
		const char *name = scan->start + header->name.offset;

		if (header->name.length == length && strncasecmp(name, option->start, length) == 0)
			header->hop_by_hop = true;
	}
}

static void nominate(const struct http1_scan *scan, struct http1_head *head)
{
	for (uint32_t i = 0; i < head->header_count; i++) {
		const struct http1_header *header = &head->headers[i];
		const char *value = scan->start + header->value.offset;
		const char *end = value + header->value.length;
		struct http1_scan option;

		if (header->field != HTTP1_CONNECTION)
			continue;
		while (list_next(&value, end, &option))
			option_nominate(scan, &option, head);
	}
}

enum http1_verdict http1_fields_parse(
	struct http1_scan *scan, struct http1_head *head, struct http1_facts *ret_facts)
{
	struct http1_facts facts = {0};
	enum http1_verdict verdict;

	head->header_count = 0;
	head->dated = false;
	head->fields = 0;
	while (scan->at < scan->end && *scan->at != '\r') {
		struct http1_header *header = &head->headers[head->header_count];

		if (head->header_count == HTTP1_HEADERS_MAX)
			return HTTP1_TOO_LARGE;
		verdict = header_parse(scan, header);
		if (verdict != HTTP1_OK)
			return verdict;
		head->header_count++;
		header_note(scan, header, head, &facts);
	}
	verdict = http1_crlf(scan);
	if (verdict != HTTP1_OK)
		return verdict;
	if (facts.nominations > HTTP1_NOMINATIONS_MAX)
		return HTTP1_TOO_LARGE;
	if (facts.nominations > 0)
		nominate(scan, head);
	head->nominates = facts.nominates;
	*ret_facts = facts;
	return HTTP1_OK;
}
