/* SPDX-License-Identifier: MIT */
/*
 * What the files of the words share: how a word is taken apart, and how an answer is put together.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "relay-words.h"

/* "key=rest" */
static inline const char *value_of(const char *word, const char *key)
{
	size_t length = strlen(key);

	if (!word || strncmp(word, key, length) != 0 || word[length] != '=')
		return NULL;
	return word + length + 1;
}

struct text {
	char *bytes;
	size_t length, size;
};

static inline void put(struct text *text, const char *format, ...) _printf_(2, 3);
static inline void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->bytes + text->length, text->size - text->length, format, arguments);
	va_end(arguments);
	if (n > 0)
		text->length += (size_t)n;
	if (text->length >= text->size)
		text->length = text->size - 1;
}

/* "4,0,2": what is left out behind the last one is 0. */
static inline void put_latency(struct text *text, const uint64_t counts[static LATENCY_BUCKETS])
{
	int count = LATENCY_BUCKETS;

	while (count > 1 && counts[count - 1] == 0)
		count--;
	for (int bucket = 0; bucket < count; bucket++)
		put(text, "%s%llu", bucket > 0 ? "," : "", (unsigned long long)counts[bucket]);
}
