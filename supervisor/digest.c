/* SPDX-License-Identifier: MIT */
/*
 * Knows libnettle; does not know what is digested.
 */
#include "digest.h"

#include <nettle/base16.h>

_Static_assert(DIGEST_MAX == BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE) + 1, "digits, and NUL");

void digest_begin(struct digest *digest)
{
	sha256_init(&digest->context);
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
	sha256_update(&digest->context, size, bytes);
}

void digest_end(struct digest *digest, char ret_hex[static DIGEST_MAX])
{
	uint8_t bytes[SHA256_DIGEST_SIZE];

	sha256_digest(&digest->context, sizeof(bytes), bytes);
	base16_encode_update(ret_hex, sizeof(bytes), bytes);
	ret_hex[DIGEST_MAX - 1] = '\0';
}
