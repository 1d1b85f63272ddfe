/* SPDX-License-Identifier: MIT */
/*
 * Knows how a tree is taken down; does not know whose it was.
 *
 * Each directory is opened by its name in the directory before, never by a path: what is swapped
 * for a link meanwhile is not followed (openat(2), O_NOFOLLOW). Whether it is a mount point is
 * asked of what was opened.
 */
#include "release-tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

struct descent {
	DIR *dirs[TREE_DEPTH_MAX];
	char names[TREE_DEPTH_MAX][NAME_MAX + 1]; /* in the one before */
	size_t depth;
	int base_fd;
};

static int parent_fd(const struct descent *descent)
{
	return descent->depth ? dirfd(descent->dirs[descent->depth - 1]) : descent->base_fd;
}

static int open_here(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Nothing may be taken out of a directory without these bits, even by its owner, and archives have
 * such. By way of /proc, because chmod(2) would follow what has become a link meanwhile. */
static int open_locked(int dir_fd, const char *name)
{
	_cleanup_fd_ int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[64];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, 0700) < 0)
		return -1;
	return open_here(dir_fd, name);
}

static int mount_point(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0)
		return -errno;
	return !!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int enter(struct descent *descent, const char *name)
{
	_cleanup_fd_ int fd = -EBADF;
	struct stat st;
	int r;

	if (descent->depth == TREE_DEPTH_MAX)
		return -ELOOP;
	fd = open_here(parent_fd(descent), name);
	if (fd < 0 && errno == EACCES)
		fd = open_locked(parent_fd(descent), name);
	if (fd < 0)
		return -errno;
	r = mount_point(fd);
	if (r != 0)
		return r < 0 ? r : -EXDEV;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700);
	descent->dirs[descent->depth] = fdopendir(fd);
	if (!descent->dirs[descent->depth])
		return -errno;
	(void)take_fd(fd);
	snprintf(descent->names[descent->depth], sizeof(descent->names[0]), "%s", name);
	descent->depth++;
	return 0;
}

/* Removes it if that is possible at once, else goes down into it. */
static int remove_or_enter(struct descent *descent, const char *name)
{
	int dir_fd = parent_fd(descent), r;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* EISDIR is Linux's word for a directory, EPERM is POSIX's. */
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	r = enter(descent, name);
	return r == -ENOENT ? 0 : r;
}

/* The innermost directory is empty. */
static int leave(struct descent *descent)
{
	descent->depth--;
	closedir(descent->dirs[descent->depth]);
	if (unlinkat(parent_fd(descent), descent->names[descent->depth], AT_REMOVEDIR) < 0 &&
		errno != ENOENT)
		return -errno;
	return 0;
}

static int descend(struct descent *descent, const char *name)
{
	int r = remove_or_enter(descent, name);

	while (r >= 0 && descent->depth > 0) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(descent->dirs[descent->depth - 1]);
		if (!entry)
			r = errno ? -errno : leave(descent);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_or_enter(descent, entry->d_name);
	}
	return r;
}

static void describe(const struct descent *descent, char *where, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < descent->depth && used < size; i++) {
		int n = snprintf(
			where + used, size - used, "%s%s", i ? "/" : "", descent->names[i]);

		used += n > 0 ? (size_t)n : 0;
	}
}

int tree_remove(int dir_fd, const char *name, char *where, size_t size)
{
	_cleanup_free_ struct descent *descent = calloc(1, sizeof(*descent));
	int r;

	snprintf(where, size, "%s", name);
	if (!descent)
		return -ENOMEM;
	descent->base_fd = dir_fd;
	r = descend(descent, name);
	if (r < 0)
		describe(descent, where, size);
	while (descent->depth > 0)
		closedir(descent->dirs[--descent->depth]);
	return r;
}

bool tree_leftover(const char *name)
{
	static const char *const endings[] = {TREE_REMOVING, TREE_UNPACKING, TREE_COPYING};
	size_t n = strlen(name);

	for (size_t i = 0; i < ELEMENTS(endings); i++) {
		size_t end = strlen(endings[i]);

		if (name[0] == '.' && n > 1 + end && strcmp(name + n - end, endings[i]) == 0)
			return true;
	}
	return false;
}

static const char *hint(int r)
{
	switch (-r) {
	case EXDEV:
		return ": a file system is mounted there; unmount it";
	case ELOOP:
		return ": it is too deep; remove it by hand";
	case EACCES:
	case EPERM:
		return ": it is not the supervisor's own; remove it by hand";
	default:
		return "";
	}
}

/* A download that nobody went on with. */
static bool stale_download(int dir_fd, const char *name)
{
	struct stat st;

	return name[0] == '.' && strstr(name, TREE_DOWNLOAD) &&
	       fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_mtime < time(NULL) - TREE_DOWNLOAD_SECONDS;
}

static void remove_one(DIR *dir, const char *path, const char *name, int *failures)
{
	char where[1024];
	int r = tree_remove(dirfd(dir), name, where, sizeof(where));

	if (r >= 0)
		return;
	++*failures;
	fprintf(stderr, "%s/%s cannot be removed: %s%s\n", path, where, strerror(-r), hint(r));
}

int tree_remove_leftovers(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int failures = 0;

	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while ((entry = readdir(dir)))
		if (tree_leftover(entry->d_name) || stale_download(dirfd(dir), entry->d_name))
			remove_one(dir, path, entry->d_name, &failures);
	closedir(dir);
	return failures ? -1 : 0;
}
