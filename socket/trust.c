/* SPDX-License-Identifier: MIT */
/*
 * Knows prefixes and what is in them.
 */
#include "trust.h"

#include <errno.h>
#include <string.h>

#define BITS	  (8 * ENDPOINT_ADDRESS_SIZE)
#define IPV4_BITS 96 /* of the mapped form, in front of the IPv4 address */

/* The first `bits` bits are the same. */
static bool is_in(const uint8_t *address, const struct trust_prefix *prefix)
{
	size_t whole = prefix->bits / 8;
	unsigned int rest = prefix->bits % 8;

	if (memcmp(address, prefix->address, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix->address[whole]) >> (8 - rest) == 0;
}

static bool has_bits_behind(const struct trust_prefix *prefix)
{
	static const uint8_t zeros[ENDPOINT_ADDRESS_SIZE];
	size_t whole = prefix->bits / 8;
	unsigned int rest = prefix->bits % 8;

	if (rest > 0 && (uint8_t)(prefix->address[whole] << rest) != 0)
		return true;
	if (rest > 0)
		whole++;
	return memcmp(prefix->address + whole, zeros, sizeof(zeros) - whole) != 0;
}

/* "24": no sign, no zero in front. */
static int bits_parse(const char *text, unsigned int max, unsigned int *ret_bits)
{
	unsigned int bits = 0;

	if (!*text || (*text == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned int)(*text - '0');
		if (bits > max)
			return -EINVAL;
	}
	*ret_bits = bits;
	return 0;
}

static int prefix_parse(const char *word, struct trust_prefix *ret_prefix)
{
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);
	struct trust_prefix prefix;
	struct endpoint endpoint;
	unsigned int front, bits;
	int r;

	r = endpoint_parse(word, length, &endpoint);
	if (r < 0)
		return r;
	/* ::ffff:0:0/96 and the like are what they say: only dots make an IPv4 address. */
	front = memchr(word, ':', length) ? 0 : IPV4_BITS;
	bits = BITS - front;
	if (slash) {
		r = bits_parse(slash + 1, BITS - front, &bits);
		if (r < 0)
			return r;
	}
	memcpy(prefix.address, endpoint.address, sizeof(prefix.address));
	prefix.bits = (uint8_t)(front + bits);
	if (has_bits_behind(&prefix))
		return -EINVAL;
	*ret_prefix = prefix;
	return 0;
}

static int prefix_add(struct trust *trust, const char *word)
{
	struct trust_prefix prefix;
	int r;

	r = prefix_parse(word, &prefix);
	if (r < 0)
		return r;
	if (trust->count == TRUST_MAX)
		return -E2BIG;
	trust->prefixes[trust->count++] = prefix;
	return 0;
}

int trust_add(struct trust *trust, const char *word)
{
	struct trust wanted = *trust;
	int r;

	if (strcmp(word, "localhost") != 0)
		return prefix_add(trust, word);
	r = prefix_add(&wanted, "127.0.0.0/8");
	if (r >= 0)
		r = prefix_add(&wanted, "::1");
	if (r >= 0)
		*trust = wanted;
	return r;
}

struct trust trust_localhost(void)
{
	struct trust trust = {0};

	(void)trust_add(&trust, "localhost");
	return trust;
}

static size_t prefix_text(const struct trust_prefix *prefix, char *out)
{
	struct endpoint endpoint = {.known = true};
	unsigned int bits = prefix->bits;
	size_t length;

	memcpy(endpoint.address, prefix->address, sizeof(endpoint.address));
	if (bits >= IPV4_BITS && endpoint_is_ipv4(&endpoint)) {
		length = endpoint_text(&endpoint, out);
		bits -= IPV4_BITS;
	} else {
		length = endpoint_text_ipv6(&endpoint, out);
	}
	if (prefix->bits < BITS) {
		out[length++] = '/';
		length += endpoint_number(bits, out + length);
	}
	return length;
}

const char *trust_text(const struct trust *trust, char out[static TRUST_TEXT_MAX])
{
	/* What prefix_text() may need while it writes is more than what it leaves. */
	char word[ENDPOINT_TEXT_MAX + ENDPOINT_NUMBER_MAX + 1];
	size_t length = 0;

	if (trust->count == 0)
		return strcpy(out, "none");
	for (size_t i = 0; i < trust->count; i++) {
		size_t n = prefix_text(&trust->prefixes[i], word);

		if (i > 0)
			out[length++] = ',';
		memcpy(out + length, word, n);
		length += n;
	}
	out[length] = '\0';
	return out;
}

int trust_parse(const char *text, struct trust *ret_trust)
{
	char word[ENDPOINT_TEXT_MAX + 4];
	struct trust trust = {0};
	int r;

	if (strcmp(text, "none") == 0) {
		*ret_trust = trust;
		return 0;
	}
	while (true) {
		size_t length = strcspn(text, ",");

		if (length >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, length);
		word[length] = '\0';
		r = trust_add(&trust, word);
		if (r < 0)
			return r;
		if (!text[length])
			break;
		text += length + 1;
	}
	*ret_trust = trust;
	return 0;
}

bool trust_holds(const struct trust *trust, const struct endpoint *endpoint)
{
	if (!endpoint->known)
		return true;
	for (size_t i = 0; i < trust->count; i++)
		if (is_in(endpoint->address, &trust->prefixes[i]))
			return true;
	return false;
}
