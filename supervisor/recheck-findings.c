/* SPDX-License-Identifier: MIT */
/*
 * Knows a list of files; does not know how they were found or what follows from them.
 */
#include "recheck-findings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char *subject_name(enum subject subject)
{
	static const char *const names[SUBJECT_COUNT] = {
		[SUBJECT_BLUE] = "blue",
		[SUBJECT_GREEN] = "green",
		[SUBJECT_SUPERVISOR] = "supervisor",
		[SUBJECT_RELAY] = "relay",
	};

	return names[subject];
}

void identity_write(const struct stat *st, char identity[static FINDING_IDENTITY_MAX])
{
	snprintf(identity, FINDING_IDENTITY_MAX, "%ju:%ju.%09ld:%ju", (uintmax_t)st->st_ino,
		(uintmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (uintmax_t)st->st_size);
}

static struct finding *find(const struct findings *findings, const struct finding *finding)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].subject == finding->subject &&
			strcmp(findings->items[i].path, finding->path) == 0)
			return &findings->items[i];
	return NULL;
}

int findings_add(struct findings *findings, const struct finding *finding)
{
	struct finding *there = find(findings, finding), *items;
	char *path;

	if (there) {
		there->certain = there->certain || finding->certain;
		return 0;
	}
	if (findings->count == FINDINGS_MAX) {
		findings->left_out++;
		return 0;
	}
	items = reallocarray(findings->items, findings->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	findings->items = items;
	if (asprintf(&path, "%s", finding->path) < 0)
		return -ENOMEM;
	findings->items[findings->count] = *finding;
	findings->items[findings->count++].path = path;
	return 0;
}

void findings_settle(struct findings *findings)
{
	size_t kept = 0;

	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->items[i];

		if (finding->certain || *finding->package)
			findings->items[kept++] = *finding;
		else
			free(finding->path);
	}
	findings->count = kept;
}

bool findings_of(const struct findings *findings, enum subject subject)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].subject == subject)
			return true;
	return false;
}

bool findings_of_colors(const struct findings *findings)
{
	return findings_of(findings, SUBJECT_BLUE) || findings_of(findings, SUBJECT_GREEN);
}

void findings_clear(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].path);
	free(findings->items);
	*findings = (struct findings){0};
}

void finding_path_show(const char *path, char shown[static FINDING_PATH_MAX])
{
	size_t length = strlen(path);

	/* The end of a long path says more than its begin. */
	if (length >= FINDING_PATH_MAX)
		snprintf(shown, FINDING_PATH_MAX, "...%s", path + length - (FINDING_PATH_MAX - 4));
	else
		memcpy(shown, path, length + 1);
	text_repair(shown);
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static bool is_among(const struct finding *finding, enum subject first, enum subject last)
{
	return finding->subject >= first && finding->subject <= last;
}

/* A file that both colors run is one; the last of the same names counts. */
static bool again(const struct findings *findings, size_t i, enum subject first, enum subject last)
{
	for (size_t j = i + 1; j < findings->count; j++)
		if (is_among(&findings->items[j], first, last) &&
			strcmp(findings->items[j].path, findings->items[i].path) == 0)
			return true;
	return false;
}

void findings_sentence(const struct findings *findings, enum subject first, enum subject last,
	char *buffer, size_t size)
{
	const struct finding *shown = NULL;
	char path[FINDING_PATH_MAX];
	size_t count = 0;
	int n;

	*buffer = '\0';
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];

		if (!is_among(finding, first, last) || again(findings, i, first, last))
			continue;
		count++;
		if (!shown || (!*shown->package && *finding->package))
			shown = finding;
	}
	if (!shown)
		return;
	finding_path_show(shown->path, path);
	n = snprintf(buffer, size, "%s%s%s", shown->package, *shown->package ? ": " : "", path);
	count += findings->left_out;
	if (count > 1 && n > 0 && (size_t)n < size)
		snprintf(buffer + n, size - (size_t)n, ", and %zu more file%s", count - 1,
			count > 2 ? "s" : "");
}
