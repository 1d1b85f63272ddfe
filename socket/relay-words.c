/* SPDX-License-Identifier: MIT */
#include "relay-words-parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "base/names.h"
#include "base/number.h"

static const char *const drain_extents[] = {
	[DRAIN_NONE] = "none",
	[DRAIN_OF_READS] = "reads",
	[DRAIN_OF_ALL] = "all",
};

static const char *const protocols[PROTOCOL_COUNT] = {
	[PROTOCOL_HTTP] = "http",
	[PROTOCOL_TCP] = "tcp",
};

const char *words_scope(enum drain_extent extent)
{
	return drain_extents[extent];
}

static int number_of(const char *word, const char *key, uint64_t max, uint64_t *ret_number)
{
	const char *text = value_of(word, key);

	return text ? number_parse(text, max, ret_number) : -EINVAL;
}

static int address_of(const char *word, const char *key, struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *text = value_of(word, key), *colon;
	char host[INET_ADDRSTRLEN], *end;
	unsigned long port;

	colon = text ? strrchr(text, ':') : NULL;
	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || colon[1] < '1' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port > 65535)
		return -EINVAL;
	address.sin_port = htons((uint16_t)port);
	*ret_address = address;
	return 0;
}

int words_backends(char *words, struct plan *plan)
{
	struct sockaddr_in address[COLOR_COUNT];
	int r;

	for (int color = 0; color < COLOR_COUNT; color++) {
		r = address_of(strsep(&words, " "), color_name((enum color)color), &address[color]);
		if (r < 0)
			return r;
	}
	if (words)
		return -EINVAL;
	for (int color = 0; color < COLOR_COUNT; color++) {
		plan->backend[color] = address[color];
		plan->backend_known[color] = true;
	}
	return 0;
}

int words_limits(char *words, struct plan *plan)
{
	uint64_t usec, requests, bytes;
	int r;

	r = number_of(strsep(&words, " "), "hold-usec", UINT64_MAX, &usec);
	if (r < 0)
		return r;
	r = number_of(strsep(&words, " "), "hold-requests", UINT32_MAX, &requests);
	if (r < 0)
		return r;
	r = number_of(strsep(&words, " "), "hold-bytes", UINT64_MAX, &bytes);
	if (r < 0)
		return r;
	if (words)
		return -EINVAL;
	plan->hold_usec = usec;
	plan->hold_requests = (uint32_t)requests;
	plan->hold_bytes = bytes;
	return 0;
}

int words_protocol(char *words, struct plan *plan)
{
	int protocol = name_lookup(protocols, ELEMENTS(protocols), words);

	if (protocol < 0)
		return -EINVAL;
	plan->protocol = (enum protocol)protocol;
	return 0;
}

int words_clients(char *words, struct plan *plan)
{
	static const char *const answers[] = {"no", "yes"};
	struct plan_clients clients = {.said = true};
	const char *text;
	int r;

	text = value_of(strsep(&words, " "), "trust");
	r = text ? trust_parse(text, &clients.trust) : -EINVAL;
	if (r < 0)
		return -EINVAL;
	text = value_of(strsep(&words, " "), "accept-proxy");
	r = text ? name_lookup(answers, ELEMENTS(answers), text) : -EINVAL;
	if (r < 0)
		return r;
	clients.accept_proxy = r;
	text = value_of(strsep(&words, " "), "send-proxy");
	r = text ? proxy_version_from_name(text) : -EINVAL;
	if (r < 0 || words)
		return -EINVAL;
	clients.send_proxy = (enum proxy_version)r;
	plan->clients = clients;
	return 0;
}

static uint64_t later(uint64_t now, uint64_t usec)
{
	return usec > USEC_INFINITY - now ? USEC_INFINITY : now + usec;
}

int words_drain(char *words, uint64_t now, enum color *ret_color, struct plan_drain *ret_drain)
{
	uint64_t requests, streams;
	const char *scope;
	enum color color;
	int r, extent;

	r = color_from_name(strsep(&words, " "), &color);
	if (r < 0)
		return r;
	scope = value_of(strsep(&words, " "), "scope");
	extent = scope ? name_lookup(drain_extents, ELEMENTS(drain_extents), scope) : -EINVAL;
	if (extent < 0 || extent == DRAIN_NONE)
		return -EINVAL;
	r = number_of(strsep(&words, " "), "requests-usec", UINT64_MAX, &requests);
	if (r < 0)
		return r;
	r = number_of(strsep(&words, " "), "streams-usec", UINT64_MAX, &streams);
	if (r < 0)
		return r;
	if (words)
		return -EINVAL;
	*ret_color = color;
	*ret_drain = (struct plan_drain){
		.extent = (enum drain_extent)extent,
		.begun_usec = now,
		.requests_usec = later(now, requests),
		.streams_usec = later(now, streams),
	};
	return 0;
}

static int key_of(const char *word, struct siphash_key *ret_key)
{
	const char *text = value_of(word, "key");
	uint8_t bytes[SIPHASH_KEY_SIZE];

	if (!text || strlen(text) != 2 * sizeof(bytes) ||
		strspn(text, "0123456789abcdefABCDEF") != 2 * sizeof(bytes))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	*ret_key = siphash_key_of(bytes);
	return 0;
}

/* What may stand in a cookie, and in our own words. */
static int tag_of(const char *word, const char *key, char *tag, size_t size)
{
	const char *text = value_of(word, key);

	if (!text || strlen(text) >= size ||
		text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._+-")] != '\0')
		return -EINVAL;
	strcpy(tag, text);
	return 0;
}

/* "life-usec=N blue=TAG green=TAG name=NAME" */
static int cookie_of(char **words, uint64_t now, struct affinity_plan *affinity)
{
	uint64_t life;
	int r;

	r = number_of(strsep(words, " "), "life-usec", UINT64_MAX, &life);
	if (r < 0)
		return r;
	for (int color = 0; color < COLOR_COUNT; color++) {
		r = tag_of(strsep(words, " "), color_name((enum color)color),
			affinity->release[color], sizeof(affinity->release[color]));
		if (r < 0)
			return r;
	}
	strcpy(affinity->name, "bluegreen");
	if (*words) {
		r = tag_of(strsep(words, " "), "name", affinity->name, sizeof(affinity->name));
		if (r < 0)
			return r;
	}
	affinity->life_usec = later(now, life);
	return *affinity->name ? 0 : -EINVAL;
}

int words_affinity(char *words, uint64_t now, struct affinity_plan *affinity)
{
	static const char *const kinds[] = {
		[AFFINITY_NONE] = "none",
		[AFFINITY_COOKIE] = "cookie",
		[AFFINITY_ADDRESS] = "address",
	};
	struct affinity_plan wanted = {.life_usec = affinity->life_usec};
	const char *fresh;
	int kind, r;

	strcpy(wanted.name, affinity->name);
	kind = name_lookup(kinds, ELEMENTS(kinds), strsep(&words, " "));
	if (kind < 0)
		return kind;
	wanted.kind = (enum affinity)kind;
	if (wanted.kind != AFFINITY_NONE) {
		fresh = value_of(strsep(&words, " "), "fresh");
		r = fresh ? color_from_name(fresh, &wanted.fresh) : -EINVAL;
		if (r < 0)
			return r;
		r = key_of(strsep(&words, " "), &wanted.key);
		if (r < 0)
			return r;
	}
	if (wanted.kind == AFFINITY_COOKIE) {
		r = cookie_of(&words, now, &wanted);
		if (r < 0)
			return r;
	}
	if (words)
		return -EINVAL;
	*affinity = wanted;
	return 0;
}

static unsigned long long both(const uint64_t counts[ROUTE_CLASS_COUNT][COLOR_COUNT], int color)
{
	return counts[ROUTE_READS][color] + counts[ROUTE_WRITES][color];
}

void words_counters(const struct relay_totals *totals, char *buffer, size_t size)
{
	struct text text = {buffer, 0, size};

	for (int color = 0; color < COLOR_COUNT; color++) {
		const char *name = color_name((enum color)color);

		put(&text, "%s.reads=%llu ", name,
			(unsigned long long)totals->answered[ROUTE_READS][color]);
		put(&text, "%s.writes=%llu ", name,
			(unsigned long long)totals->answered[ROUTE_WRITES][color]);
		put(&text, "%s.failed=%llu ", name, (unsigned long long)totals->failed[color]);
		put(&text, "%s.inflight=%llu ", name, both(totals->inflight, color));
		put(&text, "%s.streams=%llu ", name, (unsigned long long)totals->streams[color]);
	}
	put(&text, "held=%llu holding=%llu hold-longest-usec=%llu hold-expired=%llu ",
		(unsigned long long)totals->held_ever, (unsigned long long)totals->holding,
		(unsigned long long)totals->hold_longest_usec,
		(unsigned long long)totals->hold_expired);
	put(&text, "cut=%llu connections=%llu", (unsigned long long)totals->cut_ever,
		(unsigned long long)totals->clients);
	/* Behind what earlier supervisors read: they look at no more than 1024 bytes. */
	for (int color = 0; color < COLOR_COUNT; color++)
		put(&text, " %s.errors=%llu", color_name((enum color)color),
			(unsigned long long)totals->errors[color]);
	for (int color = 0; color < COLOR_COUNT; color++) {
		put(&text, " %s.latency=", color_name((enum color)color));
		put_latency(&text, totals->latency[color]);
	}
	put(&text, " cut-streams=%llu", (unsigned long long)totals->cut_streams_ever);
}
