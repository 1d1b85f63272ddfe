/* SPDX-License-Identifier: MIT */
/*
 * What a WebSocket client needs of RFC 6455: the key and its proof, and small frames. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_KEY_SIZE	   25  /* base64 of 16 bytes, NUL included */
#define FRAME_ACCEPT_SIZE  29  /* base64 of a SHA-1 */
#define FRAME_PAYLOAD_MAX  125 /* more would need the longer length forms: not for us */
#define FRAME_OVERHEAD_MAX 6

enum frame_opcode {
	FRAME_CONTINUATION = 0x0,
	FRAME_TEXT = 0x1,
	FRAME_BINARY = 0x2,
	FRAME_CLOSE = 0x8,
	FRAME_PING = 0x9,
	FRAME_PONG = 0xa,
};

struct frame {
	enum frame_opcode opcode;
	const unsigned char *payload;
	size_t size;
};

void frame_key(uint64_t random_high, uint64_t random_low, char ret_key[static FRAME_KEY_SIZE]);
/* Section 4.2.2: what the server must answer to the key. */
void frame_accept(const char *key, char ret_accept[static FRAME_ACCEPT_SIZE]);

/* Writes one masked frame; size <= FRAME_PAYLOAD_MAX. Returns its length. */
size_t frame_write(unsigned char *into, enum frame_opcode opcode, const void *payload, size_t size,
	uint32_t mask);

/* Reads a whole frame at the start of the bytes. Returns its length, 0 if it is not whole yet, or
 * -EBADMSG for a masked, fragmented, reserved or long one. */
int frame_read(const unsigned char *bytes, size_t size, struct frame *ret_frame);
