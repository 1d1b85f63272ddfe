/* SPDX-License-Identifier: MIT */
/*
 * The Cookie fields of a request (RFC 6265 section 4.2), pair by pair. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http1.h"

/* `name=value` as it stands in the head; a pair without `=` has an empty name, as browsers see it.
 */
struct cookie_pair {
	const char *text;
	size_t length;
	const char *value;
	size_t name_length, value_length;
};

/* True for the field Cookie. */
bool cookie_is_field(const char *bytes, const struct http1_header *header);

/* The next pair of [*at, end), which is a field's value; *at moves behind it. */
bool cookie_next(const char **at, const char *end, struct cookie_pair *ret_pair);

bool cookie_is_named(const struct cookie_pair *pair, const char *name);
