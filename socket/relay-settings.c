/* SPDX-License-Identifier: MIT */
/*
 * Knows the relay's own limits and their names in the environment.
 */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

static int setting_read(const char *name, uint64_t *setting, const char **ret_name)
{
	const char *text = getenv(name);
	uint64_t value;
	char *end;

	if (!text || !*text)
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0' || errno != 0 || *text == '-' || value == 0) {
		*ret_name = name;
		return -EINVAL;
	}
	*setting = value;
	return 0;
}

/* A client may need a backend connection; some descriptors are ours. */
static uint64_t connections_for_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return 500000;
	return limit.rlim_cur > 128 ? (limit.rlim_cur - 64) / 2 : 32;
}

int relay_settings_load(struct relay_settings *ret_settings, const char **ret_name)
{
	uint64_t connections = connections_for_descriptors();
	struct relay_settings settings = {
		.head_usec = 15 * USEC_PER_SEC,
		.idle_usec = 75 * USEC_PER_SEC,
		.connect_usec = 5 * USEC_PER_SEC,
		.response_usec = 300 * USEC_PER_SEC,
		.stall_usec = 60 * USEC_PER_SEC,
		.pool_usec = 30 * USEC_PER_SEC,
		.shutdown_usec = 30 * USEC_PER_SEC,
	};
	const struct {
		const char *name;
		uint64_t *value;
	} rows[] = {
		{"RELAY_HEAD_TIMEOUT_USEC", &settings.head_usec},
		{"RELAY_IDLE_TIMEOUT_USEC", &settings.idle_usec},
		{"RELAY_CONNECT_TIMEOUT_USEC", &settings.connect_usec},
		{"RELAY_RESPONSE_TIMEOUT_USEC", &settings.response_usec},
		{"RELAY_STALL_TIMEOUT_USEC", &settings.stall_usec},
		{"RELAY_POOL_TIMEOUT_USEC", &settings.pool_usec},
		{"RELAY_SHUTDOWN_TIMEOUT_USEC", &settings.shutdown_usec},
		{"RELAY_CONNECTIONS", &connections},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		int r = setting_read(rows[i].name, rows[i].value, ret_name);

		if (r < 0)
			return r;
	}
	settings.connections_max = connections > UINT32_MAX ? UINT32_MAX : (uint32_t)connections;
	*ret_settings = settings;
	return 0;
}
