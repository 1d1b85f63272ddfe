/* SPDX-License-Identifier: MIT */
/*
 * Knows how an archive becomes a release: GNU tar(1) unpacks it beside the releases, under a name
 * that is none, and when the disk has all of it, it is renamed.
 *
 * tar runs as the user that we are. If that is root, it runs as the owner of the directory of the
 * releases, and if that is root too, without any capability: an archive may bring no device nodes,
 * no set-id files and no owners of its own, whoever unpacks it.
 *
 * What is released is what is in the archive; but many have all they have in one directory, and if
 * that is called by the tag, or by something that ends in -TAG, it is the release. Under another
 * name it is taken for a part of the application.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fetch-inside.h"
#include "release-tree.h"

#define UNPACK_USEC (30 * 60 * USEC_PER_SEC)

int fetch_unpack_remove(const void *owner)
{
	const struct fetch *fetch = owner;
	char where[1024];
	_cleanup_fd_ int dir_fd = open(fetch->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir_fd < 0 ? -errno : tree_remove(dir_fd, fetch->unpacking, where, sizeof(where));

	if (r >= 0)
		return 0;
	fprintf(stderr, "%s/%s cannot be removed: %s\n", fetch->directory, dir_fd < 0 ? "." : where,
		strerror(-r));
	return -1;
}

int fetch_unpack_begin(struct fetch *fetch, child_over_fn over)
{
	char file[PATH_MAX + FETCH_NAME_MAX + 16], into[PATH_MAX + FETCH_NAME_MAX + 16];
	const char *argv[] = {"tar", "--extract", file, into,
		/* A colon in a path is no other machine. */
		"--force-local", "--no-same-owner", "--no-same-permissions",
		"--delay-directory-restore",
		/* What other tars write beside, and clocks that differ, are no news. */
		"--warning=no-unknown-keyword", "--warning=no-timestamp", NULL};
	struct child_order order = {.argv = argv, .stdin_fd = -EBADF, .limit_usec = UNPACK_USEC};
	struct stat st;

	snprintf(file, sizeof(file), "--file=%s/%s", fetch->directory, fetch->part);
	snprintf(into, sizeof(into), "--directory=%s/%s", fetch->directory, fetch->unpacking);
	if (fstat(fetch->dir_fd, &st) < 0)
		return -errno;
	if (mkdirat(fetch->dir_fd, fetch->unpacking, 0755) < 0)
		return -errno;
	order.uid = st.st_uid;
	order.gid = st.st_gid;
	if (geteuid() == 0 && fchownat(fetch->dir_fd, fetch->unpacking, st.st_uid, st.st_gid,
				      AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return child_begin(fetch->event, &order, over, fetch, &fetch->child);
}

int fetch_unpack_judge(struct fetch *fetch, enum child_end end, int status, const char *said)
{
	char why[600];

	if (end == CHILD_EXITED && strstr(said, strerror(ENOSPC))) {
		fetch_say(fetch,
			"%s cannot be unpacked: %s: %s; remove old releases, or lower Keep=",
			fetch->shown, fetch->directory, strerror(ENOSPC));
		return -EIO;
	}
	if (end != CHILD_EXITED || status != 0) {
		child_describe("tar", end, status, said, why, sizeof(why));
		fetch_say(fetch, "%s cannot be unpacked: %s%s", fetch->shown, why,
			strstr(said, "Cannot exec") ? "; install it" : "");
		return -EIO;
	}
	/* tar puts it below the directory and is content; but nobody means it. */
	if (strstr(said, "Removing leading")) {
		fetch_say(fetch,
			"%s has names that lead out of a release (/name or ../name); make it "
			"again with names that do not",
			fetch->shown);
		return -EIO;
	}
	return 0;
}

static bool named_by_tag(const char *name, const char *tag)
{
	size_t n = strlen(name), tag_size = strlen(tag);

	if (strcmp(name, tag) == 0)
		return true;
	return n > tag_size && name[n - tag_size - 1] == '-' &&
	       strcmp(name + n - tag_size, tag) == 0;
}

/* The one name in the directory; "" if there are more, or none. */
static int only_name(int dir_fd, const char *directory, char ret_name[static NAME_MAX + 1])
{
	_cleanup_fd_ int fd = openat(dir_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;
	size_t count = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(fd);
	while (count < 2 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
		count++;
	}
	closedir(dir);
	if (count != 1)
		ret_name[0] = '\0';
	return 0;
}

/* Where the release is: in the directory of releases. */
static int find_release(
	const struct fetch *fetch, char ret_path[static FETCH_NAME_MAX + NAME_MAX + 2])
{
	char name[NAME_MAX + 1], inner[FETCH_NAME_MAX + NAME_MAX + 2];
	struct stat st;
	int r;

	/* Whatever the archive says of its own top: we and the app's user must get in. */
	if (fchmodat(fetch->dir_fd, fetch->unpacking, 0755, 0) < 0)
		return -errno;
	r = only_name(fetch->dir_fd, fetch->unpacking, name);
	if (r < 0)
		return r;
	strcpy(ret_path, fetch->unpacking);
	snprintf(inner, sizeof(inner), "%s/%s", fetch->unpacking, name);
	if (!*name || !named_by_tag(name, fetch->tag) ||
		fstatat(fetch->dir_fd, inner, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (fchmodat(fetch->dir_fd, inner, 0755, 0) < 0)
		return -errno;
	strcpy(ret_path, inner);
	return 0;
}

int fetch_unpack_sync(const void *owner)
{
	const struct fetch *fetch = owner;
	_cleanup_fd_ int fd = open(fetch->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && syncfs(fd) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", fetch->directory, strerror(errno));
	return -1;
}

/* Nothing that has come meanwhile is replaced. */
static int rename_to_tag(const struct fetch *fetch, const char *path)
{
	if (renameat2(fetch->dir_fd, path, fetch->dir_fd, fetch->tag, RENAME_NOREPLACE) == 0)
		return 0;
	/* Not every file system knows the flag; a directory that is not empty stays anyway. */
	if (errno != EINVAL)
		return -errno;
	return renameat(fetch->dir_fd, path, fetch->dir_fd, fetch->tag) < 0 ? -errno : 0;
}

int fetch_unpack_settle(struct fetch *fetch)
{
	char path[FETCH_NAME_MAX + NAME_MAX + 2];
	int r;

	r = find_release(fetch, path);
	if (r < 0)
		return r;
	/* The newest is what came last, not what was built last: so the list says, and pruning. */
	if (utimensat(fetch->dir_fd, path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = rename_to_tag(fetch, path);
	if (r < 0)
		return r;
	if (strcmp(path, fetch->unpacking) != 0)
		(void)unlinkat(fetch->dir_fd, fetch->unpacking, AT_REMOVEDIR);
	return fsync(fetch->dir_fd) < 0 ? -errno : 0;
}
