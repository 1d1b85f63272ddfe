/* SPDX-License-Identifier: MIT */
/*
 * Knows how a tree is walked while others may change it: each directory is opened by its name in
 * the one before, and what is not there any more, or is something else by then, is a change and no
 * error. Does not know what the walk is for.
 */
#include "snapshot-tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define READ_BYTES 65536

struct walk {
	snapshot_visit_fn visit;
	void *owner;
	char *reason;
	uint64_t entries, bytes;
	char path[PATH_MAX]; /* of the directory, then of the entry */
};

struct names {
	struct dirent **list;
	int count;
};

int snapshot_refuse(char reason[static RELEASE_REASON_MAX], int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, RELEASE_REASON_MAX, format, arguments);
	va_end(arguments);
	return error;
}

static void names_free(struct names *names)
{
	for (int i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static bool has_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

static int refuse_errno(char reason[static RELEASE_REASON_MAX], int error, const char *path)
{
	if (has_gone(error))
		return snapshot_refuse(
			reason, -EAGAIN, "%s was changed while it was looked at", path);
	if (error == EACCES || error == EPERM)
		return snapshot_refuse(reason, -error,
			"%s cannot be read by uid %u, who copies the code; let everybody read it "
			"(`chmod a+rX %s`), or keep what is secret outside of Snapshot=, in /etc "
			"say",
			path, geteuid(), path);
	return snapshot_refuse(reason, -error, "%s: %s", path, strerror(error));
}

static char type_of(mode_t mode)
{
	return S_ISDIR(mode) ? 'd' : S_ISREG(mode) ? 'f' : S_ISLNK(mode) ? 'l' : '\0';
}

static int check_entry(struct walk *walk, const struct snapshot_place *place)
{
	const struct snapshot_entry *entry = &place->entry;

	if (!entry->type)
		return snapshot_refuse(walk->reason, -EINVAL,
			"%s is a %s, which cannot be part of a release; remove it, or name in "
			"Snapshot= only directories of code",
			entry->path,
			S_ISSOCK(place->st.st_mode)   ? "socket"
			: S_ISFIFO(place->st.st_mode) ? "pipe"
						      : "device");
	if (strchr(entry->path, '\n'))
		return snapshot_refuse(walk->reason, -EINVAL,
			"%.*s...: the name has a line break in it, which no manifest can hold; "
			"rename it",
			(int)strcspn(entry->path, "\n"), entry->path);
	if (++walk->entries > SNAPSHOT_ENTRIES_MAX)
		return snapshot_refuse(walk->reason, -EFBIG,
			"there are more than %d files up to %s; name in Snapshot= only directories "
			"of code",
			SNAPSHOT_ENTRIES_MAX, entry->path);
	walk->bytes += entry->size;
	if (walk->bytes > SNAPSHOT_BYTES_MAX)
		return snapshot_refuse(walk->reason, -EFBIG,
			"there are more than %" PRIu64 " GiB up to %s; name in Snapshot= only "
			"directories of code",
			SNAPSHOT_BYTES_MAX >> 30, entry->path);
	return 0;
}

static int place_find(
	struct walk *walk, int dir_fd, const char *name, struct snapshot_place *ret_place)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse_errno(walk->reason, errno, walk->path);
	*ret_place = (struct snapshot_place){
		.entry = {.type = type_of(st.st_mode),
			.mode = S_ISLNK(st.st_mode) ? 0777 : st.st_mode & 0777,
			.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
			.ino = st.st_ino,
			.ctime_nsec = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec,
			.path = walk->path},
		.dir_fd = dir_fd,
		.name = name,
		.st = st,
	};
	return check_entry(walk, ret_place);
}

static int walk_directory(struct walk *walk, int dir_fd, const char *name, unsigned int depth);

static int walk_entry(struct walk *walk, int dir_fd, const char *name, unsigned int depth)
{
	struct snapshot_place place;
	int r;

	r = place_find(walk, dir_fd, name, &place);
	if (r < 0)
		return r;
	r = walk->visit(walk->owner, &place, walk->reason);
	if (r < 0 || place.entry.type != 'd')
		return r;
	return walk_directory(walk, dir_fd, name, depth);
}

static int walk_below(struct walk *walk, int fd, const char *name, unsigned int depth)
{
	size_t used = strlen(walk->path);
	int n, r;

	n = snprintf(walk->path + used, sizeof(walk->path) - used, "/%s", name);
	if (n < 0 || (size_t)n >= sizeof(walk->path) - used)
		return snapshot_refuse(
			walk->reason, -ENAMETOOLONG, "a path below %.200s is too long", walk->path);
	r = walk_entry(walk, fd, name, depth);
	walk->path[used] = '\0';
	return r;
}

static int walk_directory(struct walk *walk, int dir_fd, const char *name, unsigned int depth)
{
	_cleanup_fd_ int fd = -EBADF;
	_cleanup_(names_free) struct names names = {0};
	int r = 0;

	if (depth == SNAPSHOT_DEPTH_MAX)
		return snapshot_refuse(walk->reason, -ELOOP,
			"%s: more than %d directories lie in each other", walk->path,
			SNAPSHOT_DEPTH_MAX);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return refuse_errno(walk->reason, errno, walk->path);
	names.count = scandirat(fd, ".", &names.list, is_entry, by_bytes);
	if (names.count < 0) {
		names.count = 0;
		return refuse_errno(walk->reason, errno, walk->path);
	}
	for (int i = 0; i < names.count && r >= 0; i++)
		r = walk_below(walk, fd, names.list[i]->d_name, depth + 1);
	return r;
}

/* What dpkg replaces as a whole cannot be kept in its place (snapshot_check() says more). */
static int walk_top(struct walk *walk, const char *path)
{
	struct stat st;

	if (strlen(path) >= sizeof(walk->path))
		return snapshot_refuse(
			walk->reason, -ENAMETOOLONG, "%.200s: the path is too long", path);
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return snapshot_refuse(walk->reason, -ENOENT,
			"there is no %s; is the package that brings it installed?", path);
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return snapshot_refuse(walk->reason, -ENOTDIR, "%s is not a directory", path);
	strcpy(walk->path, path);
	return walk_entry(walk, AT_FDCWD, path, 0);
}

int snapshot_walk(const char *const *paths, snapshot_visit_fn visit, void *owner,
	char reason[static RELEASE_REASON_MAX])
{
	_cleanup_free_ struct walk *walk = calloc(1, sizeof(*walk));
	int r = 0;

	if (!walk)
		return snapshot_refuse(reason, -ENOMEM, "no memory");
	walk->visit = visit;
	walk->owner = owner;
	walk->reason = reason;
	for (; *paths && r >= 0; paths++)
		r = walk_top(walk, *paths);
	return r;
}

bool snapshot_is_derived(const char *path)
{
	size_t n = strlen(path);

	return strstr(path, "/__pycache__/") ||
	       (n > 12 && strcmp(path + n - 12, "/__pycache__") == 0) ||
	       (n > 4 && strcmp(path + n - 4, ".pyc") == 0);
}

int snapshot_digest_file(int fd, char ret_digest[static DIGEST_MAX])
{
	_cleanup_free_ char *buffer = malloc(READ_BYTES);
	struct digest digest;
	off_t offset = 0;
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	digest_begin(&digest);
	while ((n = pread(fd, buffer, READ_BYTES, offset)) > 0) {
		digest_add(&digest, buffer, (size_t)n);
		offset += n;
	}
	if (n < 0)
		return -errno;
	digest_end(&digest, ret_digest);
	return 0;
}

/* O_NONBLOCK: it may have become a pipe meanwhile. */
int snapshot_open_place(
	const struct snapshot_place *place, int *ret_fd, char reason[static RELEASE_REASON_MAX])
{
	_cleanup_fd_ int fd = openat(place->dir_fd, place->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return refuse_errno(reason, errno, place->entry.path);
	if (fstat(fd, &st) < 0)
		return refuse_errno(reason, errno, place->entry.path);
	if (!S_ISREG(st.st_mode) || st.st_ino != place->st.st_ino || st.st_dev != place->st.st_dev)
		return refuse_errno(reason, ENOENT, place->entry.path);
	*ret_fd = take_fd(fd);
	return 0;
}

static int digest_link(const struct snapshot_place *place, char ret_digest[static DIGEST_MAX],
	char reason[static RELEASE_REASON_MAX])
{
	char target[PATH_MAX];
	struct digest digest;
	ssize_t n = readlinkat(place->dir_fd, place->name, target, sizeof(target));

	if (n < 0)
		return refuse_errno(reason, errno == EINVAL ? ENOENT : errno, place->entry.path);
	digest_begin(&digest);
	digest_add(&digest, target, (size_t)n);
	digest_end(&digest, ret_digest);
	return 0;
}

int snapshot_digest_place(const struct snapshot_place *place, char ret_digest[static DIGEST_MAX],
	char reason[static RELEASE_REASON_MAX])
{
	_cleanup_fd_ int fd = -EBADF;
	int r;

	if (place->entry.type == 'l')
		return digest_link(place, ret_digest, reason);
	r = snapshot_open_place(place, &fd, reason);
	if (r < 0)
		return r;
	r = snapshot_digest_file(fd, ret_digest);
	return r < 0 ? refuse_errno(reason, -r, place->entry.path) : 0;
}
