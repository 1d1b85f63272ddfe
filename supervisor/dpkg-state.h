/* SPDX-License-Identifier: MIT */
/*
 * Has dpkg been interrupted in the middle of a package? Then what lies in place is half of the old
 * version and half of the new one, and no lock says so. Read from dpkg's own files (dpkg(1),
 * deb-status(5)), which everybody may read.
 */
#pragma once

#include <stdbool.h>

#define DPKG_PACKAGE_MAX 128 /* bytes of a name, NUL included */

struct dpkg_unfinished {
	char package[DPKG_PACKAGE_MAX];
	char state[32]; /* "half-installed", "unpacked" or "half-configured" */
};

/* True if such a package has a file at or below one of these paths (NULL-terminated). root: "" or
 * another system's. */
bool dpkg_is_unfinished(
	const char *root, const char *const *paths, struct dpkg_unfinished *ret_unfinished);
