/* SPDX-License-Identifier: MIT */
/*
 * File descriptors and small files. Errors are -errno; a descriptor that is not open is -EBADF.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define NSEC_PER_USEC UINT64_C(1000)

/* "Never", as in sd-event's deadlines. */
#define USEC_INFINITY UINT64_MAX

/* Closes, keeps errno, returns -EBADF to be stored in place of the descriptor. Takes -EBADF. */
int fd_close(int fd);

static inline void cleanup_fd(int *fd)
{
	*fd = fd_close(*fd);
}
#define _cleanup_fd_ _cleanup_(cleanup_fd)

static inline int take_fd_from(int *fd)
{
	int taken = *fd;

	*fd = -EBADF;
	return taken;
}
#define take_fd(variable) take_fd_from(&(variable))

int fd_set_nonblocking(int fd);

/* CLOCK_MONOTONIC in microseconds, sd-event's own clock. */
uint64_t now_usec(void);

/*
 * Replaces dir/name by a file with this content: a temporary file beside it, fsync, rename,
 * fsync of the directory, so that a reader or a power loss sees the old content or the new one
 * (rename(2)). The temporary file is removed on failure.
 */
int file_write_atomic(const char *dir, const char *name, const char *content, mode_t mode);

/* Reads a whole file of at most max bytes; *ret_content is NUL-terminated and the caller's to
 * free. -EFBIG if it is longer. ret_size may be NULL. */
int file_read(const char *path, size_t max, char **ret_content, size_t *ret_size);
