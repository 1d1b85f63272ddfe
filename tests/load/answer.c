/* SPDX-License-Identifier: MIT */
/*
 * States and bytes. 1xx answers are passed over, 101 excepted, which is whole with its head.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "base/cleanup.h"

void answer_begin(struct answer *answer)
{
	/* Not the line: 16 KiB a request would be felt. */
	memset(answer, 0, offsetof(struct answer, line));
	answer->color = COLOR_COUNT;
}

static void answer_refuse(struct answer *answer, const char *flaw)
{
	answer->state = ANSWER_BAD;
	answer->flaw = flaw;
}

static void copy_word(char *into, size_t room, const char *value)
{
	size_t size = strlen(value);

	if (size >= room)
		size = 0; /* longer than any of ours: it will not match, and says nothing */
	memcpy(into, value, size);
	into[size] = '\0';
}

/* What the head says about the framing, until it is all read. */
struct framing {
	bool has_length, chunked;
	uint64_t length;
};

static void read_length(struct answer *answer, struct framing *framing, const char *value)
{
	char *end;

	if (framing->has_length || !isdigit((unsigned char)value[0]))
		answer_refuse(answer, "Content-Length is repeated or no number");
	framing->has_length = true;
	framing->length = strtoull(value, &end, 10);
	if (*end)
		answer_refuse(answer, "Content-Length is no number");
}

static void read_field(
	struct answer *answer, struct framing *framing, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Length") == 0) {
		read_length(answer, framing, value);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		framing->chunked = strcasecmp(value, "chunked") == 0;
		if (!framing->chunked)
			answer_refuse(answer, "a transfer coding other than chunked");
	} else if (strcasecmp(name, "Connection") == 0) {
		if (strcasecmp(value, "close") == 0)
			answer->closes = true;
		else if (strcasecmp(value, "keep-alive") == 0)
			answer->closes = false;
	} else if (strcasecmp(name, "Retry-After") == 0) {
		answer->retry_after = true;
	} else if (strcasecmp(name, "Content-Type") == 0) {
		answer->event_stream = strncasecmp(value, "text/event-stream", 17) == 0;
	} else if (strcasecmp(name, "X-Color") == 0) {
		if (color_from_name(value, &answer->color) < 0)
			answer->color = COLOR_COUNT;
	} else if (strcasecmp(name, "X-Request-Id") == 0) {
		copy_word(answer->id, sizeof(answer->id), value);
	} else if (strcasecmp(name, "Sec-WebSocket-Accept") == 0) {
		copy_word(answer->accept, sizeof(answer->accept), value);
	}
}

static void read_status_line(struct answer *answer, const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
		line[8] != ' ' || !isdigit((unsigned char)line[9]) ||
		!isdigit((unsigned char)line[10]) || !isdigit((unsigned char)line[11])) {
		answer_refuse(answer, "no status line");
		return;
	}
	answer->status = (unsigned int)strtoul(line + 9, NULL, 10);
	answer->closes = line[7] == '0'; /* unless it says otherwise */
}

/* The head is whole: how does the body end? */
static void choose_body(struct answer *answer, const struct framing *framing)
{
	answer->line_size = 0;
	if (answer->status == 101) {
		answer->state = ANSWER_WHOLE;
	} else if (answer->status < 200) {
		answer_begin(answer);
		answer->began = true;
	} else if (framing->chunked && framing->has_length) {
		answer_refuse(answer, "both Content-Length and Transfer-Encoding");
	} else if (answer->status == 204 || answer->status == 304) {
		answer->state = ANSWER_WHOLE;
	} else if (framing->chunked) {
		answer->state = ANSWER_CHUNK_LINE;
	} else if (framing->has_length) {
		answer->remaining = framing->length;
		answer->state = framing->length ? ANSWER_LENGTH : ANSWER_WHOLE;
	} else {
		answer->closes = true;
		answer->state = ANSWER_UNTIL_CLOSE;
	}
}

static void read_head(struct answer *answer)
{
	struct framing framing = {0};
	char *line = answer->line, *next;

	for (; (next = strstr(line, "\r\n")) && next != line; line = next + 2) {
		char *value;

		*next = '\0';
		if (line == answer->line) {
			read_status_line(answer, line);
			continue;
		}
		value = strchr(line, ':');
		if (!value || value == line) {
			answer_refuse(answer, "a header line without a name");
			return;
		}
		*value++ = '\0';
		value += strspn(value, " \t");
		read_field(answer, &framing, line, value);
	}
	if (answer->state != ANSWER_BAD)
		choose_body(answer, &framing);
}

/* Takes one byte of something made of lines. True when `ending` stands at its end. */
static bool take_line_byte(struct answer *answer, char byte, const char *ending)
{
	size_t length = strlen(ending);

	if (answer->line_size + 1 >= sizeof(answer->line)) {
		answer_refuse(answer, "a line or head without an end");
		return false;
	}
	answer->line[answer->line_size++] = byte;
	answer->line[answer->line_size] = '\0';
	return answer->line_size >= length &&
	       memcmp(answer->line + answer->line_size - length, ending, length) == 0;
}

static void read_chunk_size(struct answer *answer)
{
	char *end;

	if (!isxdigit((unsigned char)answer->line[0])) {
		answer_refuse(answer, "a chunk without a size");
		return;
	}
	answer->remaining = strtoull(answer->line, &end, 16);
	if (*end != '\r' && *end != ';')
		answer_refuse(answer, "a chunk size that is no number");
	else
		answer->state = answer->remaining ? ANSWER_CHUNK : ANSWER_TRAILER;
	answer->line_size = 0;
}

static void feed_byte(struct answer *answer, char byte)
{
	if (answer->state == ANSWER_HEAD) {
		if (take_line_byte(answer, byte, "\r\n\r\n"))
			read_head(answer);
	} else if (!take_line_byte(answer, byte, "\r\n")) {
		return;
	} else if (answer->state == ANSWER_CHUNK_LINE) {
		read_chunk_size(answer);
	} else if (answer->state == ANSWER_CHUNK_END) {
		if (answer->line_size != 2)
			answer_refuse(answer, "bytes between a chunk and the next");
		else
			answer->state = ANSWER_CHUNK_LINE;
		answer->line_size = 0;
	} else {
		if (answer->line_size == 2)
			answer->state = ANSWER_WHOLE;
		answer->line_size = 0;
	}
}

static size_t feed_body(
	struct answer *answer, const char *bytes, size_t size, const struct answer_sink *sink)
{
	bool counted = answer->state != ANSWER_UNTIL_CLOSE;

	if (counted && size > answer->remaining)
		size = answer->remaining;
	answer->body_size += size;
	if (sink)
		sink->take(sink->owner, bytes, size);
	if (counted) {
		answer->remaining -= size;
		if (answer->remaining == 0)
			answer->state =
				answer->state == ANSWER_CHUNK ? ANSWER_CHUNK_END : ANSWER_WHOLE;
	}
	return size;
}

size_t answer_feed(
	struct answer *answer, const char *bytes, size_t size, const struct answer_sink *sink)
{
	size_t taken = 0;

	while (taken < size) {
		if (answer->state == ANSWER_WHOLE || answer->state == ANSWER_BAD)
			break;
		answer->began = true;
		if (answer->state == ANSWER_LENGTH || answer->state == ANSWER_CHUNK ||
			answer->state == ANSWER_UNTIL_CLOSE)
			taken += feed_body(answer, bytes + taken, size - taken, sink);
		else
			feed_byte(answer, bytes[taken++]);
	}
	return taken;
}

bool answer_end(struct answer *answer)
{
	if (answer->state == ANSWER_UNTIL_CLOSE)
		answer->state = ANSWER_WHOLE;
	return answer->state == ANSWER_WHOLE;
}
