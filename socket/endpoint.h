/* SPDX-License-Identifier: MIT */
/*
 * One end of a connection: an IPv4 or IPv6 address and a port, and how they are written. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#define ENDPOINT_ADDRESS_SIZE 16
/* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", NUL included; as INET6_ADDRSTRLEN. */
#define ENDPOINT_TEXT_MAX     46

struct endpoint {
	/* Network order. An IPv4 address stands in its mapped form, ::ffff:a.b.c.d (RFC 4291
	 * section 2.5.5.2), however the socket that it came from spells it. */
	uint8_t address[ENDPOINT_ADDRESS_SIZE];
	uint16_t port; /* host order */
	bool known;    /* false: a unix socket, whose clients have no address */
};

struct endpoint endpoint_of(const struct sockaddr_storage *address);

bool endpoint_is_ipv4(const struct endpoint *endpoint);

/* The address alone: "192.0.2.7", "2001:db8::1" (RFC 5952); "" where it is not known. Returns the
 * length. */
size_t endpoint_text(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT_MAX]);

/* The same, an IPv4 address in its mapped form: "::ffff:192.0.2.7". */
size_t endpoint_text_ipv6(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT_MAX]);

/* A number in decimal, without a NUL; returns its length, ENDPOINT_NUMBER_MAX at most. */
#define ENDPOINT_NUMBER_MAX 10
size_t endpoint_number(uint32_t number, char out[static ENDPOINT_NUMBER_MAX]);

/* An address of either family, its port 0. 0, or -EINVAL. */
int endpoint_parse(const char *text, size_t length, struct endpoint *ret_endpoint);
