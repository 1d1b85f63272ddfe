/* SPDX-License-Identifier: MIT */
/*
 * snapshot-copy.c and snapshot-file.c on a real file system: what is copied and how, what is
 * refused, and what is there when a copy is ended in the middle.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "snapshot-stand.h"

static void code_is_copied_at_its_own_path(void **state)
{
	const char *dir = *state;
	struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000, .tv_nsec = 5}};
	struct made made;
	struct stat st;

	code_make(dir);
	assert_return_code(symlink("app.py", in(dir, "code/main.py")), errno);
	assert_return_code(symlink("/etc/notes", in(dir, "code/settings")), errno);
	assert_return_code(chmod(in(dir, "code/app.py"), 04755), errno);
	assert_return_code(chmod(in(dir, "code/views"), 0555), errno);
	assert_return_code(utimensat(AT_FDCWD, in(dir, "code/app.py"), old, 0), errno);
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_true(release_tag_valid(made.tag));
	assert_non_null(strstr(made.text, "3 files, 1 KiB"));
	assert_true(has(copied(dir, &made, "code/app.py"), "import views\n"));
	assert_true(has(copied(dir, &made, "lib/core.py"), "version = 1\n"));
	assert_return_code(stat(copied(dir, &made, "code/app.py"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_mtim.tv_sec, 1000000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_return_code(stat(copied(dir, &made, "code/views"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_return_code(lstat(copied(dir, &made, "code/settings"), &st), errno);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(has(copied(dir, &made, "code/main.py"), "import views\n"));
	assert_false(there(dir, "releases/.snapshot.copying"));
}

static void names_of_one_file_stay_names_of_one_file(void **state)
{
	const char *dir = *state;
	struct stat one, other;
	struct made made;

	code_make(dir);
	assert_return_code(link(in(dir, "code/app.py"), in(dir, "lib/app.py")), errno);
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_return_code(stat(copied(dir, &made, "code/app.py"), &one), errno);
	assert_return_code(stat(copied(dir, &made, "lib/app.py"), &other), errno);
	assert_int_equal(one.st_ino, other.st_ino);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_UNCHANGED);
}

static void holes_stay_holes(void **state)
{
	const char *dir = *state;
	struct made made;
	struct stat st;
	char *content = NULL;
	int fd;

	code_make(dir);
	fd = open(in(dir, "lib/sparse"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fd, errno);
	assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
	assert_int_equal(pwrite(fd, "middle", 6, 5000000), 6);
	assert_return_code(ftruncate(fd, 9000000), errno);
	close(fd);
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_return_code(stat(copied(dir, &made, "lib/sparse"), &st), errno);
	assert_int_equal(st.st_size, 9000000);
	assert_true(st.st_blocks * 512 < 1000000);
	assert_return_code(file_read(copied(dir, &made, "lib/sparse"), 9000000, &content, NULL), 0);
	assert_memory_equal(content, "begin", 5);
	assert_memory_equal(content + 5000000, "middle", 6);
	free(content);
}

static void refused(const char *dir, const char *wanted)
{
	struct made made = snapshot(dir);

	assert_int_equal(made.result, SNAPSHOT_FAILED);
	if (!strstr(made.text, wanted))
		fail_msg("wanted \"%s\", told \"%s\"", wanted, made.text);
	assert_int_equal(entries_of(in(dir, "releases")), 0);
	assert_false(there(dir, "releases/.snapshot.copying"));
}

static void what_is_no_code_is_refused(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *dir = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	code_make(dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/code/socket", dir);
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	close(fd);
	refused(dir, "code/socket is a socket, which cannot be part of a release");
	assert_return_code(unlink(in(dir, "code/socket")), errno);
	assert_return_code(mkfifo(in(dir, "lib/pipe"), 0644), errno);
	refused(dir, "lib/pipe is a pipe");
	assert_return_code(unlink(in(dir, "lib/pipe")), errno);
	assert_return_code(mknod(in(dir, "lib/null"), S_IFCHR | 0644, 0x103), errno);
	refused(dir, "lib/null is a device");
	assert_return_code(unlink(in(dir, "lib/null")), errno);
	put(in(dir, "lib/two\nlines"), "");
	refused(dir, "the name has a line break in it");
	assert_return_code(unlink(in(dir, "lib/two\nlines")), errno);
	for (const char *const *file = (const char *const[]){"code/app.py",
		     "code/views/__init__.py", "lib/core.py", NULL};
		*file; file++)
		assert_return_code(unlink(in(dir, *file)), errno);
	refused(dir, "there is not one file in what Snapshot= names");
	unfinished = true;
	refused(dir,
		"dpkg was interrupted in the middle of package notes, which is half-installed");
}

/* As an ordinary user, which the supervisor is. */
static int as_nobody(const char *dir, const char *wanted)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		struct made made = snapshot(dir);

		_exit(made.result == SNAPSHOT_FAILED && strstr(made.text, wanted) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void file_that_cannot_be_read_is_named(void **state)
{
	const char *dir = *state;

	code_make(dir);
	assert_return_code(mkdir(in(dir, "releases"), 0755), errno);
	assert_return_code(chown(in(dir, "releases"), 65534, 65534), errno);
	assert_return_code(chmod(in(dir, "lib/core.py"), 0600), errno);
	assert_int_equal(as_nobody(dir, "lib/core.py cannot be read by uid 65534"), 0);
	assert_int_equal(entries_of(in(dir, "releases")), 0);
	assert_false(there(dir, "releases/.snapshot.copying"));
	assert_return_code(chmod(in(dir, "lib/core.py"), 0644), errno);
	assert_return_code(chmod(in(dir, "code/views"), 0700), errno);
	assert_int_equal(as_nobody(dir, "code/views cannot be read by uid 65534"), 0);
}

static void full_disk_is_one_sentence_and_no_half(void **state)
{
	const char *dir = *state;
	char *large = calloc(1, 300000);

	code_make(dir);
	assert_non_null(large);
	memset(large, 'x', 299999);
	put(in(dir, "lib/large"), large);
	free(large);
	assert_return_code(mkdir(in(dir, "releases"), 0755), errno);
	assert_return_code(mount("small", in(dir, "releases"), "tmpfs", 0, "size=200k"), errno);
	refused(dir, "there is no room in");
	assert_return_code(umount(in(dir, "releases")), errno);
}

static void dpkg_at_work_is_waited_for(void **state)
{
	const char *dir = *state;
	struct made made;

	code_make(dir);
	locked = 3;
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_int_equal(locked, 0);
	assert_non_null(strstr(made.described, "apt-get (pid 77) is at work on packages"));
}

static void dpkg_that_does_not_end_is_given_up(void **state)
{
	const char *dir = *state;

	code_make(dir);
	assert_return_code(mkdir(in(dir, "releases"), 0755), errno);
	locked = 1000;
	refused(dir, "apt-get (pid 77) is still at work on packages after 3 s");
}

/* By a signal in the middle of a file: the limit of its size is the test's. */
static void copy_that_is_killed_is_no_release(void **state)
{
	const struct rlimit small = {1000, RLIM_INFINITY};
	const char *dir = *state;
	char large[2001];
	struct rlimit before;
	struct made made;

	code_make(dir);
	memset(large, 'x', 2000);
	large[2000] = '\0';
	put(in(dir, "code/large.py"), large);
	assert_return_code(getrlimit(RLIMIT_FSIZE, &before), errno);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &small), errno);
	made = snapshot(dir);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &before), errno);
	assert_int_equal(made.result, SNAPSHOT_FAILED);
	assert_non_null(strstr(made.text, "the copying of the code was ended by signal"));
	assert_true(there(dir, "releases/.snapshot.copying"));
	assert_int_equal(entries_of(in(dir, "releases")), 0);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_MADE);
	assert_false(there(dir, "releases/.snapshot.copying"));
}

/* Ended sooner or later: there is no release, or a whole one. */
static void at_every_moment_there_is_a_whole_copy_or_none(void **state)
{
	struct snapshot_order order = {0};
	const char *dir = *state;
	char path[PATH_MAX];
	bool whole = false;

	code_make(dir);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "code/views/page%d.py", i);
		put(in(dir, path), "page\n");
	}
	for (unsigned int i = 0; !whole; i += 1 + i / 8) {
		_cleanup_(sd_event_unrefp) sd_event *event = NULL;
		struct snapshot *begun = NULL;
		struct made made = {0};

		order.directory = in(dir, "releases");
		order.paths = code_of(dir);
		assert_return_code(sd_event_new(&event), 0);
		made.event = event;
		assert_return_code(snapshot_begin(event, &order, on_made, &made, &begun), 0);
		usleep(100 * i);
		begun = snapshot_end(begun);
		assert_null(begun);
		whole = there(dir, "releases") && entries_of(in(dir, "releases")) > 0;
	}
	/* Although nobody was told of it. */
	assert_int_equal(snapshot(dir).result, SNAPSHOT_UNCHANGED);
	assert_false(there(dir, "releases/.snapshot.copying"));
}

static void what_was_left_over_is_no_hindrance(void **state)
{
	const char *dir = *state;

	code_make(dir);
	assert_return_code(mkdir(in(dir, "releases"), 0755), errno);
	make_release(in(dir, "releases"), ".snapshot.copying", 0);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_MADE);
	assert_false(there(dir, "releases/.snapshot.copying"));
}

static void checked(const char *dir, const char *const *of, const char *wanted)
{
	char reason[RELEASE_REASON_MAX] = "";

	assert_true(snapshot_check(in(dir, "releases"), of, reason) < 0);
	if (!strstr(reason, wanted))
		fail_msg("wanted \"%s\", told \"%s\"", wanted, reason);
}

static void what_cannot_be_copied_is_said_before(void **state)
{
	const char *dir = *state;
	char reason[RELEASE_REASON_MAX];

	code_make(dir);
	assert_return_code(snapshot_check(in(dir, "releases"), code_of(dir), reason), 0);
	checked(dir, (const char *[]){in(dir, "absent"), NULL}, "absent to copy");
	checked(dir, (const char *[]){in(dir, "code/app.py"), NULL},
		"code/app.py is not a directory");
	checked(dir, (const char *[]){in(dir, "code"), in(dir, "code/views"), NULL},
		"code has already; leave it out");
	checked(dir, (const char *[]){dir, NULL}, "would be copied into each other");
	assert_return_code(symlink("code", in(dir, "link")), errno);
	checked(dir, (const char *[]){in(dir, "link"), NULL}, "link is not a directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		stand_test(code_is_copied_at_its_own_path),
		stand_test(names_of_one_file_stay_names_of_one_file),
		stand_test(holes_stay_holes),
		stand_test(what_is_no_code_is_refused),
		stand_test(file_that_cannot_be_read_is_named),
		stand_test(full_disk_is_one_sentence_and_no_half),
		stand_test(dpkg_at_work_is_waited_for),
		stand_test(dpkg_that_does_not_end_is_given_up),
		stand_test(copy_that_is_killed_is_no_release),
		stand_test(at_every_moment_there_is_a_whole_copy_or_none),
		stand_test(what_was_left_over_is_no_hindrance),
		stand_test(what_cannot_be_copied_is_said_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
