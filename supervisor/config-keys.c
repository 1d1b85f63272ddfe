/* SPDX-License-Identifier: MIT */
/*
 * Knows each key by name, its kind, its range and its default.
 */
#include "config-keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/names.h"
#include "config-value.h"
#include "config-words.h"

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define KIB  (UINT64_C(1) << 10)
#define GIB  (UINT64_C(1) << 30)

#define BODY_MAX 1024 /* a substring to look for in each answer; more is a mistake */

/* Of strategies there is one, so that none is kept in struct config. */
static const char *const strategy_names[] = {"fallback"};

static const char *const writes_names[FALLBACK_WRITES_COUNT] = {
	[FALLBACK_WRITES_HOLD] = "hold",
	[FALLBACK_WRITES_PASS] = "pass",
};

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

static int parse_port(const struct config_key *key, const char *text, void *field)
{
	uint64_t number;
	int r;

	r = parse_number(key, text, &number);
	if (r < 0)
		return r;
	*(uint16_t *)field = (uint16_t)number;
	return 0;
}

static int parse_count(const struct config_key *key, const char *text, void *field)
{
	uint64_t number;
	int r;

	r = parse_number(key, text, &number);
	if (r < 0)
		return r;
	*(uint32_t *)field = (uint32_t)number;
	return 0;
}

static int parse_usec(const struct config_key *key, const char *text, void *field)
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

static int parse_bytes(const struct config_key *key, const char *text, void *field)
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
static int parse_statuses(const struct config_key *key, const char *text, void *field)
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

static int parse_path(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return config_value_is_path(text) ? replace_string(field, text) : -EINVAL;
}

static int parse_host(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return !*text || config_value_is_host(text) ? replace_string(field, text) : -EINVAL;
}

static int parse_body(const struct config_key *key, const char *text, void *field)
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

static int parse_paths(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return parse_words(text, config_value_is_path, field);
}

static int parse_environment(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return parse_words(text, is_their_assignment, field);
}

static int parse_strategy(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	(void)field;
	return name_lookup(strategy_names, ELEMENTS(strategy_names), text) < 0 ? -EINVAL : 0;
}

static int parse_writes(const struct config_key *key, const char *text, void *field)
{
	int word = name_lookup(writes_names, FALLBACK_WRITES_COUNT, text);

	(void)key;
	if (word < 0)
		return word;
	*(enum fallback_writes *)field = (enum fallback_writes)word;
	return 0;
}

#define FIELD(name) offsetof(struct config, name)

static const struct config_key keys[] = {
	{"App", "BluePort", "9000", parse_port, FIELD(ports[COLOR_BLUE]), 1, 65535,
		"a port from 1 to 65535"},
	{"App", "GreenPort", "9001", parse_port, FIELD(ports[COLOR_GREEN]), 1, 65535,
		"a port from 1 to 65535"},
	{"App", "Strategy", "fallback", parse_strategy, 0, 0, 0,
		"fallback, the only strategy there is"},

	{"Probe", "Path", "/", parse_path, FIELD(probe.path), 0, 0,
		"a path that begins with /, of visible ASCII characters without #"},
	{"Probe", "ExpectStatus", "200-299", parse_statuses, FIELD(probe.status_min), 200, 599,
		"a status or a range of them from 200 to 599, like 200-299"},
	{"Probe", "ExpectBody", "", parse_body, FIELD(probe.body), 0, 0,
		"a text of at most 1024 bytes"},
	{"Probe", "Host", "", parse_host, FIELD(probe.host), 0, 0,
		"a host name with or without a port"},
	{"Probe", "Interval", "1s", parse_usec, FIELD(probe.interval_usec), 100 * MSEC, HOUR,
		"a time from 100ms to 1h"},
	{"Probe", "Timeout", "5s", parse_usec, FIELD(probe.timeout_usec), 10 * MSEC, 10 * MIN,
		"a time from 10ms to 10min"},
	{"Probe", "StartTimeout", "90s", parse_usec, FIELD(probe.start_timeout_usec), SEC,
		24 * HOUR, "a time from 1s to 1d"},
	{"Probe", "Rise", "2", parse_count, FIELD(probe.rise), 1, 100, "a number from 1 to 100"},
	{"Probe", "Fall", "3", parse_count, FIELD(probe.fall), 1, 100, "a number from 1 to 100"},
	{"Probe", "Soak", "3s", parse_usec, FIELD(probe.soak_usec), 0, HOUR, "a time from 0 to 1h"},
	{"Probe", "WarmUp", "", parse_paths, FIELD(probe.warm_up), 0, 0,
		"at most 16 paths that begin with /, of visible ASCII characters without #"},

	{"Hold", "Limit", "30s", parse_usec, FIELD(hold_usec), SEC, HOUR, "a time from 1s to 1h"},
	{"Hold", "Requests", "512", parse_count, FIELD(hold_requests), 1, 65536,
		"a number from 1 to 65536"},
	{"Hold", "Bytes", "64M", parse_bytes, FIELD(hold_bytes), 64 * KIB, 16 * GIB,
		"a size from 64K to 16G"},

	{"Drain", "Requests", "30s", parse_usec, FIELD(drain_requests_usec), 0, HOUR,
		"a time from 0 to 1h"},
	{"Drain", "Streams", "300s", parse_usec, FIELD(drain_streams_usec), 0, 24 * HOUR,
		"a time from 0 to 1d"},

	{"Fallback", "Environment", "READ_ONLY=1", parse_environment, FIELD(fallback_environment),
		0, 0,
		"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
		"BLUEGREEN_…, which the supervisor sets"},
	{"Fallback", "Writes", "hold", parse_writes, FIELD(fallback_writes), 0, 0, "hold or pass"},
};

_Static_assert(FIELD(probe.status_max) == FIELD(probe.status_min) + sizeof(uint16_t),
	"parse_statuses() writes both");
_Static_assert(ELEMENTS(keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX is the number of rows");

size_t config_keys_count(void)
{
	return ELEMENTS(keys);
}

const struct config_key *config_keys_at(size_t index)
{
	assert(index < ELEMENTS(keys));
	return &keys[index];
}

int config_keys_find(const char *section, const char *name)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

int config_keys_find_elsewhere(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

bool config_keys_has_section(const char *section)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (strcmp(keys[i].section, section) == 0)
			return true;
	return false;
}

int config_keys_set(struct config *config, size_t index, const char *text)
{
	const struct config_key *key = config_keys_at(index);

	return key->parse(key, *text ? text : key->initial, (char *)config + key->offset);
}

int config_keys_set_all(struct config *config)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		int r = config_keys_set(config, i, "");

		if (r < 0)
			return r;
	}
	return 0;
}
