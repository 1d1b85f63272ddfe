/* SPDX-License-Identifier: MIT */
/*
 * The values in a configuration file, one function a kind: numbers, times and sizes
 * (systemd.time(7); those two are in config.h), paths. It knows no key. Pure: no I/O, no
 * allocation. Errors: -EINVAL for what is not such a value, -ERANGE for what is one but too large.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits and nothing else. */
int config_value_number(const char *text, uint64_t *ret_number);

/* "200" or "200-299". */
int config_value_range(const char *text, uint64_t *ret_min, uint64_t *ret_max);

/* True if the whole is UTF-8 as RFC 3629 has it. */
bool config_value_is_utf8(const char *text, size_t length);

/* True for what may stand in a request line: a `/`, then visible ASCII without `#`. */
bool config_value_is_path(const char *text);

/* True for a host and an optional port: letters, digits and "-._:[]". */
bool config_value_is_host(const char *text);

/* True for NAME=VALUE: NAME an identifier, VALUE without control characters. */
bool config_value_is_assignment(const char *text);
