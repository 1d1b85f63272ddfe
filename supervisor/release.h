/* SPDX-License-Identifier: MIT */
/*
 * Releases on disk: [Release] Directory= has one directory a release, named by its tag; a link in
 * the state directory says for each color (and for the primary) which of them it runs. The links
 * are the supervisor's own, and switched by rename(2), so that each color's code is its own. A
 * seam: tests/fake/fake-release.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "color.h"

#define RELEASE_TAG_MAX	   64 /* bytes, NUL included */
#define RELEASE_REASON_MAX 512
#define RELEASES_MAX	   1024 /* in a directory; more are not looked at */

/* A tag: [A-Za-z0-9][A-Za-z0-9._+-]*, so that it can be a file name, part of a URL, of a cookie and
 * of an environment assignment. */
bool release_tag_valid(const char *tag);

/* Whoever is to read it: the user that a unit runs as. uid (uid_t)-1: a dynamic one, of which
 * nothing is known, so that everybody must be allowed to. */
struct release_reader {
	uid_t uid;
	const gid_t *gids;
	size_t gid_count;
};

/* 0 if the release is there, is a directory, and the reader gets into it; -ENOENT, -ENOTDIR,
 * -EACCES and one sentence that names the path and what to do. A link that leads to a directory is
 * one. Where an access control list (acl(5)) decides, the reader is believed to be let in. */
int release_check(const char *directory, const char *tag, const struct release_reader *reader,
	char reason[static RELEASE_REASON_MAX]);

/* Makes the color's link point to DIRECTORY/TAG, durably; relinking to what it is already is
 * nothing. With directory NULL the link is removed: the code is in place. -EEXIST if something
 * that is no link has its name. */
int release_link(const char *state_dir, enum color color, const char *directory, const char *tag);
/* The tag that the link names. -ENOENT without one, -EINVAL if it is none of ours. */
int release_linked(const char *state_dir, enum color color, char ret_tag[static RELEASE_TAG_MAX]);
/* `primary`, beside blue and green, leads to the color's link: for workers that belong to it. */
int release_link_primary(const char *state_dir, enum color color);

struct release {
	char tag[RELEASE_TAG_MAX];
	uint64_t since_usec; /* CLOCK_REALTIME: when it was last changed, as `ls -t` sees it */
};

/* Newest first; the caller frees. What has no valid tag is passed over. */
int release_list(const char *directory, struct release **ret_releases, size_t *ret_count);

/*
 * Removes the oldest releases beyond the newest `keep`, but none of those in `spared`
 * (NULL-terminated). What is removed is first renamed to a name with a dot, so that no half-removed
 * release is ever listed; leftovers of earlier prunes and fetches are removed too, so none may be
 * under way in this directory. Never follows a link and never leaves the file system. A link among
 * the releases is removed itself, not where it leads.
 *
 * A release may have so many files that their removal takes minutes: a child process does it. The
 * releases are gone from the list when release_prune_begin() returns; `over` comes from the loop,
 * once, with how many they were, or -errno and one sentence.
 */
struct release_prune;
typedef void (*release_prune_over_fn)(void *owner, int removed, const char *why);
int release_prune_begin(sd_event *event, const char *directory, uint32_t keep,
	const char *const *spared, release_prune_over_fn over, void *owner,
	struct release_prune **ret_prune);
/* The child ends; what it has not removed is left over for the next prune. */
struct release_prune *release_prune_end(struct release_prune *prune);
DEFINE_CLEANUP(struct release_prune, release_prune_end);
