/* SPDX-License-Identifier: MIT */
/*
 * Knows system calls on descriptors and files; knows nothing of what is in them.
 */
#include "base/fd.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int fd_close(int fd)
{
	int saved = errno;

	/* After EINTR Linux has closed the descriptor all the same (close(2)). */
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -EBADF;
}

int fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static int write_all(int fd, const char *content, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, content, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		content += n;
		size -= (size_t)n;
	}
	return 0;
}

static int temporary_fill(int dir_fd, const char *temporary, const char *content, mode_t mode)
{
	_cleanup_fd_ int fd = -EBADF;
	int r;

	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	/* The umask must not narrow what the caller asked for. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = write_all(fd, content, strlen(content));
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(const char *dir, const char *name, const char *content, mode_t mode)
{
	_cleanup_fd_ int dir_fd = -EBADF;
	char temporary[NAME_MAX + 1];
	int r;

	r = snprintf(temporary, sizeof(temporary), ".%s.new", name);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return -ENAMETOOLONG;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;

	r = temporary_fill(dir_fd, temporary, content, mode);
	if (r >= 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0);
		return r;
	}
	if (fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_content, size_t *ret_size)
{
	_cleanup_free_ char *content = NULL;
	_cleanup_fd_ int fd = -EBADF;
	size_t size = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	/* One byte more than allowed, to tell a file that is too long; one for the NUL. */
	content = malloc(max + 2);
	if (!content)
		return -ENOMEM;

	while (size <= max) {
		ssize_t n = read(fd, content + size, max + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return -EFBIG;
	content[size] = '\0';
	*ret_content = take_ptr(content);
	if (ret_size)
		*ret_size = size;
	return 0;
}
