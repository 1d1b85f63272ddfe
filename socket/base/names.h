/* SPDX-License-Identifier: MIT */
/*
 * The table of words beside an enum: `static const char *const color_names[COLOR_COUNT]`,
 * initialised with [KEY] =. A wire string is compared in name_lookup() and nowhere else.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The index of the word, or -EINVAL. Holes (NULL) never match. */
static inline int name_lookup(const char *const *names, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && strcmp(names[i], word) == 0)
			return (int)i;
	return -EINVAL;
}
