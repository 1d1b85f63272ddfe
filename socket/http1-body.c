/* SPDX-License-Identifier: MIT */
/*
 * Knows where a body ends: lengths, chunks and trailers (RFC 9112 sections 6 and 7). Bytes come in
 * any pieces and are never kept; does not know heads.
 */
#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "http1-parts.h"

/* Where in a chunked body the next byte stands. */
enum body_state {
	BODY_DATA,	   /* payload; the only state of the other framings */
	BODY_SIZE_FIRST,   /* a digit of a chunk size must come */
	BODY_SIZE,	   /* digits of a chunk size */
	BODY_EXTENSION,	   /* behind the size, to the end of the line */
	BODY_SIZE_LF,	   /* behind the CR of that line */
	BODY_DATA_CR,	   /* behind a chunk's data */
	BODY_DATA_LF,	   /* */
	BODY_TRAILER,	   /* at the start of a line of the trailer section */
	BODY_TRAILER_NAME, /* */
	BODY_TRAILER_VALUE,
	BODY_TRAILER_LF,
	BODY_FINAL_LF, /* behind the CR of the empty line */
	BODY_ENDED,
	BODY_REFUSED,
};

/* Fields that frame, route or say who asks: decided by the head, and nobody may change the answer
 * behind the body (RFC 9110 section 6.5.1). At most 32, see struct trailer_name. */
static const char *const refused_trailers[] = {
	"authorization",
	"cache-control",
	"connection",
	"content-encoding",
	"content-length",
	"content-range",
	"content-type",
	"cookie",
	"expect",
	"forwarded",
	"host",
	"keep-alive",
	"max-forwards",
	"proxy-authorization",
	"proxy-connection",
	"range",
	"set-cookie",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
	"x-forwarded-for",
	"x-forwarded-host",
	"x-forwarded-proto",
	"x-real-ip",
};

_Static_assert(ELEMENTS(refused_trailers) <= 32, "a bit each in the upper half of `remaining`");

/*
 * A trailer's name may come in pieces, and nothing is kept but `remaining`, which is free here: its
 * upper half has a bit for each refused name that begins with what has come, its lower half counts
 * the bytes of the name.
 */
static uint64_t trailer_name_begin(void)
{
	return ((UINT64_C(1) << ELEMENTS(refused_trailers)) - 1) << 32;
}

static uint64_t trailer_name_feed(uint64_t name, char byte)
{
	uint32_t position = (uint32_t)name;

	/* Once a name has dropped out it stays out, so that position never passes a word's NUL. */
	for (size_t i = 0; i < ELEMENTS(refused_trailers); i++)
		if (name & (UINT64_C(1) << (32 + i)) &&
			refused_trailers[i][position] != (byte == '_' ? '-' : byte | 0x20))
			name &= ~(UINT64_C(1) << (32 + i));
	return name + 1;
}

static bool trailer_name_is_refused(uint64_t name)
{
	uint32_t position = (uint32_t)name;

	for (size_t i = 0; i < ELEMENTS(refused_trailers); i++)
		if (name & (UINT64_C(1) << (32 + i)) && refused_trailers[i][position] == '\0')
			return true;
	return false;
}

/* -1: no digit */
static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
		return (byte | 0x20) - 'a' + 10;
	return -1;
}

static enum body_state size_digit_feed(struct http1_body *body, int digit)
{
	if (body->remaining > INT64_MAX >> 4)
		return BODY_REFUSED;
	body->remaining = body->remaining << 4 | (uint64_t)digit;
	return BODY_SIZE;
}

/* chunk = chunk-size [ chunk-ext ] CRLF, RFC 9112 section 7.1. White space between the size and
 * the extension is refused: it is not needed, and not read by all alike. */
static enum body_state size_line_feed(struct http1_body *body, char byte)
{
	int digit = hex_digit(byte);

	if (++body->line > HTTP1_CHUNK_LINE_MAX)
		return BODY_REFUSED;
	switch ((enum body_state)body->state) {
	case BODY_SIZE_FIRST:
		return digit < 0 ? BODY_REFUSED : size_digit_feed(body, digit);
	case BODY_SIZE:
		if (digit >= 0)
			return size_digit_feed(body, digit);
		if (byte == ';')
			return BODY_EXTENSION;
		return byte == '\r' ? BODY_SIZE_LF : BODY_REFUSED;
	case BODY_EXTENSION:
		if (byte == '\r')
			return BODY_SIZE_LF;
		return byte == '\t' || (byte >= 0x20 && byte <= 0x7e) ? BODY_EXTENSION
								      : BODY_REFUSED;
	case BODY_SIZE_LF:
		if (byte != '\n')
			return BODY_REFUSED;
		body->line = 0;
		return body->remaining > 0 ? BODY_DATA : BODY_TRAILER;
	case BODY_DATA:
	case BODY_DATA_CR:
	case BODY_DATA_LF:
	case BODY_TRAILER:
	case BODY_TRAILER_NAME:
	case BODY_TRAILER_VALUE:
	case BODY_TRAILER_LF:
	case BODY_FINAL_LF:
	case BODY_ENDED:
	case BODY_REFUSED:
		break;
	}
	return BODY_REFUSED;
}

static enum body_state trailer_name_state(struct http1_body *body, char byte)
{
	if (byte == ':' && (uint32_t)body->remaining > 0)
		return trailer_name_is_refused(body->remaining) ? BODY_REFUSED : BODY_TRAILER_VALUE;
	if (!http1_is(byte, HTTP1_CLASS_TOKEN))
		return BODY_REFUSED;
	body->remaining = trailer_name_feed(body->remaining, byte);
	return BODY_TRAILER_NAME;
}

/* trailer-section = *( field-line CRLF ), then CRLF, RFC 9112 section 7.1.2 */
static enum body_state trailer_feed(struct http1_body *body, char byte)
{
	if (++body->line > HTTP1_TRAILER_MAX)
		return BODY_REFUSED;
	switch ((enum body_state)body->state) {
	case BODY_TRAILER:
		if (byte == '\r')
			return BODY_FINAL_LF;
		if (body->no_trailers)
			return BODY_REFUSED;
		body->remaining = trailer_name_begin();
		return trailer_name_state(body, byte);
	case BODY_TRAILER_NAME:
		return trailer_name_state(body, byte);
	case BODY_TRAILER_VALUE:
		if (byte == '\r')
			return BODY_TRAILER_LF;
		return http1_is(byte, HTTP1_CLASS_VALUE) ? BODY_TRAILER_VALUE : BODY_REFUSED;
	case BODY_TRAILER_LF:
		return byte == '\n' ? BODY_TRAILER : BODY_REFUSED;
	case BODY_FINAL_LF:
		return byte == '\n' ? BODY_ENDED : BODY_REFUSED;
	case BODY_DATA:
	case BODY_SIZE_FIRST:
	case BODY_SIZE:
	case BODY_EXTENSION:
	case BODY_SIZE_LF:
	case BODY_DATA_CR:
	case BODY_DATA_LF:
	case BODY_ENDED:
	case BODY_REFUSED:
		break;
	}
	return BODY_REFUSED;
}

/* One byte of the framing of a chunked body: the state behind it. */
static enum body_state framing_feed(struct http1_body *body, char byte)
{
	switch ((enum body_state)body->state) {
	case BODY_SIZE_FIRST:
	case BODY_SIZE:
	case BODY_EXTENSION:
	case BODY_SIZE_LF:
		return size_line_feed(body, byte);
	case BODY_DATA_CR:
		return byte == '\r' ? BODY_DATA_LF : BODY_REFUSED;
	case BODY_DATA_LF:
		return byte == '\n' ? BODY_SIZE_FIRST : BODY_REFUSED;
	case BODY_TRAILER:
	case BODY_TRAILER_NAME:
	case BODY_TRAILER_VALUE:
	case BODY_TRAILER_LF:
	case BODY_FINAL_LF:
		return trailer_feed(body, byte);
	case BODY_DATA:
	case BODY_ENDED:
	case BODY_REFUSED:
		break;
	}
	return BODY_REFUSED;
}

struct http1_body http1_body_begin(const struct http1_head *head)
{
	struct http1_body body = {
		.framing = head->framing,
		.state = BODY_DATA,
		.no_trailers = head->nominates,
	};

	switch (head->framing) {
	case HTTP1_NO_BODY:
		body.state = BODY_ENDED;
		break;
	case HTTP1_LENGTH:
		body.remaining = head->content_length;
		if (body.remaining == 0)
			body.state = BODY_ENDED;
		break;
	case HTTP1_CHUNKED:
		body.state = BODY_SIZE_FIRST;
		break;
	case HTTP1_UNTIL_CLOSE:
	case HTTP1_TUNNEL:
		body.remaining = UINT64_MAX;
		break;
	case HTTP1_FRAMING_COUNT:
		break;
	}
	return body;
}

/* Whether `remaining` is what trailer_name_feed() makes: it is an index into words. */
static bool trailer_name_is_sound(uint64_t name)
{
	uint32_t position = (uint32_t)name;

	if (name & ~(trailer_name_begin() | UINT32_MAX))
		return false;
	for (size_t i = 0; i < ELEMENTS(refused_trailers); i++)
		if (name & (UINT64_C(1) << (32 + i)) && position > strlen(refused_trailers[i]))
			return false;
	return true;
}

static bool chunked_is_sound(const struct http1_body *body)
{
	switch ((enum body_state)body->state) {
	case BODY_TRAILER_NAME:
		return trailer_name_is_sound(body->remaining);
	case BODY_DATA:
		return body->remaining > 0 && body->remaining <= INT64_MAX;
	case BODY_SIZE_FIRST:
		return body->remaining == 0;
	case BODY_SIZE:
	case BODY_EXTENSION:
	case BODY_SIZE_LF:
		return body->remaining <= INT64_MAX;
	case BODY_DATA_CR:
	case BODY_DATA_LF:
	case BODY_TRAILER:
	case BODY_TRAILER_VALUE:
	case BODY_TRAILER_LF:
	case BODY_FINAL_LF:
	case BODY_ENDED:
	case BODY_REFUSED:
		return true;
	}
	return false;
}

bool http1_body_is_sound(const struct http1_body *body)
{
	bool has_ended = body->state == BODY_ENDED, has_data = body->state == BODY_DATA;

	switch (body->framing) {
	case HTTP1_NO_BODY:
		return has_ended || (has_data && body->remaining == 0);
	case HTTP1_LENGTH:
		return has_ended || (has_data && body->remaining > 0);
	case HTTP1_CHUNKED:
		return chunked_is_sound(body);
	case HTTP1_UNTIL_CLOSE:
	case HTTP1_TUNNEL:
		return has_data && body->remaining == UINT64_MAX;
	case HTTP1_FRAMING_COUNT:
		break;
	}
	return false;
}

bool http1_body_ended(const struct http1_body *body)
{
	return body->state == BODY_ENDED;
}

uint64_t http1_body_opaque(const struct http1_body *body)
{
	return body->state == BODY_DATA ? body->remaining : 0;
}

void http1_body_moved(struct http1_body *body, uint64_t n)
{
	assert(n <= http1_body_opaque(body));
	if (n == 0 || body->framing == HTTP1_UNTIL_CLOSE || body->framing == HTTP1_TUNNEL)
		return;
	body->remaining -= n;
	if (body->remaining == 0)
		body->state = body->framing == HTTP1_CHUNKED ? BODY_DATA_CR : BODY_ENDED;
}

/* The verdict of the state that was reached. */
static enum http1_verdict body_verdict(const struct http1_body *body)
{
	if (body->state == BODY_REFUSED)
		return HTTP1_BAD;
	return body->state == BODY_ENDED ? HTTP1_OK : HTTP1_MORE;
}

enum http1_verdict http1_body_feed_span(struct http1_body *body, const char *bytes, size_t size,
	size_t *ret_taken, bool *ret_payload)
{
	uint64_t opaque = http1_body_opaque(body);
	size_t taken = 0;

	*ret_payload = opaque > 0;
	if (opaque > 0) {
		taken = size < opaque ? size : (size_t)opaque;
		http1_body_moved(body, taken);
	} else if (body->state == BODY_DATA) {
		body->state = BODY_REFUSED; /* it never began */
	}
	while (opaque == 0 && taken < size && body_verdict(body) == HTTP1_MORE &&
		body->state != BODY_DATA) {
		enum body_state next = framing_feed(body, bytes[taken]);

		/* From the digits of a size to its data `remaining` goes on; behind data a new
		 * size begins from nothing. */
		if (next == BODY_SIZE_FIRST)
			body->remaining = 0;
		body->state = (uint8_t)next;
		if (next != BODY_REFUSED)
			taken++;
	}
	*ret_taken = taken;
	return body_verdict(body);
}

enum http1_verdict http1_body_feed(
	struct http1_body *body, const char *bytes, size_t size, size_t *ret_taken)
{
	enum http1_verdict verdict = body_verdict(body);
	size_t taken = 0;

	while (verdict == HTTP1_MORE && taken < size) {
		size_t n;
		bool payload;

		verdict = http1_body_feed_span(body, bytes + taken, size - taken, &n, &payload);
		taken += n;
	}
	*ret_taken = taken;
	return verdict;
}
