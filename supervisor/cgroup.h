/* SPDX-License-Identifier: MIT */
/*
 * The tree of control groups (cgroups(7), version 2): where it is, and which directory has an id.
 * To the kernel an id is the inode of the directory; systemd says a path below the root.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* A test's own tree, and its own /proc; NULL: the machine's. */
extern const char *cgroup_root_given, *cgroup_proc_given;

/* "/proc". */
const char *cgroup_proc(void);

/* Where the unified hierarchy is mounted: the whole tree, or beside version 1. NULL: nowhere. */
const char *cgroup_root(void);

/* Looks for the id at and below the group ("": everywhere). The path is the whole one. */
bool cgroup_find(const char *group, uint64_t id, char ret_path[static PATH_MAX]);
