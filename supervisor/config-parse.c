/* SPDX-License-Identifier: MIT */
/*
 * Knows how a key's text becomes its field: kinds of values, and words for our enums. Does not know
 * which keys there are (config-keys.c).
 */
#include "config-parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/names.h"
#include "config-terms.h"
#include "config-value.h"
#include "config-words.h"

#define BODY_MAX 1024 /* a substring to look for in each answer; more is a mistake */

static const char *const writes_names[FALLBACK_WRITES_COUNT] = {
	[FALLBACK_WRITES_HOLD] = "hold",
	[FALLBACK_WRITES_PASS] = "pass",
};

static const char *const strategy_names[STRATEGY_COUNT] = {
	[STRATEGY_FALLBACK] = "fallback",
	[STRATEGY_SWAP] = "swap",
};

static const char *const protocol_names[PROTOCOL_COUNT] = {
	[PROTOCOL_HTTP] = "http",
	[PROTOCOL_TCP] = "tcp",
	[PROTOCOL_NONE] = "none",
};

const char *strategy_name(enum strategy strategy)
{
	return strategy_names[strategy];
}

int strategy_from_name(const char *name)
{
	return name_lookup(strategy_names, STRATEGY_COUNT, name);
}

const char *protocol_name(enum protocol protocol)
{
	return protocol_names[protocol];
}

static int in_range(const struct config_key *key, uint64_t value)
{
	return value >= key->min && value <= key->max ? 0 : -ERANGE;
}

static int parse_number(const struct config_key *key, const char *text, uint64_t *ret_number)
{
	uint64_t number;
	int r;

	r = config_value_number(text, &number);
	if (r < 0)
		return r;
	r = in_range(key, number);
	if (r < 0)
		return r;
	*ret_number = number;
	return 0;
}

int config_parse_key_port(const struct config_key *key, const char *text, void *field)
{
	uint64_t number;
	int r;

	r = parse_number(key, text, &number);
	if (r < 0)
		return r;
	*(uint16_t *)field = (uint16_t)number;
	return 0;
}

int config_parse_key_count(const struct config_key *key, const char *text, void *field)
{
	uint64_t number;
	int r;

	r = parse_number(key, text, &number);
	if (r < 0)
		return r;
	*(uint32_t *)field = (uint32_t)number;
	return 0;
}

int config_parse_key_usec(const struct config_key *key, const char *text, void *field)
{
	uint64_t usec;
	int r;

	r = config_parse_usec(text, &usec);
	if (r < 0)
		return r;
	r = in_range(key, usec);
	if (r < 0)
		return r;
	*(uint64_t *)field = usec;
	return 0;
}

int config_parse_key_bytes(const struct config_key *key, const char *text, void *field)
{
	uint64_t bytes;
	int r;

	r = config_parse_bytes(text, &bytes);
	if (r < 0)
		return r;
	r = in_range(key, bytes);
	if (r < 0)
		return r;
	*(uint64_t *)field = bytes;
	return 0;
}

/* Two fields side by side: status_min, status_max. */
int config_parse_key_statuses(const struct config_key *key, const char *text, void *field)
{
	uint16_t *statuses = field;
	uint64_t min, max;
	int r;

	r = config_value_range(text, &min, &max);
	if (r < 0)
		return r;
	if (in_range(key, min) < 0 || in_range(key, max) < 0)
		return -ERANGE;
	statuses[0] = (uint16_t)min;
	statuses[1] = (uint16_t)max;
	return 0;
}

static int replace_string(char **string, const char *text)
{
	char *copy = NULL;

	if (*text) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*string);
	*string = copy;
	return 0;
}

int config_parse_key_path(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return config_value_is_path(text) ? replace_string(field, text) : -EINVAL;
}

int config_parse_key_host(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_host(text) ? replace_string(field, text) : -EINVAL;
}

int config_parse_key_body(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return strlen(text) <= BODY_MAX ? replace_string(field, text) : -ERANGE;
}

static void free_words(char **words)
{
	for (; *words; words++) {
		free(*words);
		*words = NULL;
	}
}

/* What the supervisor itself says in the environment file; the administrator must not. */
static bool is_ours(const char *assignment)
{
	return strncmp(assignment, "PORT=", strlen("PORT=")) == 0 ||
	       strncmp(assignment, "BLUEGREEN_", strlen("BLUEGREEN_")) == 0;
}

static bool is_their_assignment(const char *word)
{
	return config_value_is_assignment(word) && !is_ours(word);
}

static int parse_words(const char *text, bool (*is_word)(const char *), char **field)
{
	char *words[CONFIG_LIST_MAX + 1];
	int r;

	r = config_words_split(text, CONFIG_LIST_MAX, words);
	if (r < 0)
		return r;
	for (size_t i = 0; words[i]; i++)
		if (!is_word(words[i])) {
			free_words(words);
			return -EINVAL;
		}
	free_words(field);
	memcpy(field, words, sizeof(*words) * (size_t)(r + 1));
	return 0;
}

int config_parse_key_paths(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return parse_words(text, config_value_is_path, field);
}

int config_parse_key_environment(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return parse_words(text, is_their_assignment, field);
}

int config_parse_key_writes(const struct config_key *key, const char *text, void *field)
{
	int word = name_lookup(writes_names, FALLBACK_WRITES_COUNT, text);

	(void)key;
	if (word < 0)
		return word;
	*(enum fallback_writes *)field = (enum fallback_writes)word;
	return 0;
}

int config_parse_key_strategy(const struct config_key *key, const char *text, void *field)
{
	int word = strategy_from_name(text);

	(void)key;
	if (word < 0)
		return word;
	*(enum strategy *)field = (enum strategy)word;
	return 0;
}

int config_parse_key_protocol(const struct config_key *key, const char *text, void *field)
{
	int word = name_lookup(protocol_names, PROTOCOL_COUNT, text);

	(void)key;
	if (word < 0)
		return word;
	*(enum protocol *)field = (enum protocol)word;
	return 0;
}

/* There is one way, so that none is kept in struct config. */
int config_parse_key_steering(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	(void)field;
	return strcmp(text, "relay") == 0 ? 0 : -EINVAL;
}

int config_parse_key_affinity(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	for (int i = 0; i < AFFINITY_COUNT; i++)
		if (strcmp(affinity_name((enum affinity)i), text) == 0) {
			*(enum affinity *)field = (enum affinity)i;
			return 0;
		}
	return -EINVAL;
}

/* The field is the array; how many of it are used stands beside it. */
int config_parse_key_ramp(const struct config_key *key, const char *text, void *field)
{
	struct config *config = (struct config *)((char *)field - offsetof(struct config, ramp));
	struct config_ramp_step steps[CONFIG_RAMP_MAX] = {0};
	char *words[CONFIG_RAMP_MAX + 1];
	int count, r = 0;

	(void)key;
	count = config_words_split(text, CONFIG_RAMP_MAX, words);
	if (count < 0)
		return count;
	for (int i = 0; i < count && r == 0; i++) {
		r = config_value_ramp_step(words[i], &steps[i]);
		if (r == 0 && i > 0 && steps[i].share <= steps[i - 1].share)
			r = -ERANGE;
	}
	free_words(words);
	if (r < 0)
		return r;
	memcpy(config->ramp, steps, sizeof(steps));
	config->ramp_count = (size_t)count;
	return 0;
}

int config_parse_key_trust(const struct config_key *key, const char *text, void *field)
{
	char *words[TRUST_MAX + 1];
	struct trust trust = {0};
	int r, added = 0;

	(void)key;
	r = config_words_split(text, TRUST_MAX, words);
	if (r < 0)
		return r;
	if (r != 1 || strcmp(words[0], "none") != 0)
		for (size_t i = 0; words[i] && added == 0; i++)
			added = trust_add(&trust, words[i]);
	free_words(words);
	if (added < 0)
		return added;
	*(struct trust *)field = trust;
	return 0;
}

/* As systemd.syntax(7) has booleans. */
int config_parse_key_answer(const struct config_key *key, const char *text, void *field)
{
	static const char *const yes[] = {"1", "yes", "y", "true", "t", "on"};
	static const char *const no[] = {"0", "no", "n", "false", "f", "off"};

	(void)key;
	for (size_t i = 0; i < ELEMENTS(yes); i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*(bool *)field = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	return -EINVAL;
}

int config_parse_key_proxy(const struct config_key *key, const char *text, void *field)
{
	int word = proxy_version_from_name(text);

	(void)key;
	if (word < 0)
		return word;
	*(enum proxy_version *)field = (enum proxy_version)word;
	return 0;
}

int config_parse_key_rate(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return config_value_percent(text, field);
}

int config_parse_key_ratio(const struct config_key *key, const char *text, void *field)
{
	double ratio = 0;
	int r;

	if (strcmp(text, "off") != 0) {
		r = config_value_decimal(text, &ratio);
		if (r < 0)
			return r;
		if (ratio > 0 && (ratio < (double)key->min || ratio > (double)key->max))
			return -ERANGE;
	}
	*(double *)field = ratio;
	return 0;
}

int config_parse_key_directory(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_directory(text) ? replace_string(field, text) : -EINVAL;
}

int config_parse_key_directories(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return parse_words(text, config_value_is_directory, field);
}

int config_parse_key_hours(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return hours_parse(text, field);
}

int config_parse_key_source(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_source(text) ? replace_string(field, text) : -EINVAL;
}

int config_parse_key_url(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_url(text) ? replace_string(field, text) : -EINVAL;
}

/* Of which app a hook is, is looked at when all is read (config.c). */
int config_parse_key_hook(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_service(text) ? replace_string(field, text) : -EINVAL;
}
