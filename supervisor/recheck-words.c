/* SPDX-License-Identifier: MIT */
/*
 * Knows words; does not know which.
 */
#include "recheck-words.h"

#include <stdlib.h>
#include <string.h>

void word_write(FILE *file, const char *text)
{
	if (!*text)
		fputc('%', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= ' ' || c == '%' || c == 0x7f)
			fprintf(file, "%%%02X", c);
		else
			fputc(c, file);
	}
}

static int digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static char *word_decode(char *word)
{
	char *to = word;

	if (strcmp(word, "%") == 0) {
		*word = '\0';
		return word;
	}
	for (const char *from = word; *from; to++) {
		int high, low;

		if (*from != '%') {
			*to = *from++;
			continue;
		}
		high = digit(from[1]);
		low = high < 0 ? -1 : digit(from[2]);
		if (low < 0 || high + low == 0)
			return NULL;
		*to = (char)(high * 16 + low);
		from += 3;
	}
	*to = '\0';
	return word;
}

char *word_take(char **rest)
{
	char *word = *rest + strspn(*rest, " "), *end = word + strcspn(word, " ");

	if (end == word)
		return NULL;
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word_decode(word);
}
