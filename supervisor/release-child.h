/* SPDX-License-Identifier: MIT */
/*
 * A child process that does one long thing, so that the loop does not wait for the disk: a program
 * without a shell, or a function of ours. What it writes is read, what it starts ends with it, and
 * it has a deadline.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define CHILD_SAID_MAX 4096 /* of what it writes to stdout and stderr; more is read and dropped */

struct child_order {
	/* A program and its arguments, NULL-terminated, found in the usual directories; it gets an
	 * environment with PATH and LC_ALL=C alone. Or NULL, and: */
	const char *const *argv;
	/* What runs in the child; its exit status is 0, or 1 for an error that it has printed to
	 * stderr. */
	int (*work)(const void *owner);
	const void *work_owner;
	int stdin_fd; /* -EBADF: /dev/null; the caller's to close */
	/* As whom the program runs if we are root; 0: as root without any capability. */
	uid_t uid;
	gid_t gid;
	uint64_t limit_usec;
};

enum child_end {
	CHILD_EXITED, /* with a status */
	CHILD_KILLED, /* by a signal, which is the status */
	CHILD_LATE,   /* at its deadline, and then it was killed */
	CHILD_END_COUNT,
};

struct child;

/* From the loop, once; `said` is good until then, and the child may be ended from here. */
typedef void (*child_over_fn)(void *owner, enum child_end end, int status, const char *said);

int child_begin(sd_event *event, const struct child_order *order, child_over_fn over, void *owner,
	struct child **ret_child);
/* Kills it and what it started, if they still run. */
struct child *child_end(struct child *child);
DEFINE_CLEANUP(struct child, child_end);

/* For a sentence: "tar failed: FIRST LINE", "tar was not done after 1800 s". */
void child_describe(const char *what, enum child_end end, int status, const char *said,
	char *buffer, size_t size);
