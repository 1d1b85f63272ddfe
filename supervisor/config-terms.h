/* SPDX-License-Identifier: MIT */
/*
 * The values that releases, ramps, gates and hooks need: percentages, URLs, directories, names of
 * units. It knows no key. Pure: no I/O, no allocation. Errors as in config-value.h.
 */
#pragma once

#include <stdbool.h>

#include "config.h"

/* "1.5": digits with at most 6 behind a point; no sign, no exponent. */
int config_value_decimal(const char *text, double *ret_number);

/* "0.5%" gives 0.005; from 0% to 100%. */
int config_value_percent(const char *text, double *ret_rate);

/* "10%:2min": a whole share from 1 to 99, a time above 0 and at most a day. */
int config_value_ramp_step(const char *text, struct config_ramp_step *ret_step);

/* True for an absolute path without `.`, `..` or control characters, not the root itself. */
bool config_value_is_directory(const char *text);

/* True for http:// or https:// with a host, of visible ASCII. */
bool config_value_is_url(const char *text);

/* True for a URL, of file:///… too, that has {tag} exactly once and not in the host: a tag must not
 * choose whom we talk to. */
bool config_value_is_source(const char *text);

/* True for the name of a service that can be started: no template without its instance. */
bool config_value_is_service(const char *text);
