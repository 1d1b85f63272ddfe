/* SPDX-License-Identifier: MIT */
/*
 * Knows the file that fingerprints are kept in: a line of words each.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/names.h"
#include "base/number.h"
#include "recheck-watch.h"
#include "recheck-words.h"

#define FILE_MODE 0600
#define FIGURES	  8

static const char *const kind_names[WATCHED_KIND_COUNT] = {
	[WATCHED_ROOT] = "path",
	[WATCHED_FILE] = "file",
	[WATCHED_LINK] = "link",
	[WATCHED_DIRECTORY] = "directory",
};

static void item_write(FILE *file, const struct watched *item)
{
	fprintf(file,
		"%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32
		" %" PRIu32 " %" PRIu32 " ",
		kind_names[item->kind], item->inode, item->size, item->change_nsec,
		item->modify_nsec, item->mode, item->uid, item->gid, item->links);
	word_write(file, item->path);
	fputc(' ', file);
	word_write(file, item->target);
	fputc('\n', file);
}

int watch_write(const struct watch *watch, const char *dir, const char *name)
{
	_cleanup_free_ char *content = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&content, &size);

	if (!file)
		return -ENOMEM;
	for (size_t i = 0; i < watch->count; i++)
		item_write(file, &watch->items[i]);
	if (watch->cut)
		fputs("cut\n", file);
	if (fclose(file) != 0)
		return -ENOMEM;
	if (size > WATCH_BYTES_MAX)
		return -EFBIG;
	return file_write_atomic(dir, name, content, FILE_MODE);
}

static int item_read(char *line, struct watched *ret_item)
{
	struct watched item = {0};
	uint64_t figures[FIGURES];
	char *path, *target;
	const char *word = word_take(&line);
	int kind = word ? name_lookup(kind_names, WATCHED_KIND_COUNT, word) : -EINVAL;

	if (kind < 0)
		return -EBADMSG;
	for (size_t i = 0; i < FIGURES; i++) {
		word = word_take(&line);
		if (!word || number_parse(word, i < 4 ? UINT64_MAX : UINT32_MAX, &figures[i]) < 0)
			return -EBADMSG;
	}
	path = word_take(&line);
	target = path ? word_take(&line) : NULL;
	if (!target)
		return -EBADMSG;
	item = (struct watched){.kind = (enum watched_kind)kind,
		.inode = figures[0],
		.size = figures[1],
		.change_nsec = figures[2],
		.modify_nsec = figures[3],
		.mode = (uint32_t)figures[4],
		.uid = (uint32_t)figures[5],
		.gid = (uint32_t)figures[6],
		.links = (uint32_t)figures[7],
		.path = strdup(path),
		.target = strdup(target)};
	if (!item.path || !item.target) {
		free(item.path);
		free(item.target);
		return -ENOMEM;
	}
	*ret_item = item;
	return 0;
}

static int line_read(struct watch *watch, char *line)
{
	int r;

	if (strcmp(line, "cut") == 0) {
		watch->cut = true;
		return 0;
	}
	if (watch->count == WATCH_FILES_MAX)
		return -EBADMSG;
	if (watch->count % 1024 == 0) {
		struct watched *items =
			reallocarray(watch->items, watch->count + 1024, sizeof(*watch->items));

		if (!items)
			return -ENOMEM;
		watch->items = items;
	}
	r = item_read(line, &watch->items[watch->count]);
	if (r >= 0)
		watch->count++;
	return r;
}

int watch_read(const char *path, struct watch *ret_watch)
{
	_cleanup_free_ char *content = NULL;
	struct watch watch = {0};
	char *rest, *line;
	int r;

	r = file_read(path, WATCH_BYTES_MAX, &content, NULL);
	if (r < 0)
		return r;
	rest = content;
	while (r >= 0 && (line = strsep(&rest, "\n")))
		if (*line)
			r = line_read(&watch, line);
	if (r < 0) {
		watch_free(&watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}
