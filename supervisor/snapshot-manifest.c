/* SPDX-License-Identifier: MIT */
/*
 * Knows how a manifest is written and read; does not know how what is in it was found.
 */
#include "snapshot-manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define ROOM_FIRST	 256
#define LINE_FIGURES_MAX 160 /* what stands before the path */
/* SNAPSHOT_ENTRIES_MAX of paths that are long, and less than recheck may have (MemoryMax=). */
#define BYTES_MAX	 ((size_t)128 << 20)

static void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}

struct snapshot_manifest *manifest_free(struct snapshot_manifest *manifest)
{
	if (!manifest)
		return NULL;
	for (size_t i = 0; i < manifest->path_count; i++)
		free(manifest->paths[i]);
	for (size_t i = 0; i < manifest->count; i++)
		free((char *)manifest->entries[i].path);
	free(manifest->entries);
	free(manifest);
	return NULL;
}

static int path_add(struct snapshot_manifest *manifest, const char *path)
{
	char **next = &manifest->paths[manifest->path_count];

	if (manifest->path_count == MANIFEST_PATHS_MAX)
		return -EBADMSG;
	*next = strdup(path);
	if (!*next)
		return -ENOMEM;
	manifest->path_count++;
	return 0;
}

struct snapshot_manifest *manifest_new(const char *const *paths)
{
	_cleanup_(cleanup_manifest_free) struct snapshot_manifest *manifest =
		calloc(1, sizeof(*manifest));

	if (!manifest)
		return NULL;
	for (; paths && *paths; paths++)
		if (path_add(manifest, *paths) < 0)
			return NULL;
	return take_ptr(manifest);
}

/* gcc's analyzer loses what an array that grows points to. */
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
int manifest_add(struct snapshot_manifest *manifest, const struct snapshot_entry *entry)
{
	struct snapshot_entry *next;

	if (manifest->count == manifest->room) {
		size_t room = manifest->room ? 2 * manifest->room : ROOM_FIRST;
		struct snapshot_entry *entries =
			reallocarray(manifest->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		manifest->entries = entries;
		manifest->room = room;
	}
	next = &manifest->entries[manifest->count];
	*next = *entry;
	next->path = strdup(entry->path);
	if (!next->path)
		return -ENOMEM;
	manifest->count++;
	return 0;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

static bool names(const struct snapshot_manifest *manifest, const char *path)
{
	for (size_t i = 0; i < manifest->path_count; i++)
		if (strcmp(manifest->paths[i], path) == 0)
			return true;
	return false;
}

bool manifest_is_of(const struct snapshot_manifest *manifest, const char *const *paths)
{
	size_t count = 0;

	for (; paths[count]; count++)
		if (!names(manifest, paths[count]))
			return false;
	return count == manifest->path_count;
}

void manifest_digest(const struct snapshot_manifest *manifest, char ret_digest[static DIGEST_MAX])
{
	struct digest digest;
	char line[128];

	digest_begin(&digest);
	for (size_t i = 0; i < manifest->count; i++) {
		const struct snapshot_entry *entry = &manifest->entries[i];
		int n;

		if (snapshot_is_derived(entry->path))
			continue;
		n = snprintf(line, sizeof(line), "%c %o %" PRIu64 " %s ", entry->type, entry->mode,
			entry->size, entry->digest);
		digest_add(&digest, line, (size_t)n);
		digest_add(&digest, entry->path, strlen(entry->path) + 1);
	}
	digest_end(&digest, ret_digest);
}

int manifest_write(const struct snapshot_manifest *manifest, int dir_fd)
{
	_cleanup_(file_close) FILE *file = NULL;
	_cleanup_fd_ int fd = openat(dir_fd, SNAPSHOT_MANIFEST,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file)
		return -errno;
	(void)take_fd(fd);
	fprintf(file, "FORMAT=1\n");
	for (size_t i = 0; i < manifest->path_count; i++)
		fprintf(file, "PATH=%s\n", manifest->paths[i]);
	for (size_t i = 0; i < manifest->count; i++) {
		const struct snapshot_entry *entry = &manifest->entries[i];

		fprintf(file, "%c %o %" PRIu64 " %" PRIu64 " %" PRId64 " %s %s\n", entry->type,
			entry->mode, entry->size, entry->ino, entry->ctime_nsec,
			*entry->digest ? entry->digest : "-", entry->path);
	}
	fprintf(file, "END=%zu\n", manifest->count);
	errno = 0;
	return fflush(file) != 0 || ferror(file) ? -(errno ? errno : EIO) : 0;
}

static int entry_read(struct snapshot_manifest *manifest, const char *line)
{
	struct snapshot_entry entry = {0};
	char digest[DIGEST_MAX];
	int at = 0;

	if (sscanf(line, "%c %o %" SCNu64 " %" SCNu64 " %" SCNd64 " %64s %n", &entry.type,
		    &entry.mode, &entry.size, &entry.ino, &entry.ctime_nsec, digest, &at) != 6 ||
		at == 0 || line[at] != '/')
		return -EBADMSG;
	if (strcmp(digest, "-") != 0)
		memcpy(entry.digest, digest, sizeof(digest));
	entry.path = line + at;
	return manifest_add(manifest, &entry);
}

/* 1 at the end. */
static int line_read(struct snapshot_manifest *manifest, const char *line)
{
	size_t count;

	if (strncmp(line, "PATH=", 5) == 0)
		return path_add(manifest, line + 5);
	if (sscanf(line, "END=%zu", &count) == 1)
		return count == manifest->count ? 1 : -EBADMSG;
	if (manifest->count == SNAPSHOT_ENTRIES_MAX)
		return -EFBIG;
	return entry_read(manifest, line);
}

static int lines_read(struct snapshot_manifest *manifest, FILE *file)
{
	char line[PATH_MAX + LINE_FIGURES_MAX];
	size_t bytes = 0, n;
	bool first = true;
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), file)) {
		n = strlen(line);
		bytes += n;
		if (n == 0 || line[n - 1] != '\n')
			return -EBADMSG;
		if (bytes > BYTES_MAX)
			return -EFBIG;
		line[n - 1] = '\0';
		if (!first)
			r = line_read(manifest, line);
		else if (strcmp(line, "FORMAT=1") != 0)
			return -EBADMSG;
		first = false;
	}
	return r < 0 ? r : r == 1 ? 0 : -EBADMSG;
}

/* recheck reads it as root, and who owns the releases puts there what he likes: a pipe would be
 * waited for for ever, and a device has no end. */
static int file_open(const char *path, FILE **ret_file)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	file = fdopen(fd, "r");
	if (!file)
		return -errno;
	(void)take_fd(fd);
	*ret_file = file;
	return 0;
}

int manifest_read(const char *directory, const char *tag, struct snapshot_manifest **ret_manifest)
{
	_cleanup_(cleanup_manifest_free) struct snapshot_manifest *manifest = manifest_new(NULL);
	_cleanup_(file_close) FILE *file = NULL;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s/" SNAPSHOT_MANIFEST, directory, tag), r;

	if (!manifest)
		return -ENOMEM;
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	r = file_open(path, &file);
	if (r >= 0)
		r = lines_read(manifest, file);
	if (r < 0)
		return r;
	*ret_manifest = take_ptr(manifest);
	return 0;
}

int manifest_find(const char *directory, const char *const *paths,
	char ret_tag[static RELEASE_TAG_MAX], struct snapshot_manifest **ret_manifest)
{
	_cleanup_free_ struct release *releases = NULL;
	size_t count = 0;
	int r;

	r = release_list(directory, &releases, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		_cleanup_(cleanup_manifest_free) struct snapshot_manifest *manifest = NULL;

		if (manifest_read(directory, releases[i].tag, &manifest) < 0 || !manifest ||
			!manifest_is_of(manifest, paths))
			continue;
		memcpy(ret_tag, releases[i].tag, RELEASE_TAG_MAX);
		*ret_manifest = take_ptr(manifest);
		return 0;
	}
	return -ENOENT;
}
