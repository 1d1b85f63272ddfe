/* SPDX-License-Identifier: MIT */
/*
 * Knows where dpkg's locks are and how the kernel lists who holds them.
 *
 * A lock is told by its inode alone where the file system gives stat(2) another device number than
 * the kernel's own (btrfs, overlay): then another file with this inode's number can pass for it,
 * and we wait for nothing until its lock is released.
 */
#include "dpkg-lock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

/* dpkg takes the second for its own work, apt the first for a whole run of dpkgs. */
static const char *const lock_files[] = {"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", NULL};

static void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void name_find(struct dpkg_holder *holder)
{
	_cleanup_(file_close) FILE *file = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)holder->pid);
	file = fopen(path, "re");
	if (file && fgets(holder->name, sizeof(holder->name), file))
		holder->name[strcspn(holder->name, "\n")] = '\0';
}

/* Anonymous device numbers (major 0) are those of a subvolume or a layer, not of the inode's file
 * system; those of the table may be other ones. */
static bool is_same_device(dev_t dev, unsigned int major_number, unsigned int minor_number)
{
	return major(dev) == 0 || major_number == 0 ||
	       (major(dev) == major_number && minor(dev) == minor_number);
}

/* "1: POSIX  ADVISORY  WRITE 1234 fd:01:131 0 EOF"; "1: -> POSIX ..." is one who waits. */
static bool line_holds(const char *line, const struct stat *st, pid_t *ret_pid)
{
	unsigned int major_number, minor_number;
	uint64_t ino;
	int pid;

	if (sscanf(line, "%*u: POSIX %*s %*s %d %x:%x:%" SCNu64, &pid, &major_number, &minor_number,
		    &ino) != 4 ||
		ino != st->st_ino || !is_same_device(st->st_dev, major_number, minor_number))
		return false;
	*ret_pid = pid;
	return true;
}

static bool is_held(FILE *table, const char *path, struct dpkg_holder *ret_holder)
{
	struct dpkg_holder holder = {0};
	char line[256];
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	rewind(table);
	while (fgets(line, sizeof(line), table)) {
		if (!line_holds(line, &st, &holder.pid))
			continue;
		name_find(&holder);
		*ret_holder = holder;
		return true;
	}
	return false;
}

bool dpkg_lock_find(const char *locks, const char *const *paths, struct dpkg_holder *ret_holder)
{
	_cleanup_(file_close) FILE *table = fopen(locks, "re");

	for (; table && *paths; paths++)
		if (is_held(table, *paths, ret_holder))
			return true;
	return false;
}

bool dpkg_is_locked(struct dpkg_holder *ret_holder)
{
	return dpkg_lock_find("/proc/locks", lock_files, ret_holder);
}
