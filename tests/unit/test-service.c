/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "service.h"

static void say_pid(const char *name)
{
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv(name, pid, 1);
}

static int forget(void **state)
{
	(void)state;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static void without_a_manager_there_is_nothing(void **state)
{
	struct service service;
	char name[8];

	(void)state;
	assert_int_equal(service_open(&service), 0);
	assert_int_equal(service.fd_count, 0);
	assert_int_equal(service.notify_fd, -EBADF);
	assert_int_equal(service.watchdog_usec, 0);
	service_fd_name(&service, 3, name, sizeof(name));
	assert_string_equal(name, "");
	service_notify(&service, "READY=1");
	assert_int_equal(service_barrier(&service, 1000), -ENOTCONN);
	service_close(&service);
}

static void what_is_meant_for_another_process_is_not_taken(void **state)
{
	struct service service;

	(void)state;
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("WATCHDOG_PID", "1", 1);
	setenv("WATCHDOG_USEC", "5", 1);
	assert_int_equal(service_open(&service), 0);
	assert_int_equal(service.fd_count, 0);
	assert_int_equal(service.watchdog_usec, 0);
	service_close(&service);
}

static void names_are_found_by_descriptor_and_cut_for_the_next_program(void **state)
{
	struct service service = {.notify_fd = -EBADF,
		.fd_count = 4,
		.fd_names = strdup("public:control:h:handover")};
	char name[8];

	(void)state;
	service_fd_name(&service, 3, name, sizeof(name));
	assert_string_equal(name, "public");
	service_fd_name(&service, 6, name, sizeof(name));
	assert_string_equal(name, "handove");
	service_fd_name(&service, 7, name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(service_keep_fds(&service, 2), 0);
	assert_string_equal(getenv("LISTEN_FDS"), "2");
	assert_string_equal(getenv("LISTEN_FDNAMES"), "public:control");
	service_close(&service);
}

static void garbage_is_refused(void **state)
{
	static const char *const bad[] = {"x", "-1", "3x", "99999999999999999999"};
	struct service service;

	(void)state;
	say_pid("LISTEN_PID");
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		setenv("LISTEN_FDS", bad[i], 1);
		assert_int_equal(service_open(&service), -EINVAL);
	}
	setenv("LISTEN_FDS", "0", 1);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(service_open(&service), -EINVAL);
}

/* A manager at an abstract address. */
static int manager_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[64];
	int n;

	n = snprintf(name, sizeof(name), "@bluegreen-test-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, (size_t)n - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static size_t receive(int manager, char *text, size_t size, int *fds)
{
	char control[CMSG_SPACE(sizeof(int) * 253)];
	struct iovec piece = {text, size - 1};
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(manager, &message, MSG_DONTWAIT);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	size_t count = 0;

	assert_true(n > 0);
	text[n] = '\0';
	if (header) {
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	}
	return count;
}

static void more_descriptors_than_a_message_takes_are_stored_in_several(void **state)
{
	int manager = manager_open(), all[300], got[253];
	struct service service;
	char text[256];

	(void)state;
	assert_int_equal(service_open(&service), 0);
	for (size_t i = 0; i < ELEMENTS(all); i++)
		all[i] = STDIN_FILENO;
	assert_int_equal(service_store(&service, "h", all, ELEMENTS(all)), 0);
	assert_int_equal(receive(manager, text, sizeof(text), got), 253);
	for (int i = 0; i < 253; i++)
		close(got[i]);
	assert_int_equal(receive(manager, text, sizeof(text), got), 47);
	for (int i = 0; i < 47; i++)
		close(got[i]);
	assert_string_equal(text, "FDSTORE=1\nFDNAME=h\nFDPOLL=0");
	service_unstore(&service, "h");
	assert_int_equal(receive(manager, text, sizeof(text), got), 0);
	assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=h");
	service_close(&service);
	close(manager);
}

static void a_manager_that_never_comes_to_it_is_not_waited_for(void **state)
{
	int manager = manager_open(), got[253];
	struct service service;
	char text[256];

	(void)state;
	assert_int_equal(service_open(&service), 0);
	assert_int_equal(service_barrier(&service, 20000), -ETIMEDOUT);
	assert_int_equal(receive(manager, text, sizeof(text), got), 1);
	assert_string_equal(text, "BARRIER=1");
	close(got[0]);
	service_close(&service);
	close(manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_manager_there_is_nothing, forget),
		cmocka_unit_test_setup(what_is_meant_for_another_process_is_not_taken, forget),
		cmocka_unit_test_setup(
			names_are_found_by_descriptor_and_cut_for_the_next_program, forget),
		cmocka_unit_test_setup(garbage_is_refused, forget),
		cmocka_unit_test_setup(
			more_descriptors_than_a_message_takes_are_stored_in_several, forget),
		cmocka_unit_test_setup(a_manager_that_never_comes_to_it_is_not_waited_for, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
