/* SPDX-License-Identifier: MIT */
/*
 * Waits until nobody installs packages: apt's and dpkg's locks are free. They are only looked at
 * (F_GETLK, fcntl(2)), never taken, so that nobody's apt ever fails because of us.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct apt_lock {
	const char *path; /* of the lock that is held; NULL: none */
	pid_t holder;	  /* 0: somebody out of our sight */
};

/* A test's own; NULL: the machine's. NULL-terminated. */
extern const char *const *apt_locks_given;

struct apt_lock apt_lock_look(void);

/* Somebody else who tells whether a run is under way: its process, or 0. */
struct apt_run {
	pid_t (*find)(void *owner);
	void *owner;
};

/* 0: nobody holds any, and no run is under way; -ETIME: somebody still does at the deadline
 * (now_usec()), see ret_lock (path NULL: it is the run). A holder that ends is noticed at once, one
 * that lets go and lives on within some seconds. */
int apt_wait(const struct apt_run *run, uint64_t deadline, struct apt_lock *ret_lock);

/* Changes with whatever dpkg does; 0: there is no dpkg. */
uint64_t apt_stamp(void);
