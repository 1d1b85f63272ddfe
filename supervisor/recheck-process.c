/* SPDX-License-Identifier: MIT */
/*
 * Knows /proc/PID; does not know units.
 *
 * A file is compared by device and inode as stat(2) tells them on both sides: of what is mapped by
 * /proc/PID/map_files, of what is in its place by the process's own root. The figures in maps
 * itself are those of the layers below where the file system is an overlay or has subvolumes
 * (btrfs), and are compared only where map_files must not be followed.
 */
#include "recheck-process.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup.h"
#include "recheck-maps.h"

#define GROUPS_MAX     1024 /* control groups below that of a unit */
#define GROUPS_DEEP    16
#define MAPS_LINES_MAX 131072 /* vm.max_map_count is 65530 as the kernel comes */

/* ---- which processes ------------------------------------------------------------------------- */

struct processes {
	pid_t *pids;
	size_t count, groups;
};

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int processes_read(struct processes *processes, int group_fd)
{
	_cleanup_fd_ int fd = openat(group_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_(cleanup_file) FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	int pid;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	(void)take_fd(fd);
	while (fscanf(file, "%d", &pid) == 1) {
		/* 0: of another pid namespace. */
		if (pid <= 0)
			continue;
		if (processes->count == PROCESSES_MAX)
			return -E2BIG;
		processes->pids[processes->count++] = pid;
	}
	return 0;
}

static int processes_gather(struct processes *processes, int parent_fd, const char *name, int deep)
{
	_cleanup_(cleanup_dir) DIR *dir = NULL;
	const struct dirent *entry;
	int fd, r;

	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	if (++processes->groups > GROUPS_MAX || deep == 0)
		return -E2BIG;
	r = processes_read(processes, dirfd(dir));
	while (r >= 0 && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = processes_gather(processes, dirfd(dir), entry->d_name, deep - 1);
	/* A group that went while it was read. */
	return r == -ENODEV ? 0 : r;
}

int processes_list(const char *directory, pid_t **ret_pids, size_t *ret_count)
{
	struct processes processes = {.pids = calloc(PROCESSES_MAX, sizeof(pid_t))};
	int r;

	if (!processes.pids)
		return -ENOMEM;
	r = processes_gather(&processes, AT_FDCWD, directory, GROUPS_DEEP);
	if (r < 0 && r != -E2BIG) {
		free(processes.pids);
		return r;
	}
	*ret_pids = processes.pids;
	*ret_count = processes.count;
	return r;
}

/* ---- one process ----------------------------------------------------------------------------- */

struct process {
	int fd, root_fd;
	char root[PATH_MAX]; /* that it has changed to (chroot(2)); "" if it has not */
	enum subject subject;
	struct findings *findings;
};

/* By the process's root and nothing else, whatever links are on the way. */
static int stat_in_root(const struct process *process, const char *path, struct stat *ret_st)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	_cleanup_fd_ int fd = -EBADF;
	size_t root = strlen(process->root);

	if (root && strncmp(path, process->root, root) == 0 && path[root] == '/')
		path += root;
	fd = (int)syscall(SYS_openat2, process->root_fd, path, &how, sizeof(how));
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return -errno;
	return 0;
}

static bool same_file(const struct stat *mapped, const struct stat *there)
{
	return mapped->st_ino == there->st_ino &&
	       (mapped->st_dev == there->st_dev || mapped->st_dev == 0);
}

/* What is in the place of a mapped file, and which that is. st_dev 0: not known. -ENOSYS, -EPERM:
 * it must not be asked. */
static int place_find(const struct process *process, const struct mapping *mapping,
	const struct stat *mapped, char identity[static FINDING_IDENTITY_MAX])
{
	char whole[PATH_MAX + 16];
	struct stat there;
	int r;

	/* The words may be part of its name. */
	if (mapping->deleted) {
		snprintf(whole, sizeof(whole), "%s (deleted)", mapping->path);
		if (stat_in_root(process, whole, &there) == 0 && same_file(mapped, &there))
			return PLACE_SAME;
	}
	snprintf(identity, FINDING_IDENTITY_MAX, "-");
	r = stat_in_root(process, mapping->path, &there);
	if (r == -ENOSYS || r == -EPERM)
		return r;
	if (r < 0)
		return PLACE_NOTHING;
	identity_write(&there, identity);
	return same_file(mapped, &there) ? PLACE_SAME : PLACE_OTHER;
}

static int file_judge(
	const struct process *process, const struct mapping *mapping, const struct stat *mapped)
{
	struct finding finding = {.subject = process->subject, .path = (char *)mapping->path};
	int place = place_find(process, mapping, mapped, finding.identity);

	if (place < 0)
		return place;
	switch (mapping_judge(mapping, (enum place)place)) {
	case JUDGEMENT_CURRENT:
		return 0;
	case JUDGEMENT_OUTDATED:
		finding.certain = true;
		break;
	case JUDGEMENT_IF_PACKAGED:
		break;
	}
	return findings_add(process->findings, &finding);
}

static int executable_look(const struct process *process)
{
	char target[PATH_MAX];
	struct mapping mapping;
	struct stat mapped;
	ssize_t n = readlinkat(process->fd, "exe", target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (!executable_parse(target, &mapping) || fstatat(process->fd, "exe", &mapped, 0) < 0)
		return 0;
	return file_judge(process, &mapping, &mapped);
}

static int mapping_look(const struct process *process, const struct mapping *mapping)
{
	struct stat mapped = {0};
	char path[64];

	snprintf(path, sizeof(path), "map_files/%s", mapping->range);
	if (fstatat(process->fd, path, &mapped, 0) < 0) {
		/* It has been unmapped since. */
		if (errno != EPERM && errno != EACCES)
			return 0;
		mapped = (struct stat){.st_ino = mapping->inode};
	}
	return file_judge(process, mapping, &mapped);
}

/* A library has several mappings, one behind the other: the first one, and the first one that is
 * executable, are looked at. */
static bool looked_at(const struct mapping *last, const struct mapping *mapping)
{
	return last->inode == mapping->inode && last->executable >= mapping->executable &&
	       strcmp(last->path, mapping->path) == 0;
}

static int mappings_look(const struct process *process)
{
	_cleanup_fd_ int fd = openat(process->fd, "maps", O_RDONLY | O_CLOEXEC);
	_cleanup_(cleanup_file) FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	_cleanup_free_ struct mapping *mapping = calloc(2, sizeof(*mapping));
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!file || !mapping)
		return file ? -ENOMEM : -errno;
	(void)take_fd(fd);
	for (size_t lines = 0; r >= 0 && lines < MAPS_LINES_MAX; lines++) {
		if (getline(&line, &size, file) < 0)
			break;
		if (!mapping_parse(line, &mapping[0]) || looked_at(&mapping[1], &mapping[0]))
			continue;
		mapping[1] = mapping[0];
		r = mapping_look(process, &mapping[0]);
	}
	return r;
}

static void root_find(struct process *process)
{
	ssize_t n = readlinkat(process->fd, "root", process->root, sizeof(process->root) - 1);

	/* "/" stands for no other one. */
	process->root[n > 1 ? n : 0] = '\0';
}

static bool gone(int r)
{
	return r == -ENOENT || r == -ESRCH;
}

int process_look(pid_t pid, enum subject subject, struct findings *findings)
{
	struct process process = {
		.fd = -EBADF, .root_fd = -EBADF, .subject = subject, .findings = findings};
	char path[64];
	int r = 0;

	/* From here on a number that comes round again is another process, and not looked at. */
	snprintf(path, sizeof(path), "%s/%d", cgroup_proc(), (int)pid);
	process.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process.fd >= 0)
		process.root_fd = openat(process.fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process.fd < 0 || process.root_fd < 0)
		r = -errno;
	if (r >= 0) {
		root_find(&process);
		r = executable_look(&process);
	}
	if (r >= 0)
		r = mappings_look(&process);
	fd_close(process.root_fd);
	fd_close(process.fd);
	return gone(r) ? 0 : r;
}
