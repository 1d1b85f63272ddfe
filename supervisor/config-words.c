/* SPDX-License-Identifier: MIT */
/*
 * Knows quotes and escapes; does not know what the words are for.
 */
#include "config-words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int digit_value(char c, int base)
{
	int value;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	else
		return -EINVAL;
	return value < base ? value : -EINVAL;
}

/* Exactly n digits. */
static int take_digits(const char **text, size_t n, int base, uint32_t *ret_code)
{
	uint32_t code = 0;

	for (size_t i = 0; i < n; i++) {
		int value = digit_value((*text)[i], base);

		if (value < 0)
			return value;
		code = code * (uint32_t)base + (uint32_t)value;
	}
	*text += n;
	*ret_code = code;
	return 0;
}

/* As UTF-8; at most as long as its escape was. */
static int put_code(char **word, uint32_t code)
{
	char *p = *word;

	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -EINVAL;
	if (code < 0x80) {
		*p++ = (char)code;
	} else if (code < 0x800) {
		*p++ = (char)(0xc0 | code >> 6);
		*p++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*p++ = (char)(0xe0 | code >> 12);
		*p++ = (char)(0x80 | (code >> 6 & 0x3f));
		*p++ = (char)(0x80 | (code & 0x3f));
	} else {
		*p++ = (char)(0xf0 | code >> 18);
		*p++ = (char)(0x80 | (code >> 12 & 0x3f));
		*p++ = (char)(0x80 | (code >> 6 & 0x3f));
		*p++ = (char)(0x80 | (code & 0x3f));
	}
	*word = p;
	return 0;
}

/* A byte written as a number. Above 0x7f it would be a piece of UTF-8, or no text at all. */
static int put_byte(char **word, uint32_t code)
{
	return code < 0x80 ? put_code(word, code) : -EINVAL;
}

static int take_number_escape(const char **text, char **word)
{
	uint32_t code;
	int r;

	switch (**text) {
	case 'x':
		(*text)++;
		r = take_digits(text, 2, 16, &code);
		return r < 0 ? r : put_byte(word, code);
	case 'u':
		(*text)++;
		r = take_digits(text, 4, 16, &code);
		return r < 0 ? r : put_code(word, code);
	case 'U':
		(*text)++;
		r = take_digits(text, 8, 16, &code);
		return r < 0 ? r : put_code(word, code);
	default:
		r = take_digits(text, 3, 8, &code);
		return r < 0 ? r : put_byte(word, code);
	}
}

/* Takes what stands behind a backslash. */
static int take_escape(const char **text, char **word)
{
	static const char letters[] = "abfnrtvs\\\"'";
	static const char meanings[] = "\a\b\f\n\r\t\v \\\"'";
	const char *letter = **text ? strchr(letters, **text) : NULL;

	if (!letter)
		return take_number_escape(text, word);
	*(*word)++ = meanings[letter - letters];
	(*text)++;
	return 0;
}

/* Takes one word into `word`, which has room for all of the text. */
static int take_word(const char **text, char *word)
{
	char quote = '\0';
	int r;

	while (**text && (quote || !is_blank(**text))) {
		char c = *(*text)++;

		if (c == '\\') {
			r = take_escape(text, &word);
			if (r < 0)
				return r;
		} else if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
		} else {
			*word++ = c;
		}
	}
	*word = '\0';
	return quote ? -EINVAL : 0;
}

static int split(const char *text, size_t max, char **words, size_t *count)
{
	_cleanup_free_ char *word = malloc(strlen(text) + 1);
	int r;

	if (!word)
		return -ENOMEM;
	for (;;) {
		while (is_blank(*text))
			text++;
		if (!*text)
			return 0;
		if (*count == max)
			return -E2BIG;
		r = take_word(&text, word);
		if (r < 0)
			return r;
		words[*count] = strdup(word);
		if (!words[*count])
			return -ENOMEM;
		(*count)++;
	}
}

int config_words_split(const char *text, size_t max, char **ret_words)
{
	_cleanup_free_ char **words = calloc(max + 1, sizeof(*words));
	size_t count = 0;
	int r;

	if (!words)
		return -ENOMEM;
	r = split(text, max, words, &count);
	if (r < 0) {
		while (count > 0)
			free(words[--count]);
		return r;
	}
	memcpy(ret_words, words, (count + 1) * sizeof(*words));
	return (int)count;
}
