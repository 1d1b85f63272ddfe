/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a configuration file: they are a configuration within its ranges, or refused with
 * one printable sentence that names a line.
 */
#include <string.h>

#include "base/fd.h"
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
	if (config)
		config_check(config);
	else
		error_check(error);
	config_free(config);
	return 0;
}
