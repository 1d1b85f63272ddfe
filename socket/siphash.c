/* SPDX-License-Identifier: MIT */
/*
 * Knows the algorithm; knows nothing of what is hashed or why.
 */
#include "siphash.h"

static uint64_t little_endian(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(uint64_t v[static 4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void compress(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

struct siphash_key siphash_key_of(const uint8_t bytes[static SIPHASH_KEY_SIZE])
{
	return (struct siphash_key){little_endian(bytes, 8), little_endian(bytes + 8, 8)};
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size)
{
	/* "somepseudorandomlygeneratedbytes" */
	uint64_t v[4] = {
		key->low ^ UINT64_C(0x736f6d6570736575),
		key->high ^ UINT64_C(0x646f72616e646f6d),
		key->low ^ UINT64_C(0x6c7967656e657261),
		key->high ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *at = bytes;

	for (size_t left = size / 8; left > 0; left--, at += 8)
		compress(v, little_endian(at, 8));
	compress(v, (uint64_t)(size & 0xff) << 56 | little_endian(at, size % 8));
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
