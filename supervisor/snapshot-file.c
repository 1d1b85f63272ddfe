/* SPDX-License-Identifier: MIT */
/*
 * Knows which of the kernel's ways a file system has (ioctl_ficlone(2), copy_file_range(2)), each
 * tried before the next one that costs more.
 */
#include "snapshot-file.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The kernel copies so much before it looks at signals. */
#define PIECE_BYTES  (UINT64_C(64) << 20)
#define BUFFER_BYTES 65536

/* It is not a question of this file, but of what the two file systems can do. */
static bool is_another_way(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
	       error == EPERM || error == ENOTTY || error == EBADF;
}

static int write_all(int to, const char *buffer, size_t size, off_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(to, buffer, size, offset);

		if (n < 0)
			return -errno;
		buffer += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

static int read_and_write(int from, int to, off_t begin, off_t end)
{
	char buffer[BUFFER_BYTES];

	while (begin < end) {
		size_t wanted = (size_t)(end - begin);
		ssize_t n;
		int r;

		if (wanted > sizeof(buffer))
			wanted = sizeof(buffer);
		n = pread(from, buffer, wanted, begin);
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN;
		r = write_all(to, buffer, (size_t)n, begin);
		if (r < 0)
			return r;
		begin += n;
	}
	return 0;
}

static int copy_range(int from, int to, off_t begin, off_t end)
{
	off_t out = begin;

	while (begin < end) {
		uint64_t wanted = (uint64_t)(end - begin);
		ssize_t n = copy_file_range(
			from, &begin, to, &out, wanted < PIECE_BYTES ? wanted : PIECE_BYTES, 0);

		if (n < 0 && is_another_way(errno))
			return read_and_write(from, to, begin, end);
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN;
	}
	return 0;
}

/* Only what is not a hole; where a file system does not know of holes, all is data. */
static int copy_data(int from, int to, off_t size)
{
	off_t begin = 0, end;
	int r = 0;

	while (begin < size && r >= 0) {
		begin = lseek(from, begin, SEEK_DATA);
		if (begin < 0)
			return errno == ENXIO ? 0 : -errno;
		end = lseek(from, begin, SEEK_HOLE);
		if (end < 0)
			return -errno;
		if (end > size)
			end = size;
		r = copy_range(from, to, begin, end);
		begin = end;
	}
	return r;
}

int snapshot_file_copy(int from, int to, uint64_t size, struct snapshot_file_way *way)
{
	if (size == 0)
		return 0;
	if (ioctl(to, FICLONE, from) == 0) {
		way->cloned++;
		return 0;
	}
	if (!is_another_way(errno))
		return -errno;
	way->copied++;
	/* The hole at the end, if there is one. */
	if (ftruncate(to, (off_t)size) < 0)
		return -errno;
	return copy_data(from, to, (off_t)size);
}

const char *snapshot_file_told(const struct snapshot_file_way *way)
{
	if (way->copied == 0)
		return way->cloned > 0 ? "sharing the disk with the original (reflink)"
				       : "all empty";
	return way->cloned > 0 ? "partly sharing the disk with the original (reflink)"
			       : "copied, because the file systems cannot share (no reflink)";
}
