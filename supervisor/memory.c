/* SPDX-License-Identifier: MIT */
/*
 * Knows the files of the memory controller, and the one that is kept; does not know what is done
 * about too little of it.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cgroup.h"

#define FILE_NAME "memory"
#define FILE_MAX  65536 /* memory.stat has some thousand bytes, /proc/meminfo two */

static int text_read(const char *dir, const char *group, const char *name, char **ret_text)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s/%s", dir, group, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_read(path, FILE_MAX, ret_text, NULL);
}

static bool number_parse(const char *text, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno == 0 && (*end == '\n' || *end == ' ' || *end == '\0');
}

/* The number behind a key and `between`, at the begin of a line: "file 4096", "PEAK=4096",
 * "MemAvailable:  4096 kB". */
static bool line_find(const char *text, const char *key, char between, uint64_t *ret_number)
{
	size_t length = strlen(key);

	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		if (strncmp(text, key, length) != 0 || text[length] != between)
			continue;
		text += length + 1;
		return number_parse(text + strspn(text, " "), ret_number);
	}
	return false;
}

/* What the kernel takes back by itself, and therefore counts as available already. */
static uint64_t reclaimable_read(const char *root, const char *group)
{
	static const char *const keys[] = {"active_file", "inactive_file", "slab_reclaimable"};
	_cleanup_free_ char *text = NULL;
	uint64_t sum = 0, one;

	if (text_read(root, group, "memory.stat", &text) < 0)
		return 0;
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (line_find(text, keys[i], ' ', &one))
			sum += one;
	return sum;
}

static int group_read(const char *group, const char *name, uint64_t *ret_bytes)
{
	_cleanup_free_ char *text = NULL;
	const char *root = cgroup_root();
	uint64_t bytes, reclaimable;
	int r;

	if (!root || !*group)
		return -ENOENT;
	r = text_read(root, group, name, &text);
	if (r < 0)
		return r;
	if (!number_parse(text, &bytes))
		return -EBADMSG;
	reclaimable = reclaimable_read(root, group);
	*ret_bytes = bytes > reclaimable ? bytes - reclaimable : 0;
	return 0;
}

int memory_used(const char *control_group, uint64_t *ret_bytes)
{
	return group_read(control_group, "memory.current", ret_bytes);
}

int memory_available(uint64_t *ret_bytes)
{
	_cleanup_free_ char *text = NULL;
	uint64_t kilobytes;
	int r;

	r = text_read(cgroup_proc(), "", "meminfo", &text);
	if (r < 0)
		return r;
	if (!line_find(text, "MemAvailable", ':', &kilobytes) || kilobytes > UINT64_MAX / 1024)
		return -EBADMSG;
	*ret_bytes = kilobytes * 1024;
	return 0;
}

int memory_learn(const char *state_dir, enum color color, const char *control_group)
{
	char text[128];
	uint64_t peak;
	int r;

	r = group_read(control_group, "memory.peak", &peak);
	/* Linux before 5.19: what it has now is better than nothing. */
	if (r == -ENOENT)
		r = memory_used(control_group, &peak);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text),
		"# The memory that the color that served had at most, in bytes.\n"
		"COLOR=%s\nPEAK=%" PRIu64 "\n",
		color_name(color), peak);
	return file_write_atomic(state_dir, FILE_NAME, text, 0644);
}

int memory_learned(const char *state_dir, uint64_t *ret_peak)
{
	_cleanup_free_ char *text = NULL;

	if (text_read(state_dir, "", FILE_NAME, &text) < 0 ||
		!line_find(text, "PEAK", '=', ret_peak))
		return -ENODATA;
	return 0;
}
