/* SPDX-License-Identifier: MIT */
/*
 * base/fd.c: descriptors and small files, in a directory that is removed at the end.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static char directory[] = "/tmp/test-fd.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int directory_make(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int directory_remove(void **state)
{
	(void)state;
	(void)unlink(path_of("file"));
	(void)rmdir(path_of("taken"));
	return rmdir(directory);
}

static unsigned int directory_entries(void)
{
	DIR *dir = opendir(directory);
	unsigned int entries = 0;

	assert_non_null(dir);
	while (readdir(dir))
		entries++;
	closedir(dir);
	return entries - 2; /* . and .. */
}

static void assert_file(const char *name, const char *expected)
{
	_cleanup_free_ char *content = NULL;
	size_t size;

	assert_int_equal(file_read(path_of(name), 4096, &content, &size), 0);
	assert_int_equal(size, strlen(expected));
	assert_string_equal(content, expected);
}

static void closing_keeps_errno_and_yields_no_descriptor(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	errno = ENOTTY;
	assert_int_equal(fd_close(fd), -EBADF);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	errno = ENOTTY;
	assert_int_equal(fd_close(-EBADF), -EBADF);
	assert_int_equal(errno, ENOTTY);
}

static void a_scope_closes_what_was_not_taken_from_it(void **state)
{
	int closed, taken;

	(void)state;
	{
		_cleanup_fd_ int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_fd_ int second = open("/dev/null", O_RDONLY | O_CLOEXEC);

		closed = first;
		taken = take_fd(second);
		assert_int_equal(second, -EBADF);
	}
	assert_int_equal(fcntl(closed, F_GETFD), -1);
	assert_true(fcntl(taken, F_GETFD) >= 0);
	fd_close(taken);
}

static void nonblocking_is_added_to_the_flags(void **state)
{
	_cleanup_fd_ int fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);

	(void)state;
	assert_int_equal(fd_set_nonblocking(fd), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
	assert_int_equal(fd_set_nonblocking(-EBADF), -EBADF);
}

static void time_does_not_go_back(void **state)
{
	uint64_t before = now_usec(), after = now_usec();

	(void)state;
	assert_true(before > 0);
	assert_true(after >= before);
	assert_true(after - before < 60 * USEC_PER_SEC);
}

static void a_file_is_replaced_and_nothing_is_left_beside_it(void **state)
{
	struct stat first, second;

	(void)state;
	assert_int_equal(file_write_atomic(directory, "file", "old\n", 0644), 0);
	assert_int_equal(stat(path_of("file"), &first), 0);
	assert_file("file", "old\n");
	assert_int_equal(file_write_atomic(directory, "file", "", 0644), 0);
	assert_int_equal(stat(path_of("file"), &second), 0);
	assert_file("file", "");
	/* Another file, not the old one written over, which a reader could see half. */
	assert_true(first.st_ino != second.st_ino);
	assert_int_equal(directory_entries(), 1);
}

static void the_mode_is_the_one_asked_for_whatever_the_umask(void **state)
{
	mode_t umask_before = umask(077);
	struct stat status;

	(void)state;
	assert_int_equal(file_write_atomic(directory, "file", "x", 0644), 0);
	umask(umask_before);
	assert_int_equal(stat(path_of("file"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void a_write_that_fails_leaves_the_old_content(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("taken"), 0755), 0);
	assert_int_equal(file_write_atomic(directory, "file", "kept", 0644), 0);
	/* A directory stands where the file should go: the rename fails. */
	assert_int_equal(file_write_atomic(directory, "taken", "new", 0644), -EISDIR);
	assert_int_equal(directory_entries(), 2);
	assert_file("file", "kept");
	assert_int_equal(rmdir(path_of("taken")), 0);

	assert_int_equal(file_write_atomic("/nonexistent", "file", "x", 0644), -ENOENT);
	assert_int_equal(file_write_atomic(path_of("file"), "file", "x", 0644), -ENOTDIR);
}

static void a_name_too_long_for_its_temporary_file_is_refused(void **state)
{
	char name[NAME_MAX + 1];

	(void)state;
	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(file_write_atomic(directory, name, "x", 0644), -ENAMETOOLONG);
}

static void a_file_is_read_up_to_its_maximum(void **state)
{
	_cleanup_free_ char *content = NULL;
	char *untouched = NULL;
	size_t size = 77;

	(void)state;
	assert_int_equal(file_write_atomic(directory, "file", "12345", 0644), 0);
	assert_int_equal(file_read(path_of("file"), 4, &untouched, &size), -EFBIG);
	assert_null(untouched);
	assert_int_equal(size, 77);
	assert_int_equal(file_read(path_of("file"), 5, &content, NULL), 0);
	assert_string_equal(content, "12345");
	assert_int_equal(file_read(path_of("absent"), 5, &untouched, NULL), -ENOENT);
	assert_int_equal(file_read(directory, 5, &untouched, NULL), -EISDIR);
	assert_null(untouched);
}

static void an_endless_file_is_too_long_not_endless(void **state)
{
	char *content = NULL;

	(void)state;
	assert_int_equal(file_read("/dev/zero", 100000, &content, NULL), -EFBIG);
	assert_null(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_keeps_errno_and_yields_no_descriptor),
		cmocka_unit_test(a_scope_closes_what_was_not_taken_from_it),
		cmocka_unit_test(nonblocking_is_added_to_the_flags),
		cmocka_unit_test(time_does_not_go_back),
		cmocka_unit_test(a_file_is_replaced_and_nothing_is_left_beside_it),
		cmocka_unit_test(the_mode_is_the_one_asked_for_whatever_the_umask),
		cmocka_unit_test(a_write_that_fails_leaves_the_old_content),
		cmocka_unit_test(a_name_too_long_for_its_temporary_file_is_refused),
		cmocka_unit_test(a_file_is_read_up_to_its_maximum),
		cmocka_unit_test(an_endless_file_is_too_long_not_endless),
	};

	return cmocka_run_group_tests_name("fd", tests, directory_make, directory_remove);
}
