/* SPDX-License-Identifier: MIT */
/*
 * Knows which fields there are and how each is spelled; does not know when.
 *
 * A field that is added to struct session, backend or flow and says what a connection is in the
 * middle of gets its row here. Lists, timers, memory and what follows from the plan are made anew.
 */
#include "handover-fields.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/names.h"
#include "base/number.h"
#include "session.h"

static const char *const state_names[SESSION_STATE_COUNT] = {
	[SESSION_PROXY] = "proxy",
	[SESSION_HEAD] = "head",
	[SESSION_HELD] = "held",
	[SESSION_EXCHANGE] = "exchange",
	[SESSION_TUNNEL] = "tunnel",
	[SESSION_ANSWER] = "answer",
	[SESSION_LINGER] = "linger",
};

static const char *const cookie_names[] = {
	[SESSION_COOKIE_STAYS] = "stays",
	[SESSION_COOKIE_SET] = "set",
	[SESSION_COOKIE_FORGET] = "forget",
};

static const char *const method_names[HTTP1_METHOD_COUNT] = {
	[HTTP1_METHOD_OTHER] = "other",
	[HTTP1_GET] = "get",
	[HTTP1_HEAD] = "head",
	[HTTP1_OPTIONS] = "options",
	[HTTP1_TRACE] = "trace",
	[HTTP1_POST] = "post",
	[HTTP1_PUT] = "put",
	[HTTP1_DELETE] = "delete",
	[HTTP1_PATCH] = "patch",
	[HTTP1_CONNECT] = "connect",
};

static const char *const framing_names[HTTP1_FRAMING_COUNT] = {
	[HTTP1_NO_BODY] = "none",
	[HTTP1_LENGTH] = "length",
	[HTTP1_CHUNKED] = "chunked",
	[HTTP1_UNTIL_CLOSE] = "until-close",
	[HTTP1_TUNNEL] = "tunnel",
};

static const char *const class_names[ROUTE_CLASS_COUNT] = {
	[ROUTE_READS] = "reads",
	[ROUTE_WRITES] = "writes",
};

static const char *const color_names[COLOR_COUNT] = {
	[COLOR_BLUE] = "blue",
	[COLOR_GREEN] = "green",
};

static const char *const timer_names[TIMER_KIND_COUNT] = {
	[TIMER_NONE] = "none",
	[TIMER_IDLE] = "idle",
	[TIMER_HEAD] = "head",
	[TIMER_HOLD] = "hold",
	[TIMER_CONNECT] = "connect",
	[TIMER_RESPONSE] = "response",
	[TIMER_STALL] = "stall",
	[TIMER_LINGER] = "linger",
	[TIMER_POOL] = "pool",
};

#define ROW(struct_, member_, kind_)                                                               \
	{                                                                                          \
#member_, offsetof(struct struct_, member_), kind_, NULL, 0                        \
	}
#define NAMED(struct_, member_, names_)                                                            \
	{                                                                                          \
#member_, offsetof(struct struct_, member_), FIELD_ENUM, names_, ELEMENTS(names_)  \
	}
#define BYTES(struct_, member_)                                                                    \
	{                                                                                          \
#member_, offsetof(struct struct_, member_), FIELD_BYTES, NULL,                    \
			sizeof(((struct struct_ *)NULL)->member_)                                  \
	}

static const struct field session_rows[] = {
	NAMED(session, state, state_names),
	NAMED(session, timer.kind, timer_names),
	ROW(session, timer.since, FIELD_U64),
	ROW(session, client.hung_up, FIELD_BOOL),
	ROW(session, client.reset, FIELD_BOOL),
	ROW(session, client.ended, FIELD_BOOL),
	ROW(session, client.error, FIELD_U32),
	ROW(session, client.sent, FIELD_U64),
	BYTES(session, source.address),
	ROW(session, source.port, FIELD_U16),
	ROW(session, source.known, FIELD_BOOL),
	BYTES(session, destination.address),
	ROW(session, destination.port, FIELD_U16),
	ROW(session, destination.known, FIELD_BOOL),
	ROW(session, forward.trusted, FIELD_BOOL),
	ROW(session, unmet, FIELD_BOOL),
	NAMED(session, request_body.framing, framing_names),
	ROW(session, request_body.state, FIELD_U8),
	ROW(session, request_body.line, FIELD_U16),
	ROW(session, request_body.remaining, FIELD_U64),
	ROW(session, request_body.no_trailers, FIELD_BOOL),
	NAMED(session, response_body.framing, framing_names),
	ROW(session, response_body.state, FIELD_U8),
	ROW(session, response_body.line, FIELD_U16),
	ROW(session, response_body.remaining, FIELD_U64),
	ROW(session, response_body.no_trailers, FIELD_BOOL),
	ROW(session, seen, FIELD_U32),
	ROW(session, response_seen, FIELD_U32),
	ROW(session, head_size, FIELD_U32),
	ROW(session, held_since, FIELD_U64),
	NAMED(session, method, method_names),
	NAMED(session, class, class_names),
	NAMED(session, color, color_names),
	ROW(session, refused, FIELD_U32),
	ROW(session, tries, FIELD_U8),
	ROW(session, informational, FIELD_U8),
	ROW(session, place, FIELD_U8),
	ROW(session, pinned, FIELD_BOOL),
	NAMED(session, pin, color_names),
	ROW(session, cookie_hidden, FIELD_BOOL),
	NAMED(session, cookie_due, cookie_names),
	ROW(session, sent_at, FIELD_U64),
	ROW(session, answered_at, FIELD_U64),
	ROW(session, tcp, FIELD_BOOL),
	ROW(session, unread, FIELD_BOOL),
	ROW(session, keep_alive, FIELD_BOOL),
	ROW(session, http10, FIELD_BOOL),
	ROW(session, upgrade, FIELD_BOOL),
	ROW(session, fresh_only, FIELD_BOOL),
	ROW(session, inflight, FIELD_BOOL),
	ROW(session, stream, FIELD_BOOL),
	ROW(session, response_begun, FIELD_BOOL),
	ROW(session, response_whole, FIELD_BOOL),
	ROW(session, unchunk, FIELD_BOOL),
	ROW(session, close_after, FIELD_BOOL),
	ROW(session, backend_keeps, FIELD_BOOL),
	ROW(session, progress, FIELD_BOOL),
};

static const struct field backend_rows[] = {
	ROW(backend, port, FIELD_U16),
	ROW(backend, pooled, FIELD_BOOL),
	ROW(backend, introduced, FIELD_BOOL),
	ROW(backend, sent, FIELD_BOOL),
	ROW(backend, deaf, FIELD_BOOL),
	ROW(backend, peer.hung_up, FIELD_BOOL),
	ROW(backend, peer.reset, FIELD_BOOL),
	ROW(backend, peer.ended, FIELD_BOOL),
	ROW(backend, peer.error, FIELD_U32),
	ROW(backend, peer.sent, FIELD_U64),
};

static const struct field flow_rows[] = {
	ROW(flow, kept, FIELD_U32),
	ROW(flow, next, FIELD_U32),
	ROW(flow, limit, FIELD_U32),
	ROW(flow, parsed, FIELD_U32),
	ROW(flow, end, FIELD_U32),
	ROW(flow, keeping, FIELD_BOOL),
	ROW(flow, last, FIELD_BOOL),
	ROW(flow, bulk, FIELD_BOOL),
	ROW(flow, front_end, FIELD_U32),
	ROW(flow, piped, FIELD_U32),
};

const struct fields session_fields = {session_rows, ELEMENTS(session_rows)};
const struct fields backend_fields = {backend_rows, ELEMENTS(backend_rows)};
const struct fields flow_fields = {flow_rows, ELEMENTS(flow_rows)};

static_assert(sizeof(enum session_state) == sizeof(unsigned int), "enums are read as unsigned int");

void hex_write(const void *bytes, size_t size, FILE *file)
{
	for (size_t i = 0; i < size; i++)
		fprintf(file, "%02x", ((const uint8_t *)bytes)[i]);
}

static int digit_of(char letter)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = memchr(digits, letter, sizeof(digits) - 1);

	return found ? (int)(found - digits) : -1;
}

int hex_read(const char *text, void *bytes, size_t size)
{
	if (strlen(text) != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		((uint8_t *)bytes)[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static size_t field_size(enum field_kind kind)
{
	switch (kind) {
	case FIELD_BOOL:
	case FIELD_U8:
		return 1;
	case FIELD_U16:
		return 2;
	case FIELD_U32:
	case FIELD_ENUM:
		return 4;
	case FIELD_U64:
		return 8;
	case FIELD_BYTES:
		break;
	}
	return 0;
}

static uint64_t number_get(const struct field *row, const void *object)
{
	const char *at = (const char *)object + row->offset;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (field_size(row->kind)) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static void number_set(const struct field *row, void *object, uint64_t number)
{
	char *at = (char *)object + row->offset;
	uint32_t u32 = (uint32_t)number;
	uint16_t u16 = (uint16_t)number;

	switch (field_size(row->kind)) {
	case 1:
		*(uint8_t *)at = (uint8_t)number;
		break;
	case 2:
		memcpy(at, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(at, &u32, sizeof(u32));
		break;
	default:
		memcpy(at, &number, sizeof(number));
		break;
	}
}

static void bytes_write(const struct field *row, const void *object, FILE *file)
{
	const uint8_t *bytes = (const uint8_t *)object + row->offset;
	uint8_t any = 0;

	for (size_t i = 0; i < row->size; i++)
		any |= bytes[i];
	if (!any)
		return;
	fprintf(file, " %s=", row->name);
	hex_write(bytes, row->size, file);
}

void fields_write(const struct fields *fields, const void *object, FILE *file)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *row = &fields->rows[i];
		uint64_t number;

		if (row->kind == FIELD_BYTES) {
			bytes_write(row, object, file);
			continue;
		}
		number = number_get(row, object);
		if (number == 0)
			continue;
		if (row->kind == FIELD_ENUM)
			fprintf(file, " %s=%s", row->name, row->names[number]);
		else
			fprintf(file, " %s=%llu", row->name, (unsigned long long)number);
	}
}

static uint64_t number_max(enum field_kind kind)
{
	switch (kind) {
	case FIELD_BOOL:
		return 1;
	case FIELD_U8:
		return UINT8_MAX;
	case FIELD_U16:
		return UINT16_MAX;
	case FIELD_U32:
		return UINT32_MAX;
	case FIELD_U64:
	case FIELD_ENUM:
	case FIELD_BYTES:
		break;
	}
	return UINT64_MAX;
}

static int value_read(const struct field *row, const char *value, void *object)
{
	uint64_t number;
	int index, r;

	switch (row->kind) {
	case FIELD_BYTES:
		return hex_read(value, (uint8_t *)object + row->offset, row->size);
	case FIELD_ENUM:
		index = name_lookup(row->names, row->size, value);
		if (index < 0)
			return index;
		number_set(row, object, (uint64_t)index);
		return 0;
	case FIELD_BOOL:
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		break;
	}
	r = number_parse(value, number_max(row->kind), &number);
	if (r < 0)
		return r;
	number_set(row, object, number);
	return 0;
}

int field_read(const struct fields *fields, char *word, void *object)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	for (size_t i = 0; i < fields->count; i++)
		if (strcmp(fields->rows[i].name, word) == 0)
			return value_read(&fields->rows[i], value, object);
	return 0;
}
