/* SPDX-License-Identifier: MIT */
/*
 * The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of haproxy): what a proxy says in front
 * of a connection's own bytes of whom it speaks for. Pure: no I/O, no allocation.
 */
#pragma once

#include "endpoint.h"

#define PROXY_HEADER_V1_MAX    107 /* bytes of a line, its CRLF included (section 2.1) */
/* Addresses take 232 at most; what follows them (TLVs) may hold a client's certificate. */
#define PROXY_HEADER_V2_MAX    4096
#define PROXY_HEADER_WRITE_MAX PROXY_HEADER_V1_MAX

enum proxy_version {
	PROXY_VERSION_NONE,
	PROXY_VERSION_1, /* a line of text */
	PROXY_VERSION_2, /* binary */
	PROXY_VERSION_COUNT,
};

/* "no", "v1", "v2"; and back: the enum's value, or -EINVAL. */
const char *proxy_version_name(enum proxy_version version);
int proxy_version_from_name(const char *name);

enum proxy_verdict {
	PROXY_OK,
	PROXY_MORE, /* right so far, and not whole yet */
	PROXY_BAD,  /* no header of either version, or over its limit */
};

struct proxy_header {
	size_t size; /* bytes; what is behind is the connection's own */
	/* False for LOCAL, UNKNOWN and UNSPEC: the proxy speaks for itself, or knows nothing. Then
	 * the connection's own ends are the truth, and those below mean nothing. */
	bool relayed;
	struct endpoint source, destination; /* not `known` where they are of a unix socket */
};

/*
 * Reads the header at the start of bytes[0..size); on PROXY_MORE call again with more of the same.
 * *ret_header is written on PROXY_OK only. Type-length-value vectors are passed over; the CRC32c
 * among them is not checked, TCP has sums of its own.
 */
enum proxy_verdict proxy_header_parse(
	const char *bytes, size_t size, struct proxy_header *ret_header);

/* Writes one, of version 1 or 2, and returns its length. Where an end is not known it says UNKNOWN
 * (version 1) or LOCAL (version 2). */
size_t proxy_header_write(enum proxy_version version, const struct endpoint *source,
	const struct endpoint *destination, char out[static PROXY_HEADER_WRITE_MAX]);
