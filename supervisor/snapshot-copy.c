/* SPDX-License-Identifier: MIT */
/*
 * Knows how a copy becomes a release: under a hidden name, each file by reflink or through the
 * kernel, looked at again when all is there, and renamed when the disk has it. What changes
 * meanwhile is no failure: whoever asked asks again.
 */
#include "snapshot-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "dpkg-state.h"
#include "release-tree.h"
#include "snapshot-file.h"
#include "snapshot-manifest.h"

#define COPYING ".snapshot" TREE_COPYING

#define INODES_SPREAD 1024 /* lists, so that each is short */

/* A file that has several names, and the first of them in the copy. */
struct inode {
	struct inode *next;
	dev_t dev;
	ino_t ino;
	char path[];
};

struct copy {
	const struct snapshot_order *order;
	struct snapshot_manifest *manifest;
	int dir_fd, into_fd;
	struct inode *inodes[INODES_SPREAD];
	uint64_t files, bytes;
	struct snapshot_file_way way; /* how files were copied */
	size_t verified;
};

static int refuse_write(const struct copy *copy, int error, const char *path, char *reason)
{
	if (error == ENOSPC || error == EDQUOT)
		return snapshot_refuse(reason, -error,
			"there is no room in %s for a copy of the code (%s, after %" PRIu64
			" MiB): make room, or lower Keep=; the old code serves on",
			copy->order->directory, strerror(error), copy->bytes >> 20);
	return snapshot_refuse(reason, -error, "%s cannot be copied into %s: %s", path,
		copy->order->directory, strerror(error));
}

/* Times are kept: interpreters tell by them whether byte code is up to date. */
static int times_set(int dir_fd, const char *name, const struct stat *st)
{
	const struct timespec times[] = {st->st_mtim, st->st_mtim};

	return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static const struct inode *inode_find(const struct copy *copy, const struct stat *st)
{
	for (const struct inode *inode = copy->inodes[st->st_ino % INODES_SPREAD]; inode;
		inode = inode->next)
		if (inode->ino == st->st_ino && inode->dev == st->st_dev)
			return inode;
	return NULL;
}

static int inode_add(struct copy *copy, const struct snapshot_place *place)
{
	struct inode **first = &copy->inodes[place->st.st_ino % INODES_SPREAD];
	struct inode *inode = calloc(1, sizeof(*inode) + strlen(place->entry.path) + 1);

	if (!inode)
		return -ENOMEM;
	inode->dev = place->st.st_dev;
	inode->ino = place->st.st_ino;
	strcpy(inode->path, place->entry.path);
	inode->next = *first;
	*first = inode;
	return 0;
}

static void inodes_free(struct copy *copy)
{
	for (size_t i = 0; i < INODES_SPREAD; i++)
		while (copy->inodes[i]) {
			struct inode *next = copy->inodes[i]->next;

			free(copy->inodes[i]);
			copy->inodes[i] = next;
		}
}

/* A file by another of its names: true if it is there already. */
static int link_again(struct copy *copy, const struct snapshot_place *place, bool *ret_done)
{
	const struct inode *inode;

	*ret_done = false;
	if (place->st.st_nlink < 2)
		return 0;
	inode = inode_find(copy, &place->st);
	if (!inode)
		return inode_add(copy, place);
	*ret_done = true;
	return linkat(copy->into_fd, inode->path + 1, copy->into_fd, place->entry.path + 1, 0) < 0
		       ? -errno
		       : 0;
}

/* Writable by its owner, or it could not be written now. */
static int file_create(const struct copy *copy, const char *path, int *ret_fd)
{
	int fd = openat(
		copy->into_fd, path + 1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int file_finish(const struct copy *copy, int fd, const struct snapshot_place *place,
	struct snapshot_entry *entry)
{
	int r = snapshot_digest_file(fd, entry->digest);

	if (r < 0)
		return r;
	if (fchmod(fd, (mode_t)entry->mode | 0400) < 0)
		return -errno;
	return times_set(copy->into_fd, entry->path + 1, &place->st);
}

static int file_copy(struct copy *copy, const struct snapshot_place *place,
	struct snapshot_entry *entry, char reason[static RELEASE_REASON_MAX])
{
	_cleanup_fd_ int from = -EBADF, to = -EBADF;
	bool done;
	int r;

	r = snapshot_open_place(place, &from, reason);
	if (r < 0)
		return r;
	copy->files++;
	r = link_again(copy, place, &done);
	if (r >= 0 && done) {
		r = snapshot_digest_file(from, entry->digest);
	} else if (r >= 0) {
		r = file_create(copy, entry->path, &to);
		if (r >= 0)
			r = snapshot_file_copy(from, to, entry->size, &copy->way);
		if (r >= 0)
			r = file_finish(copy, to, place, entry);
		copy->bytes += entry->size;
	}
	return r < 0 ? refuse_write(copy, -r, entry->path, reason) : 0;
}

static int link_copy(struct copy *copy, const struct snapshot_place *place,
	struct snapshot_entry *entry, char reason[static RELEASE_REASON_MAX])
{
	char target[PATH_MAX];
	ssize_t n;
	int r;

	r = snapshot_digest_place(place, entry->digest, reason);
	if (r < 0)
		return r;
	n = readlinkat(place->dir_fd, place->name, target, sizeof(target) - 1);
	if (n < 0)
		return snapshot_refuse(
			reason, -EAGAIN, "%s was changed while it was looked at", entry->path);
	target[n] = '\0';
	return symlinkat(target, copy->into_fd, entry->path + 1) < 0
		       ? refuse_write(copy, errno, entry->path, reason)
		       : 0;
}

static int visit_copy(
	void *owner, const struct snapshot_place *place, char reason[static RELEASE_REASON_MAX])
{
	struct snapshot_entry entry = place->entry;
	struct copy *copy = owner;
	int r = 0;

	if (entry.type == 'f')
		r = file_copy(copy, place, &entry, reason);
	else if (entry.type == 'l')
		r = link_copy(copy, place, &entry, reason);
	/* Its permissions follow, when all that is in it is there. */
	else if (mkdirat(copy->into_fd, entry.path + 1, 0700) < 0)
		r = refuse_write(copy, errno, entry.path, reason);
	if (r < 0)
		return r;
	return manifest_add(copy->manifest, &entry) < 0
		       ? snapshot_refuse(reason, -ENOMEM, "no memory for so many files")
		       : 0;
}

/* Is each entry still as it was copied? Byte code may come by itself. */
static int visit_again(
	void *owner, const struct snapshot_place *place, char reason[static RELEASE_REASON_MAX])
{
	const struct snapshot_entry *now = &place->entry, *then = NULL;
	struct copy *copy = owner;

	if (snapshot_is_derived(now->path))
		return 0;
	while (copy->verified < copy->manifest->count) {
		then = &copy->manifest->entries[copy->verified++];
		if (!snapshot_is_derived(then->path))
			break;
		then = NULL;
	}
	/* A directory's own time changes with the byte code in it; names are compared anyway. */
	if (then && strcmp(now->path, then->path) == 0 && now->type == then->type &&
		now->mode == then->mode &&
		(now->type == 'd' ||
			(now->ino == then->ino && now->ctime_nsec == then->ctime_nsec)))
		return 0;
	return snapshot_refuse(reason, -EAGAIN, "%s was changed while it was copied", now->path);
}

static int verify(struct copy *copy, char reason[static RELEASE_REASON_MAX])
{
	int r = snapshot_walk(copy->order->paths, visit_again, copy, reason);

	if (r < 0)
		return r;
	for (; copy->verified < copy->manifest->count; copy->verified++)
		if (!snapshot_is_derived(copy->manifest->entries[copy->verified].path))
			return snapshot_refuse(reason, -EAGAIN, "%s went while it was copied",
				copy->manifest->entries[copy->verified].path);
	return 0;
}

/* The directories above: /usr and /usr/share of /usr/share/x. */
static int parents_make(const struct copy *copy, const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path - 1), path + 1);
		if (mkdirat(copy->into_fd, parent, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int directories_finish(const struct copy *copy)
{
	for (size_t i = 0; i < copy->manifest->count; i++) {
		const struct snapshot_entry *entry = &copy->manifest->entries[i];

		/* Its owner must be able to remove what is in it. */
		if (entry->type == 'd' &&
			fchmodat(copy->into_fd, entry->path + 1, (mode_t)entry->mode | 0700, 0) < 0)
			return -errno;
	}
	return 0;
}

static int into_open(struct copy *copy)
{
	char where[1024];
	int r = tree_remove(copy->dir_fd, COPYING, where, sizeof(where));

	if (r < 0)
		return r;
	if (mkdirat(copy->dir_fd, COPYING, 0755) < 0)
		return -errno;
	copy->into_fd = openat(copy->dir_fd, COPYING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy->into_fd < 0)
		return -errno;
	for (const char *const *path = copy->order->paths; *path; path++) {
		r = parents_make(copy, *path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Universal time, so that tags have an order. */
static void tag_make(char ret_tag[static RELEASE_TAG_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(ret_tag, RELEASE_TAG_MAX, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
}

/* The second of a second is told apart by what is in it; it cannot be the same. */
static int name_it(const struct copy *copy, char ret_tag[static RELEASE_TAG_MAX])
{
	char digest[DIGEST_MAX];

	tag_make(ret_tag);
	if (renameat2(copy->dir_fd, COPYING, copy->dir_fd, ret_tag, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	manifest_digest(copy->manifest, digest);
	snprintf(ret_tag + strlen(ret_tag), 10, "-%.8s", digest);
	return renameat2(copy->dir_fd, COPYING, copy->dir_fd, ret_tag, RENAME_NOREPLACE) < 0
		       ? -errno
		       : 0;
}

static int release_it(struct copy *copy, char ret_tag[static RELEASE_TAG_MAX],
	char reason[static RELEASE_REASON_MAX])
{
	int r = directories_finish(copy);

	if (r >= 0)
		r = manifest_write(copy->manifest, copy->into_fd);
	/* All of it, before it has a name: one sync of the file system, not one a file. */
	if (r >= 0 && syncfs(copy->into_fd) < 0)
		r = -errno;
	if (r >= 0)
		r = name_it(copy, ret_tag);
	if (r >= 0 && fsync(copy->dir_fd) < 0)
		r = -errno;
	return r < 0 ? refuse_write(copy, -r, "the code", reason) : 0;
}

static int copy_all(struct copy *copy, char ret_tag[static RELEASE_TAG_MAX],
	char reason[static RELEASE_REASON_MAX])
{
	int r = into_open(copy);

	if (r < 0)
		return refuse_write(copy, -r, "the code", reason);
	r = snapshot_walk(copy->order->paths, visit_copy, copy, reason);
	if (r >= 0 && copy->files == 0)
		return snapshot_refuse(reason, -ENOENT,
			"there is not one file in what Snapshot= names; install the package that "
			"brings the code");
	if (r >= 0)
		r = verify(copy, reason);
	return r < 0 ? r : release_it(copy, ret_tag, reason);
}

static int directory_open(const char *directory, int *ret_fd, char *reason)
{
	int fd;

	if (mkdir(directory, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
		return snapshot_refuse(
			reason, -errno, "%s cannot be made: %s", directory, strerror(errno));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return snapshot_refuse(reason, -errno, "%s: %s", directory, strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int copy_begin(const struct snapshot_order *order, char ret_tag[static RELEASE_TAG_MAX],
	char text[static RELEASE_REASON_MAX])
{
	struct copy copy = {.order = order, .dir_fd = -EBADF, .into_fd = -EBADF};
	char where[1024];
	int r;

	r = directory_open(order->directory, &copy.dir_fd, text);
	if (r < 0)
		return r;
	copy.manifest = manifest_new(order->paths);
	r = copy.manifest ? copy_all(&copy, ret_tag, text)
			  : snapshot_refuse(text, -ENOMEM, "no memory");
	/* It must not keep the room that something else may need now. */
	if (r < 0)
		(void)tree_remove(copy.dir_fd, COPYING, where, sizeof(where));
	else
		snprintf(text, RELEASE_REASON_MAX, "%" PRIu64 " files, %" PRIu64 " KiB, %s",
			copy.files, (copy.bytes + 1023) >> 10, snapshot_file_told(&copy.way));
	inodes_free(&copy);
	manifest_free(copy.manifest);
	fd_close(copy.into_fd);
	fd_close(copy.dir_fd);
	return r;
}

/* Half a package is no code to run, however well it can be copied. */
static int check_package(const struct snapshot_order *order, char reason[static RELEASE_REASON_MAX])
{
	struct dpkg_unfinished unfinished;

	if (!dpkg_is_unfinished("", order->paths, &unfinished))
		return 0;
	return snapshot_refuse(reason, -EBUSY,
		"dpkg was interrupted in the middle of package %s, which is %s; finish it with "
		"`dpkg --configure -a' or `apt-get -f install'; the old code serves on",
		unfinished.package, unfinished.state);
}

int snapshot_copy(const void *owner)
{
	const struct snapshot_order *order = owner;
	struct snapshot_comparison comparison = {0};
	char tag[RELEASE_TAG_MAX] = "", text[RELEASE_REASON_MAX];
	const char *word = SNAPSHOT_SAYS_MADE;
	int r = check_package(order, text);

	if (r >= 0)
		r = snapshot_compare(order->directory, order->paths, &comparison, text);
	if (r >= 0 && comparison.state == SNAPSHOT_SAME) {
		word = SNAPSHOT_SAYS_UNCHANGED;
		memcpy(tag, comparison.tag, sizeof(tag));
		snprintf(text, sizeof(text), "it is what %s was copied from", tag);
	} else if (r >= 0) {
		r = copy_begin(order, tag, text);
	}
	if (r < 0 && r != -EAGAIN) {
		fprintf(stderr, "%s\n", text);
		return -1;
	}
	/* Not by stdio, whose buffer may have something of the supervisor's. */
	dprintf(STDOUT_FILENO, "%s %s\n%s\n", r < 0 ? SNAPSHOT_SAYS_CHANGED : word, tag, text);
	return 0;
}
