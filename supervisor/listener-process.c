/* SPDX-License-Identifier: MIT */
/*
 * Knows /proc and the list of processes of a control group; knows neither ports nor netlink.
 */
#include "listener-process.h"

#include <ctype.h>
#include <dirent.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroup.h"

/* A group may hold thousands; the first ones are asked for their descriptors. */
#define PIDS_MAX 256
#define COMM_MAX 17 /* TASK_COMM_LEN and a line's end */

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* In the order of the kernel, which is that of their ids: the oldest first. */
static size_t group_read(const char *path, pid_t pids[static PIDS_MAX])
{
	_cleanup_(cleanup_file) FILE *file = NULL;
	char name[PATH_MAX];
	size_t count = 0;
	int pid;

	if (!*path || snprintf(name, sizeof(name), "%s/cgroup.procs", path) >= PATH_MAX)
		return 0;
	file = fopen(name, "re");
	if (!file)
		return 0;
	/* 0 is a process outside of our namespace. */
	while (count < PIDS_MAX && fscanf(file, "%d", &pid) == 1)
		if (pid > 0)
			pids[count++] = pid;
	return count;
}

static bool process_has(pid_t pid, uint64_t inode)
{
	_cleanup_(cleanup_dir) DIR *dir = NULL;
	char path[64], wanted[64], target[64];
	struct dirent *entry;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%d/fd", cgroup_proc(), (int)pid);
	snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, wanted) == 0)
			return true;
	}
	return false;
}

/* "" if it is hidden or gone. What others called themselves is not trusted in a journal. */
static void comm_read(pid_t pid, char comm[static COMM_MAX])
{
	_cleanup_(cleanup_file) FILE *file = NULL;
	char path[64];

	comm[0] = '\0';
	snprintf(path, sizeof(path), "%s/%d/comm", cgroup_proc(), (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, COMM_MAX, file))
		return;
	comm[strcspn(comm, "\n")] = '\0';
	for (char *p = comm; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
}

void listener_name_process(
	const char *path, uint64_t inode, char ret_name[static LISTENER_PROCESS_MAX])
{
	pid_t pids[PIDS_MAX];
	size_t count = group_read(path, pids), found = 0;
	char comm[COMM_MAX];

	if (count == 0) {
		snprintf(ret_name, LISTENER_PROCESS_MAX, "a process that is not seen from here");
		return;
	}
	while (found < count && !process_has(pids[found], inode))
		found++;
	if (count == 1 || found < count) {
		pid_t pid = pids[count == 1 ? 0 : found];

		comm_read(pid, comm);
		snprintf(ret_name, LISTENER_PROCESS_MAX, "pid %d%s%s%s", (int)pid,
			*comm ? " (" : "", comm, *comm ? ")" : "");
		return;
	}
	/* Their descriptors are not ours to see; the first of a service is its main one. */
	comm_read(pids[0], comm);
	snprintf(ret_name, LISTENER_PROCESS_MAX, "one of %zu processes, the first is pid %d%s%s%s",
		count, (int)pids[0], *comm ? " (" : "", comm, *comm ? ")" : "");
}

void listener_find_process(uint64_t inode, char ret_name[static LISTENER_PROCESS_MAX])
{
	_cleanup_(cleanup_dir) DIR *dir = opendir(cgroup_proc());
	struct dirent *entry;
	char comm[COMM_MAX];

	snprintf(ret_name, LISTENER_PROCESS_MAX, "a process that is not seen from here");
	while (dir && (entry = readdir(dir))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || !process_has(pid, inode))
			continue;
		comm_read(pid, comm);
		snprintf(ret_name, LISTENER_PROCESS_MAX, "pid %d%s%s%s", pid, *comm ? " (" : "",
			comm, *comm ? ")" : "");
		return;
	}
}

void listener_name_user(uid_t uid, char ret_name[static LISTENER_PROCESS_MAX])
{
	_cleanup_(cleanup_file) FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;

	snprintf(ret_name, LISTENER_PROCESS_MAX, "uid %u", (unsigned int)uid);
	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid) {
			snprintf(ret_name, LISTENER_PROCESS_MAX, "uid %u (%s)", (unsigned int)uid,
				entry->pw_name);
			return;
		}
}
