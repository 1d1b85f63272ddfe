/* SPDX-License-Identifier: MIT */
/*
 * dpkg-lock.c on real locks of a real process, and on tables of other kernels' ways; dpkg-state.c
 * on dpkg's files as they are when it was killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "dpkg-lock.h"
#include "dpkg-state.h"

static char directory[64];

static const char *in(const char *name)
{
	static char paths[16][512];
	static unsigned int next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test-dpkg-XXXXXX");
	assert_non_null(mkdtemp(directory));
	for (const char *const *dir = (const char *const[]){"var", "var/lib", "var/lib/dpkg",
		     "var/lib/dpkg/info", "var/lib/dpkg/updates", NULL};
		*dir; dir++)
		assert_return_code(mkdir(in(*dir), 0755), errno);
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf --one-file-system %s", directory);
	return system(command);
}

/* A process that holds the lock until it is ended. */
static pid_t lock(const char *path)
{
	struct flock region = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int ends[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe(ends), errno);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CREAT, 0640);

		if (fcntl(fd, F_SETLK, &region) == 0 && write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void unlock(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void lock_of_a_process_is_found_and_gone_with_it(void **state)
{
	const char *const paths[] = {in("absent"), in("lock"), NULL};
	struct dpkg_holder holder = {0};
	pid_t pid;

	(void)state;
	put("lock", "");
	assert_false(dpkg_lock_find("/proc/locks", paths, &holder));
	pid = lock(in("lock"));
	assert_true(dpkg_lock_find("/proc/locks", paths, &holder));
	assert_int_equal(holder.pid, pid);
	assert_string_equal(holder.name, "test-dpkg");
	unlock(pid);
	assert_false(dpkg_lock_find("/proc/locks", paths, &holder));
}

static void lock_of_another_file_is_none(void **state)
{
	const char *const paths[] = {in("lock"), NULL};
	struct dpkg_holder holder;
	pid_t pid;

	(void)state;
	put("lock", "");
	put("other", "");
	pid = lock(in("other"));
	assert_false(dpkg_lock_find("/proc/locks", paths, &holder));
	unlock(pid);
}

/* A line of the table: what is before the device, its major number, what is behind the inode. */
static bool table_has(const char *before, unsigned int major_number, const char *behind)
{
	const char *const paths[] = {in("lock"), NULL};
	struct dpkg_holder holder;
	struct stat st;
	char line[256];

	put("lock", "");
	assert_return_code(stat(in("lock"), &st), errno);
	snprintf(line, sizeof(line), "%s %02x:%02x:%lu%s 0 EOF\n", before, major_number,
		minor(st.st_dev), (unsigned long)st.st_ino, behind);
	put("locks", line);
	return dpkg_lock_find(in("locks"), paths, &holder);
}

static void table_is_read_by_the_letter(void **state)
{
	struct stat st;
	unsigned int ours;

	(void)state;
	assert_return_code(stat(directory, &st), errno);
	ours = major(st.st_dev);
	assert_true(table_has("1: POSIX  ADVISORY  WRITE 77", ours, ""));
	assert_true(table_has("12: POSIX  ADVISORY  READ 77", ours, ""));
	/* The kernel's own number where stat(2) has that of a subvolume. */
	assert_true(table_has("1: POSIX  ADVISORY  WRITE 77", 0, ""));
	/* On a tmpfs or an overlay any will do. */
	if (ours != 0)
		assert_false(table_has("1: POSIX  ADVISORY  WRITE 77", ours + 1, ""));
	assert_false(table_has("1: -> POSIX  ADVISORY  WRITE 77", ours, ""));
	assert_false(table_has("1: FLOCK  ADVISORY  WRITE 77", ours, ""));
	assert_false(table_has("1: POSIX  ADVISORY  WRITE 77", ours, "1"));
	assert_false(table_has("", ours, ""));
}

static const char *const paths_of_notes[] = {"/usr/share/notes", "/usr/lib/notes", NULL};

static void package_put(const char *state, const char *update)
{
	char text[512];

	snprintf(text, sizeof(text),
		"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n\n"
		"Package: notes\nStatus: install ok %s\nArchitecture: amd64\nVersion: 1\n\n"
		"Package: zoo\nStatus: install reinstreq half-installed\nArchitecture: all\n\n",
		state);
	put("var/lib/dpkg/status", text);
	put("var/lib/dpkg/info/notes.list", "/.\n/usr\n/usr/share\n/usr/share/notes\n");
	put("var/lib/dpkg/info/zoo.list", "/.\n/usr\n/usr/share/notes2\n");
	(void)unlink(in("var/lib/dpkg/updates/0001"));
	if (update)
		put("var/lib/dpkg/updates/0001", update);
}

static void package_that_was_interrupted_is_named(void **state)
{
	static const char *const states[] = {"half-installed", "unpacked", "half-configured"};
	struct dpkg_unfinished unfinished = {0};

	(void)state;
	package_put("installed", NULL);
	assert_false(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	package_put("triggers-pending", NULL);
	assert_false(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		package_put(states[i], NULL);
		assert_true(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
		assert_string_equal(unfinished.package, "notes");
		assert_string_equal(unfinished.state, states[i]);
	}
}

static void what_dpkg_had_not_written_down_yet_counts(void **state)
{
	struct dpkg_unfinished unfinished = {0};

	(void)state;
	package_put("installed",
		"Package: notes\nStatus: install reinstreq half-installed\nArchitecture: amd64\n");
	assert_true(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	package_put("half-installed",
		"Package: notes\nStatus: install ok installed\nArchitecture: amd64\n");
	assert_false(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	put("var/lib/dpkg/updates/0010",
		"Package: notes\nStatus: install ok unpacked\nArchitecture: amd64\n");
	assert_true(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	put("var/lib/dpkg/updates/tmp.i",
		"Package: notes\nStatus: install ok installed\nArchitecture: amd64\n");
	assert_true(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
}

static void package_of_several_architectures_is_found(void **state)
{
	struct dpkg_unfinished unfinished = {0};

	(void)state;
	package_put("unpacked", NULL);
	put("var/lib/dpkg/info/notes.list", "/.\n");
	assert_false(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
	put("var/lib/dpkg/info/notes:amd64.list", "/usr/lib/notes/core.so\n");
	assert_true(dpkg_is_unfinished(directory, paths_of_notes, &unfinished));
}

static void without_dpkg_nothing_is_unfinished(void **state)
{
	struct dpkg_unfinished unfinished;

	(void)state;
	assert_false(dpkg_is_unfinished("/nonexistent", paths_of_notes, &unfinished));
}

#define dpkg_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		dpkg_test(lock_of_a_process_is_found_and_gone_with_it),
		dpkg_test(lock_of_another_file_is_none),
		dpkg_test(table_is_read_by_the_letter),
		dpkg_test(package_that_was_interrupted_is_named),
		dpkg_test(what_dpkg_had_not_written_down_yet_counts),
		dpkg_test(package_of_several_architectures_is_found),
		dpkg_test(without_dpkg_nothing_is_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
