/* SPDX-License-Identifier: MIT */
/*
 * Knows how releases and the links to them lie on the disk; does not know who may read them
 * (release-check.c), how they go (release-prune.c), nor when any of it is wanted.
 */
#include "release.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PRIMARY_NAME "primary"

bool release_tag_valid(const char *tag)
{
	static const char first[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static const char rest[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._+-";
	size_t n = strlen(tag);

	return n > 0 && n < RELEASE_TAG_MAX && strchr(first, tag[0]) && strspn(tag, rest) == n;
}

static int directory_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* 0 and where it leads; -ENOENT; -EEXIST for what is no link. */
static int link_read(int dir_fd, const char *name, char ret_target[static PATH_MAX])
{
	ssize_t n = readlinkat(dir_fd, name, ret_target, PATH_MAX);

	if (n < 0)
		return errno == EINVAL ? -EEXIST : -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	ret_target[n] = '\0';
	return 0;
}

/* The link is there before and after, whenever one looks: rename(2) puts the new one in the place
 * of the old one. */
static int link_replace(const char *dir, const char *name, const char *target)
{
	char now[PATH_MAX], fresh[64];
	_cleanup_fd_ int dir_fd = -EBADF;
	int r;

	r = directory_open(dir, &dir_fd);
	if (r < 0)
		return r;
	r = link_read(dir_fd, name, now);
	if (r >= 0 && strcmp(now, target) == 0)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	snprintf(fresh, sizeof(fresh), ".%s.new", name);
	/* Left over from one who was killed here. */
	if (unlinkat(dir_fd, fresh, 0) < 0 && errno != ENOENT)
		return -errno;
	if (symlinkat(target, dir_fd, fresh) < 0)
		return -errno;
	if (renameat(dir_fd, fresh, dir_fd, name) < 0) {
		r = -errno;
		(void)unlinkat(dir_fd, fresh, 0);
		return r;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}

static int link_remove(const char *dir, const char *name)
{
	_cleanup_fd_ int dir_fd = -EBADF;
	char now[PATH_MAX];
	int r;

	r = directory_open(dir, &dir_fd);
	if (r < 0)
		return r;
	r = link_read(dir_fd, name, now);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (unlinkat(dir_fd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dir_fd) < 0 ? -errno : 0;
}

int release_link(const char *state_dir, enum color color, const char *directory, const char *tag)
{
	char target[PATH_MAX];
	int n;

	if (!directory)
		return link_remove(state_dir, color_name(color));
	assert(directory[0] == '/' && release_tag_valid(tag));
	n = snprintf(target, sizeof(target), "%s/%s", directory, tag);
	if (n < 0 || (size_t)n >= sizeof(target))
		return -ENAMETOOLONG;
	return link_replace(state_dir, color_name(color), target);
}

int release_linked(const char *state_dir, enum color color, char ret_tag[static RELEASE_TAG_MAX])
{
	_cleanup_fd_ int dir_fd = -EBADF;
	char target[PATH_MAX];
	const char *slash;
	int r;

	r = directory_open(state_dir, &dir_fd);
	if (r < 0)
		return r;
	r = link_read(dir_fd, color_name(color), target);
	if (r < 0)
		return r == -EEXIST ? -EINVAL : r;
	slash = strrchr(target, '/');
	if (target[0] != '/' || !release_tag_valid(slash + 1))
		return -EINVAL;
	strcpy(ret_tag, slash + 1);
	return 0;
}

int release_link_primary(const char *state_dir, enum color color)
{
	return link_replace(state_dir, PRIMARY_NAME, color_name(color));
}

static int newest_first(const void *a, const void *b)
{
	const struct release *one = a, *other = b;

	if (one->since_usec != other->since_usec)
		return one->since_usec < other->since_usec ? 1 : -1;
	/* At the same instant (a restored backup): v2 is newer than v1, and v10 than v9. */
	return strverscmp(other->tag, one->tag);
}

/* True if the entry is a release: a directory, or a link that leads to one. */
static bool release_stat(int dir_fd, const char *name, struct release *ret_release)
{
	struct stat own, there;

	if (!release_tag_valid(name) || fstatat(dir_fd, name, &own, AT_SYMLINK_NOFOLLOW) < 0 ||
		fstatat(dir_fd, name, &there, 0) < 0 || !S_ISDIR(there.st_mode))
		return false;
	strcpy(ret_release->tag, name);
	ret_release->since_usec = (uint64_t)own.st_mtim.tv_sec * USEC_PER_SEC +
				  (uint64_t)own.st_mtim.tv_nsec / NSEC_PER_USEC;
	return true;
}

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int release_list(const char *directory, struct release **ret_releases, size_t *ret_count)
{
	_cleanup_(dir_close) DIR *dir = opendir(directory);
	_cleanup_free_ struct release *releases = NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return -errno;
	releases = calloc(RELEASES_MAX, sizeof(*releases));
	if (!releases)
		return -ENOMEM;
	while (count < RELEASES_MAX && (errno = 0, entry = readdir(dir)))
		if (release_stat(dirfd(dir), entry->d_name, &releases[count]))
			count++;
	if (count < RELEASES_MAX && errno != 0)
		return -errno;
	if (count > 0)
		qsort(releases, count, sizeof(*releases), newest_first);
	*ret_releases = take_ptr(releases);
	*ret_count = count;
	return 0;
}
