/* SPDX-License-Identifier: MIT */
/*
 * Knows addresses and how they are written: by hand, because it is done for each connection and
 * snprintf() costs as much as the rest of an accept.
 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define IPV4_AT	   12 /* where an IPv4 address stands in its mapped form */
#define GROUPS	   8  /* of an IPv6 address, 16 bits each */
#define HEX_DIGITS "0123456789abcdef"

static const uint8_t mapped[IPV4_AT] = {[10] = 0xff, [11] = 0xff};

struct endpoint endpoint_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	struct endpoint endpoint = {.known = true};

	if (address->ss_family == AF_INET) {
		memcpy(endpoint.address, mapped, IPV4_AT);
		memcpy(endpoint.address + IPV4_AT, &in->sin_addr, sizeof(in->sin_addr));
		endpoint.port = ntohs(in->sin_port);
	} else if (address->ss_family == AF_INET6) {
		memcpy(endpoint.address, &in6->sin6_addr, sizeof(in6->sin6_addr));
		endpoint.port = ntohs(in6->sin6_port);
	} else {
		endpoint.known = false;
	}
	return endpoint;
}

bool endpoint_is_ipv4(const struct endpoint *endpoint)
{
	return memcmp(endpoint->address, mapped, IPV4_AT) == 0;
}

size_t endpoint_number(uint32_t number, char out[static ENDPOINT_NUMBER_MAX])
{
	size_t length = 1;

	for (uint32_t left = number / 10; left > 0; left /= 10)
		length++;
	for (size_t i = length; i > 0; i--, number /= 10)
		out[i - 1] = (char)('0' + number % 10);
	return length;
}

static size_t ipv4_text(const uint8_t *address, char *out)
{
	size_t length = 0;

	for (int i = 0; i < 4; i++) {
		char digits[ENDPOINT_NUMBER_MAX];
		size_t n = endpoint_number(address[i], digits);

		if (i > 0)
			out[length++] = '.';
		memcpy(out + length, digits, n);
		length += n;
	}
	out[length] = '\0';
	return length;
}

/* The first of the longest runs of zero groups, of two at least (RFC 5952 section 4.2). */
static void zeros_find(const uint16_t *groups, int *ret_begin, int *ret_end)
{
	int begin = GROUPS, end = GROUPS;

	for (int i = 0, j; i < GROUPS; i = j + 1) {
		for (j = i; j < GROUPS && groups[j] == 0; j++)
			;
		if (j - i >= 2 && j - i > end - begin) {
			begin = i;
			end = j;
		}
	}
	*ret_begin = begin;
	*ret_end = end;
}

static size_t group_text(uint16_t group, char *out)
{
	size_t length = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (length > 0 || shift == 0 || group >> shift != 0)
			out[length++] = HEX_DIGITS[group >> shift & 0xf];
	return length;
}

static size_t ipv6_text(const uint8_t *address, char *out)
{
	uint16_t groups[GROUPS];
	size_t length = 0;
	int begin, end;

	for (int i = 0; i < GROUPS; i++)
		groups[i] = (uint16_t)(address[2 * i] << 8 | address[2 * i + 1]);
	zeros_find(groups, &begin, &end);
	for (int i = 0; i < GROUPS; i++) {
		if (i == begin) {
			out[length++] = ':';
			out[length++] = ':';
			i = end - 1;
			continue;
		}
		if (i > 0 && i != end)
			out[length++] = ':';
		length += group_text(groups[i], out + length);
	}
	out[length] = '\0';
	return length;
}

size_t endpoint_text(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT_MAX])
{
	if (endpoint->known && endpoint_is_ipv4(endpoint))
		return ipv4_text(endpoint->address + IPV4_AT, out);
	return endpoint_text_ipv6(endpoint, out);
}

size_t endpoint_text_ipv6(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT_MAX])
{
	static const char prefix[] = "::ffff:";
	size_t length = sizeof(prefix) - 1;

	if (!endpoint->known) {
		out[0] = '\0';
		return 0;
	}
	if (!endpoint_is_ipv4(endpoint))
		return ipv6_text(endpoint->address, out);
	memcpy(out, prefix, length);
	return length + ipv4_text(endpoint->address + IPV4_AT, out + length);
}

int endpoint_parse(const char *text, size_t length, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = {.known = true};
	char word[ENDPOINT_TEXT_MAX];

	/* A NUL would end the word for inet_pton() only. */
	if (length >= sizeof(word) || memchr(text, '\0', length))
		return -EINVAL;
	memcpy(word, text, length);
	word[length] = '\0';
	if (inet_pton(AF_INET, word, endpoint.address + IPV4_AT) == 1)
		memcpy(endpoint.address, mapped, IPV4_AT);
	else if (inet_pton(AF_INET6, word, endpoint.address) != 1)
		return -EINVAL;
	*ret_endpoint = endpoint;
	return 0;
}
