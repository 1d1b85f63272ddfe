/* SPDX-License-Identifier: MIT */
/*
 * Removes a directory and what is in it, whoever may have written it: no link is followed, and no
 * mount point is entered. Takes as long as there are files; a child's work (release-child.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TREE_DEPTH_MAX 512 /* directories in each other; each holds a descriptor open */

/* -errno, and where in `where`: relative to dir_fd, cut if it is long. A name that is not there is
 * removed. */
int tree_remove(int dir_fd, const char *name, char *where, size_t size);

/*
 * Names that the supervisor gives to what is half there, in the directory of the releases:
 * ".TAG.removing", ".TAG.unpacking", ".snapshot.copying" and ".TAG.download". All but the last are
 * left over as soon as nobody is at work there; a download can be gone on with, and is left over
 * when it is old.
 */
#define TREE_REMOVING	      ".removing"
#define TREE_UNPACKING	      ".unpacking"
#define TREE_COPYING	      ".copying"
#define TREE_DOWNLOAD	      ".download"
#define TREE_DOWNLOAD_SECONDS (7 * 24 * 60 * 60)

bool tree_leftover(const char *name);

/* Removes all leftovers in the directory at `path`; prints what cannot be removed to stderr. 0, or
 * -1 if there was such. */
int tree_remove_leftovers(const char *path);
