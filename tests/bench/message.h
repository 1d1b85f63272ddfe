/* SPDX-License-Identifier: MIT */
/*
 * The least of HTTP/1.1 that both ends of the bench need. They speak only to each other through
 * well-behaved proxies, and cost must not hide what is measured: nothing here is for strangers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LARGE_SIZE ((size_t)1 << 20) /* of the load client's pattern, from its begin on */
#define SMALL_BODY "hello"	     /* both ways */

/* Bytes of the head, its empty line included; 0 if it is not whole. */
static inline size_t message_head_size(const char *bytes, size_t size)
{
	const char *end = memmem(bytes, size, "\r\n\r\n", 4);

	return end ? (size_t)(end - bytes) + 4 : 0;
}

/* The value of a field of a whole head, or NULL. name: with the colon. */
static inline const char *message_field(const char *head, size_t size, const char *name)
{
	size_t length = strlen(name);
	const char *line = head;

	while ((line = memchr(line, '\n', size - (size_t)(line - head)))) {
		line++;
		if (size - (size_t)(line - head) < length)
			return NULL;
		if (strncasecmp(line, name, length) == 0)
			return line + length + strspn(line + length, " ");
	}
	return NULL;
}

static inline size_t message_body_size(const char *head, size_t size)
{
	const char *value = message_field(head, size, "Content-Length:");

	return value ? strtoul(value, NULL, 10) : 0;
}

static inline bool message_closes(const char *head, size_t size)
{
	const char *value = message_field(head, size, "Connection:");

	return value && strncasecmp(value, "close", 5) == 0;
}
