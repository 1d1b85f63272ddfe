/* SPDX-License-Identifier: MIT */
/*
 * Knows a file with a line for the cycle and one for each finding. The color is not in it: a file
 * that the one color has been cured of is not new when only the other one has it.
 */
#include "recheck-asked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "recheck-words.h"

#define CYCLE	  "cycle "
#define FILE_MODE 0600

static void line_write(FILE *file, const struct finding *finding)
{
	word_write(file, finding->path);
	fputc(' ', file);
	word_write(file, finding->identity);
	fputc('\n', file);
}

static char *line_of(const struct finding *finding)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&line, &size);

	if (!file)
		return NULL;
	line_write(file, finding);
	if (fclose(file) == 0)
		return line;
	free(line);
	return NULL;
}

void asked_read(const struct asked_place *place, struct asked *ret_asked)
{
	_cleanup_free_ char *content = NULL, *path = NULL;
	size_t length;

	*ret_asked = (struct asked){0};
	if (asprintf(&path, "%s/%s", place->dir, place->name) < 0 ||
		file_read(path, ASKED_BYTES_MAX, &content, NULL) < 0 ||
		strncmp(content, CYCLE, strlen(CYCLE)) != 0)
		return;
	length = strcspn(content, "\n");
	snprintf(ret_asked->id, sizeof(ret_asked->id), "%.*s", (int)(length - strlen(CYCLE)),
		content + strlen(CYCLE));
	/* With the newline in front, so that each line has one on both sides. */
	ret_asked->lines = strdup(content + length);
}

void asked_free(struct asked *asked)
{
	free(asked->lines);
	*asked = (struct asked){0};
}

static bool covers_one(const struct asked *asked, const struct finding *finding)
{
	_cleanup_free_ char *line = line_of(finding), *whole = NULL;

	return line && asked->lines && asprintf(&whole, "\n%s", line) >= 0 &&
	       strstr(asked->lines, whole);
}

static bool is_among(const struct finding *finding, enum subject first, enum subject last)
{
	return finding->subject >= first && finding->subject <= last;
}

bool asked_covers(const struct asked *asked, const struct findings *findings, enum subject first,
	enum subject last)
{
	for (size_t i = 0; i < findings->count; i++)
		if (is_among(&findings->items[i], first, last) &&
			!covers_one(asked, &findings->items[i]))
			return false;
	return true;
}

static char *asked_text(
	const char *id, const struct findings *findings, enum subject first, enum subject last)
{
	char *content = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&content, &size);

	if (!file)
		return NULL;
	fprintf(file, CYCLE "%s\n", id);
	for (size_t i = 0; i < findings->count; i++)
		if (is_among(&findings->items[i], first, last))
			line_write(file, &findings->items[i]);
	if (fclose(file) == 0)
		return content;
	free(content);
	return NULL;
}

int asked_write(const struct asked_place *place, const char *id, const struct findings *findings,
	enum subject first, enum subject last)
{
	_cleanup_free_ char *content = asked_text(id, findings, first, last);

	if (!content)
		return -ENOMEM;
	return strlen(content) > ASKED_BYTES_MAX
		       ? -EFBIG
		       : file_write_atomic(place->dir, place->name, content, FILE_MODE);
}

void asked_forget(const struct asked_place *place)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", place->dir, place->name) >= 0)
		(void)unlink(path);
}
