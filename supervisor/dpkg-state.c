/* SPDX-License-Identifier: MIT */
/*
 * Knows dpkg's status file, the journal of changes that have not been written to it yet (updates/,
 * files of digits, each a paragraph; dpkg folds them in when it ends, and one that was killed did
 * not), and the lists of files. Does not know what is done about it.
 */
#include "dpkg-state.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* More broken packages than that, and the app's may not be among them. */
#define UNFINISHED_MAX 64

struct paragraph {
	char package[DPKG_PACKAGE_MAX], architecture[32], state[32];
};

struct unfinished {
	struct paragraph list[UNFINISHED_MAX];
	size_t count;
};

static void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_unfinished(const char *state)
{
	return strcmp(state, "half-installed") == 0 || strcmp(state, "unpacked") == 0 ||
	       strcmp(state, "half-configured") == 0;
}

/* The later word about a package counts. */
static void paragraph_take(struct unfinished *unfinished, struct paragraph *paragraph)
{
	size_t i = 0;

	while (i < unfinished->count &&
		(strcmp(unfinished->list[i].package, paragraph->package) != 0 ||
			strcmp(unfinished->list[i].architecture, paragraph->architecture) != 0))
		i++;
	if (!*paragraph->package)
		;
	else if (!is_unfinished(paragraph->state)) {
		if (i < unfinished->count)
			unfinished->list[i] = unfinished->list[--unfinished->count];
	} else if (i < UNFINISHED_MAX) {
		unfinished->list[i] = *paragraph;
		unfinished->count += i == unfinished->count;
	}
	*paragraph = (struct paragraph){0};
}

static void paragraphs_read(struct unfinished *unfinished, const char *path)
{
	_cleanup_(file_close) FILE *file = fopen(path, "re");
	struct paragraph paragraph = {0};
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!file)
		return;
	while (getline(&line, &room, file) > 0) {
		if (*line == '\n')
			paragraph_take(unfinished, &paragraph);
		else if (sscanf(line, "Package: %127s", paragraph.package) != 1 &&
			 sscanf(line, "Architecture: %31s", paragraph.architecture) != 1)
			(void)sscanf(line, "Status: %*s %*s %31s", paragraph.state);
	}
	paragraph_take(unfinished, &paragraph);
}

static int is_update(const struct dirent *entry)
{
	return *entry->d_name && strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
}

static void updates_read(struct unfinished *unfinished, const char *root)
{
	char directory[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	struct dirent **list = NULL;
	int count;

	snprintf(directory, sizeof(directory), "%s/var/lib/dpkg/updates", root);
	count = scandir(directory, &list, is_update, versionsort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, list[i]->d_name);
		paragraphs_read(unfinished, path);
		free(list[i]);
	}
	free(list);
}

static bool is_at_or_below(const char *file, const char *const *paths)
{
	for (; *paths; paths++) {
		size_t n = strlen(*paths);

		if (strncmp(file, *paths, n) == 0 && (file[n] == '\0' || file[n] == '/'))
			return true;
	}
	return false;
}

static bool list_has(const char *path, const char *const *paths)
{
	_cleanup_(file_close) FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (is_at_or_below(line, paths))
			return true;
	}
	return false;
}

/* Packages that there may be several architectures of have it in the name. */
static bool owns(const char *root, const struct paragraph *paragraph, const char *const *paths)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s.list", root, paragraph->package);
	if (list_has(path, paths))
		return true;
	snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s:%s.list", root, paragraph->package,
		paragraph->architecture);
	return list_has(path, paths);
}

bool dpkg_is_unfinished(
	const char *root, const char *const *paths, struct dpkg_unfinished *ret_unfinished)
{
	_cleanup_free_ struct unfinished *unfinished = calloc(1, sizeof(*unfinished));
	char status[PATH_MAX];

	if (!unfinished)
		return false;
	snprintf(status, sizeof(status), "%s/var/lib/dpkg/status", root);
	paragraphs_read(unfinished, status);
	updates_read(unfinished, root);
	for (size_t i = 0; i < unfinished->count; i++) {
		const struct paragraph *paragraph = &unfinished->list[i];

		if (!owns(root, paragraph, paths))
			continue;
		memcpy(ret_unfinished->package, paragraph->package,
			sizeof(ret_unfinished->package));
		memcpy(ret_unfinished->state, paragraph->state, sizeof(ret_unfinished->state));
		return true;
	}
	return false;
}
