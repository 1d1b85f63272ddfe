/* SPDX-License-Identifier: MIT */
/*
 * Looks into processes, by /proc (proc(5)): whether their program and what they have mapped is what
 * is installed now. Each is looked at as it sees the file system itself, so that its own mounts
 * (PrivateTmp=, BindReadOnlyPaths=) count. Processes come and go: one that has gone has no
 * findings.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "recheck-findings.h"

#define PROCESSES_MAX 4096 /* of one unit; more are not looked at */

/* All processes of the control group and of those below it. `directory` is a path in the file
 * system. The caller frees. 0 with none if it is not there. More than PROCESSES_MAX: -E2BIG, and
 * the first ones. */
int processes_list(const char *directory, pid_t **ret_pids, size_t *ret_count);

/* 0, also of one that has gone; -EACCES, -EPERM if it must not be looked into. */
int process_look(pid_t pid, enum subject subject, struct findings *findings);
