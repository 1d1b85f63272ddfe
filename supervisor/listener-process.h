/* SPDX-License-Identifier: MIT */
/*
 * Which process has a socket, as far as we may see: as root its descriptors, otherwise which
 * processes are in the control group that made it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define LISTENER_PROCESS_MAX 96

/* "pid 1234 (nginx)"; "one of 5 processes, the first is pid 1234 (nginx)"; "a process that is not
 * seen from here".
 * path: of the control group, "" if it is not known. */
void listener_name_process(
	const char *path, uint64_t inode, char ret_name[static LISTENER_PROCESS_MAX]);
/* The same, by looking at every process: for root, and for once. */
void listener_find_process(uint64_t inode, char ret_name[static LISTENER_PROCESS_MAX]);
/* "uid 33 (www-data)", from /etc/passwd alone: no server of names is waited for. */
void listener_name_user(uid_t uid, char ret_name[static LISTENER_PROCESS_MAX]);
