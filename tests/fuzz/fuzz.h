/* SPDX-License-Identifier: MIT */
/*
 * What every fuzz target has: the entry point that libFuzzer and replay.c call, and an assertion
 * that no build takes out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Splits of a long input that are tried; of a short one, all. libFuzzer, which comes back with the
 * like of each input a thousand times, needs fewer: run sets it. */
#ifndef FUZZ_SPLITS
#define FUZZ_SPLITS 256
#endif

static inline size_t fuzz_split_step(size_t size)
{
	return size / FUZZ_SPLITS + 1;
}

/* Not always the same ones. */
static inline size_t fuzz_split_first(const void *bytes, size_t size)
{
	return size == 0 ? 0 : ((const uint8_t *)bytes)[size / 2] % fuzz_split_step(size);
}
