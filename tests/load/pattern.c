/* SPDX-License-Identifier: MIT */
/*
 * Tables, filled at the first call.
 */
#include <string.h>

#include "pattern.h"

#define REPEATS 16

static unsigned char table[PATTERN_PERIOD * REPEATS];
static uint32_t crc_table[8][256];

static void fill(void)
{
	if (crc_table[0][1])
		return;
	for (uint32_t i = 0; i < PATTERN_PERIOD; i++)
		table[i] = (unsigned char)(i * UINT32_C(2654435761) >> 24);
	for (size_t i = 1; i < REPEATS; i++)
		memcpy(table + i * PATTERN_PERIOD, table, PATTERN_PERIOD);
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
		crc_table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			crc_table[k][i] =
				crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
}

const unsigned char *pattern_at(uint64_t offset, size_t *ret_size)
{
	size_t start = (size_t)(offset % PATTERN_PERIOD);

	fill();
	*ret_size = sizeof(table) - start;
	return table + start;
}

bool pattern_matches(uint64_t offset, const void *bytes, size_t size)
{
	const unsigned char *rest = bytes;

	while (size > 0) {
		size_t run;
		const unsigned char *expected = pattern_at(offset, &run);

		if (run > size)
			run = size;
		if (memcmp(rest, expected, run) != 0)
			return false;
		rest += run;
		offset += run;
		size -= run;
	}
	return true;
}

uint32_t pattern_crc(uint32_t crc, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;

	fill();
	crc = ~crc;
	/* Eight bytes a step: a plain table would cost more than the transfer itself. */
	for (; size >= 8; size -= 8, p += 8) {
		uint32_t low, high;

		memcpy(&low, p, 4);
		memcpy(&high, p + 4, 4);
		low ^= crc;
		crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^
		      crc_table[5][low >> 16 & 255] ^ crc_table[4][low >> 24] ^
		      crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255] ^
		      crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
	}
	for (; size > 0; size--, p++)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
	return ~crc;
}
