/* SPDX-License-Identifier: MIT */
/*
 * The table of keys: where each one lies in struct config, what it may be, what it is by default.
 * app-bluegreen.conf(5) says the same to people; tests/unit/test-config.c compares the two. It
 * knows no file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

#define CONFIG_KEYS_MAX 48 /* rows, for arrays beside the table */

struct config_key;
typedef int (*config_key_parse_fn)(const struct config_key *key, const char *text, void *field);

struct config_key {
	const char *section;
	const char *name;
	const char *initial; /* the default, as text */
	config_key_parse_fn parse;
	size_t offset;	     /* of its field in struct config */
	uint64_t min, max;   /* of numbers, times and sizes */
	const char *allowed; /* the end of a sentence: "… must be a number from 1 to 100" */
};

/* The rows, 0..config_keys_count()-1. */
size_t config_keys_count(void);
const struct config_key *config_keys_at(size_t index);

/* The row's index, or -ENOENT. */
int config_keys_find(const char *section, const char *name);
/* The index of a row with this name in another section, or -ENOENT. */
int config_keys_find_elsewhere(const char *name);
bool config_keys_has_section(const char *section);

/* Sets the field; an empty text sets the default. -EINVAL and its like: the text is not allowed
 * and nothing was changed; -ENOMEM. */
int config_keys_set(struct config *config, size_t index, const char *text);

/* Sets every field to its default. */
int config_keys_set_all(struct config *config);
