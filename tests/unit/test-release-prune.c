/* SPDX-License-Identifier: MIT */
/*
 * release-prune.c and release-tree.c on a real file system, mounts included: what goes, what stays,
 * and that nobody waits for it. Runs as root.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "release-stand.h"

static const char *const nobody_spared[] = {NULL};

struct pruned {
	sd_event *event;
	int removed;
	int told;
	char why[RELEASE_REASON_MAX];
};

static void on_pruned(void *owner, int removed, const char *why)
{
	struct pruned *pruned = owner;

	pruned->removed = removed;
	pruned->told++;
	snprintf(pruned->why, sizeof(pruned->why), "%s", why);
	sd_event_exit(pruned->event, 0);
}

static struct pruned prune(const char *directory, uint32_t keep, const char *const *spared)
{
	_cleanup_(cleanup_release_prune_end) struct release_prune *begun = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct pruned pruned = {0};

	assert_return_code(sd_event_new(&event), 0);
	pruned.event = event;
	assert_return_code(
		release_prune_begin(event, directory, keep, spared, on_pruned, &pruned, &begun), 0);
	assert_int_equal(pruned.told, 0);
	assert_return_code(sd_event_loop(event), 0);
	assert_int_equal(pruned.told, 1);
	return pruned;
}

static void oldest_go_and_the_spared_stay(void **state)
{
	static const char *const spared[] = {"v1", "v3", NULL};

	for (int i = 1; i <= 6; i++) {
		char tag[16];

		snprintf(tag, sizeof(tag), "v%d", i);
		make_release(*state, tag, 100 - i);
	}
	assert_int_equal(prune(*state, 2, spared).removed, 2);
	assert_true(there(*state, "v6"));
	assert_true(there(*state, "v5"));
	assert_false(there(*state, "v4"));
	assert_true(there(*state, "v3"));
	assert_false(there(*state, "v2"));
	assert_true(there(*state, "v1"));
	assert_false(there(*state, ".v4.removing"));
	assert_false(there(*state, ".v2.removing"));
	assert_int_equal(prune(*state, 2, spared).removed, 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void link_is_removed_and_not_where_it_leads(void **state)
{
	make_release(*state, "v9", 0);
	assert_return_code(mkdir(in(*state, "elsewhere"), 0755), errno);
	make_release(in(*state, "elsewhere"), "build", 0);
	assert_return_code(symlink("elsewhere/build", in(*state, "v1")), errno);
	assert_int_equal(prune(*state, 0, (const char *const[]){"elsewhere", NULL}).removed, 2);
	assert_false(there(*state, "v1"));
	assert_true(there(*state, "elsewhere/build/app.py"));
}

static void leftovers_go_too(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	make_release(*state, ".v1.removing", 0);
	make_release(*state, ".v2.unpacking", 0);
	make_release(*state, "v1", 0);
	make_release(*state, "v2", 10);
	make_release(*state, ".git", 0);
	make_file(*state, ".v3.download");
	make_file(*state, ".v4.download");
	make_file(*state, ".v4.download.etag");
	assert_return_code(utimensat(AT_FDCWD, in(*state, ".v4.download"), old, 0), errno);
	assert_return_code(utimensat(AT_FDCWD, in(*state, ".v4.download.etag"), old, 0), errno);
	assert_int_equal(prune(*state, 0, nobody_spared).removed, 2);
	assert_false(there(*state, "v1"));
	assert_false(there(*state, ".v1.removing"));
	assert_false(there(*state, ".v1.1.removing"));
	assert_false(there(*state, ".v2.unpacking"));
	assert_true(there(*state, ".git"));
	assert_true(there(*state, ".v3.download"));
	assert_false(there(*state, ".v4.download"));
	assert_false(there(*state, ".v4.download.etag"));
}

static void directory_without_any_bits_goes_for_its_owner(void **state)
{
	const char *dir = in(*state, "releases");
	int status;
	pid_t pid;

	assert_return_code(mkdir(dir, 0755), errno);
	make_release(dir, "v1", 0);
	assert_return_code(chmod(in(dir, "v1/lib"), 0), errno);
	assert_return_code(chmod(in(dir, "v1"), 0500), errno);
	assert_return_code(chown(dir, 1000, 1000), errno);
	assert_return_code(chown(in(dir, "v1"), 1000, 1000), errno);
	assert_return_code(chown(in(dir, "v1/lib"), 1000, 1000), errno);
	pid = fork();
	if (pid == 0) {
		bool done = setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0 &&
			    prune(dir, 0, nobody_spared).removed == 1;

		_exit(done ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(there(dir, "v1"));
	assert_false(there(dir, ".v1.removing"));
}

static void release_of_somebody_else_stays_where_it_is(void **state)
{
	const char *dir = in(*state, "releases");
	int status;
	pid_t pid;

	assert_return_code(mkdir(dir, 0755), errno);
	make_release(dir, "v1", 0);
	assert_return_code(chown(dir, 1000, 1000), errno);
	pid = fork();
	if (pid == 0) {
		struct pruned pruned = {0};
		bool done = setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0;

		if (done)
			pruned = prune(dir, 0, nobody_spared);
		_exit(pruned.removed == -EACCES &&
					strstr(pruned.why,
						"/v1 cannot be removed: Permission denied; give it")
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(there(dir, "v1"));
	assert_false(there(dir, ".v1.removing"));
}

static void deep_tree_goes_and_a_deeper_one_is_named(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY);
	struct pruned pruned;

	for (int i = 0; i < TREE_DEPTH_MAX + 1; i++) {
		const char *name = i == 0 ? "v1" : "d";
		int next;

		assert_return_code(mkdirat(fd, name, 0755), errno);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
	}
	close(fd);
	pruned = prune(*state, 0, nobody_spared);
	assert_int_equal(pruned.removed, -EIO);
	assert_non_null(strstr(pruned.why, "/.v1.removing/d/d/"));
	assert_false(there(*state, "v1"));
	/* One level less, and nothing is left. */
	assert_return_code(rename(in(*state, ".v1.removing/d"), in(*state, "v2")), errno);
	assert_int_equal(prune(*state, 0, nobody_spared).removed, 1);
	assert_false(there(*state, ".v1.removing"));
	assert_false(there(*state, ".v2.removing"));
}

static void file_system_that_is_mounted_inside_is_not_entered(void **state)
{
	struct pruned pruned;

	assert_return_code(unshare(CLONE_NEWNS), errno);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	make_release(*state, "v1", 0);
	make_release(*state, "data", 0);
	/* A bind mount of the same file system has the same device number. */
	assert_return_code(
		mount(in(*state, "data"), in(*state, "v1/lib"), NULL, MS_BIND, NULL), errno);
	pruned = prune(*state, 0, (const char *const[]){"data", NULL});
	assert_return_code(umount(in(*state, ".v1.removing/lib")), errno);
	assert_int_equal(pruned.removed, -EIO);
	assert_non_null(strstr(pruned.why, "a file system is mounted there; unmount it"));
	assert_true(there(*state, "data/app.py"));
}

static void directory_that_cannot_be_written_is_one_sentence(void **state)
{
	struct pruned pruned;

	assert_return_code(unshare(CLONE_NEWNS), errno);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	make_release(*state, "v1", 0);
	assert_return_code(mount(*state, *state, NULL, MS_BIND, NULL), errno);
	assert_return_code(
		mount(NULL, *state, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), errno);
	pruned = prune(*state, 0, nobody_spared);
	assert_return_code(umount(*state), errno);
	assert_int_equal(pruned.removed, -EROFS);
	assert_non_null(strstr(pruned.why, "/v1 cannot be removed: Read-only file system; mount"));
	pruned = prune(in(*state, "none"), 0, nobody_spared);
	assert_int_equal(pruned.removed, -ENOENT);
	assert_non_null(strstr(pruned.why, "/none cannot be read: No such file"));
}

static void loop_turns_while_a_large_release_goes(void **state)
{
	_cleanup_(cleanup_release_prune_end) struct release_prune *begun = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct pruned pruned = {0};
	uint64_t before, longest = 0;
	char name[32];

	make_release(*state, "v1", 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "v1/lib/%d", i);
		assert_return_code(mknod(in(*state, name), S_IFREG | 0644, 0), errno);
	}
	assert_return_code(sd_event_new(&event), 0);
	pruned.event = event;
	before = now_usec();
	assert_return_code(
		release_prune_begin(event, *state, 0, nobody_spared, on_pruned, &pruned, &begun),
		0);
	longest = now_usec() - before;
	assert_false(there(*state, "v1"));
	assert_return_code(sd_event_loop(event), 0);
	assert_int_equal(pruned.removed, 1);
	assert_true(longest < USEC_PER_SEC);
	assert_false(there(*state, ".v1.removing"));
}

static void prune_that_is_ended_is_finished_by_the_next(void **state)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct pruned pruned = {0};
	struct release_prune *begun;

	make_release(*state, "v1", 0);
	assert_return_code(sd_event_new(&event), 0);
	assert_return_code(
		release_prune_begin(event, *state, 0, nobody_spared, on_pruned, &pruned, &begun),
		0);
	begun = release_prune_end(begun);
	assert_null(begun);
	assert_int_equal(pruned.told, 0);
	assert_false(there(*state, "v1"));
	assert_int_equal(prune(*state, 0, nobody_spared).removed, 0);
	assert_false(there(*state, ".v1.removing"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		stand_test(oldest_go_and_the_spared_stay),
		stand_test(link_is_removed_and_not_where_it_leads),
		stand_test(leftovers_go_too),
		stand_test(directory_without_any_bits_goes_for_its_owner),
		stand_test(release_of_somebody_else_stays_where_it_is),
		stand_test(deep_tree_goes_and_a_deeper_one_is_named),
		stand_test(file_system_that_is_mounted_inside_is_not_entered),
		stand_test(directory_that_cannot_be_written_is_one_sentence),
		stand_test(loop_turns_while_a_large_release_goes),
		stand_test(prune_that_is_ended_is_finished_by_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
