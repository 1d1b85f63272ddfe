/* SPDX-License-Identifier: MIT */
/*
 * Which package a file is from: dpkg-query(1), in a process of its own and with a deadline. It only
 * reads, and takes no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "recheck-findings.h"

#define PACKAGE_USEC_MAX (30 * USEC_PER_SEC) /* a disk that is slow, and all of dpkg's lists */

/* Fills in `package` where there is one. 0, or -errno: -ETIME, -ENOENT (no dpkg-query): then none
 * is filled in. */
int packages_find(struct findings *findings);

/* Pure, for tests. A name under which dpkg may have the file, if there is such: 0: as it is; 1: as
 * in the days before /usr and / were merged; 2, 3: the same without the version that a library's
 * name ends with. Escaped for dpkg-query, to which it is a pattern. */
#define PACKAGE_PATTERNS 4
bool package_pattern(const char *path, unsigned which, char *pattern, size_t size);
/* The package and the path of a line "libssl3:amd64: /usr/..." or "a, b: /usr/..."; false for a
 * line that is none. The line is changed. */
bool package_line(char *line, const char **ret_package, const char **ret_path);
