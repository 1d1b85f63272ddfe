/* SPDX-License-Identifier: MIT */
/*
 * Knows apt's and dpkg's locks; does not know apt.
 *
 * unattended-upgrades holds one of them over the whole of its run, and dpkg's own only in each
 * step.
 */
#include "recheck-apt.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* Nobody tells when a lock is let go of. */
#define LOOK_USEC (2 * USEC_PER_SEC)

#define DPKG_STATUS "/var/lib/dpkg/status"

static const char *const locks[] = {"/run/unattended-upgrades.lock", "/var/lib/dpkg/lock-frontend",
	"/var/lib/dpkg/lock", "/var/cache/apt/archives/lock", NULL};

const char *const *apt_locks_given;

static bool lock_held(const char *path, pid_t *ret_holder)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return false;
	/* -1: of an open file description, which has no process. */
	*ret_holder = lock.l_pid > 0 ? lock.l_pid : 0;
	return true;
}

struct apt_lock apt_lock_look(void)
{
	const char *const *paths = apt_locks_given ? apt_locks_given : locks;
	struct apt_lock lock = {0};

	for (; *paths; paths++)
		if (lock_held(*paths, &lock.holder)) {
			lock.path = *paths;
			break;
		}
	return lock;
}

/* Until the holder has ended, but not for long. */
static void holder_wait(pid_t holder, uint64_t usec)
{
	_cleanup_fd_ int fd = holder > 0 ? (int)syscall(SYS_pidfd_open, holder, 0) : -EBADF;
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	(void)poll(&pollfd, 1, (int)(usec / USEC_PER_MSEC) + 1);
}

int apt_wait(const struct apt_run *run, uint64_t deadline, struct apt_lock *ret_lock)
{
	for (;;) {
		uint64_t now = now_usec();

		*ret_lock = apt_lock_look();
		if (!ret_lock->path)
			ret_lock->holder = run->find(run->owner);
		if (!ret_lock->path && !ret_lock->holder)
			return 0;
		if (now >= deadline)
			return -ETIME;
		holder_wait(
			ret_lock->holder, deadline - now < LOOK_USEC ? deadline - now : LOOK_USEC);
	}
}

uint64_t apt_stamp(void)
{
	struct stat st;

	if (stat(DPKG_STATUS, &st) < 0)
		return 0;
	return (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec;
}
