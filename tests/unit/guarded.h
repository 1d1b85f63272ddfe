/* SPDX-License-Identifier: MIT */
/*
 * Bytes with nothing behind them: the page after the last one is not mapped, so that a parser that
 * looks one byte too far dies there.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARDED_MAX ((size_t)128 * 1024)

/* A copy that is valid until the next call. */
static inline char *guarded_copy(const char *bytes, size_t size)
{
	static char *end;

	if (!end) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *area = mmap(NULL, GUARDED_MAX + page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert(area != MAP_FAILED);
		end = area + GUARDED_MAX;
		assert(mprotect(end, page, PROT_NONE) == 0);
	}
	assert(size <= GUARDED_MAX);
	return size == 0 ? end : memcpy(end - size, bytes, size);
}
