/* SPDX-License-Identifier: MIT */
/*
 * recheck-process.c on real processes, of which this is one: what they have mapped is replaced,
 * removed, renamed; and recheck-apt.c on locks that other processes hold. Runs as root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup.h"
#include "recheck-apart.h"
#include "recheck-apt.h"
#include "recheck-process.h"
#include "release-tree.h"

#define PAGE 4096

/* Not in /tmp, whose files do not count. */
static char stand[] = "/var/lib/test-recheck-XXXXXX";

static int setup(void **state)
{
	strcpy(stand + strlen(stand) - 6, "XXXXXX");
	*state = mkdtemp(stand);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	char where[256];

	return tree_remove(AT_FDCWD, *state, where, sizeof(where));
}

static const char *in(const char *name)
{
	static char paths[8][PATH_MAX];
	static size_t next;

	next = (next + 1) % ELEMENTS(paths);
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", stand, name);
	return paths[next];
}

static void make(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, PAGE), errno);
	fd_close(fd);
}

static void *map(const char *name, int mode)
{
	int fd = open(in(name), O_RDONLY | O_CLOEXEC);
	void *area = mmap(NULL, PAGE, mode, MAP_PRIVATE, fd, 0);

	assert_return_code(fd, errno);
	assert_ptr_not_equal(area, MAP_FAILED);
	fd_close(fd);
	return area;
}

/* What is found of this process below the stand: a letter each, C if it is certain, and its name.
 */
static const char *found(pid_t pid)
{
	static char text[512];
	struct findings findings = {0};
	size_t used = 0, length = strlen(stand);

	*text = '\0';
	assert_int_equal(process_look(pid, SUBJECT_BLUE, &findings), 0);
	for (size_t i = 0; i < findings.count; i++)
		if (strncmp(findings.items[i].path, stand, length) == 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s",
				used ? ", " : "", findings.items[i].certain ? "C" : "P",
				findings.items[i].path + length + 1);
	findings_clear(&findings);
	return text;
}

static void a_library_that_is_in_its_place_is_current(void **state)
{
	void *area;

	(void)state;
	make("libx.so.1");
	area = map("libx.so.1", PROT_READ | PROT_EXEC);
	assert_string_equal(found(getpid()), "");
	/* Its name moved with it. */
	assert_return_code(rename(in("libx.so.1"), in("liby.so.1")), errno);
	assert_string_equal(found(getpid()), "");
	munmap(area, PAGE);
}

static void a_library_that_was_replaced_is_found(void **state)
{
	void *area;

	(void)state;
	make("libx.so.1");
	area = map("libx.so.1", PROT_READ | PROT_EXEC);
	make("new");
	assert_return_code(rename(in("new"), in("libx.so.1")), errno);
	assert_string_equal(found(getpid()), "C libx.so.1");
	munmap(area, PAGE);
	assert_string_equal(found(getpid()), "");
}

static void what_is_gone_is_found_by_a_librarys_name(void **state)
{
	void *library, *code;

	(void)state;
	make("libx.so.1.2");
	make("ffi8Xa2");
	library = map("libx.so.1.2", PROT_READ | PROT_EXEC);
	code = map("ffi8Xa2", PROT_READ | PROT_EXEC);
	assert_return_code(unlink(in("libx.so.1.2")), errno);
	assert_return_code(unlink(in("ffi8Xa2")), errno);
	assert_string_equal(found(getpid()), "P ffi8Xa2, C libx.so.1.2");
	munmap(library, PAGE);
	munmap(code, PAGE);
}

static void data_that_is_rotated_is_a_packages_affair(void **state)
{
	void *area;

	(void)state;
	make("table.db");
	area = map("table.db", PROT_READ);
	make("new");
	assert_return_code(rename(in("new"), in("table.db")), errno);
	assert_string_equal(found(getpid()), "P table.db");
	munmap(area, PAGE);
}

static void a_name_that_ends_like_a_deleted_one_is_a_name(void **state)
{
	void *area;

	(void)state;
	make("libx.so (deleted)");
	area = map("libx.so (deleted)", PROT_READ | PROT_EXEC);
	assert_string_equal(found(getpid()), "");
	make("libx.so");
	assert_string_equal(found(getpid()), "");
	munmap(area, PAGE);
}

static void memory_is_no_file(void **state)
{
	int fd = memfd_create("jit", MFD_CLOEXEC);
	void *memory, *shared, *own;
	struct findings findings = {0};

	(void)state;
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, PAGE), errno);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	own = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED && shared != MAP_FAILED && own != MAP_FAILED);
	assert_int_equal(process_look(getpid(), SUBJECT_BLUE, &findings), 0);
	for (size_t i = 0; i < findings.count; i++)
		assert_null(strstr(findings.items[i].path, "jit"));
	findings_clear(&findings);
	munmap(memory, PAGE);
	munmap(shared, PAGE);
	munmap(own, PAGE);
	fd_close(fd);
}

/* ---- other processes ------------------------------------------------------------------------- */

/* A child that does this, and is there until child_end(). */
static pid_t child_begin(void (*act)(void))
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		/* Also if a test fails before it ends this. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		act();
		if (write(fds[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	fd_close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	fd_close(fds[0]);
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void do_nothing(void)
{
}

static void program_copy(const char *name)
{
	char *content = NULL;
	size_t size;
	FILE *file;

	assert_return_code(file_read("/bin/sleep", 1 << 22, &content, &size), 0);
	file = fopen(in(name), "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	fclose(file);
	assert_return_code(chmod(in(name), 0755), errno);
	free(content);
}

/* Executes the copy; it runs when this returns. */
static pid_t program_begin(const char *name)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(in(name), name, "600", NULL);
		_exit(1);
	}
	fd_close(fds[1]);
	/* Its end of the pipe closes when it has executed. */
	assert_int_equal(read(fds[0], &byte, 1), 0);
	fd_close(fds[0]);
	return pid;
}

static void a_program_that_was_replaced_is_found(void **state)
{
	pid_t pid;

	(void)state;
	program_copy("program");
	pid = program_begin("program");
	assert_string_equal(found(pid), "");
	program_copy("new");
	assert_return_code(rename(in("new"), in("program")), errno);
	assert_string_equal(found(pid), "C program");
	child_end(pid);
}

/* PrivateTmp=, BindReadOnlyPaths=: another file is at the same path, for this process alone. */
static void mount_and_map(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(in("snapshot"), in("code"), NULL, MS_BIND, NULL) < 0)
		_exit(1);
	map("code/libx.so", PROT_READ | PROT_EXEC);
}

static void a_process_is_looked_at_as_it_sees_its_files(void **state)
{
	pid_t pid;

	(void)state;
	assert_return_code(mkdir(in("code"), 0755), errno);
	assert_return_code(mkdir(in("snapshot"), 0755), errno);
	make("code/libx.so");
	make("snapshot/libx.so");
	pid = child_begin(mount_and_map);
	assert_string_equal(found(pid), "");
	/* What dpkg does to the original does not touch it ... */
	make("new");
	assert_return_code(rename(in("new"), in("code/libx.so")), errno);
	assert_string_equal(found(pid), "");
	/* ... and what happens to its own does. */
	make("new");
	assert_return_code(rename(in("new"), in("snapshot/libx.so")), errno);
	assert_string_equal(found(pid), "C code/libx.so");
	child_end(pid);
}

static void change_root_and_map(void)
{
	map("root/code", PROT_READ | PROT_EXEC);
	if (chroot(in("root")) < 0 || chdir("/") < 0)
		_exit(1);
}

static void a_process_that_has_changed_its_root_is_looked_at_in_it(void **state)
{
	pid_t pid;

	(void)state;
	assert_return_code(mkdir(in("root"), 0755), errno);
	make("root/code");
	pid = child_begin(change_root_and_map);
	assert_string_equal(found(pid), "");
	make("new");
	assert_return_code(rename(in("new"), in("root/code")), errno);
	assert_string_equal(found(pid), "C root/code");
	child_end(pid);
}

static void a_process_that_has_gone_has_nothing(void **state)
{
	struct findings findings = {0};
	siginfo_t info;
	pid_t pid;

	(void)state;
	pid = child_begin(do_nothing);
	kill(pid, SIGKILL);
	/* Not yet waited for: a zombie, which has no files. */
	assert_return_code(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), errno);
	assert_int_equal(process_look(pid, SUBJECT_BLUE, &findings), 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_look(pid, SUBJECT_BLUE, &findings), 0);
	assert_int_equal(findings.count, 0);
}

/* ---- control groups -------------------------------------------------------------------------- */

static void group(const char *name, const char *pids)
{
	assert_return_code(mkdir(in(name), 0755), errno);
	assert_return_code(file_write_atomic(in(name), "cgroup.procs", pids, 0644), 0);
}

static void processes_of_a_group_and_those_below_are_listed(void **state)
{
	pid_t *pids;
	size_t count;

	(void)state;
	group("unit", "11\n12\n");
	group("unit/worker", "13\n0\n");
	group("unit/worker/deep", "14\n");
	assert_return_code(symlink("worker", in("unit/link")), errno);
	assert_int_equal(processes_list(in("unit"), &pids, &count), 0);
	assert_int_equal(count, 4);
	free(pids);
	assert_int_equal(processes_list(in("none"), &pids, &count), 0);
	assert_int_equal(count, 0);
	free(pids);
}

static void a_group_has_a_limit(void **state)
{
	static char text[(PROCESSES_MAX + 1) * 8];
	pid_t *pids;
	size_t count, used = 0;

	(void)state;
	for (int i = 1; i <= PROCESSES_MAX + 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%d\n", i);
	group("unit", text);
	assert_int_equal(processes_list(in("unit"), &pids, &count), -E2BIG);
	assert_int_equal(count, PROCESSES_MAX);
	free(pids);
}

/* ---- locks ----------------------------------------------------------------------------------- */

static void lock_take(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(in("lock"), O_RDWR);

	if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
		_exit(1);
}

static pid_t no_run(void *owner)
{
	(void)owner;
	return 0;
}

static void a_lock_is_seen_and_waited_for_and_not_taken(void **state)
{
	const struct apt_run run = {no_run, NULL};
	const char *locks[] = {NULL, NULL, NULL};
	struct apt_lock lock;
	char none[PATH_MAX], path[PATH_MAX];
	pid_t pid, killer;

	(void)state;
	snprintf(none, sizeof(none), "%s", in("none"));
	snprintf(path, sizeof(path), "%s", in("lock"));
	locks[0] = none;
	locks[1] = path;
	apt_locks_given = locks;
	make("lock");
	assert_null(apt_lock_look().path);
	assert_int_equal(apt_wait(&run, now_usec(), &lock), 0);
	pid = child_begin(lock_take);
	lock = apt_lock_look();
	assert_string_equal(lock.path, path);
	assert_int_equal(lock.holder, pid);
	assert_int_equal(apt_wait(&run, now_usec(), &lock), -ETIME);
	/* It ends while it is waited for. */
	killer = fork();
	if (killer == 0) {
		kill(pid, SIGKILL);
		_exit(0);
	}
	assert_int_equal(apt_wait(&run, now_usec() + 60 * USEC_PER_SEC, &lock), 0);
	waitpid(killer, NULL, 0);
	waitpid(pid, NULL, 0);
	/* Nobody else has it now. */
	pid = child_begin(lock_take);
	child_end(pid);
	apt_locks_given = NULL;
}

static pid_t run_find(void *owner)
{
	int *left = owner;

	return (*left)-- > 0 ? getpid() : 0;
}

static void a_run_between_its_locks_is_waited_for(void **state)
{
	static const char *const locks[] = {NULL};
	int left = 1;
	const struct apt_run run = {run_find, &left};
	struct apt_lock lock;

	(void)state;
	apt_locks_given = locks;
	assert_int_equal(apt_wait(&run, now_usec(), &lock), -ETIME);
	assert_null(lock.path);
	assert_int_equal(lock.holder, getpid());
	assert_int_equal(apt_wait(&run, now_usec() + 60 * USEC_PER_SEC, &lock), 0);
	apt_locks_given = NULL;
}

#define process_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* A file system that does not answer, as the owner of a process may have mounted it. */
static void a_process_that_cannot_be_looked_at_in_time_holds_up_nobody(void **state)
{
	const pid_t pids[] = {getpid(), 77};
	struct findings findings = {0};
	char name[64], target[64];
	void *area;

	(void)state;
	make("libx.so.1");
	area = map("libx.so.1", PROT_READ | PROT_EXEC);
	make("libx.so.new");
	assert_return_code(rename(in("libx.so.new"), in("libx.so.1")), errno);
	assert_return_code(mkdir(in("proc"), 0755), errno);
	assert_return_code(mkdir(in("proc/77"), 0755), errno);
	assert_return_code(symlink("/", in("proc/77/root")), errno);
	assert_return_code(symlink("/bin/true", in("proc/77/exe")), errno);
	assert_return_code(mkfifo(in("proc/77/maps"), 0600), errno);
	snprintf(name, sizeof(name), "proc/%d", (int)getpid());
	snprintf(target, sizeof(target), "/proc/%d", (int)getpid());
	assert_return_code(symlink(target, in(name)), errno);
	cgroup_proc_given = in("proc");
	apart_usec_given = 2 * USEC_PER_SEC;
	alarm(60);
	assert_int_equal(apart_look("x@blue.service", pids, 2, SUBJECT_BLUE, &findings), -ETIME);
	alarm(0);
	cgroup_proc_given = NULL;
	apart_usec_given = 0;
	/* What was found before counts. */
	assert_true(findings_of(&findings, SUBJECT_BLUE));
	findings_clear(&findings);
	munmap(area, PAGE);
}

static void what_is_found_apart_is_what_was_found(void **state)
{
	const char *name = "lib x%\n.so.1";
	const pid_t pid = getpid();
	struct findings findings = {0};
	bool found_it = false;
	void *area;

	(void)state;
	make(name);
	area = map(name, PROT_READ | PROT_EXEC);
	assert_return_code(unlink(in(name)), errno);
	assert_int_equal(apart_look("x@blue.service", &pid, 1, SUBJECT_GREEN, &findings), 0);
	for (size_t i = 0; i < findings.count; i++)
		if (strcmp(findings.items[i].path, in(name)) == 0)
			found_it = findings.items[i].certain &&
				   findings.items[i].subject == SUBJECT_GREEN &&
				   strcmp(findings.items[i].identity, "-") == 0;
	assert_true(found_it);
	findings_clear(&findings);
	munmap(area, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		process_test(a_library_that_is_in_its_place_is_current),
		process_test(a_library_that_was_replaced_is_found),
		process_test(what_is_gone_is_found_by_a_librarys_name),
		process_test(data_that_is_rotated_is_a_packages_affair),
		process_test(a_name_that_ends_like_a_deleted_one_is_a_name),
		process_test(memory_is_no_file),
		process_test(a_program_that_was_replaced_is_found),
		process_test(a_process_is_looked_at_as_it_sees_its_files),
		process_test(a_process_that_has_changed_its_root_is_looked_at_in_it),
		process_test(a_process_that_has_gone_has_nothing),
		process_test(processes_of_a_group_and_those_below_are_listed),
		process_test(a_group_has_a_limit),
		process_test(a_process_that_cannot_be_looked_at_in_time_holds_up_nobody),
		process_test(what_is_found_apart_is_what_was_found),
		process_test(a_lock_is_seen_and_waited_for_and_not_taken),
		process_test(a_run_between_its_locks_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
