/* SPDX-License-Identifier: MIT */
/*
 * Knows where the kernel shows its control groups; knows neither units nor sockets.
 */
#include "cgroup.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* The tree of a busy server has some hundred directories; a search ends here all the same. */
#define SEARCH_MAX 20000
#define DEPTH_MAX  16

static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

const char *cgroup_root_given, *cgroup_proc_given;

const char *cgroup_proc(void)
{
	return cgroup_proc_given ? cgroup_proc_given : "/proc";
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The root that holds the unified hierarchy here: the one with cgroup.procs at its top. */
const char *cgroup_root(void)
{
	char path[64];

	if (cgroup_root_given)
		return cgroup_root_given;
	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		if (stat(path, &st) == 0)
			return roots[i];
	}
	return NULL;
}

/* The directory with this inode, below (or at) path; path is extended in place. */
static bool tree_find(char path[static PATH_MAX], uint64_t inode, int depth, int *budget)
{
	_cleanup_(cleanup_dir) DIR *dir = NULL;
	size_t length = strlen(path);
	struct dirent *entry;
	struct stat st;

	if (stat(path, &st) == 0 && (uint64_t)st.st_ino == inode)
		return true;
	if (depth == 0)
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir)) && (*budget)-- > 0) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(path + length, PATH_MAX - length, "/%s", entry->d_name) >=
			PATH_MAX - length) {
			path[length] = '\0';
			continue;
		}
		if (tree_find(path, inode, depth - 1, budget))
			return true;
		path[length] = '\0';
	}
	return false;
}

bool cgroup_find(const char *group, uint64_t id, char ret_path[static PATH_MAX])
{
	const char *root = cgroup_root();
	int budget = SEARCH_MAX;

	if (!root || snprintf(ret_path, PATH_MAX, "%s%s", root, group) >= PATH_MAX)
		return false;
	return tree_find(ret_path, id, DEPTH_MAX, &budget);
}
