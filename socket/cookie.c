/* SPDX-License-Identifier: MIT */
/*
 * Knows how cookies are written in a request; knows no cookie.
 */
#include "cookie.h"

#include <string.h>
#include <strings.h>

static bool is_between(char byte)
{
	return byte == ' ' || byte == '\t' || byte == ';';
}

bool cookie_is_field(const char *bytes, const struct http1_header *header)
{
	static const char name[] = "cookie";

	return header->name.length == sizeof(name) - 1 &&
	       strncasecmp(bytes + header->name.offset, name, sizeof(name) - 1) == 0;
}

bool cookie_next(const char **at, const char *end, struct cookie_pair *ret_pair)
{
	const char *begin = *at, *behind, *equals;

	while (begin < end && is_between(*begin))
		begin++;
	if (begin == end)
		return false;
	behind = memchr(begin, ';', (size_t)(end - begin));
	if (!behind)
		behind = end;
	*at = behind;
	while (is_between(behind[-1]))
		behind--;
	equals = memchr(begin, '=', (size_t)(behind - begin));
	ret_pair->text = begin;
	ret_pair->length = (size_t)(behind - begin);
	ret_pair->name_length = equals ? (size_t)(equals - begin) : 0;
	ret_pair->value = equals ? equals + 1 : begin;
	ret_pair->value_length = (size_t)(behind - ret_pair->value);
	return true;
}

bool cookie_is_named(const struct cookie_pair *pair, const char *name)
{
	return pair->name_length == strlen(name) &&
	       memcmp(pair->text, name, pair->name_length) == 0;
}
