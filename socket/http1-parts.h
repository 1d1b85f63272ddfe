/* SPDX-License-Identifier: MIT */
/*
 * What the http1*.c share, and nobody else includes: which byte may stand where, and the
 * parts of a head.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "http1.h"

/* Classes of bytes: a bit each. */
enum {
	HTTP1_CLASS_TOKEN = 1 << 0,  /* tchar, RFC 9110 section 5.6.2 */
	HTTP1_CLASS_TARGET = 1 << 1, /* printable ASCII without the space */
	HTTP1_CLASS_VALUE = 1 << 2,  /* field-vchar, SP, HTAB and obs-text, RFC 9110 section 5.5 */
	HTTP1_CLASS_HOST = 1 << 3,   /* uri-host and port, RFC 3986 section 3.2 */
};

extern const uint8_t http1_classes[256];

static inline bool http1_is(char byte, uint8_t class)
{
	return http1_classes[(uint8_t)byte] & class;
}

/* Eight bytes as a number: for comparing, whatever the machine's order. */
static inline uint64_t http1_load(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Behind the bytes of a class that stand at `at`; eight are looked at in one step. */
const char *http1_skip_token(const char *at, const char *end);
const char *http1_skip_target(const char *at, const char *end);
const char *http1_skip_value(const char *at, const char *end);

/* Where reading is; never past `end`. */
struct http1_scan {
	const char *start;
	const char *at;
	const char *end;
};

static inline uint32_t http1_offset(const struct http1_scan *scan, const char *at)
{
	return (uint32_t)(at - scan->start);
}

/* The first line, CRLF included; sets first_header and what the line says. */
enum http1_verdict http1_request_line_parse(struct http1_scan *scan, struct http1_head *head);
enum http1_verdict http1_status_line_parse(struct http1_scan *scan, struct http1_head *head);

/* What the fields of a head say together. */
struct http1_facts {
	uint32_t content_lengths, transfer_encodings, hosts; /* how many of them */
	const struct http1_header *content_length, *transfer_encoding;
	bool close, keep_alive, upgrade; /* options of Connection */
	bool upgrade_field;
	uint32_t nominations; /* other options of Connection */
	bool nominates;	      /* one of them names a field that ends here */
};

/* Reads the fields and the empty line; sets header_count, headers, and what depends on one field
 * alone (host, expect_continue, event_stream). */
enum http1_verdict http1_fields_parse(
	struct http1_scan *scan, struct http1_head *head, struct http1_facts *ret_facts);

/* `word` in lower case; the bytes, of class token or value, in any. */
bool http1_is_word(const char *bytes, size_t length, const char *word);

/* The same for what the bytes begin with. */
bool http1_begins_with(const char *bytes, size_t length, const char *beginning);

/* The name of a field that Connection must not take away (http1-kept.c). */
bool http1_is_kept(const char *name, size_t length);

/* One CRLF: HTTP1_OK and behind it, HTTP1_MORE, or HTTP1_BAD. */
enum http1_verdict http1_crlf(struct http1_scan *scan);
