/* SPDX-License-Identifier: MIT */
/*
 * Knows which mappings tell that installed code was replaced, and which do not.
 *
 * A library that is mapped to be executed counts, whoever brought it. Data counts only if a package
 * has it: an app maps its own data, too, and replaces it when it likes. What is gone without
 * anything in its place may be an upgrade (libx.so.1.2 became libx.so.1.3) or the trick of a
 * program that makes its own code (libffi, JITs: a file without a name): the one where code is
 * installed or by a library's name, the other elsewhere.
 */
#include "recheck-maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define DELETED " (deleted)"

/* Whose files come and go by themselves. */
static const char *const transient[] = {
	"/dev/", "/memfd:", "/proc/", "/run/", "/sys/", "/SYSV", "/tmp/", "/var/run/", "/var/tmp/"};

/* Where only installation puts files. */
static const char *const installed[] = {
	"/bin/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/opt/", "/sbin/", "/usr/"};

static bool begins_with_one_of(const char *path, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* The kernel writes a newline in a path as \012, and nothing else in another way. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (strncmp(from, "\\012", 4) == 0) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool path_take(struct mapping *mapping)
{
	size_t length = strlen(mapping->path), end = strlen(DELETED);

	if (length > end && strcmp(mapping->path + length - end, DELETED) == 0) {
		mapping->path[length - end] = '\0';
		mapping->deleted = true;
	}
	if (mapping->path[0] != '/' ||
		begins_with_one_of(mapping->path, transient, ELEMENTS(transient)))
		return false;
	/* What the kernel keeps for itself ("/[aio]", "/anon_hugepage", "/i915") has the root of a
	 * file system that is mounted nowhere. */
	return !mapping->deleted || strchr(mapping->path + 1, '/');
}

bool mapping_parse(const char *line, struct mapping *ret_mapping)
{
	struct mapping mapping = {0};
	uint64_t from, to, inode;
	char mode[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64 " %n", &from, &to, mode,
		    &inode, &at) != 4 ||
		at == 0 || inode == 0)
		return false;
	if ((size_t)snprintf(mapping.path, sizeof(mapping.path), "%.*s",
		    (int)strcspn(line + at, "\n"), line + at) >= sizeof(mapping.path))
		return false;
	unescape(mapping.path);
	if (!path_take(&mapping))
		return false;
	/* Without the zeros that maps has in front. */
	snprintf(mapping.range, sizeof(mapping.range), "%" PRIx64 "-%" PRIx64, from, to);
	mapping.inode = inode;
	mapping.executable = mode[2] == 'x';
	*ret_mapping = mapping;
	return true;
}

bool executable_parse(const char *target, struct mapping *ret_mapping)
{
	struct mapping mapping = {.executable = true};

	if ((size_t)snprintf(mapping.path, sizeof(mapping.path), "%s", target) >=
		sizeof(mapping.path))
		return false;
	if (!path_take(&mapping))
		return false;
	*ret_mapping = mapping;
	return true;
}

/* "libx.so", "libx.so.1.2", "x.cpython-311-x86_64-linux-gnu.so" */
static bool named_as_library(const char *path)
{
	const char *name = strrchr(path, '/') + 1, *so = strstr(name, ".so");

	while (so && so[3] != '\0' && so[3] != '.')
		so = strstr(so + 1, ".so");
	return so && strspn(so + 3, ".0123456789") == strlen(so + 3);
}

enum judgement mapping_judge(const struct mapping *mapping, enum place place)
{
	if (place == PLACE_SAME)
		return JUDGEMENT_CURRENT;
	/* Not deleted, and yet not there: in a root or a mount that is out of our sight. */
	if (place == PLACE_NOTHING && !mapping->deleted)
		return JUDGEMENT_CURRENT;
	if (!mapping->executable)
		return JUDGEMENT_IF_PACKAGED;
	if (place == PLACE_OTHER || named_as_library(mapping->path) ||
		begins_with_one_of(mapping->path, installed, ELEMENTS(installed)))
		return JUDGEMENT_OUTDATED;
	return JUDGEMENT_IF_PACKAGED;
}
