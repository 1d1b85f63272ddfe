/* SPDX-License-Identifier: MIT */
/*
 * Knows /sys/fs/cgroup, where a control group's id is the inode of its directory; knows neither
 * units nor colors.
 */
#include "listener.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* The tree of a busy server has some hundred directories; a search ends here all the same. */
#define SEARCH_MAX 20000
#define DEPTH_MAX  16

/* The unified hierarchy: the whole tree, or beside version 1. */
static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
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

const char *listener_root;

/* The root that holds the unified hierarchy here: the one with cgroup.procs at its top. */
static const char *root_find(void)
{
	char path[64];

	if (listener_root)
		return listener_root;
	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		if (stat(path, &st) == 0)
			return roots[i];
	}
	return NULL;
}

static void stranger_describe(uint16_t port, const struct sockdiag_port *found, const char *root,
	char *sentence, size_t size)
{
	char path[PATH_MAX];
	int budget = SEARCH_MAX;

	snprintf(path, sizeof(path), "%s", root);
	if (tree_find(path, found->cgroup_id, DEPTH_MAX, &budget))
		snprintf(sentence, size,
			"port %u is taken by a process of uid %u in control group %s", port,
			(unsigned int)found->uid, path[strlen(root)] ? path + strlen(root) : "/");
	else
		snprintf(sentence, size,
			"port %u is taken by a process of uid %u in another control group (%llu); "
			"`ss -tlnp sport = %u` names it",
			port, (unsigned int)found->uid, (unsigned long long)found->cgroup_id, port);
}

enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size)
{
	const char *root = root_find();
	struct sockdiag_port found;
	char path[PATH_MAX];
	int budget = SEARCH_MAX;
	struct stat st;

	if (sockdiag_read_port(sockdiag, port, &found) < 0)
		return LISTENER_UNTOLD;
	if (!found.listening)
		return LISTENER_NONE;
	if (found.cgroup_id == 0 || !root)
		return LISTENER_UNTOLD;
	if (*control_group) {
		snprintf(path, sizeof(path), "%s%s", root, control_group);
		/* Not to be seen from here (a container's own view): then nothing is known. */
		if (stat(path, &st) < 0)
			return LISTENER_UNTOLD;
		if (tree_find(path, found.cgroup_id, DEPTH_MAX, &budget))
			return LISTENER_OURS;
	}
	stranger_describe(port, &found, root, sentence, size);
	return LISTENER_STRANGER;
}
