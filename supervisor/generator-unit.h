/* SPDX-License-Identifier: MIT */
/*
 * What is shipped as units of the application `app`, said of another one. It knows the places in
 * which the shipped units name their application, and touches nothing else: a table, because
 * `app` is also the beginning of names that stay (the user app-bluegreen, the directory
 * /usr/libexec/app-bluegreen, the page app-bluegreen(7)). Pure: no I/O.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define UNIT_NAME_MAX 256   /* systemd's own limit, NUL included */
#define UNIT_TEXT_MAX 65536 /* bytes of a shipped unit */

/* A unit that every application has, as the generator writes it. */
struct unit_shipped {
	const char *before, *after; /* its name, around the application's: "", "-primary.target" */
	/* "KEY=" of lines that hold for `app` alone and are left out; NULL: none. */
	const char *left_out;
};

extern const struct unit_shipped units_shipped[];
extern const size_t units_shipped_count;

/* "shop-bluegreen.service" */
void unit_name(
	const struct unit_shipped *unit, const char *app, char ret_name[static UNIT_NAME_MAX]);

/* Writes text[0..size) with the names of `app` in the place of those shipped. */
void unit_names_replace(const char *text, size_t size, const char *app, FILE *file);

/*
 * The unit of `app`, made of what is shipped in `path`: without comments and without [Install], as
 * what systemd itself finds in a generator's directory cannot be enabled. What [Install] wanted is
 * in *ret_wanted_by, names of units with a space behind each. Both are the caller's to free.
 * -ENOMEM.
 */
int unit_derive(const struct unit_shipped *unit, const char *app, const char *path,
	const char *text, char **ret_text, char **ret_wanted_by);
