/* SPDX-License-Identifier: MIT */
/*
 * Fingerprints of files that are read and not kept open, [Upgrade] WatchPath=: taken when a color
 * starts, kept in a file, compared later. By inode, times and size, which an upgrade changes even
 * if it keeps the date of a file; never by when the color was started, because clocks are set.
 *
 * Whoever owns the files may put there what he likes: no link below a path is followed, nothing is
 * opened but directories, and there are limits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "recheck-findings.h"

#define WATCH_FILES_MAX 65536 /* of all paths of an app; what is beyond is not looked at */
#define WATCH_DEPTH_MAX 64
#define WATCH_USEC_MAX	(10 * USEC_PER_SEC) /* a start waits for it */
#define WATCH_BYTES_MAX (64 << 20)	    /* of the file */
#define WATCH_ERROR_MAX 512

enum watched_kind {
	WATCHED_ROOT, /* a path that was looked at; nothing else of it */
	WATCHED_FILE,
	WATCHED_LINK,	   /* with its target */
	WATCHED_DIRECTORY, /* a release: which directory, not what is in it */
	WATCHED_KIND_COUNT,
};

struct watched {
	enum watched_kind kind;
	char *path, *target; /* "" if it is no link */
	uint64_t inode, size, change_nsec, modify_nsec;
	uint32_t mode, uid, gid, links;
};

struct watch {
	struct watched *items; /* by path and kind */
	size_t count;
	bool cut; /* there is more than is here */
	uint64_t deadline;
};

/* What changes by itself and is no code: logs, compiled Python, what editors, dpkg and version
 * control leave. */
bool watch_ignores(const char *name, bool directory);

/* A path of WatchPath=: itself, what it leads to, and what is below. */
int watch_add(struct watch *watch, const char *path);
/* A link that leads to a release: its target, and which directory that is. */
int watch_add_release(struct watch *watch, const char *path);
/* Once, behind the last of these. */
void watch_sort(struct watch *watch);

/* Replaces DIR/NAME. */
int watch_write(const struct watch *watch, const char *dir, const char *name);
/* -ENOENT: there is none; -EBADMSG: it is not of this form. */
int watch_read(const char *path, struct watch *ret_watch);
void watch_free(struct watch *watch);

/* True if the path was among those looked at. */
bool watch_has_root(const struct watch *watch, const char *path);

/* What is different now, below the paths that both have looked at. */
int watch_compare(const struct watch *noted, const struct watch *now, enum subject subject,
	struct findings *findings);
