/* SPDX-License-Identifier: MIT */
/*
 * Who is believed when he says for whom he speaks: a list of addresses and prefixes. Pure; the
 * relay and the supervisor share it.
 */
#pragma once

#include "endpoint.h"

/* A front end has a few addresses; a provider publishes a dozen or two prefixes. Each is compared
 * once a connection. */
#define TRUST_MAX      32
/* "ADDRESS/128," each */
#define TRUST_TEXT_MAX (TRUST_MAX * (ENDPOINT_TEXT_MAX + 4))

struct trust_prefix {
	uint8_t address[ENDPOINT_ADDRESS_SIZE]; /* as in struct endpoint */
	uint8_t bits;				/* 0..128; of an IPv4 prefix 96 more than it says */
};

struct trust {
	uint8_t count;
	struct trust_prefix prefixes[TRUST_MAX];
};

/*
 * Adds "192.0.2.7", "192.0.2.0/24", "2001:db8::/32", or "localhost", which is 127.0.0.0/8 and ::1
 * and counts as two. -EINVAL: none of these, or a prefix with bits behind its length (a mistake
 * more often than not); -E2BIG: they would be more than TRUST_MAX.
 */
int trust_add(struct trust *trust, const char *word);

/* "127.0.0.0/8,::1", "none"; returns out. And back: 0, -EINVAL or -E2BIG. Commas separate. */
const char *trust_text(const struct trust *trust, char out[static TRUST_TEXT_MAX]);
int trust_parse(const char *text, struct trust *ret_trust);

/* True for an address in the list, and for who has none: he came over a unix socket, and the rights
 * of its file say who may. */
bool trust_holds(const struct trust *trust, const struct endpoint *endpoint);

/* 127.0.0.0/8 and ::1. */
struct trust trust_localhost(void);
