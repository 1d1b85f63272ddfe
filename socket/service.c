/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"

/* Of the kernel for one message (SCM_MAX_FD in unix(7)). */
#define FDS_A_MESSAGE 253

/* A manager that does not read for so long is not waited for. */
#define NOTIFY_SECONDS 5

/* NULL if it is missing, empty or meant for another process. */
static const char *variable_for_us(const char *name, const char *pid_name)
{
	const char *value = getenv(name), *pid = getenv(pid_name);

	if (!value || !*value || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return NULL;
	return value;
}

static int notify_open(int *ret_fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = NOTIFY_SECONDS};
	_cleanup_fd_ int fd = -EBADF;
	socklen_t length;

	*ret_fd = -EBADF;
	if (!path || !*path)
		return 0;
	if ((*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
		return -EINVAL;
	strcpy(address.sun_path, path);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (*path == '@')
		address.sun_path[0] = '\0'; /* abstract, unix(7) */
	else
		length++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, length) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

void service_close(struct service *service)
{
	service->notify_fd = fd_close(service->notify_fd);
	free(service->fd_names);
	service->fd_names = NULL;
}

int service_open(struct service *ret_service)
{
	const char *count = variable_for_us("LISTEN_FDS", "LISTEN_PID");
	const char *watchdog = variable_for_us("WATCHDOG_USEC", "WATCHDOG_PID");
	const char *names = getenv("LISTEN_FDNAMES");
	struct service service = {.notify_fd = -EBADF};
	uint64_t number;
	int r;

	if (count && getenv("LISTEN_PID")) {
		r = number_parse(count, 1U << 20, &number);
		if (r < 0)
			return r;
		service.fd_count = (int)number;
	}
	if (watchdog) {
		r = number_parse(watchdog, UINT64_MAX - 1, &service.watchdog_usec);
		if (r < 0)
			return r;
	}
	for (int fd = SERVICE_FDS_START; fd < SERVICE_FDS_START + service.fd_count; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
	if (service.fd_count > 0 && names) {
		service.fd_names = strdup(names);
		if (!service.fd_names)
			return -ENOMEM;
	}
	r = notify_open(&service.notify_fd);
	if (r < 0) {
		service_close(&service);
		return r;
	}
	*ret_service = service;
	return 0;
}

/* Where the name of the descriptor begins, and how long it is. */
static const char *name_find(const struct service *service, int fd, size_t *ret_length)
{
	const char *name = service->fd_names ? service->fd_names : "";

	for (int i = SERVICE_FDS_START; i < fd && name; i++) {
		name = strchr(name, ':');
		name = name ? name + 1 : NULL;
	}
	*ret_length = name ? strcspn(name, ":") : 0;
	return name;
}

void service_fd_name(const struct service *service, int fd, char *name, size_t size)
{
	size_t length;
	const char *found = name_find(service, fd, &length);

	if (length >= size)
		length = size - 1;
	if (found && length > 0)
		memcpy(name, found, length);
	name[length] = '\0';
}

int service_keep_fds(const struct service *service, int count)
{
	_cleanup_free_ char *names = strdup(service->fd_names ? service->fd_names : "");
	const char *end;
	char number[16];
	size_t length;

	if (!names)
		return -ENOMEM;
	end = name_find(service, SERVICE_FDS_START + count - 1, &length);
	if (end)
		names[end + length - service->fd_names] = '\0';
	(void)snprintf(number, sizeof(number), "%d", count);
	if (setenv("LISTEN_FDS", number, 1) < 0 || setenv("LISTEN_FDNAMES", names, 1) < 0)
		return -errno;
	return 0;
}

static int send_with_fds(
	const struct service *service, const char *text, const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_A_MESSAGE)];
	} control;
	struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	ssize_t n;

	if (service->notify_fd < 0)
		return -ENOTCONN;
	if (fd_count > 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(service->notify_fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

void service_notify(const struct service *service, const char *text)
{
	(void)send_with_fds(service, text, NULL, 0);
}

int service_store(const struct service *service, const char *name, const int *fds, size_t fd_count)
{
	char text[128];
	int r;

	/* FDPOLL=0: what hangs up meanwhile may still have something to say (systemd 246). */
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	while (fd_count > 0) {
		size_t n = fd_count < FDS_A_MESSAGE ? fd_count : FDS_A_MESSAGE;

		r = send_with_fds(service, text, fds, n);
		if (r < 0)
			return r;
		fds += n;
		fd_count -= n;
	}
	return 0;
}

void service_unstore(const struct service *service, const char *name)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	service_notify(service, text);
}

int service_barrier(const struct service *service, uint64_t usec)
{
	struct pollfd end = {.events = 0};
	int ends[2], r;

	if (service->notify_fd < 0)
		return -ENOTCONN;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* The manager closes its copy of the writing end when it has come to this message. */
	r = send_with_fds(service, "BARRIER=1", &ends[1], 1);
	ends[1] = fd_close(ends[1]);
	end.fd = ends[0];
	if (r == 0) {
		r = poll(&end, 1, (int)(usec / USEC_PER_MSEC));
		r = r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
	}
	ends[0] = fd_close(ends[0]);
	return r;
}
