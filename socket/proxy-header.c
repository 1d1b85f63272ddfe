/* SPDX-License-Identifier: MIT */
/*
 * Knows the two forms of the header; does not know who may send one.
 */
#include "proxy-header.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"

#define WORDS	      4 /* behind "PROXY TCP4 ": addresses, then ports */
#define V2_FIXED      16
#define V2_LOCAL      0x20 /* version 2, command LOCAL */
#define V2_PROXY      0x21
#define V2_INET	      0x1
#define V2_INET6      0x2
#define V2_UNIX	      0x3
#define V2_INET_SIZE  12
#define V2_INET6_SIZE 36
#define V2_UNIX_SIZE  216
#define V2_STREAM     0x1
#define V2_TRANSPORTS 3 /* unspecified, stream, datagram */

static const char v1_signature[] = "PROXY ";
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

static const char *const version_names[PROXY_VERSION_COUNT] = {
	[PROXY_VERSION_NONE] = "no",
	[PROXY_VERSION_1] = "v1",
	[PROXY_VERSION_2] = "v2",
};

const char *proxy_version_name(enum proxy_version version)
{
	return version_names[version];
}

int proxy_version_from_name(const char *name)
{
	return name_lookup(version_names, PROXY_VERSION_COUNT, name);
}

/* ---- version 1 ---- */

struct word {
	const char *text;
	size_t length;
};

/* Exactly so many words, one space between them. */
static bool words_split(const char *line, size_t length, struct word words[static WORDS])
{
	const char *end = line + length;

	for (size_t i = 0; i < WORDS; i++) {
		const char *space = memchr(line, ' ', (size_t)(end - line));

		if ((i < WORDS - 1) != (space != NULL))
			return false;
		words[i].text = line;
		words[i].length = (size_t)((space ? space : end) - line);
		line = space ? space + 1 : end;
	}
	return true;
}

/* 0..65535, without a zero in front. */
static bool port_parse(const struct word *word, uint16_t *ret_port)
{
	uint32_t port = 0;

	if (word->length < 1 || word->length > 5 || (word->length > 1 && word->text[0] == '0'))
		return false;
	for (size_t i = 0; i < word->length; i++) {
		if (word->text[i] < '0' || word->text[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(word->text[i] - '0');
	}
	*ret_port = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool v1_endpoint_parse(const struct word *address, const struct word *port, char family,
	struct endpoint *ret_endpoint)
{
	bool ipv6 = memchr(address->text, ':', address->length) != NULL;

	return ipv6 == (family == '6') &&
	       endpoint_parse(address->text, address->length, ret_endpoint) == 0 &&
	       port_parse(port, &ret_endpoint->port);
}

static bool begins_with(const char *line, size_t length, const char *word)
{
	size_t n = strlen(word);

	return length >= n && memcmp(line, word, n) == 0;
}

/* The line behind "PROXY ", without its CRLF. */
static bool v1_line_parse(const char *line, size_t length, struct proxy_header *header)
{
	struct word words[WORDS];
	char family;

	/* Whatever follows it is to be ignored. */
	if (begins_with(line, length, "UNKNOWN") && (length == 7 || line[7] == ' '))
		return true;
	if (!begins_with(line, length, "TCP4 ") && !begins_with(line, length, "TCP6 "))
		return false;
	family = line[3];
	header->relayed = true;
	return words_split(line + 5, length - 5, words) &&
	       v1_endpoint_parse(&words[0], &words[2], family, &header->source) &&
	       v1_endpoint_parse(&words[1], &words[3], family, &header->destination);
}

static enum proxy_verdict v1_parse(const char *bytes, size_t size, struct proxy_header *ret_header)
{
	const size_t begin = sizeof(v1_signature) - 1;
	struct proxy_header header = {0};
	const char *end;

	end = memchr(bytes, '\n', size < PROXY_HEADER_V1_MAX ? size : PROXY_HEADER_V1_MAX);
	if (!end)
		return size < PROXY_HEADER_V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (end[-1] != '\r' ||
		!v1_line_parse(bytes + begin, (size_t)(end - 1 - bytes) - begin, &header))
		return PROXY_BAD;
	header.size = (size_t)(end + 1 - bytes);
	*ret_header = header;
	return PROXY_OK;
}

/* ---- version 2 ---- */

static unsigned int number16(const char *bytes)
{
	return (unsigned int)(uint8_t)bytes[0] << 8 | (uint8_t)bytes[1];
}

static struct endpoint v2_endpoint(const char *address, size_t size, const char *port)
{
	struct endpoint endpoint = {.known = true, .port = (uint16_t)number16(port)};

	if (size < sizeof(endpoint.address))
		endpoint.address[10] = endpoint.address[11] = 0xff;
	memcpy(endpoint.address + sizeof(endpoint.address) - size, address, size);
	return endpoint;
}

/* The addresses of a connection that is relayed. False: not what its family says. */
static bool v2_addresses_read(
	uint8_t family, const char *bytes, size_t size, struct proxy_header *header)
{
	header->relayed = true;
	switch (family) {
	case 0: /* a kind of connection that the protocol has no number for */
		header->relayed = false;
		return true;
	case V2_INET:
		if (size < V2_INET_SIZE)
			return false;
		header->source = v2_endpoint(bytes, 4, bytes + 8);
		header->destination = v2_endpoint(bytes + 4, 4, bytes + 10);
		return true;
	case V2_INET6:
		if (size < V2_INET6_SIZE)
			return false;
		header->source = v2_endpoint(bytes, 16, bytes + 32);
		header->destination = v2_endpoint(bytes + 16, 16, bytes + 34);
		return true;
	case V2_UNIX:
		return size >= V2_UNIX_SIZE;
	default:
		return false;
	}
}

static enum proxy_verdict v2_parse(const char *bytes, size_t size, struct proxy_header *ret_header)
{
	struct proxy_header header = {0};
	uint8_t command, family;
	size_t length;

	if (size < V2_FIXED)
		return PROXY_MORE;
	command = (uint8_t)bytes[12];
	family = (uint8_t)bytes[13];
	length = number16(bytes + 14);
	if ((command != V2_LOCAL && command != V2_PROXY) || (family & 0xf) >= V2_TRANSPORTS ||
		V2_FIXED + length > PROXY_HEADER_V2_MAX)
		return PROXY_BAD;
	if (size < V2_FIXED + length)
		return PROXY_MORE;
	/* What LOCAL says of addresses is to be passed over, whatever it is. */
	if (command == V2_PROXY &&
		!v2_addresses_read(family >> 4, bytes + V2_FIXED, length, &header))
		return PROXY_BAD;
	header.size = V2_FIXED + length;
	*ret_header = header;
	return PROXY_OK;
}

enum proxy_verdict proxy_header_parse(
	const char *bytes, size_t size, struct proxy_header *ret_header)
{
	const size_t v1 = sizeof(v1_signature) - 1, v2 = sizeof(v2_signature) - 1;

	if (size == 0)
		return PROXY_MORE;
	if (memcmp(bytes, v1_signature, size < v1 ? size : v1) == 0)
		return size < v1 ? PROXY_MORE : v1_parse(bytes, size, ret_header);
	if (memcmp(bytes, v2_signature, size < v2 ? size : v2) == 0)
		return size < v2 ? PROXY_MORE : v2_parse(bytes, size, ret_header);
	return PROXY_BAD;
}

/* ---- writing ---- */

static size_t put(char *out, size_t length, const void *bytes, size_t size)
{
	memcpy(out + length, bytes, size);
	return length + size;
}

static size_t put_address(char *out, size_t length, const struct endpoint *endpoint, bool ipv4)
{
	char text[ENDPOINT_TEXT_MAX];
	size_t size = ipv4 ? endpoint_text(endpoint, text) : endpoint_text_ipv6(endpoint, text);

	return put(out, put(out, length, " ", 1), text, size);
}

static size_t put_port(char *out, size_t length, const struct endpoint *endpoint)
{
	char text[ENDPOINT_NUMBER_MAX];
	size_t size = endpoint_number(endpoint->port, text);

	return put(out, put(out, length, " ", 1), text, size);
}

static size_t v1_write(
	const struct endpoint *source, const struct endpoint *destination, bool ipv4, char *out)
{
	size_t length = put(out, 0, ipv4 ? "PROXY TCP4" : "PROXY TCP6", 10);

	length = put_address(out, length, source, ipv4);
	length = put_address(out, length, destination, ipv4);
	length = put_port(out, length, source);
	length = put_port(out, length, destination);
	return put(out, length, "\r\n", 2);
}

static size_t v2_write(
	const struct endpoint *source, const struct endpoint *destination, bool ipv4, char *out)
{
	const size_t size = ipv4 ? 4 : ENDPOINT_ADDRESS_SIZE;
	const size_t skipped = ENDPOINT_ADDRESS_SIZE - size;
	const uint8_t fixed[] = {V2_PROXY, (uint8_t)((ipv4 ? V2_INET : V2_INET6) << 4 | V2_STREAM),
		0, ipv4 ? V2_INET_SIZE : V2_INET6_SIZE};
	const uint8_t ports[] = {(uint8_t)(source->port >> 8), (uint8_t)source->port,
		(uint8_t)(destination->port >> 8), (uint8_t)destination->port};
	size_t length = put(out, 0, v2_signature, sizeof(v2_signature) - 1);

	length = put(out, length, fixed, sizeof(fixed));
	length = put(out, length, source->address + skipped, size);
	length = put(out, length, destination->address + skipped, size);
	return put(out, length, ports, sizeof(ports));
}

size_t proxy_header_write(enum proxy_version version, const struct endpoint *source,
	const struct endpoint *destination, char out[static PROXY_HEADER_WRITE_MAX])
{
	static const char unknown[] = "PROXY UNKNOWN\r\n";
	static const char local[] = {V2_LOCAL, 0, 0, 0};
	bool known = source->known && destination->known;
	/* One family for both; an IPv4 address has a form in the other one too. */
	bool ipv4 = known && endpoint_is_ipv4(source) && endpoint_is_ipv4(destination);

	if (version == PROXY_VERSION_1)
		return known ? v1_write(source, destination, ipv4, out)
			     : put(out, 0, unknown, sizeof(unknown) - 1);
	if (known)
		return v2_write(source, destination, ipv4, out);
	return put(out, put(out, 0, v2_signature, sizeof(v2_signature) - 1), local, sizeof(local));
}
