/* SPDX-License-Identifier: MIT */
/*
 * Knows the two files of a download; does not know where their bytes come from.
 */
#include "fetch-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define NOTE_MAX 8192 /* an address and a validator */

static void note_name(const char *name, char buffer[static NAME_MAX + 1])
{
	snprintf(buffer, NAME_MAX + 1, "%s.etag", name);
}

int file_part_open(int dir_fd, const char *name, int *ret_fd)
{
	_cleanup_fd_ int fd =
		openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* The whole file in `note`; "" if there is none that is one of ours. */
static void note_read(int dir_fd, const char *name, char note[static NOTE_MAX])
{
	char beside[NAME_MAX + 1];
	_cleanup_fd_ int fd = -EBADF;
	ssize_t n;

	note[0] = '\0';
	note_name(name, beside);
	fd = openat(dir_fd, beside, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	n = read(fd, note, NOTE_MAX - 1);
	note[n > 0 && n < NOTE_MAX - 1 ? n : 0] = '\0';
}

uint64_t file_part_size(int dir_fd, const char *name, int fd, const char *url,
	char ret_validator[static VALIDATOR_MAX])
{
	char note[NOTE_MAX];
	size_t url_size = strlen(url), n;
	const char *validator;
	struct stat st;

	note_read(dir_fd, name, note);
	if (strncmp(note, url, url_size) != 0 || note[url_size] != '\n')
		return 0;
	validator = note + url_size + 1;
	n = strcspn(validator, "\n");
	if (n == 0 || n >= VALIDATOR_MAX || validator[n] != '\n' || validator[n + 1])
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return 0;
	memcpy(ret_validator, validator, n);
	ret_validator[n] = '\0';
	return (uint64_t)st.st_size;
}

/* An old note beside a new part would be a lie, so it goes first and comes last. It need not be
 * durable: what is wrong after a power loss has another checksum. */
int file_part_begin(int dir_fd, const char *name, int fd, const char *url, const char *validator)
{
	_cleanup_fd_ int note_fd = -EBADF;
	char beside[NAME_MAX + 1];

	note_name(name, beside);
	if (unlinkat(dir_fd, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (!*validator)
		return 0;
	note_fd =
		openat(dir_fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (note_fd < 0)
		return -errno;
	return dprintf(note_fd, "%s\n%s\n", url, validator) < 0 ? -errno : 0;
}
