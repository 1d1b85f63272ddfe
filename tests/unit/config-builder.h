/* SPDX-License-Identifier: MIT */
/*
 * For the tests of config: texts that are files called a.conf, b.conf and c.conf, and what becomes
 * of them.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "config.h"

static char error[CONFIG_ERROR_MAX];

/* Builds from texts, called a.conf, b.conf, ... */
static inline struct config *build_all(const char *const *contents, size_t count, int *ret_r)
{
	static const char *const names[] = {"a.conf", "b.conf", "c.conf"};
	struct config_text texts[ELEMENTS(names)] = {0};
	struct config *config = NULL;

	error[0] = '\0';
	for (size_t i = 0; i < count; i++)
		texts[i] = (struct config_text){
			.name = names[i],
			.content = strdup(contents[i]),
			.size = strlen(contents[i]),
		};
	*ret_r = config_build("app", texts, count, error, &config);
	for (size_t i = 0; i < count; i++)
		free(texts[i].content);
	return config;
}

static inline struct config *build(const char *text)
{
	struct config *config;
	int r;

	config = build_all(&text, 1, &r);
	if (r < 0)
		fail_msg("%s", error);
	return config;
}

/* The sentence that says why not. */
static inline const char *refusal(const char *text)
{
	struct config *config;
	int r;

	config = build_all(&text, 1, &r);
	assert_true(r < 0);
	assert_null(config);
	return error;
}

#define assert_refused(text, sentence) assert_string_equal(refusal(text), sentence)
