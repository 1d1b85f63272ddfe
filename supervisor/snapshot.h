/* SPDX-License-Identifier: MIT */
/*
 * A snapshot is a release that was copied from directories in which another package installs the
 * code ([Release] Snapshot=), each at its own path below the release: DIRECTORY/TAG/usr/share/x.
 * What dpkg does to the originals afterwards does not touch what runs. Beside the copy lies its
 * manifest, by which it is told later whether what is in place is still what was copied.
 *
 * Files, directories and symbolic links are copied, with their permissions and times, by reflink
 * where the file system can; what is neither is refused. Byte code that interpreters keep
 * (__pycache__, *.pyc) is copied, but never counts as a difference.
 *
 * A copy has a hidden name until the disk has all of it. It is made while dpkg is not at work, and
 * made anew if something was changed meanwhile. A seam: tests/fake/fake-snapshot.c.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "digest.h"
#include "release.h"

/* More is no code. */
#define SNAPSHOT_ENTRIES_MAX 500000
#define SNAPSHOT_BYTES_MAX   (UINT64_C(16) << 30)
#define SNAPSHOT_DEPTH_MAX   128 /* directories in each other; each holds a descriptor open */
/* apt may wait for an answer for ever, or for the script of a package that waits for us. */
#define SNAPSHOT_WAIT_USEC   (5 * 60 * USEC_PER_SEC)
#define SNAPSHOT_TRIES_MAX   3 /* of a copy whose original changes meanwhile */

enum snapshot_state {
	SNAPSHOT_SAME,	  /* what is in place is what the newest snapshot has */
	SNAPSHOT_DIFFERS, /* it is not */
	SNAPSHOT_NONE,	  /* there is no snapshot of these directories yet */
};

struct snapshot_comparison {
	enum snapshot_state state;
	char tag[RELEASE_TAG_MAX]; /* of the newest snapshot, tried or not; "" if there is none */
	char path[PATH_MAX];	   /* if it differs: the first that does, for people */
};

/*
 * Compares what is in place with the newest snapshot in `directory` of the same `paths`
 * (NULL-terminated). By inode, size and ctime where these are as they were; else contents are read,
 * so that a package that is installed again as it was is no difference. Takes as long as there are
 * files; anybody who can read both may ask. -errno and one sentence; -EAGAIN: something changes
 * just now, ask again later.
 */
int snapshot_compare(const char *directory, const char *const *paths,
	struct snapshot_comparison *ret_comparison, char reason[static RELEASE_REASON_MAX]);

/* -errno and one sentence if these directories cannot be copied into that one: before a cycle, at a
 * glance, without reading what is in them. */
int snapshot_check(
	const char *directory, const char *const *paths, char reason[static RELEASE_REASON_MAX]);

/* Those made since then (CLOCK_REALTIME) but for the ones in `used` (NULL-terminated) were never
 * tried: what is in place counts as different again, though the releases stay. */
void snapshot_forget(const char *directory, uint64_t since_usec, const char *const *used);

enum snapshot_result {
	SNAPSHOT_MADE,
	SNAPSHOT_UNCHANGED, /* the newest one has what is in place: there is nothing to copy */
	SNAPSHOT_FAILED,
};

struct snapshot_order {
	const char *directory; /* is made if only its last part is missing */
	const char *const *paths;
	uint64_t wait_usec; /* for dpkg, at most */
};

/* From the loop, once. text: one sentence, of what was copied and how, or why not. */
typedef void (*snapshot_over_fn)(
	void *owner, enum snapshot_result result, const char *tag, const char *text);

struct snapshot;

/* Waits until dpkg is not at work, and copies in a child process. The
 * order's strings must outlive it. One at a time in a directory. */
int snapshot_begin(sd_event *event, const struct snapshot_order *order, snapshot_over_fn over,
	void *owner, struct snapshot **ret_snapshot);
/* What it is at, for people. */
void snapshot_describe(const struct snapshot *snapshot, char *buffer, size_t size);
/* The child ends; what it has copied is left over for the next one to remove. */
struct snapshot *snapshot_end(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot, snapshot_end);
