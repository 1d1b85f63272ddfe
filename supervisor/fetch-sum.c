/* SPDX-License-Identifier: MIT */
/*
 * Knows the lines of a file SHA256SUMS; does not know where it comes from.
 */
#include "fetch-sum.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789abcdefABCDEF"

bool sum_valid(const char *sum)
{
	return strspn(sum, DIGITS) == FETCH_SHA256_MAX - 1 && !sum[FETCH_SHA256_MAX - 1];
}

bool sum_equal(const char *one, const char *other)
{
	return strncasecmp(one, other, FETCH_SHA256_MAX - 1) == 0;
}

/* The last part of a path that ends at a line's end. */
static bool line_names(const char *path, size_t size, const char *name)
{
	const char *slash = memrchr(path, '/', size);

	if (slash) {
		size -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	return size == strlen(name) && memcmp(path, name, size) == 0;
}

int sum_find(const char *text, const char *name, char ret_sum[static FETCH_SHA256_MAX])
{
	const size_t digits = FETCH_SHA256_MAX - 1;
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		size_t size = n > 0 && text[n - 1] == '\r' ? n - 1 : n;

		if (size <= digits + 2 || strspn(text, DIGITS) != digits || text[digits] != ' ' ||
			(text[digits + 1] != ' ' && text[digits + 1] != '*'))
			continue;
		if (!line_names(text + digits + 2, size - digits - 2, name))
			continue;
		memcpy(ret_sum, text, digits);
		ret_sum[digits] = '\0';
		return 0;
	}
	return -ENOENT;
}
