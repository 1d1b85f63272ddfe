/* SPDX-License-Identifier: MIT */
/*
 * Is dpkg at work, or apt on its behalf? Asked without taking a lock, and without the right to open
 * the lock files: /proc/locks names each lock's inode and holder (proc_locks(5)).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct dpkg_holder {
	pid_t pid;
	char name[32]; /* of the program, "apt-get" say; "" if it has ended since */
};

/* True if somebody holds one of the locks. Where there is no dpkg nobody does. */
bool dpkg_is_locked(struct dpkg_holder *ret_holder);

/* The same for other files and another table, for tests. paths: NULL-terminated. */
bool dpkg_lock_find(const char *locks, const char *const *paths, struct dpkg_holder *ret_holder);
