/* SPDX-License-Identifier: MIT */
/*
 * Knows how a child process is made, watched and ended; does not know what it does.
 *
 * It is watched by pidfd, not by SIGCHLD, which would have to be blocked everywhere. Its end is
 * told when it has ended, not when its output has: a grandchild may hold the pipe open.
 */
#include "release-child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define EXIT_NO_PROGRAM 127

struct child {
	pid_t pid; /* and its process group; 0: reaped */
	int pidfd, said_fd;
	sd_event_source *watch, *reader, *deadline;
	uint64_t limit_usec;
	child_over_fn over;
	void *owner;
	char said[CHILD_SAID_MAX];
	size_t said_size;
};

/* ---- in the child: nothing here returns after a failure ---------------------------------------
 */

static void fail(const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(EXIT_NO_PROGRAM);
}

/* Root without capabilities: no device nodes, no set-id files, no other user's files. */
static void drop_capabilities(void)
{
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
		capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			fail("capabilities");
}

static void become(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return;
	drop_capabilities();
	if (uid == 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		fail("another user");
}

/* The function must not keep open what the supervisor has: the bus would believe it alive. */
static void child_run(const struct child_order *order, int said_fd, pid_t parent)
{
	static char path[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin", locale[] = "LC_ALL=C";
	static char *const environment[] = {path, locale, NULL};
	int in = order->stdin_fd >= 0 ? order->stdin_fd : open("/dev/null", O_RDONLY);
	sigset_t none;

	/* A group of its own, so that what it starts is ended with it. */
	(void)setpgid(0, 0);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(said_fd, STDOUT_FILENO) < 0 || dup2(said_fd, STDERR_FILENO) < 0 ||
		dup2(in, STDIN_FILENO) < 0)
		_exit(EXIT_NO_PROGRAM);
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		fail("close_range");
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (order->argv)
		become(order->uid, order->gid);
	/* Two of a kind would meet in the same directory if one outlived the supervisor. After
	 * become(), which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(EXIT_NO_PROGRAM);
	if (!order->argv)
		_exit(order->work(order->work_owner) == 0 ? 0 : 1);
	execvpe(order->argv[0], (char *const *)order->argv, environment);
	fail(order->argv[0]);
}

/* ---- in the supervisor ------------------------------------------------------------------------
 */

static void said_read(struct child *child)
{
	char rest[4096];
	ssize_t n;

	do {
		size_t room = CHILD_SAID_MAX - 1 - child->said_size;

		n = read(child->said_fd, room ? child->said + child->said_size : rest,
			room ? room : sizeof(rest));
		if (n > 0 && room)
			child->said_size += (size_t)n;
	} while (n > 0);
	child->said[child->said_size] = '\0';
	if (n == 0)
		child->reader = sd_event_source_disable_unref(child->reader);
}

static int on_said(sd_event_source *source, int fd, uint32_t events, void *owner)
{
	(void)source;
	(void)fd;
	(void)events;
	said_read(owner);
	return 0;
}

static int child_over(struct child *child, enum child_end end, int status)
{
	char said[CHILD_SAID_MAX];

	said_read(child);
	memcpy(said, child->said, sizeof(said));
	child->watch = sd_event_source_disable_unref(child->watch);
	child->reader = sd_event_source_disable_unref(child->reader);
	child->deadline = sd_event_source_disable_unref(child->deadline);
	child->over(child->owner, end, status, said);
	return 0;
}

static int on_exited(sd_event_source *source, int fd, uint32_t events, void *owner)
{
	struct child *child = owner;
	siginfo_t story = {0};

	(void)source;
	(void)events;
	if (waitid(P_PIDFD, (id_t)fd, &story, WEXITED | WNOHANG) < 0 || story.si_pid == 0)
		return 0;
	child->pid = 0;
	return child_over(
		child, story.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_KILLED, story.si_status);
}

static void child_kill(struct child *child)
{
	if (child->pid == 0)
		return;
	/* The group may not be there yet; the process is. */
	(void)kill(-child->pid, SIGKILL);
	(void)kill(child->pid, SIGKILL);
	(void)waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *owner)
{
	struct child *child = owner;

	(void)source;
	(void)usec;
	child_kill(child);
	return child_over(child, CHILD_LATE, (int)(child->limit_usec / USEC_PER_SEC));
}

static int child_watch(struct child *child, sd_event *event)
{
	int r;

	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0)
		return -errno;
	r = sd_event_add_io(event, &child->watch, child->pidfd, EPOLLIN, on_exited, child);
	if (r >= 0)
		r = sd_event_add_io(event, &child->reader, child->said_fd, EPOLLIN, on_said, child);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &child->deadline, CLOCK_MONOTONIC,
			child->limit_usec, 0, on_deadline, child);
	return r;
}

/* Its own end of the pipe is open in the child alone. */
static int child_fork(struct child *child, const struct child_order *order)
{
	_cleanup_fd_ int their_end = -EBADF;
	pid_t parent = getpid();
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child->said_fd = ends[0];
	their_end = ends[1];
	r = fd_set_nonblocking(child->said_fd);
	if (r < 0)
		return r;
	child->pid = fork();
	if (child->pid < 0) {
		child->pid = 0;
		return -errno;
	}
	if (child->pid == 0)
		child_run(order, their_end, parent);
	return 0;
}

int child_begin(sd_event *event, const struct child_order *order, child_over_fn over, void *owner,
	struct child **ret_child)
{
	_cleanup_(cleanup_child_end) struct child *child = calloc(1, sizeof(*child));
	int r;

	if (!child)
		return -ENOMEM;
	child->pidfd = child->said_fd = -EBADF;
	child->limit_usec = order->limit_usec;
	child->over = over;
	child->owner = owner;
	r = child_fork(child, order);
	if (r >= 0)
		r = child_watch(child, event);
	if (r < 0)
		return r;
	*ret_child = take_ptr(child);
	return 0;
}

struct child *child_end(struct child *child)
{
	if (!child)
		return NULL;
	child_kill(child);
	sd_event_source_disable_unref(child->watch);
	sd_event_source_disable_unref(child->reader);
	sd_event_source_disable_unref(child->deadline);
	fd_close(child->pidfd);
	fd_close(child->said_fd);
	free(child);
	return NULL;
}

static void first_line(const char *said, char *buffer, size_t size)
{
	snprintf(buffer, size, "%.*s", (int)strcspn(said, "\n"), said);
}

void child_describe(const char *what, enum child_end end, int status, const char *said,
	char *buffer, size_t size)
{
	char line[256];

	first_line(said, line, sizeof(line));
	switch (end) {
	case CHILD_EXITED:
		if (*line)
			snprintf(buffer, size, "%s failed: %s", what, line);
		else
			snprintf(buffer, size, "%s failed with status %d", what, status);
		break;
	case CHILD_KILLED:
		snprintf(buffer, size, "%s was ended by signal %d (%s)", what, status,
			strsignal(status));
		break;
	case CHILD_LATE:
		snprintf(buffer, size, "%s was not done after %d s", what, status);
		break;
	case CHILD_END_COUNT:
		break;
	}
}
