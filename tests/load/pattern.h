/* SPDX-License-Identifier: MIT */
/*
 * The content of large bodies: byte i is PATTERN[i % 65521], PATTERN[k] being the top byte of the
 * low 32 bits of k * 2654435761. The period is a prime, so that a piece lost, doubled or moved by
 * any buffer's size is seen. And the CRC-32 (ISO 3309, as zlib's) of what was sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_PERIOD 65521

/* The bytes at the offset, at least PATTERN_PERIOD * 15 of them in a row; *ret_size says. */
const unsigned char *pattern_at(uint64_t offset, size_t *ret_size);

/* True if the bytes are those of the pattern at the offset. */
bool pattern_matches(uint64_t offset, const void *bytes, size_t size);

/* crc is 0 at first. */
uint32_t pattern_crc(uint32_t crc, const void *bytes, size_t size);
