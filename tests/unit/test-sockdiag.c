/* SPDX-License-Identifier: MIT */
/*
 * sockdiag.c: real sockets in this process and in a child, on ports of the kernel's choice.
 * "Ours" are connections whose client end this process holds; the child's are "others'".
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sockdiag-client.h"

static void listener_is_seen_with_its_owner(void **state)
{
	struct sockdiag_port port = read_port(*state);
	struct fixture *fixture = *state;
	struct stat st;

	assert_true(port.listening);
	assert_int_equal(port.accept_queue, 0);
	assert_int_equal(port.connections, 0);
	assert_int_equal(port.uid, geteuid());
	assert_return_code(fstat(fixture->fd, &st), errno);
	assert_int_equal(port.inode, st.st_ino);
}

static void nobody_listens_after_the_listener_closed(void **state)
{
	struct fixture *fixture = *state;
	struct sockdiag_port port;

	fixture->fd = fd_close(fixture->fd);
	port = read_port(fixture);
	assert_false(port.listening);
	assert_int_equal(port.inode, 0);
	assert_int_equal(port.cgroup_id, 0);
}

static void waiting_connections_are_counted_in_the_accept_queue(void **state)
{
	struct fixture *fixture = *state;
	struct sockdiag_port port;
	int fd;

	order(fixture, "+++");
	port = read_port(fixture);
	assert_int_equal(port.accept_queue, 3);
	assert_int_equal(port.connections, 3);
	assert_return_code(sockdiag_read_listener(fixture->sockdiag, fixture->port, &port), 0);
	assert_true(port.listening);
	assert_int_equal(port.accept_queue, 3);
	assert_int_equal(port.connections, 0);
	fd = take_connection(fixture);
	port = read_port(fixture);
	assert_int_equal(port.accept_queue, 2);
	assert_int_equal(port.connections, 3);
	close(fd);
}

static void connections_of_others_count_and_ours_do_not(void **state)
{
	struct fixture *fixture = *state;
	int fds[4], ours;

	order(fixture, "++");
	ours = connect_to(fixture->port);
	assert_true(ours >= 0);
	for (int i = 0; i < 3; i++)
		fds[i] = take_connection(fixture);
	assert_int_equal(read_port(fixture).connections, 2);
	order(fixture, "-");
	assert_int_equal(read_port(fixture).connections, 1);
	/* Ours is still there, and would be counted if it were not ours. */
	close(ours);
	order(fixture, "+");
	fds[3] = take_connection(fixture);
	assert_int_equal(read_port(fixture).connections, 2);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static void connection_waits_for_its_unread_bytes_after_the_client_has_gone(void **state)
{
	struct fixture *fixture = *state;
	char word[8];
	int fd;

	order(fixture, "+w");
	fd = take_connection(fixture);
	order(fixture, "s");
	assert_int_equal(read_port(fixture).connections, 1);
	assert_int_equal(read(fd, word, sizeof(word)), 4);
	assert_int_equal(read_port(fixture).connections, 0);
	assert_int_equal(read(fd, word, sizeof(word)), 0);
	assert_int_equal(read_port(fixture).connections, 0);
	close(fd);
}

static void closed_by_the_server_is_no_connection(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	order(fixture, "+");
	fd = take_connection(fixture);
	assert_int_equal(read_port(fixture).connections, 1);
	close(fd);
	assert_int_equal(read_port(fixture).connections, 0);
}

static void other_ports_do_not_count(void **state)
{
	struct fixture *fixture = *state;
	int fd = listen_on(AF_INET);
	struct sockdiag_port port;

	order(fixture, "++");
	assert_return_code(sockdiag_read_port(fixture->sockdiag, port_of(fd), &port), 0);
	assert_true(port.listening);
	assert_int_equal(port.connections, 0);
	assert_int_equal(port.accept_queue, 0);
	assert_return_code(sockdiag_read_listener(fixture->sockdiag, port_of(fd), &port), 0);
	assert_int_equal(port.accept_queue, 0);
	close(fd);
}

static void two_listeners_are_one_port(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_in name = loopback(fixture->port);
	int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int third = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_return_code(bind(second, (struct sockaddr *)&name, sizeof(name)), errno);
	assert_return_code(listen(second, 4), errno);
	assert_return_code(connect(third, (struct sockaddr *)&name, sizeof(name)), errno);
	order(fixture, "+");
	assert_int_equal(read_port(fixture).accept_queue, 2);
	close(third);
	close(second);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	return (uint64_t)st.st_ino;
}

/* Another address of the host is another listener's, and not where probes and requests go. */
static void the_listener_is_the_one_that_loopback_leads_to(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_in name = loopback(fixture->port);
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(fixture->port),
		.sin6_addr = in6addr_any};
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int only = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_return_code(bind(other, (struct sockaddr *)&name, sizeof(name)), errno);
	assert_return_code(listen(other, 4), errno);
	assert_return_code(
		setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)), errno);
	assert_return_code(bind(only, (struct sockaddr *)&ipv6, sizeof(ipv6)), errno);
	assert_return_code(listen(only, 4), errno);
	assert_int_equal(read_port(fixture).inode, inode_of(fixture->fd));
	fixture->fd = fd_close(fixture->fd);
	assert_false(read_port(fixture).listening);
	close(other);
	close(only);
}

/* A client on IPv4 and a listener on both: the server's end is an IPv6 socket. */
static void dual_stack_listener_is_the_same(void **state)
{
	struct fixture *fixture = *state;
	int fds[2], ours;

	order(fixture, "+");
	ours = connect_to(fixture->port);
	assert_true(ours >= 0);
	assert_true(read_port(fixture).listening);
	assert_int_equal(read_port(fixture).accept_queue, 2);
	for (int i = 0; i < 2; i++)
		fds[i] = take_connection(fixture);
	assert_int_equal(read_port(fixture).connections, 1);
	close(ours);
	close(fds[0]);
	close(fds[1]);
}

/* More than one message of a dump holds. */
static void many_connections_are_all_counted(void **state)
{
	struct sockdiag_port port;

	order(*state, "m");
	port = read_port(*state);
	assert_int_equal(port.connections, MANY);
	assert_int_equal(port.accept_queue, MANY);
}

static void destroyed_connection_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct pollfd pollfd = {.events = POLLIN};
	bool told = false;
	int fd;

	order(fixture, "+");
	fd = take_connection(fixture);
	pollfd.fd = sockdiag_watch_fd(fixture->sockdiag);
	assert_true(pollfd.fd >= 0);
	assert_int_equal(sockdiag_watch_fd(fixture->sockdiag), pollfd.fd);
	assert_false(sockdiag_watch_read(fixture->sockdiag, fixture->port));
	order(fixture, "-");
	close(fd);
	/* Other sockets of the machine may go as well. */
	while (!told && poll(&pollfd, 1, 10000) == 1)
		told = sockdiag_watch_read(fixture->sockdiag, fixture->port);
	assert_true(told);
	assert_int_equal(read_port(fixture).connections, 0);
	sockdiag_watch_end(fixture->sockdiag);
	assert_false(sockdiag_watch_read(fixture->sockdiag, fixture->port));
}

static void lost_events_count_as_events(void **state)
{
	struct fixture *fixture = *state;
	int fd = sockdiag_watch_fd(fixture->sockdiag);
	int small = 1;

	assert_true(fd >= 0);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), errno);
	/* Of another port, and more than there is room for. */
	for (int i = 0; i < 50; i++) {
		int listener = listen_on(AF_INET);
		int client = connect_to(port_of(listener));

		close(client);
		close(listener);
	}
	/* The kernel tells them from a work queue, and an overrun is an error of the socket. */
	assert_int_equal(poll(&(struct pollfd){.fd = fd}, 1, 10000), 1);
	assert_true(sockdiag_watch_read(fixture->sockdiag, fixture->port));
}

/* The directory of our cgroup in the cgroup2 file system, wherever that is mounted. */
static bool find_own_cgroup(char path[static 1024])
{
	char line[1024], type[32] = "", cgroup[500] = "", mount[500] = "";
	FILE *mounts = fopen("/proc/self/mounts", "re");
	FILE *cgroups = fopen("/proc/self/cgroup", "re");

	assert_non_null(mounts);
	assert_non_null(cgroups);
	while (strcmp(type, "cgroup2") != 0 && fgets(line, sizeof(line), mounts))
		(void)sscanf(line, "%*s %499s %31s", mount, type);
	while (!*cgroup && fgets(line, sizeof(line), cgroups))
		(void)sscanf(line, "0::%499[^\n]", cgroup);
	fclose(mounts);
	fclose(cgroups);
	snprintf(path, 1024, "%s%s", mount, cgroup);
	return strcmp(type, "cgroup2") == 0 && *cgroup;
}

static void listener_names_its_cgroup(void **state)
{
	struct sockdiag_port port = read_port(*state);
	char path[1024];
	struct stat st;

	if (!find_own_cgroup(path))
		skip();
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(port.cgroup_id, st.st_ino);
}

static void reading_often_leaves_nothing_open(void **state)
{
	struct fixture *fixture = *state;
	int before = dup(fixture->fd), after;

	for (int i = 0; i < 200; i++)
		read_port(fixture);
	close(before);
	after = dup(fixture->fd);
	close(after);
	assert_int_equal(before, after);
}

#define TEST(name)	      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_DUAL_STACK(name) cmocka_unit_test_setup_teardown(name, setup_dual_stack, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listener_is_seen_with_its_owner),
		TEST(nobody_listens_after_the_listener_closed),
		TEST(waiting_connections_are_counted_in_the_accept_queue),
		TEST(connections_of_others_count_and_ours_do_not),
		TEST(connection_waits_for_its_unread_bytes_after_the_client_has_gone),
		TEST(closed_by_the_server_is_no_connection),
		TEST(other_ports_do_not_count),
		TEST(two_listeners_are_one_port),
		TEST(the_listener_is_the_one_that_loopback_leads_to),
		TEST_DUAL_STACK(dual_stack_listener_is_the_same),
		TEST(many_connections_are_all_counted),
		TEST(destroyed_connection_is_told),
		TEST(lost_events_count_as_events),
		TEST(listener_names_its_cgroup),
		TEST(reading_often_leaves_nothing_open),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("sockdiag", tests, NULL, NULL);
}
