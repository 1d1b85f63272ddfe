/* SPDX-License-Identifier: MIT */
/*
 * How the relay's parser frames sequences of messages: one a line on stdin, `Q HEX` for what a
 * client sends, `R METHODS HEX` for what an application answers (a letter a request: G, H for HEAD,
 * C for CONNECT). Knows what forward.c makes of them too; knows no other parser (frames.js) and
 * judges nothing (run).
 *
 * For each line it prints
 *	whole|part END MINOR KEEP UPGRADE FIRST FIELDS BODY PASSED
 * a message (END: where it ends; bytes in hex, `-` where there are none; PASSED: the message as it
 * is passed on) and at last
 *	done|more|closes|tunnel|refused STATUS AT
 * which says why no further one was read, and where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "endpoint.h"
#include "forward.h"
#include "http1.h"

#define ADDRESS "192.0.2.1" /* of the client */

struct sequence {
	bool responses;
	char methods[64];
	char *bytes;
	size_t size;
};

struct message {
	struct http1_head head;
	enum http1_verdict verdict; /* of its body */
	const char *bytes;	    /* the whole of it */
	size_t size;
	char *payload;
	size_t payload_size;
};

static enum http1_method method_of(char letter)
{
	if (letter == 'H')
		return HTTP1_HEAD;
	return letter == 'C' ? HTTP1_CONNECT : HTTP1_GET;
}

static void put_hex(const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		putchar(digits[(uint8_t)bytes[i] >> 4]);
		putchar(digits[(uint8_t)bytes[i] & 15]);
	}
}

static void put_span(const char *bytes, struct http1_span span)
{
	put_hex(bytes + span.offset, span.length);
}

static void put_word(const char *bytes, size_t size)
{
	putchar(' ');
	if (size == 0)
		putchar('-');
	put_hex(bytes, size);
}

static void put_first(const struct message *message)
{
	char status[8];

	putchar(' ');
	if (message->head.status > 0) {
		(void)snprintf(status, sizeof(status), "%u", message->head.status);
		put_hex(status, 3);
		return;
	}
	/* As it came: without ` HTTP/1.1` and CRLF. */
	put_hex(message->bytes, message->head.first_header - 11);
}

static void put_fields(const struct message *message)
{
	putchar(' ');
	if (message->head.header_count == 0)
		putchar('-');
	for (uint32_t i = 0; i < message->head.header_count; i++) {
		const struct http1_header *header = &message->head.headers[i];

		put_span(message->bytes, header->name);
		putchar('=');
		put_span(message->bytes, header->value);
		putchar(',');
	}
}

static void put_passed(const struct message *message)
{
	struct endpoint endpoint = {0};
	struct forward_client client;
	size_t length;
	static char out[FORWARD_SIZE_MAX];
	const struct http1_head *head = &message->head;
	/* An interim response does not say what becomes of the connection. */
	enum forward_ending ending =
		head->keep_alive || head->status < 200 ? FORWARD_PLAIN : FORWARD_CLOSE;

	if (head->status > 0) {
		length = forward_response_head(message->bytes, head, ending, false, out);
	} else {
		(void)endpoint_parse(ADDRESS, strlen(ADDRESS), &endpoint);
		client = forward_client_of(&endpoint, false);
		length = forward_request_head(message->bytes, head, &client, NULL, out);
	}
	put_word(out, length);
	put_hex(message->bytes + head->size, message->size - head->size);
}

static void message_print(const struct message *message, size_t end)
{
	const struct http1_head *head = &message->head;
	bool whole = message->verdict == HTTP1_OK;

	printf("%s %zu %u %d %d", whole ? "whole" : "part", end, head->minor, head->keep_alive,
		head->upgrade);
	put_first(message);
	put_fields(message);
	put_word(message->payload, message->payload_size);
	if (whole)
		put_passed(message);
	putchar('\n');
}

/* Takes the body behind the head; what ends with the connection ends with the sequence. */
static void body_read(struct message *message, size_t size)
{
	struct http1_body body = http1_body_begin(&message->head);
	size_t taken;
	bool payload;

	message->size = message->head.size;
	message->verdict = http1_body_ended(&body) ? HTTP1_OK : HTTP1_MORE;
	if (message->head.framing == HTTP1_TUNNEL)
		message->verdict = HTTP1_OK;
	while (message->verdict == HTTP1_MORE && message->size < size) {
		const char *at = message->bytes + message->size;

		message->verdict =
			http1_body_feed_span(&body, at, size - message->size, &taken, &payload);
		if (payload) {
			memcpy(message->payload + message->payload_size, at, taken);
			message->payload_size += taken;
		}
		message->size += taken;
	}
	if (message->verdict == HTTP1_MORE && message->head.framing == HTTP1_UNTIL_CLOSE)
		message->verdict = HTTP1_OK;
}

static enum http1_verdict head_read(
	const struct sequence *sequence, size_t at, size_t request, struct http1_head *ret_head)
{
	uint32_t seen = 0;
	size_t last = strlen(sequence->methods);

	if (!sequence->responses)
		return http1_request_parse(
			sequence->bytes + at, sequence->size - at, &seen, ret_head);
	return http1_response_parse(sequence->bytes + at, sequence->size - at, &seen,
		method_of(sequence->methods[request < last ? request : last - 1]), ret_head);
}

/* Why nothing is read behind this one; NULL: more is read. */
static const char *last_word(const struct message *message)
{
	const struct http1_head *head = &message->head;

	if (message->verdict != HTTP1_OK)
		return message->verdict == HTTP1_MORE ? "more" : "refused";
	if (head->framing == HTTP1_TUNNEL || head->method == HTTP1_CONNECT)
		return "tunnel";
	/* An interim response is followed by another one whatever it says. */
	return head->keep_alive || (head->status > 0 && head->status < 200) ? NULL : "closes";
}

static void messages_read(const struct sequence *sequence, char *payload)
{
	static struct message message;
	enum http1_verdict verdict;
	const char *last = NULL;
	size_t at = 0, request = 0;

	while (!last) {
		if (!sequence->responses)
			at += http1_skip_empty_lines(sequence->bytes + at, sequence->size - at);
		if (at == sequence->size)
			break;
		message.bytes = sequence->bytes + at;
		message.payload = payload;
		message.payload_size = 0;
		verdict = head_read(sequence, at, request, &message.head);
		if (verdict != HTTP1_OK) {
			printf("%s %u %zu\n", verdict == HTTP1_MORE ? "more" : "refused",
				verdict == HTTP1_MORE ? 0 : http1_verdict_status(verdict), at);
			return;
		}
		body_read(&message, sequence->size - at);
		message_print(&message, at + message.size);
		last = last_word(&message);
		at += message.size;
		request += message.head.status >= 200;
	}
	printf("%s %u %zu\n", last ? last : "done", last && *last == 'r' ? 400 : 0, at);
}

/* Hex digits in place; false if they are none. */
static bool unhex(char *text, size_t *ret_size)
{
	size_t size = strspn(text, "0123456789abcdef");

	if (size % 2 != 0 || (text[size] != '\n' && text[size] != '\0'))
		return false;
	for (size_t i = 0; i < size / 2; i++) {
		char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

		text[i] = (char)strtoul(digits, NULL, 16);
	}
	*ret_size = size / 2;
	return true;
}

static bool sequence_read(char *line, struct sequence *ret_sequence)
{
	char *bytes = line + 2;

	ret_sequence->responses = line[0] == 'R';
	ret_sequence->methods[0] = '\0';
	if (ret_sequence->responses) {
		if (sscanf(line, "R %63[A-Z] ", ret_sequence->methods) != 1)
			return false;
		bytes += strlen(ret_sequence->methods) + 1;
	}
	ret_sequence->bytes = bytes;
	return (line[0] == 'Q' || line[0] == 'R') && unhex(bytes, &ret_sequence->size);
}

int main(void)
{
	_cleanup_free_ char *line = NULL, *payload = NULL;
	struct sequence sequence;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		_cleanup_free_ char *copy = NULL;

		if (length < 3 || !sequence_read(line, &sequence)) {
			fprintf(stderr, "frames: neither `Q HEX` nor `R METHODS HEX`: %s", line);
			return 2;
		}
		/* Of exactly this size, so that the sanitizer sees a step too far. */
		copy = malloc(sequence.size + 1);
		free(payload);
		payload = malloc(sequence.size + 1);
		if (!copy || !payload)
			return 1;
		memcpy(copy, sequence.bytes, sequence.size);
		sequence.bytes = copy;
		messages_read(&sequence, payload);
	}
	return 0;
}
