/* SPDX-License-Identifier: MIT */
/*
 * The kinds of keys, each a config_key_parse_fn: sets the field, or returns -EINVAL, -ERANGE or
 * -E2BIG for a text that is not allowed, or -ENOMEM, and leaves the field alone.
 */
#pragma once

#include "config-keys.h"

int config_parse_key_port(const struct config_key *key, const char *text, void *field);
int config_parse_key_count(const struct config_key *key, const char *text, void *field);
int config_parse_key_usec(const struct config_key *key, const char *text, void *field);
int config_parse_key_bytes(const struct config_key *key, const char *text, void *field);
int config_parse_key_statuses(const struct config_key *key, const char *text, void *field);
int config_parse_key_path(const struct config_key *key, const char *text, void *field);
int config_parse_key_host(const struct config_key *key, const char *text, void *field);
int config_parse_key_body(const struct config_key *key, const char *text, void *field);
int config_parse_key_paths(const struct config_key *key, const char *text, void *field);
int config_parse_key_environment(const struct config_key *key, const char *text, void *field);
int config_parse_key_writes(const struct config_key *key, const char *text, void *field);
int config_parse_key_strategy(const struct config_key *key, const char *text, void *field);
int config_parse_key_protocol(const struct config_key *key, const char *text, void *field);
int config_parse_key_steering(const struct config_key *key, const char *text, void *field);
int config_parse_key_affinity(const struct config_key *key, const char *text, void *field);
int config_parse_key_ramp(const struct config_key *key, const char *text, void *field);
int config_parse_key_trust(const struct config_key *key, const char *text, void *field);
int config_parse_key_answer(const struct config_key *key, const char *text, void *field);
int config_parse_key_proxy(const struct config_key *key, const char *text, void *field);
int config_parse_key_rate(const struct config_key *key, const char *text, void *field);
int config_parse_key_ratio(const struct config_key *key, const char *text, void *field);
int config_parse_key_directory(const struct config_key *key, const char *text, void *field);
int config_parse_key_directories(const struct config_key *key, const char *text, void *field);
int config_parse_key_hours(const struct config_key *key, const char *text, void *field);
int config_parse_key_source(const struct config_key *key, const char *text, void *field);
int config_parse_key_url(const struct config_key *key, const char *text, void *field);
int config_parse_key_hook(const struct config_key *key, const char *text, void *field);
