/* SPDX-License-Identifier: MIT */
/*
 * Knows how the kernel decides who gets into a directory (path_resolution(7)): by walking the path
 * as the reader would, because every directory on the way must let him through. It judges by mode
 * bits; does not know of what a unit's sandbox hides.
 */
#include "release.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS_MAX 40 /* followed on the way, as many as the kernel follows */

#define MAY_SEARCH 01 /* of a mode's three bits */
#define MAY_READ   04

struct walk {
	const struct release_reader *reader;
	char *reason;
	char done[PATH_MAX]; /* walked, without links; "" is the root */
	char rest[PATH_MAX]; /* still to walk */
	unsigned int links;
};

static _printf_(3, 4) int refuse(struct walk *walk, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(walk->reason, RELEASE_REASON_MAX, format, arguments);
	va_end(arguments);
	return error;
}

static bool reader_has_group(const struct release_reader *reader, gid_t gid)
{
	for (size_t i = 0; i < reader->gid_count; i++)
		if (reader->gids[i] == gid)
			return true;
	return false;
}

static bool reader_may(const struct release_reader *reader, const struct stat *st, mode_t wanted)
{
	mode_t bits = st->st_mode;

	if (reader->uid == 0)
		return true;
	if (reader->uid != (uid_t)-1) {
		/* The first class that fits decides, even if a later one would allow more. */
		if (reader->uid == st->st_uid)
			bits >>= 6;
		else if (reader_has_group(reader, st->st_gid))
			bits >>= 3;
	}
	return (bits & wanted) == wanted;
}

static int check_directory(struct walk *walk, mode_t wanted)
{
	const char *path = *walk->done ? walk->done : "/";
	struct stat st;
	char who[64];

	if (stat(path, &st) < 0)
		return refuse(walk, -errno, "%s cannot be looked at: %s", path, strerror(errno));
	if (reader_may(walk->reader, &st, wanted) ||
		getxattr(path, "system.posix_acl_access", NULL, 0) > 0)
		return 0;
	if (walk->reader->uid == (uid_t)-1)
		snprintf(who, sizeof(who), "a dynamic user");
	else
		snprintf(who, sizeof(who), "the app's user (uid %u)", walk->reader->uid);
	return refuse(walk, -EACCES, "%s does not let %s in; `chmod %s %s` does", path, who,
		wanted & MAY_READ ? "a+rx" : "a+x", path);
}

/* The supervisor must get there as well, and its unit hides from it what is people's own. */
static int check_ourselves(struct walk *walk)
{
	const char *path = *walk->done ? walk->done : "/";

	if (access(path, X_OK) == 0)
		return 0;
	if (strcmp(path, "/home") == 0 || strcmp(path, "/root") == 0)
		return refuse(walk, -EACCES,
			"%s is hidden from the supervisor (ProtectHome= in its unit); keep "
			"releases elsewhere, below /srv say",
			path);
	return refuse(walk, -errno,
		"the supervisor's user does not get into %s: %s; `chmod a+x %s`", path,
		strerror(errno), path);
}

static int append(struct walk *walk, char *path, const char *name)
{
	size_t used = strlen(path);
	int n = snprintf(path + used, PATH_MAX - used, "/%s", name);

	if (n < 0 || (size_t)n >= PATH_MAX - used)
		return refuse(walk, -ENAMETOOLONG, "%s: the path is too long", name);
	return 0;
}

/* Goes on with where the link leads. */
static int follow(struct walk *walk, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return refuse(walk, -errno, "%s: %s", path, strerror(errno));
	target[n] = '\0';
	if (++walk->links > LINKS_MAX)
		return refuse(walk, -ELOOP, "%s: links lead in a circle", path);
	if (target[0] == '/')
		walk->done[0] = '\0';
	if (*walk->rest) {
		int r = append(walk, target, walk->rest);

		if (r < 0)
			return r;
	}
	strcpy(walk->rest, target);
	return 0;
}

static void leave(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');

	if (slash)
		*slash = '\0';
}

/* One name further: `name` lies in the directory walk->done. */
static int step(struct walk *walk, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		leave(walk);
		return 0;
	}
	r = check_ourselves(walk);
	if (r < 0)
		return r;
	r = check_directory(walk, MAY_SEARCH);
	if (r < 0)
		return r;
	strcpy(path, walk->done);
	r = append(walk, path, name);
	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		return refuse(walk, -errno, "%s: %s", path, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return follow(walk, path);
	if (!S_ISDIR(st.st_mode))
		return refuse(walk, -ENOTDIR, "%s is not a directory", path);
	strcpy(walk->done, path);
	return 0;
}

static int walk_all(struct walk *walk)
{
	char name[NAME_MAX + 1];
	int r;

	for (;;) {
		size_t skip = strspn(walk->rest, "/");
		size_t n = strcspn(walk->rest + skip, "/");

		if (n == 0)
			return check_directory(walk, MAY_READ | MAY_SEARCH);
		if (n > NAME_MAX)
			return refuse(walk, -ENAMETOOLONG, "%s: a name is too long", walk->rest);
		memcpy(name, walk->rest + skip, n);
		name[n] = '\0';
		memmove(walk->rest, walk->rest + skip + n, strlen(walk->rest + skip + n) + 1);
		r = step(walk, name);
		if (r < 0)
			return r;
	}
}

int release_check(const char *directory, const char *tag, const struct release_reader *reader,
	char reason[static RELEASE_REASON_MAX])
{
	struct walk walk = {.reader = reader, .reason = reason};
	struct stat st;
	int n;

	if (!release_tag_valid(tag))
		return refuse(&walk, -EINVAL,
			"\"%s\" is not a release's tag: letters, digits and ._+- after a letter or "
			"a digit, at most %d of them",
			tag, RELEASE_TAG_MAX - 1);
	n = snprintf(walk.rest, sizeof(walk.rest), "%s/%s", directory, tag);
	if (n < 0 || (size_t)n >= sizeof(walk.rest))
		return refuse(&walk, -ENAMETOOLONG, "%s: the path is too long", directory);
	if (lstat(walk.rest, &st) < 0 && errno == ENOENT && lstat(directory, &st) == 0)
		return refuse(&walk, -ENOENT,
			"there is no release %s in %s; `bluegreenctl releases` says which there "
			"are",
			tag, directory);
	if (lstat(directory, &st) < 0 && errno == ENOENT)
		return refuse(&walk, -ENOENT,
			"there is no release %s, because there is no %s; make it, or correct "
			"Directory= in the configuration's [Release]",
			tag, directory);
	return walk_all(&walk);
}
