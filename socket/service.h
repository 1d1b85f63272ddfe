/* SPDX-License-Identifier: MIT */
/*
 * What the service manager and this process say to each other: descriptors at the start
 * (sd_listen_fds(3)), notifications (sd_notify(3)), and its store for descriptors ("File Descriptor
 * Store" in systemd.service(5)). Both protocols are promised to be stable and their manual pages
 * invite programs to speak them: so the process that strangers talk to links nothing but libc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_FDS_START 3

struct service {
	int notify_fd; /* opened at once, so that it is there when descriptors have run out;
			* -EBADF: nobody wants to know */
	uint64_t watchdog_usec; /* a sign of life is due within this time; 0: none is */
	int fd_count;		/* from SERVICE_FDS_START on */
	char *fd_names;		/* colon-separated, one a descriptor; NULL if there are none */
};

/* From the environment, which stays as it is; the descriptors are closed by execve(2) from now on.
 * -EINVAL: it says what no service manager says. */
int service_open(struct service *ret_service);
void service_close(struct service *service);

/* The name of a descriptor: copies it to `name`, cut to its size; "" if it has none. */
void service_fd_name(const struct service *service, int fd, char *name, size_t size);

/* After execve() the environment shall name the first `count` descriptors only. */
int service_keep_fds(const struct service *service, int count);

/* Lines of NAME=VALUE. Nobody listens: nothing happens. */
void service_notify(const struct service *service, const char *text);

/* Keeps the open files in the manager's store, for the successor of this process after a restart;
 * not polled. -ENOTCONN: there is no manager. Whether it had room for all it does not say. */
int service_store(const struct service *service, const char *name, const int *fds, size_t fd_count);
/* Takes what is stored under the name out. */
void service_unstore(const struct service *service, const char *name);

/* Waits until everything said before was acted upon. -ETIMEDOUT, -ENOTCONN. */
int service_barrier(const struct service *service, uint64_t usec);
