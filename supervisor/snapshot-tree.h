/* SPDX-License-Identifier: MIT */
/*
 * Walks the directories of a snapshot, each entry before what is in it and names in the order of
 * their bytes, so that two walks over the same have the same order. Follows no link.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "snapshot.h"

struct snapshot_entry {
	char type;	   /* 'd' directory, 'f' file, 'l' symbolic link */
	unsigned int mode; /* of a file or directory, without set-id bits */
	uint64_t size;	   /* of a file */
	uint64_t ino;
	int64_t ctime_nsec;
	char digest[DIGEST_MAX]; /* of the content, or of where the link leads; "" not known */
	const char *path;	 /* absolute */
};

/* Where an entry lies as long as it is visited. */
struct snapshot_place {
	struct snapshot_entry entry;
	int dir_fd;
	const char *name; /* in there */
	struct stat st;
};

/* Negative ends the walk; whoever does that has written the reason. */
typedef int (*snapshot_visit_fn)(
	void *owner, const struct snapshot_place *place, char reason[static RELEASE_REASON_MAX]);

/* 0; what the visitor returned; or -errno and a sentence. -EAGAIN: something changed meanwhile. */
int snapshot_walk(const char *const *paths, snapshot_visit_fn visit, void *owner,
	char reason[static RELEASE_REASON_MAX]);

/* Byte code, which interpreters write beside the code by themselves. */
bool snapshot_is_derived(const char *path);

/* The content of the file that is open, from its beginning. */
int snapshot_digest_file(int fd, char ret_digest[static DIGEST_MAX]);
/* Of where it leads. -EAGAIN, as for a file that is not there any more. */
int snapshot_digest_place(const struct snapshot_place *place, char ret_digest[static DIGEST_MAX],
	char reason[static RELEASE_REASON_MAX]);
/* Opens the file that was found, and no other. */
int snapshot_open_place(
	const struct snapshot_place *place, int *ret_fd, char reason[static RELEASE_REASON_MAX]);

/* Writes one sentence and returns the error. */
int snapshot_refuse(char reason[static RELEASE_REASON_MAX], int error, const char *format, ...)
	_printf_(3, 4);
