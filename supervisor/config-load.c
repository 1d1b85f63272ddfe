/* SPDX-License-Identifier: MIT */
/*
 * Knows where configuration files lie and in which order; does not look into them (config.c).
 */
#include "config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"

#define PATH_SHOWN_MAX 400 /* bytes of a path in a message */

struct loader {
	struct config_text texts[CONFIG_FILES_MAX];
	size_t count;
	char *error;
};

static void loader_clear(struct loader *loader)
{
	for (size_t i = 0; i < loader->count; i++) {
		free((char *)loader->texts[i].name);
		free(loader->texts[i].content);
	}
}

static int fail(struct loader *loader, int r, const char *path, const char *what)
{
	snprintf(loader->error, CONFIG_ERROR_MAX, "%.*s: %s", PATH_SHOWN_MAX, path, what);
	return r;
}

static int fail_to_read(struct loader *loader, int r, const char *path)
{
	snprintf(loader->error, CONFIG_ERROR_MAX, "%.*s: cannot be read: %s%s", PATH_SHOWN_MAX,
		path, strerror(-r),
		r == -EACCES ? "; the supervisor runs as a user of its own, make the file and its "
			       "directory readable for all"
			     : "");
	return r;
}

/* A link to /dev/null switches a drop-in off, as in systemd; anything else that is no file, a
 * fifo say, could keep us waiting. */
static bool is_readable_kind(const struct stat *st)
{
	return S_ISREG(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

static int load_file(struct loader *loader, const char *path)
{
	_cleanup_free_ char *content = NULL, *name = NULL;
	struct stat st;
	size_t size;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	if (!is_readable_kind(&st))
		return fail(loader, -EINVAL, path, "is not a file; remove it");
	r = file_read(path, CONFIG_FILE_MAX, &content, &size);
	if (r == -EFBIG)
		return fail(loader, r, path, "is longer than 64 KiB; shorten it");
	if (r < 0)
		return r;
	name = strdup(path);
	if (!name)
		return -ENOMEM;
	loader->texts[loader->count++] = (struct config_text){
		.name = take_ptr(name),
		.content = take_ptr(content),
		.size = size,
	};
	return 0;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(".conf") &&
	       strcmp(entry->d_name + length - strlen(".conf"), ".conf") == 0;
}

/* By bytes and not by locale, so that it is the same order everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_in(struct loader *loader, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n, r;

	n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return fail(loader, -ENAMETOOLONG, dir, "the path of a file in it is too long");
	if (loader->count == CONFIG_FILES_MAX)
		return fail(loader, -E2BIG, path, "is one file too many, 64 are possible");
	r = load_file(loader, path);
	if (r < 0 && !*loader->error)
		return fail_to_read(loader, r, path);
	return r;
}

static int load_drop_ins(struct loader *loader, const char *dir)
{
	struct dirent **entries;
	int count, r = 0;

	count = scandir(dir, &entries, is_drop_in, by_name);
	if (count < 0)
		return errno == ENOENT ? 0 : fail_to_read(loader, -errno, dir);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = load_drop_in(loader, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int load_all(struct loader *loader, const char *dir, const char *app)
{
	char path[PATH_MAX];
	int n, r;

	n = snprintf(path, sizeof(path), "%s/%s.conf.d", dir, app);
	if (n < 0 || (size_t)n >= sizeof(path))
		return fail(loader, -ENAMETOOLONG, dir, "the path of a file in it is too long");
	path[n - 2] = '\0';
	r = load_file(loader, path);
	if (r == -ENOENT)
		r = 0;
	if (r < 0)
		return *loader->error ? r : fail_to_read(loader, r, path);
	path[n - 2] = '.';
	return load_drop_ins(loader, path);
}

int config_load(const char *dir, const char *app, char error[static CONFIG_ERROR_MAX],
	struct config **ret_config)
{
	_cleanup_(loader_clear) struct loader loader = {.error = error};
	int r;

	assert(config_app_valid(app));
	error[0] = '\0';
	r = load_all(&loader, dir, app);
	if (r < 0)
		return r;
	return config_build(app, loader.texts, loader.count, error, ret_config);
}
