/* SPDX-License-Identifier: MIT */
/*
 * Why an upgrade needs a cycle: files that a color runs or reads and that were replaced since, with
 * the package that did it. As JSON, an array of {"color", "path", "package" ("" if none)}; of what
 * somebody sends, only what is of that form.
 */
#pragma once

#include <stddef.h>

#include <jansson.h>

/* Whoever finds more says the first ones: they are for people to read. */
#define CAUSES_MAX	 64
#define CAUSES_BYTES_MAX (64 * 1024)
#define CAUSES_ERROR_MAX 160

/* A new reference, with these three keys alone and nothing in them that a terminal would obey; NULL
 * and one sentence if the text is not such an array. */
json_t *causes_parse(const char *text, char error[static CAUSES_ERROR_MAX]);

/* "libssl3: /usr/lib/x/libssl.so.3, and 2 more files"; a file that both colors run is one. "" of
 * none. */
void causes_sentence(const json_t *causes, char *buffer, size_t size);
