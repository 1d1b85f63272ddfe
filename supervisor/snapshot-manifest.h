/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot was made of, in the file .bluegreen-snapshot of the release: text, first
 * `FORMAT=1`, then `PATH=` for each directory, a line an entry in the order of a walk, and last
 * `END=` with their number, so that a torn file is seen.
 */
#pragma once

#include <stddef.h>

#include "snapshot-tree.h"

#define SNAPSHOT_MANIFEST  ".bluegreen-snapshot"
#define MANIFEST_PATHS_MAX 64 /* more than a configuration can name */

struct snapshot_manifest {
	char *paths[MANIFEST_PATHS_MAX + 1]; /* NULL-terminated */
	size_t path_count;
	struct snapshot_entry *entries; /* their paths are the manifest's */
	size_t count, room;
};

struct snapshot_manifest *manifest_new(const char *const *paths);
struct snapshot_manifest *manifest_free(struct snapshot_manifest *manifest);
DEFINE_CLEANUP(struct snapshot_manifest, manifest_free);

/* Copies the entry. */
int manifest_add(struct snapshot_manifest *manifest, const struct snapshot_entry *entry);
/* True if it is of these directories, in whatever order they are named. */
bool manifest_is_of(const struct snapshot_manifest *manifest, const char *const *paths);
/* Of all that counts as a difference. */
void manifest_digest(const struct snapshot_manifest *manifest, char ret_digest[static DIGEST_MAX]);

/* Into the directory, not durably. */
int manifest_write(const struct snapshot_manifest *manifest, int dir_fd);
/* -ENOENT: no snapshot; -EBADMSG: torn, or of a later version. */
int manifest_read(const char *directory, const char *tag, struct snapshot_manifest **ret_manifest);

/* Of the newest snapshot of these directories; -ENOENT if there is none. */
int manifest_find(const char *directory, const char *const *paths,
	char ret_tag[static RELEASE_TAG_MAX], struct snapshot_manifest **ret_manifest);
