/* SPDX-License-Identifier: MIT */
/*
 * What a process runs or reads though something else is in its place now: files, each once for a
 * subject. A file has an identity, what is in its place now, so that the same finding is known
 * again and the next version is a new one. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "color.h"

/* Of one app; more are counted, not kept. */
#define FINDINGS_MAX	     512
/* Bytes of a path as it is told, NUL included: 64 of them, and more, in 64 KiB. */
#define FINDING_PATH_MAX     400
#define FINDING_PACKAGE_MAX  128
#define FINDING_IDENTITY_MAX 96

/* Whose: one of the colors, or one of our own programs. */
enum subject {
	SUBJECT_BLUE = COLOR_BLUE,
	SUBJECT_GREEN = COLOR_GREEN,
	SUBJECT_SUPERVISOR = COLOR_COUNT,
	SUBJECT_RELAY,
	SUBJECT_COUNT,
};

/* "blue", "green", "supervisor", "relay". */
const char *subject_name(enum subject subject);

struct finding {
	enum subject subject;
	char *path; /* whole, as the process knows it */
	char package[FINDING_PACKAGE_MAX];
	char identity[FINDING_IDENTITY_MAX];
	bool certain; /* else it counts only if a package has it: data is rotated, too */
};

struct findings {
	struct finding *items;
	size_t count, left_out;
};

/* "-": nothing is there. */
void identity_write(const struct stat *st, char identity[static FINDING_IDENTITY_MAX]);

/* A finding that is there already only becomes more certain. */
int findings_add(struct findings *findings, const struct finding *finding);
/* Forgets those that are not certain and that no package has. */
void findings_settle(struct findings *findings);
/* Whether there is one of the colors', or of the subject's. */
bool findings_of_colors(const struct findings *findings);
bool findings_of(const struct findings *findings, enum subject subject);
void findings_clear(struct findings *findings);

/* The path as it may be shown: no control character, UTF-8, cut. */
void finding_path_show(const char *path, char shown[static FINDING_PATH_MAX]);
/* "libssl3: /usr/lib/x/libssl.so.3, and 2 more files", of the colors or of one of our programs. */
void findings_sentence(const struct findings *findings, enum subject first, enum subject last,
	char *buffer, size_t size);
