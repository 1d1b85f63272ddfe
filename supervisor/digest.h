/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4), to tell whether two contents are the same. No I/O, no allocation.
 */
#pragma once

#include <stddef.h>

#include <nettle/sha2.h>

#define DIGEST_MAX 65 /* 64 hexadecimal digits, and NUL */

struct digest {
	struct sha256_ctx context;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
/* It takes no more afterwards. */
void digest_end(struct digest *digest, char ret_hex[static DIGEST_MAX]);
