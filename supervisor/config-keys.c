/* SPDX-License-Identifier: MIT */
/*
 * Knows each key by name, its kind, its range and its default.
 */
#include "config-keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "config-parse.h"

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define KIB  (UINT64_C(1) << 10)
#define GIB  (UINT64_C(1) << 30)

#define FIELD(name) offsetof(struct config, name)

static const struct config_key keys[] = {
	{"App", "BluePort", "9000", config_parse_key_port, FIELD(ports[COLOR_BLUE]), 1, 65535,
		"a port from 1 to 65535"},
	{"App", "GreenPort", "9001", config_parse_key_port, FIELD(ports[COLOR_GREEN]), 1, 65535,
		"a port from 1 to 65535"},
	{"App", "Strategy", "fallback", config_parse_key_strategy, FIELD(strategy), 0, 0,
		"fallback or swap"},
	{"App", "Protocol", "http", config_parse_key_protocol, FIELD(protocol), 0, 0,
		"http, tcp or none"},

	{"Probe", "Path", "/", config_parse_key_path, FIELD(probe.path), 0, 0,
		"a path that begins with /, of visible ASCII characters without #"},
	{"Probe", "ExpectStatus", "200-299", config_parse_key_statuses, FIELD(probe.status_min),
		200, 599, "a status or a range of them from 200 to 599, like 200-299"},
	{"Probe", "ExpectBody", "", config_parse_key_body, FIELD(probe.body), 0, 0,
		"a text of at most 1024 bytes"},
	{"Probe", "Host", "", config_parse_key_host, FIELD(probe.host), 0, 0,
		"a host name with or without a port"},
	{"Probe", "Interval", "1s", config_parse_key_usec, FIELD(probe.interval_usec), 100 * MSEC,
		HOUR, "a time from 100ms to 1h"},
	{"Probe", "Timeout", "5s", config_parse_key_usec, FIELD(probe.timeout_usec), 10 * MSEC,
		10 * MIN, "a time from 10ms to 10min"},
	{"Probe", "StartTimeout", "90s", config_parse_key_usec, FIELD(probe.start_timeout_usec),
		SEC, 24 * HOUR, "a time from 1s to 1d"},
	{"Probe", "Rise", "2", config_parse_key_count, FIELD(probe.rise), 1, 100,
		"a number from 1 to 100"},
	{"Probe", "Fall", "3", config_parse_key_count, FIELD(probe.fall), 1, 100,
		"a number from 1 to 100"},
	{"Probe", "Soak", "3s", config_parse_key_usec, FIELD(probe.soak_usec), 0, HOUR,
		"a time from 0 to 1h"},
	{"Probe", "WarmUp", "", config_parse_key_paths, FIELD(probe.warm_up), 0, 0,
		"at most 16 paths that begin with /, of visible ASCII characters without #"},

	{"Route", "Steering", "relay", config_parse_key_steering, 0, 0, 0,
		"relay: this version cannot steer in the kernel"},
	{"Route", "Affinity", "none", config_parse_key_affinity, FIELD(affinity), 0, 0,
		"none, cookie or address"},
	{"Route", "Ramp", "", config_parse_key_ramp, FIELD(ramp), 0, 0,
		"at most 16 steps SHARE%:TIME like 10%:2min 50%:5min, the shares from 1% to 99% "
		"and each above the one before, the times above 0 and at most 1d"},
	{"Route", "SlowStart", "0", config_parse_key_usec, FIELD(slow_start_usec), 0, HOUR,
		"a time from 0 to 1h"},
	{"Route", "TrustedProxies", "localhost", config_parse_key_trust, FIELD(trusted_proxies), 0,
		0,
		"none, or at most 32 addresses or prefixes like 192.0.2.0/24 or 2001:db8::/32 "
		"without bits behind the prefix, and localhost, which counts as two"},
	{"Route", "AcceptProxyProtocol", "no", config_parse_key_answer, FIELD(accept_proxy), 0, 0,
		"yes or no"},
	{"Route", "SendProxyProtocol", "no", config_parse_key_proxy, FIELD(send_proxy), 0, 0,
		"no, v1 or v2"},

	{"Hold", "Limit", "30s", config_parse_key_usec, FIELD(hold_usec), SEC, HOUR,
		"a time from 1s to 1h"},
	{"Hold", "Requests", "512", config_parse_key_count, FIELD(hold_requests), 1, 65536,
		"a number from 1 to 65536"},
	{"Hold", "Bytes", "64M", config_parse_key_bytes, FIELD(hold_bytes), 64 * KIB, 16 * GIB,
		"a size from 64K to 16G"},

	{"Drain", "Requests", "30s", config_parse_key_usec, FIELD(drain_requests_usec), 0, HOUR,
		"a time from 0 to 1h"},
	{"Drain", "Streams", "300s", config_parse_key_usec, FIELD(drain_streams_usec), 0, 24 * HOUR,
		"a time from 0 to 1d"},

	{"Fallback", "Environment", "READ_ONLY=1", config_parse_key_environment,
		FIELD(fallback_environment), 0, 0,
		"at most 16 assignments NAME=VALUE of printable text, and neither PORT nor "
		"BLUEGREEN_…, which the supervisor sets"},
	{"Fallback", "Writes", "hold", config_parse_key_writes, FIELD(fallback_writes), 0, 0,
		"hold or pass"},

	{"Release", "Directory", "", config_parse_key_directory, FIELD(release_directory), 0, 0,
		"an absolute path of printable text without . or .. in it"},
	{"Release", "Keep", "5", config_parse_key_count, FIELD(release_keep), 1, 1000,
		"a number from 1 to 1000"},
	{"Release", "Window", "60s", config_parse_key_usec, FIELD(window_usec), 0, 24 * HOUR,
		"a time from 0 to 1d"},
	{"Release", "Source", "", config_parse_key_source, FIELD(release_source), 0, 0,
		"a URL of http, https or file that has {tag} once, behind the host, like "
		"https://example.org/notes-{tag}.tar.gz"},
	{"Release", "Snapshot", "", config_parse_key_directories, FIELD(release_snapshot), 0, 0,
		"at most 16 absolute paths of directories without . or .. in them"},

	{"Gate", "MaxErrorRate", "1%", config_parse_key_rate, FIELD(gate.max_error_rate), 0, 0,
		"a percentage from 0% to 100%, like 1% or 0.5%"},
	{"Gate", "MaxLatencyRatio", "2", config_parse_key_ratio, FIELD(gate.max_latency_ratio), 1,
		1000, "a number from 1 to 1000, like 1.5, or off"},
	{"Gate", "MinRequests", "50", config_parse_key_count, FIELD(gate.min_requests), 1, 1000000,
		"a number from 1 to 1000000"},
	{"Gate", "Probation", "10s", config_parse_key_usec, FIELD(probation_usec), 0, 24 * HOUR,
		"a time from 0 to 1d"},

	{"Hooks", "BeforeRestart", "", config_parse_key_hook, FIELD(hook_before), 0, 0,
		"a unit's name that ends in .service, like app-migrate.service"},
	{"Hooks", "AfterDeploy", "", config_parse_key_hook, FIELD(hook_after), 0, 0,
		"a unit's name that ends in .service, like app-notice.service"},

	{"Upgrade", "Restart", "yes", config_parse_key_answer, FIELD(upgrade_restart), 0, 0,
		"yes or no"},
	{"Upgrade", "WatchPath", "", config_parse_key_directories, FIELD(watch_paths), 0, 0,
		"at most 16 absolute paths of files or directories without . or .. in them"},
	{"Upgrade", "MaintenanceWindow", "", config_parse_key_hours, FIELD(maintenance), 0, 0,
		"at most 16 spans of a day, like 02:00-05:00 or Mon..Fri 02:00-05:00 Sat,Sun "
		"00:00-06:00"},

	{"Notify", "Url", "", config_parse_key_url, FIELD(notify_url), 0, 0,
		"a URL of http or https, like https://example.org/hook"},
};

_Static_assert(FIELD(probe.status_max) == FIELD(probe.status_min) + sizeof(uint16_t),
	"config_parse_key_statuses() writes both");
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
