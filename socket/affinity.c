/* SPDX-License-Identifier: MIT */
/*
 * Knows places and what tells them; does not know requests.
 */
#include "affinity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define MAC_DIGITS 16

bool affinity_share(
	const struct route *route, enum route_class class, enum color fresh, uint8_t *ret_share)
{
	int8_t weight = route->weight[class][fresh];
	int8_t other = route->weight[class][color_other(fresh)];

	if (weight <= ROUTE_STANDBY || other <= ROUTE_STANDBY)
		return false;
	*ret_share = (uint8_t)(weight * AFFINITY_PLACES / (weight + other));
	return true;
}

bool affinity_place_of_address(
	const struct siphash_key *key, const struct endpoint *client, uint8_t *ret_place)
{
	size_t size = endpoint_is_ipv4(client) ? 4 : ENDPOINT_ADDRESS_SIZE;

	if (!client->known)
		return false;
	*ret_place = (uint8_t)(siphash(key, client->address + ENDPOINT_ADDRESS_SIZE - size, size) %
			       AFFINITY_PLACES);
	return true;
}

const char *affinity_tag(const struct affinity_plan *plan, enum color color)
{
	return *plan->release[color] ? plan->release[color] : color_name(color);
}

/* ---- the cookie's value ---- */

static bool is_tag_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || (byte && strchr("._+-", byte));
}

/* Lower case only: what we write has one form. */
static bool mac_parse(const char *text, uint64_t *ret_mac)
{
	uint64_t mac = 0;

	for (int i = 0; i < MAC_DIGITS; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			mac = mac << 4 | (uint64_t)(text[i] - '0');
		else if (text[i] >= 'a' && text[i] <= 'f')
			mac = mac << 4 | (uint64_t)(text[i] - 'a' + 10);
		else
			return false;
	}
	*ret_mac = mac;
	return true;
}

/* "7", "42"; no zero in front. */
static bool place_parse(const char *text, size_t length, uint8_t *ret_place)
{
	unsigned int place = 0;

	if (length < 1 || length > 2 || (length == 2 && *text == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		place = place * 10 + (unsigned int)(text[i] - '0');
	}
	*ret_place = (uint8_t)place;
	return true;
}

/* How much of the value is the tag; false if it is not TAG.PLACE.MAC. */
static bool value_split(
	const char *value, size_t length, size_t *ret_tag, uint8_t *ret_place, uint64_t *ret_mac)
{
	const char *dot;
	size_t tag, end;

	if (length < MAC_DIGITS + 4 || length >= AFFINITY_VALUE_MAX)
		return false;
	end = length - MAC_DIGITS - 1;
	if (value[end] != '.' || !mac_parse(value + end + 1, ret_mac))
		return false;
	dot = memrchr(value, '.', end);
	if (!dot)
		return false;
	tag = (size_t)(dot - value);
	if (tag == 0 || tag >= AFFINITY_RELEASE_MAX ||
		!place_parse(value + tag + 1, end - tag - 1, ret_place))
		return false;
	for (size_t i = 0; i < tag; i++)
		if (!is_tag_byte(value[i]))
			return false;
	*ret_tag = tag;
	return true;
}

enum affinity_seal affinity_read(
	const struct affinity_plan *plan, const char *value, size_t length, uint8_t *ret_place)
{
	uint8_t place;
	uint64_t mac;
	size_t tag;

	if (!value_split(value, length, &tag, &place, &mac))
		return AFFINITY_STRANGE;
	if (siphash(&plan->key, value, length - MAC_DIGITS - 1) != mac)
		return AFFINITY_FORGED;
	*ret_place = place;
	return AFFINITY_SEALED;
}

bool affinity_names(const char *value, size_t length, const char *tag)
{
	size_t tag_length, wanted = strlen(tag);
	uint8_t place;
	uint64_t mac;

	return value_split(value, length, &tag_length, &place, &mac) && tag_length == wanted &&
	       memcmp(value, tag, wanted) == 0;
}

/* ---- what the client is told ---- */

size_t affinity_line(const struct affinity_plan *plan, const char *tag, uint8_t place, uint64_t now,
	char out[static AFFINITY_LINE_MAX])
{
	uint64_t left = plan->life_usec > now ? plan->life_usec - now : 0;
	char value[AFFINITY_VALUE_MAX];
	int length;

	/* A ramp that lasts longer than was thought still has a cookie: 0 would delete it. */
	left = left / USEC_PER_SEC + 1;
	length = snprintf(value, sizeof(value), "%s.%u", tag, place);
	return (size_t)snprintf(out, AFFINITY_LINE_MAX,
		"Set-Cookie: %s=%s.%016" PRIx64 "; Path=/; Max-Age=%" PRIu64
		"; HttpOnly; SameSite=Lax\r\n",
		plan->name, value, siphash(&plan->key, value, (size_t)length), left);
}

size_t affinity_line_forget(const struct affinity_plan *plan, char out[static AFFINITY_LINE_MAX])
{
	return (size_t)snprintf(out, AFFINITY_LINE_MAX,
		"Set-Cookie: %s=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax\r\n", plan->name);
}

/* ---- places by chance ---- */

uint8_t affinity_deal(struct affinity_deck *deck)
{
	uint8_t place;
	size_t at;

	if (deck->left == 0)
		for (deck->left = 0; deck->left < AFFINITY_PLACES; deck->left++)
			deck->places[deck->left] = deck->left;
	deck->drawn++;
	at = siphash(&deck->key, &deck->drawn, sizeof(deck->drawn)) % deck->left;
	place = deck->places[at];
	deck->places[at] = deck->places[--deck->left];
	return place;
}
