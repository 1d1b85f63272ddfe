/* SPDX-License-Identifier: MIT */
/*
 * Knows what a watched file looks like, and when it has become another one; the file it is kept in
 * is recheck-watch-file.c's.
 */
#include "recheck-watch.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "config.h"

/* WatchPath= as often as may be, and the release. */
#define ROOTS_MAX (CONFIG_LIST_MAX + 1)

#define ROOM 1024 /* files, each time there is no more */

bool watch_ignores(const char *name, bool directory)
{
	static const char *const directories[] = {
		"__pycache__", ".cache", ".git", ".hg", ".mypy_cache", ".pytest_cache", ".svn"};
	static const char *const files[] = {"*.dpkg-dist", "*.dpkg-new", "*.dpkg-old", "*.dpkg-tmp",
		"*.log", "*.log.*", "*.log-*", "*.pid", "*.pyc", "*.pyc.*", "*.pyo", "*.sw[op]",
		"*~", ".#*", "#*#"};
	const char *const *patterns = directory ? directories : files;
	size_t count = directory ? ELEMENTS(directories) : ELEMENTS(files);

	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

/* ---- looking --------------------------------------------------------------------------------- */

static uint64_t nsec(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

static int room_make(struct watch *watch)
{
	struct watched *items;

	if (watch->count == WATCH_FILES_MAX || (watch->deadline && now_usec() > watch->deadline)) {
		watch->cut = true;
		return -E2BIG;
	}
	if (watch->count % ROOM != 0)
		return 0;
	items = reallocarray(watch->items, watch->count + ROOM, sizeof(*watch->items));
	if (!items)
		return -ENOMEM;
	watch->items = items;
	return 0;
}

static void watched_fill(struct watched *item, const struct stat *st)
{
	item->inode = st->st_ino;
	item->size = (uint64_t)st->st_size;
	item->change_nsec = nsec(&st->st_ctim);
	item->modify_nsec = nsec(&st->st_mtim);
	item->mode = st->st_mode;
	item->uid = st->st_uid;
	item->gid = st->st_gid;
	item->links = (uint32_t)st->st_nlink;
}

static int put(struct watch *watch, enum watched_kind kind, const char *path, const struct stat *st,
	const char *target)
{
	struct watched *item;
	int r = room_make(watch);

	if (r < 0)
		return r;
	item = &watch->items[watch->count];
	*item = (struct watched){.kind = kind};
	if (st)
		watched_fill(item, st);
	if (asprintf(&item->path, "%s", path) < 0)
		return -ENOMEM;
	if (asprintf(&item->target, "%s", target) < 0) {
		free(item->path);
		return -ENOMEM;
	}
	watch->count++;
	return 0;
}

static int put_link(struct watch *watch, const char *path, int dir_fd, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	/* It has gone, or has become something else. */
	if (n < 0)
		return 0;
	target[n] = '\0';
	return put(watch, WATCHED_LINK, path, NULL, target);
}

static int tree_look(struct watch *watch, char path[static PATH_MAX], int fd, int depth);

static int entry_look(
	struct watch *watch, char path[static PATH_MAX], int dir_fd, const char *name, int depth)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		watch_ignores(name, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISREG(st.st_mode))
		return put(watch, WATCHED_FILE, path, &st, "");
	if (S_ISLNK(st.st_mode))
		return put_link(watch, path, dir_fd, name);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth == WATCH_DEPTH_MAX) {
		watch->cut = true;
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : tree_look(watch, path, fd, depth + 1);
}

/* Takes the descriptor. The path is extended in place, and is what it was afterwards. */
static int tree_look(struct watch *watch, char path[static PATH_MAX], int fd, int depth)
{
	size_t length = strlen(path);
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (!dir) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	while (r >= 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(path + length, PATH_MAX - length, "/%s", entry->d_name) <
			PATH_MAX - length)
			r = entry_look(watch, path, dirfd(dir), entry->d_name, depth);
		path[length] = '\0';
	}
	closedir(dir);
	return r;
}

static int root_look(struct watch *watch, const char *path)
{
	char whole[PATH_MAX];
	struct stat st;
	int fd, r;

	r = put(watch, WATCHED_ROOT, path, NULL, "");
	if (r >= 0)
		r = put_link(watch, path, AT_FDCWD, path);
	if (r < 0 || stat(path, &st) < 0)
		return r;
	if (S_ISREG(st.st_mode))
		return put(watch, WATCHED_FILE, path, &st, "");
	if (!S_ISDIR(st.st_mode) ||
		(size_t)snprintf(whole, sizeof(whole), "%s", path) >= sizeof(whole))
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? 0 : tree_look(watch, whole, fd, 0);
}

int watch_add(struct watch *watch, const char *path)
{
	int r = root_look(watch, path);

	return r == -E2BIG ? 0 : r;
}

int watch_add_release(struct watch *watch, const char *path)
{
	struct stat st;
	int r;

	r = put(watch, WATCHED_ROOT, path, NULL, "");
	if (r >= 0)
		r = put_link(watch, path, AT_FDCWD, path);
	if (r >= 0 && stat(path, &st) == 0)
		r = put(watch, WATCHED_DIRECTORY, path, &st, "");
	return r == -E2BIG ? 0 : r;
}

static int compare(const struct watched *a, const struct watched *b)
{
	int order = strcmp(a->path, b->path);

	return order ? order : (int)a->kind - (int)b->kind;
}

static int compare_any(const void *a, const void *b)
{
	return compare(a, b);
}

void watch_sort(struct watch *watch)
{
	if (watch->count > 1)
		qsort(watch->items, watch->count, sizeof(*watch->items), compare_any);
}

void watch_free(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		free(watch->items[i].path);
		free(watch->items[i].target);
	}
	free(watch->items);
	*watch = (struct watch){0};
}

/* ---- comparing ------------------------------------------------------------------------------- */

bool watch_has_root(const struct watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->items[i].kind == WATCHED_ROOT && strcmp(watch->items[i].path, path) == 0)
			return true;
	return false;
}

/* The paths that were looked at; there are few. */
struct roots {
	const char *paths[ROOTS_MAX];
	size_t count;
};

static void roots_find(const struct watch *watch, struct roots *roots)
{
	roots->count = 0;
	for (size_t i = 0; i < watch->count && roots->count < ROOTS_MAX; i++)
		if (watch->items[i].kind == WATCHED_ROOT)
			roots->paths[roots->count++] = watch->items[i].path;
}

/* Below one of them, or one of them. */
static bool is_covered(const struct roots *roots, const char *path)
{
	for (size_t i = 0; i < roots->count; i++) {
		size_t length = strlen(roots->paths[i]);

		if (strncmp(path, roots->paths[i], length) == 0 &&
			(path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}

/* A ctime that moved with the mode, the owner or the number of links, and nothing else, is no new
 * content: backups link files, and administrators chmod them. */
static bool file_differs(const struct watched *noted, const struct watched *now)
{
	if (noted->inode != now->inode || noted->size != now->size ||
		noted->modify_nsec != now->modify_nsec)
		return true;
	return noted->change_nsec != now->change_nsec && noted->mode == now->mode &&
	       noted->uid == now->uid && noted->gid == now->gid && noted->links == now->links;
}

static bool differs(const struct watched *noted, const struct watched *now)
{
	switch (noted->kind) {
	case WATCHED_FILE:
		return file_differs(noted, now);
	case WATCHED_LINK:
		return strcmp(noted->target, now->target) != 0;
	case WATCHED_DIRECTORY:
		return noted->inode != now->inode;
	case WATCHED_ROOT:
	case WATCHED_KIND_COUNT:
		break;
	}
	return false;
}

static int find(const struct watched *item, const struct watched *now, enum subject subject,
	struct findings *findings)
{
	struct finding finding = {.subject = subject, .path = item->path, .certain = true};

	if (!now)
		snprintf(finding.identity, sizeof(finding.identity), "-");
	else if (now->kind == WATCHED_LINK)
		snprintf(finding.identity, sizeof(finding.identity), "%.*s",
			FINDING_IDENTITY_MAX - 1, now->target);
	else
		snprintf(finding.identity, sizeof(finding.identity), "%ju:%ju:%ju",
			(uintmax_t)now->inode, (uintmax_t)now->change_nsec, (uintmax_t)now->size);
	return findings_add(findings, &finding);
}

/* A file that only one of them has, if the other one has looked there. */
static int find_alone(const struct watched *item, bool now, const struct roots *other,
	enum subject subject, struct findings *findings)
{
	if (item->kind == WATCHED_ROOT || !is_covered(other, item->path))
		return 0;
	return find(item, now ? item : NULL, subject, findings);
}

/* Which of the two next ones comes first: < 0, > 0, or 0 for both. */
static int order_of(const struct watch *noted, size_t i, const struct watch *now, size_t j)
{
	if (i == noted->count)
		return 1;
	return j == now->count ? -1 : compare(&noted->items[i], &now->items[j]);
}

int watch_compare(const struct watch *noted, const struct watch *now, enum subject subject,
	struct findings *findings)
{
	struct roots noted_roots, now_roots;
	bool cut = noted->cut || now->cut;
	size_t i = 0, j = 0;
	int r = 0;

	roots_find(noted, &noted_roots);
	roots_find(now, &now_roots);
	while (r >= 0 && (i < noted->count || j < now->count)) {
		int order = order_of(noted, i, now, j);

		if (order == 0 && differs(&noted->items[i], &now->items[j]))
			r = find(&now->items[j], &now->items[j], subject, findings);
		/* Of what was not looked at nobody knows whether it is new. */
		else if (order < 0 && !cut)
			r = find_alone(&noted->items[i], false, &now_roots, subject, findings);
		else if (order > 0 && !cut)
			r = find_alone(&now->items[j], true, &noted_roots, subject, findings);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}
