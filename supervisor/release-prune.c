/* SPDX-License-Identifier: MIT */
/*
 * Knows which releases go, and that they go from the list at once and from the disk later; does not
 * know who runs which (they are told to spare), nor how a tree is removed (release-tree.c).
 */
#include "release.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "release-child.h"
#include "release-tree.h"

#define REMOVAL_USEC (10 * 60 * USEC_PER_SEC)
/* Leftovers of the same tag; more of them would mean that none can be removed. */
#define SAME_MAX     100

struct release_prune {
	release_prune_over_fn over;
	void *owner;
	char directory[PATH_MAX];
	struct child *child;
	int removed;			 /* or -errno */
	char reason[RELEASE_REASON_MAX]; /* if so */
};

static bool spares(const char *const *spared, const char *tag)
{
	for (; *spared; spared++)
		if (strcmp(*spared, tag) == 0)
			return true;
	return false;
}

/* Out of the list, under a name that leftovers have. */
static int set_aside(int dir_fd, const char *tag)
{
	char name[RELEASE_TAG_MAX + 32];

	for (int i = 0; i < SAME_MAX; i++) {
		if (i == 0)
			snprintf(name, sizeof(name), ".%s" TREE_REMOVING, tag);
		else
			snprintf(name, sizeof(name), ".%s.%d" TREE_REMOVING, tag, i);
		if (renameat(dir_fd, tag, dir_fd, name) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			return -errno;
	}
	return -EEXIST;
}

/* A release that somebody else has put there would leave the list and stay on the disk, under a
 * name that nobody looks for. */
static bool is_ours(int dir_fd, const char *tag, const struct stat *st)
{
	return st->st_uid == geteuid() || faccessat(dir_fd, tag, W_OK | X_OK, AT_EACCESS) == 0;
}

static int take_out(int dir_fd, const char *tag)
{
	struct stat st;

	if (fstatat(dir_fd, tag, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* The link itself; where it leads is not ours. */
	if (S_ISLNK(st.st_mode))
		return unlinkat(dir_fd, tag, 0) < 0 ? -errno : 0;
	return is_ours(dir_fd, tag, &st) ? set_aside(dir_fd, tag) : -EACCES;
}

static const char *hint(int r)
{
	switch (-r) {
	case EROFS:
		return "; mount it writable, or, if only the supervisor's unit sees it so, give it "
		       "ReadWritePaths= in a drop-in";
	case EACCES:
	case EPERM:
		return "; give it, and the directory that it is in, to the supervisor's user, or "
		       "remove "
		       "old releases yourself and set Keep= high";
	case EBUSY:
		return "; unmount what is mounted there";
	default:
		return "";
	}
}

/* The rest is pruned even if one cannot be; the first that could not is told. */
static _printf_(3, 4) void refuse(struct release_prune *prune, int r, const char *format, ...)
{
	va_list arguments;

	if (prune->removed < 0)
		return;
	prune->removed = r;
	va_start(arguments, format);
	vsnprintf(prune->reason, sizeof(prune->reason), format, arguments);
	va_end(arguments);
}

static void take_out_all(
	struct release_prune *prune, int dir_fd, uint32_t keep, const char *const *spared)
{
	_cleanup_free_ struct release *releases = NULL;
	size_t count = 0;
	int r, removed = 0;

	r = release_list(prune->directory, &releases, &count);
	if (r < 0) {
		refuse(prune, r, "%s cannot be read: %s", prune->directory, strerror(-r));
		return;
	}
	for (size_t i = keep; i < count; i++) {
		if (spares(spared, releases[i].tag))
			continue;
		r = take_out(dir_fd, releases[i].tag);
		if (r < 0)
			refuse(prune, r, "%s/%s cannot be removed: %s%s", prune->directory,
				releases[i].tag, strerror(-r), hint(r));
		else
			removed++;
	}
	if (removed > 0 && fsync(dir_fd) < 0)
		refuse(prune, -errno, "%s: %s", prune->directory, strerror(errno));
	if (prune->removed >= 0)
		prune->removed = removed;
}

static int remove_leftovers(const void *directory)
{
	return tree_remove_leftovers(directory);
}

static void on_removed(void *owner, enum child_end end, int status, const char *said)
{
	struct release_prune *prune = owner;

	if ((end != CHILD_EXITED || status != 0) && prune->removed >= 0) {
		prune->removed = end == CHILD_LATE ? -ETIMEDOUT : -EIO;
		if (end == CHILD_EXITED && *said)
			snprintf(prune->reason, sizeof(prune->reason), "%.*s",
				(int)strcspn(said, "\n"), said);
		else
			child_describe("the removal of old releases", end, status, said,
				prune->reason, sizeof(prune->reason));
	}
	prune->over(prune->owner, prune->removed, prune->reason);
}

int release_prune_begin(sd_event *event, const char *directory, uint32_t keep,
	const char *const *spared, release_prune_over_fn over, void *owner,
	struct release_prune **ret_prune)
{
	_cleanup_(cleanup_release_prune_end) struct release_prune *prune =
		calloc(1, sizeof(*prune));
	struct child_order order = {
		.work = remove_leftovers, .stdin_fd = -EBADF, .limit_usec = REMOVAL_USEC};
	_cleanup_fd_ int dir_fd = -EBADF;
	int r;

	if (!prune)
		return -ENOMEM;
	if (strlen(directory) >= sizeof(prune->directory))
		return -ENAMETOOLONG;
	strcpy(prune->directory, directory);
	prune->over = over;
	prune->owner = owner;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		refuse(prune, -errno, "%s cannot be read: %s", directory, strerror(errno));
	else
		take_out_all(prune, dir_fd, keep, spared);
	/* Also when nothing was taken out: something may be left over. */
	order.work_owner = prune->directory;
	r = child_begin(event, &order, on_removed, prune, &prune->child);
	if (r < 0)
		return r;
	*ret_prune = take_ptr(prune);
	return 0;
}

struct release_prune *release_prune_end(struct release_prune *prune)
{
	if (!prune)
		return NULL;
	child_end(prune->child);
	free(prune);
	return NULL;
}
