/* SPDX-License-Identifier: MIT */
/*
 * A number as programs write it for each other: decimal digits and nothing else, where strtoull(3)
 * takes white space, signs and what stands behind.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* -EINVAL: none, or more than max. */
static inline int number_parse(const char *text, uint64_t max, uint64_t *ret_number)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end != '\0' || errno != 0 || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}
