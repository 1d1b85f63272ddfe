/* SPDX-License-Identifier: MIT */
/*
 * Scope owns: what a function acquires, its scope gives back, unless take_*() hands it on.
 * A destructor named in _cleanup_() receives a pointer to the variable.
 */
#pragma once

#include <stdlib.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(format_index, first_argument)                                                     \
	__attribute__((format(printf, format_index, first_argument)))

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(cleanup_free)

/* Makes the variable empty and yields what it held: the ownership moves to the caller. */
#define take_ptr(variable)                                                                         \
	({                                                                                         \
		__typeof__(variable) taken_ = (variable);                                          \
		(variable) = NULL;                                                                 \
		taken_;                                                                            \
	})

/* Defines cleanup_NAME(), for _cleanup_(), over a destructor that takes NULL and returns NULL. */
#define DEFINE_CLEANUP(type, destructor)                                                           \
	static inline void cleanup_##destructor(type **p)                                          \
	{                                                                                          \
		*p = destructor(*p);                                                               \
	}                                                                                          \
	struct swallow_the_semicolon
