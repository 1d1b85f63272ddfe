/* SPDX-License-Identifier: MIT */
/*
 * SHA-1 (FIPS 180-4) of one short text, base64 (RFC 4648), and frames (RFC 6455 section 5.2).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frame.h"

#define SHA1_SIZE  20
#define BLOCK_SIZE 64
#define FRAME_FIN  0x80
#define FRAME_MASK 0x80

static uint32_t rotate(uint32_t word, unsigned int bits)
{
	return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t state[static 5], const unsigned char *block)
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f, next;

		if (i < 20)
			f = ((b & c) | (~b & d)) + 0x5a827999;
		else if (i < 40)
			f = (b ^ c ^ d) + 0x6ed9eba1;
		else if (i < 60)
			f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
		else
			f = (b ^ c ^ d) + 0xca62c1d6;
		next = rotate(a, 5) + f + e + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* Of a text of less than two blocks. */
static void sha1(const char *text, unsigned char digest[static SHA1_SIZE])
{
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	unsigned char padded[2 * BLOCK_SIZE] = {0};
	size_t size = strlen(text), blocks = size + 9 > BLOCK_SIZE ? 2 : 1;

	memcpy(padded, text, size);
	padded[size] = 0x80;
	padded[blocks * BLOCK_SIZE - 2] = (unsigned char)(size * 8 >> 8);
	padded[blocks * BLOCK_SIZE - 1] = (unsigned char)(size * 8);
	for (size_t i = 0; i < blocks; i++)
		sha1_block(state, padded + i * BLOCK_SIZE);
	for (int i = 0; i < SHA1_SIZE; i++)
		digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char *bytes, size_t size, char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < size)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < size)
			group |= bytes[i + 2];
		*text++ = digits[group >> 18 & 63];
		*text++ = digits[group >> 12 & 63];
		*text++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
		*text++ = i + 2 < size ? digits[group & 63] : '=';
	}
	*text = '\0';
}

void frame_key(uint64_t random_high, uint64_t random_low, char ret_key[static FRAME_KEY_SIZE])
{
	unsigned char nonce[16];

	memcpy(nonce, &random_high, 8);
	memcpy(nonce + 8, &random_low, 8);
	base64(nonce, sizeof(nonce), ret_key);
}

void frame_accept(const char *key, char ret_accept[static FRAME_ACCEPT_SIZE])
{
	unsigned char digest[SHA1_SIZE];
	char text[FRAME_KEY_SIZE + 36];

	snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	sha1(text, digest);
	base64(digest, sizeof(digest), ret_accept);
}

size_t frame_write(unsigned char *into, enum frame_opcode opcode, const void *payload, size_t size,
	uint32_t mask)
{
	const unsigned char *bytes = payload;

	into[0] = (unsigned char)(FRAME_FIN | opcode);
	into[1] = (unsigned char)(FRAME_MASK | size);
	memcpy(into + 2, &mask, 4);
	for (size_t i = 0; i < size; i++)
		into[FRAME_OVERHEAD_MAX + i] = bytes[i] ^ into[2 + i % 4];
	return FRAME_OVERHEAD_MAX + size;
}

int frame_read(const unsigned char *bytes, size_t size, struct frame *ret_frame)
{
	if (size < 2)
		return 0;
	/* Without FIN, or with reserved bits; masked by a server; longer than any of ours. */
	if ((bytes[0] & 0xf0) != FRAME_FIN || bytes[1] > FRAME_PAYLOAD_MAX)
		return -EBADMSG;
	if (size < 2U + bytes[1])
		return 0;
	*ret_frame = (struct frame){.opcode = (enum frame_opcode)(bytes[0] & 0x0f),
		.payload = bytes + 2,
		.size = bytes[1]};
	return 2 + bytes[1];
}
