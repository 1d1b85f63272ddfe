/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a configuration file: they are a configuration within its ranges, or refused with
 * one printable sentence that names a line.
 */
#include <string.h>

#include "base/fd.h"
#include "config-terms.h"
#include "config-value.h"
#include "config.h"
#include "fuzz.h"

static void words_check(char *const *words, bool (*is_word)(const char *))
{
	size_t count = 0;

	for (; words[count]; count++)
		must(is_word(words[count]));
	must(count <= CONFIG_LIST_MAX);
}

static void config_check(const struct config *config)
{
	const struct config_probe *probe = &config->probe;

	must(config->ports[COLOR_BLUE] > 0 && config->ports[COLOR_GREEN] > 0);
	must(config->ports[COLOR_BLUE] != config->ports[COLOR_GREEN]);
	must(config_value_is_path(probe->path));
	must(probe->status_min >= 200 && probe->status_min <= probe->status_max);
	must(probe->status_max <= 599);
	must(!probe->body || *probe->body);
	must(!probe->host || config_value_is_host(probe->host));
	must(probe->interval_usec >= 100 * USEC_PER_MSEC);
	must(probe->timeout_usec > 0 && probe->timeout_usec <= probe->start_timeout_usec);
	must(probe->rise > 0 && probe->rise <= 100 && probe->fall > 0 && probe->fall <= 100);
	words_check(probe->warm_up, config_value_is_path);
	must(config->hold_usec > 0 && config->hold_usec <= 3600 * USEC_PER_SEC);
	must(config->hold_requests > 0 && config->hold_bytes > 0);
	must(config->drain_streams_usec <= 24 * 3600 * USEC_PER_SEC);
	words_check(config->fallback_environment, config_value_is_assignment);
	must(config->fallback_environment[0]);
	must(config->fallback_writes < FALLBACK_WRITES_COUNT);
}

/* Of releases, ramps, gates and hooks; "app" is the name given to config_build(). */
static void release_check(const struct config *config)
{
	unsigned int share = 0;

	must(config->strategy < STRATEGY_COUNT && config->protocol < PROTOCOL_COUNT);
	must(config->affinity < AFFINITY_COUNT && config->ramp_count <= CONFIG_RAMP_MAX);
	for (size_t i = 0; i < config->ramp_count; i++) {
		must(config->ramp[i].share > share && config->ramp[i].share <= 99);
		must(config->ramp[i].usec > 0 && config->ramp[i].usec <= 24 * 3600 * USEC_PER_SEC);
		share = config->ramp[i].share;
	}
	must(config->slow_start_usec <= 3600 * USEC_PER_SEC);
	must(config->trusted_proxies.count <= TRUST_MAX);
	must(config->send_proxy < PROXY_VERSION_COUNT);
	must(!config->release_directory || config_value_is_directory(config->release_directory));
	must(!config->release_source || config->release_directory);
	must(!config->release_source || config_value_is_source(config->release_source));
	must(config->release_keep >= 1 && config->release_keep <= 1000);
	must(config->window_usec <= 24 * 3600 * USEC_PER_SEC);
	must(config->gate.max_error_rate >= 0 && config->gate.max_error_rate <= 1);
	must(config->gate.max_latency_ratio == 0 || config->gate.max_latency_ratio >= 1);
	must(config->gate.max_latency_ratio <= 1000 && config->gate.min_requests >= 1);
	must(config->probation_usec <= 24 * 3600 * USEC_PER_SEC);
	must(!config->hook_before || strncmp(config->hook_before, "app-", 4) == 0);
	must(!config->hook_after || strncmp(config->hook_after, "app-", 4) == 0);
	must(!config->notify_url || config_value_is_url(config->notify_url));
	must(config->protocol != PROTOCOL_NONE || config->ramp_count == 0);
	must(config->protocol != PROTOCOL_NONE || !config->accept_proxy);
	must(config->protocol == PROTOCOL_HTTP || !config->probe.warm_up[0]);
}

static void error_check(const char *error)
{
	must(strncmp(error, "f:", 2) == 0);
	must(error[2] >= '1' && error[2] <= '9');
	must(strlen(error) < CONFIG_ERROR_MAX);
	must(config_value_is_utf8(error, strlen(error)));
	for (; *error; error++)
		must((unsigned char)*error >= ' ' || *error == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* A copy of exactly this size, so that the sanitizer sees a step too far. */
	_cleanup_free_ char *content = malloc(size + 1);
	struct config_text text = {"f", content, size};
	char error[CONFIG_ERROR_MAX] = "";
	struct config *config = NULL;
	int r;

	must(content);
	if (size > 0)
		memcpy(content, bytes, size);
	content[size] = '\0';
	r = config_build("app", &text, 1, error, &config);
	must((r == 0) == (config != NULL));
	if (config) {
		config_check(config);
		release_check(config);
	} else {
		error_check(error);
	}
	config_free(config);
	return 0;
}
