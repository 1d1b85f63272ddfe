/* SPDX-License-Identifier: MIT */
/*
 * For the tests of sockdiag: a listener here, and a child that connects to it when told to.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sockdiag.h"

#define MANY 600 /* connections at once; fits into the usual limit of 1024 descriptors */

struct fixture {
	struct sockdiag *sockdiag;
	int fd;
	uint16_t port;
	pid_t child;
	int orders; /* one byte an order to the child, answered with one byte */
};

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static inline int listen_on(int family)
{
	struct sockaddr_in ipv4 = loopback(0);
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (family == AF_INET)
		assert_return_code(bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4)), errno);
	else
		assert_return_code(bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)), errno);
	assert_return_code(listen(fd, MANY + 1), errno);
	return fd;
}

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in6 name;
	socklen_t size = sizeof(name);

	assert_return_code(getsockname(fd, (struct sockaddr *)&name, &size), errno);
	return ntohs(name.sin6_port);
}

static inline int connect_to(uint16_t port)
{
	struct sockaddr_in name = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		fd = fd_close(fd);
	return fd;
}

/* The child: + connects, m does so many times, w sends a word, s shuts, - closes the last. */
_Noreturn static inline void be_the_client(int orders, uint16_t port)
{
	int fds[MANY];
	int count = 0;
	char order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(orders, &order, 1) == 1) {
		char answer = 'y';

		if (order == '+' && (fds[count++] = connect_to(port)) < 0)
			answer = 'n';
		while (order == 'm' && count < MANY && answer == 'y')
			if ((fds[count++] = connect_to(port)) < 0)
				answer = 'n';
		if (order == '-')
			close(fds[--count]);
		if (order == 'w' && write(fds[count - 1], "word", 4) != 4)
			answer = 'n';
		if (order == 's' && shutdown(fds[count - 1], SHUT_WR) < 0)
			answer = 'n';
		if (write(orders, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

static inline void order(struct fixture *fixture, const char *what)
{
	for (; *what; what++) {
		char answer;

		assert_int_equal(write(fixture->orders, what, 1), 1);
		assert_int_equal(read(fixture->orders, &answer, 1), 1);
		assert_int_equal(answer, 'y');
	}
}

static inline int setup_with(void **state, int family)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int pair[2];

	assert_non_null(fixture);
	assert_return_code(sockdiag_open(&fixture->sockdiag), 0);
	fixture->fd = listen_on(family);
	fixture->port = port_of(fixture->fd);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	fixture->child = fork();
	assert_true(fixture->child >= 0);
	if (fixture->child == 0) {
		close(fixture->fd);
		close(pair[0]);
		be_the_client(pair[1], fixture->port);
	}
	close(pair[1]);
	fixture->orders = pair[0];
	/* Then it has closed the listener that it inherited. */
	order(fixture, ".");
	*state = fixture;
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(state, AF_INET);
}

static inline int setup_dual_stack(void **state)
{
	return setup_with(state, AF_INET6);
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	sockdiag_close(fixture->sockdiag);
	fd_close(fixture->fd);
	fd_close(fixture->orders);
	waitpid(fixture->child, NULL, 0);
	free(fixture);
	return 0;
}

static inline struct sockdiag_port read_port(struct fixture *fixture)
{
	struct sockdiag_port port;

	assert_return_code(sockdiag_read_port(fixture->sockdiag, fixture->port, &port), 0);
	return port;
}

static inline int take_connection(struct fixture *fixture)
{
	int fd = accept4(fixture->fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}
