/* SPDX-License-Identifier: MIT */
/*
 * Knows which files an app has fingerprints of; does not know what follows from them.
 */
#include "recheck-note.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "recheck-watch.h"

#define DIR_MODE 0700

static int release_link_path(
	const struct note_dirs *dirs, const char *app, enum color color, char path[static PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s/%s", dirs->state, app, color_name(color)) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

static int look(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color, struct watch *watch)
{
	char path[PATH_MAX];
	int r = release_link_path(dirs, app, color, path);

	watch->deadline = now_usec() + WATCH_USEC_MAX;
	if (r >= 0)
		r = watch_add_release(watch, path);
	for (size_t i = 0; r >= 0 && config->watch_paths[i]; i++)
		r = watch_add(watch, config->watch_paths[i]);
	watch_sort(watch);
	return r;
}

int note_take(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color)
{
	char name[CONFIG_APP_MAX + 16], path[PATH_MAX];
	struct watch watch = {0};
	int r;

	snprintf(name, sizeof(name), "%s-%s", app, color_name(color));
	if (mkdir(dirs->notes, DIR_MODE) < 0 && errno != EEXIST)
		return -errno;
	r = look(dirs, app, config, color, &watch);
	if (r >= 0)
		r = watch_write(&watch, dirs->notes, name);
	if (r >= 0 && watch.cut)
		r = -E2BIG;
	watch_free(&watch);
	/* A note of an earlier start would speak of other files. */
	if (r < 0 && r != -E2BIG &&
		snprintf(path, sizeof(path), "%s/%s", dirs->notes, name) < (int)sizeof(path))
		(void)unlink(path);
	return r;
}

int note_compare(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color, struct findings *findings)
{
	struct watch noted = {0}, now = {0};
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/%s-%s", dirs->notes, app, color_name(color)) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	r = watch_read(path, &noted);
	if (r < 0)
		return r;
	r = look(dirs, app, config, color, &now);
	if (r >= 0)
		r = watch_compare(&noted, &now, (enum subject)color, findings);
	if (r >= 0 && (noted.cut || now.cut))
		r = -E2BIG;
	watch_free(&noted);
	watch_free(&now);
	return r;
}
