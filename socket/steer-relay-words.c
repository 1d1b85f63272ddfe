/* SPDX-License-Identifier: MIT */
/*
 * Knows the words of the relay's answers and events; does not know when they come.
 */
#include "steer-relay-words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "latency.h"

static const char *const scope_names[DRAIN_SCOPE_COUNT] = {
	[DRAIN_READS] = "reads",
	[DRAIN_ALL] = "all",
};

const char *drain_scope_name(enum drain_scope scope)
{
	return scope_names[scope];
}

static const char *const protocol_names[STEER_PROTOCOL_COUNT] = {
	[STEER_HTTP] = "http",
	[STEER_TCP] = "tcp",
};

const char *steer_protocol_name(enum steer_protocol protocol)
{
	return protocol_names[protocol];
}

const char *steer_words_clients(
	const struct steer_clients *clients, char buffer[static STEER_WORDS_CLIENTS_MAX])
{
	char prefixes[TRUST_TEXT_MAX];

	snprintf(buffer, STEER_WORDS_CLIENTS_MAX, "trust=%s accept-proxy=%s send-proxy=%s",
		trust_text(&clients->trust, prefixes), clients->accept_proxy ? "yes" : "no",
		proxy_version_name(clients->send_proxy));
	return buffer;
}

#define TAG_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"

static bool is_made_of(const char word[static STEER_RELEASE_MAX], const char *letters)
{
	size_t length = strnlen(word, STEER_RELEASE_MAX);

	return length < STEER_RELEASE_MAX && strspn(word, letters) == length;
}

static bool is_sayable(const char word[static STEER_RELEASE_MAX])
{
	return is_made_of(word, TAG_LETTERS);
}

bool steer_release_is_sayable(const char word[static STEER_RELEASE_MAX])
{
	return is_made_of(word, TAG_LETTERS "@:");
}

bool steer_affinity_is_sayable(const struct steer_affinity *affinity)
{
	return is_sayable(affinity->release[COLOR_BLUE]) &&
	       is_sayable(affinity->release[COLOR_GREEN]) && is_sayable(affinity->cookie);
}

const char *steer_words_affinity(
	const struct steer_affinity *affinity, char buffer[static STEER_WORDS_AFFINITY_MAX])
{
	char key[2 * STEER_KEY_SIZE + 1];
	int n;

	for (size_t i = 0; i < STEER_KEY_SIZE; i++)
		snprintf(key + 2 * i, 3, "%02x", affinity->key[i]);
	n = snprintf(buffer, STEER_WORDS_AFFINITY_MAX, "%s", affinity_name(affinity->kind));
	if (affinity->kind == AFFINITY_NONE)
		return buffer;
	n += snprintf(buffer + n, STEER_WORDS_AFFINITY_MAX - (size_t)n, " fresh=%s key=%s",
		color_name(affinity->fresh), key);
	if (affinity->kind == AFFINITY_COOKIE)
		snprintf(buffer + n, STEER_WORDS_AFFINITY_MAX - (size_t)n,
			" life-usec=%" PRIu64 " blue=%s green=%s%s%s", affinity->life_usec,
			affinity->release[COLOR_BLUE], affinity->release[COLOR_GREEN],
			*affinity->cookie ? " name=" : "", affinity->cookie);
	return buffer;
}

size_t steer_words_split(char *text, char *words[static STEER_WORDS_MAX + 1])
{
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(text, " ", &rest); word && count < STEER_WORDS_MAX;
		word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	words[count] = NULL;
	return count;
}

int steer_words_route(char **words, struct route *ret_route)
{
	char text[ROUTE_TEXT_MAX];

	if (!words[0] || !words[1] || words[2])
		return -EINVAL;
	if ((size_t)snprintf(text, sizeof(text), "%s %s", words[0], words[1]) >= sizeof(text))
		return -EINVAL;
	return route_parse(text, ret_route);
}

static uint64_t *counter_find(struct steer_counters *counters, const char *name)
{
	const struct {
		const char *name;
		uint64_t *values;
	} of_color[] = {
		{"reads", counters->reads},
		{"writes", counters->writes},
		{"failed", counters->failed},
		{"errors", counters->errors},
		{"inflight", counters->inflight},
		{"streams", counters->streams},
	};
	const struct {
		const char *name;
		uint64_t *value;
	} of_all[] = {
		{"held", &counters->held},
		{"holding", &counters->holding},
		{"hold-longest-usec", &counters->hold_longest_usec},
		{"hold-expired", &counters->hold_expired},
		{"cut", &counters->cut.exchanges},
		{"cut-streams", &counters->cut.streams},
		{"connections", &counters->connections},
	};
	char color[16];
	const char *dot = strchr(name, '.');
	enum color of;

	if (!dot) {
		for (size_t i = 0; i < ELEMENTS(of_all); i++)
			if (strcmp(of_all[i].name, name) == 0)
				return of_all[i].value;
		return NULL;
	}
	snprintf(color, sizeof(color), "%.*s", (int)(dot - name), name);
	if (color_from_name(color, &of) < 0)
		return NULL;
	for (size_t i = 0; i < ELEMENTS(of_color); i++)
		if (strcmp(of_color[i].name, dot + 1) == 0)
			return &of_color[i].values[of];
	return NULL;
}

void steer_words_latency(const char *text, uint64_t counts[static STEER_LATENCY_BUCKETS])
{
	for (unsigned int bucket = 0; bucket < STEER_LATENCY_BUCKETS; bucket++) {
		char *end;

		counts[bucket] = strtoull(text, &end, 10);
		if (*end != ',')
			return;
		text = end + 1;
	}
}

/* The color of "blue.latency"; false for any other name. */
static bool latency_is_of(const char *name, enum color *ret_color)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		size_t length = strlen(color_name(color));

		if (strncmp(name, color_name(color), length) != 0 ||
			strcmp(name + length, ".latency") != 0)
			continue;
		*ret_color = color;
		return true;
	}
	return false;
}

uint64_t steer_latency_bound(unsigned int bucket)
{
	_Static_assert(STEER_LATENCY_BUCKETS == LATENCY_BUCKETS, "as the relay counts");
	return latency_bound(bucket);
}

void steer_words_counters(char **words, struct steer_counters *ret_counters)
{
	memset(ret_counters, 0, sizeof(*ret_counters));
	for (; *words; words++) {
		char *equals = strchr(*words, '=');
		enum color color;
		uint64_t *value;

		if (!equals)
			continue;
		*equals = '\0';
		for (char *c = *words; *c; c++)
			if (*c == '_')
				*c = '-';
		value = counter_find(ret_counters, *words);
		if (latency_is_of(*words, &color))
			steer_words_latency(equals + 1, ret_counters->latency[color]);
		else if (value)
			*value = strtoull(equals + 1, NULL, 10);
	}
}

int steer_words_drained(char **words, enum drain_scope *ret_scope, struct steer_cut *ret_cut)
{
	struct steer_cut cut = {0};
	int scope = -EINVAL;

	for (; *words; words++)
		if (strncmp(*words, "scope=", 6) == 0)
			scope = name_lookup(scope_names, DRAIN_SCOPE_COUNT, *words + 6);
		else if (strncmp(*words, "cut=", 4) == 0)
			cut.exchanges = strtoull(*words + 4, NULL, 10);
		else if (strncmp(*words, "streams=", 8) == 0)
			cut.streams = strtoull(*words + 8, NULL, 10);
	if (scope < 0)
		return -EBADMSG;
	*ret_scope = (enum drain_scope)scope;
	*ret_cut = cut;
	return 0;
}
