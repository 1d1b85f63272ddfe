/* SPDX-License-Identifier: MIT */
/*
 * listener.c: whose port it is, from what the kernel says of the listener's control group. The
 * socket table and the tree of control groups are this test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup.h"
#include "listener.h"

static struct sockdiag_port table;
static int table_error;

int sockdiag_read_listener(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	(void)sockdiag;
	(void)port;
	if (table_error < 0)
		return table_error;
	*ret_port = table;
	return 0;
}

static char root[] = "/tmp/test-listener-XXXXXX";
static const char *const paths[] = {"/system.slice/app@blue.service", "/user.slice/squatter"};
static uint64_t ids[2], worker_id;
static char sentence[256];

static uint64_t group_make(const char *group)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", root, group);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_ino;
}

/* A tree of control groups of the test's own: to the kernel an id is the inode of a directory. */
static int tree_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	cgroup_root_given = cgroup_proc_given = root;
	group_make("/system.slice");
	group_make("/user.slice");
	for (size_t i = 0; i < 2; i++)
		ids[i] = group_make(paths[i]);
	worker_id = group_make("/system.slice/app@blue.service/worker");
	return 0;
}

static int tree_remove(void **state)
{
	static const char *const groups[] = {"/system.slice/app@blue.service/worker",
		"/system.slice/app@blue.service", "/system.slice", "/user.slice/squatter",
		"/user.slice", ""};
	char path[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(groups); i++) {
		snprintf(path, sizeof(path), "%s%s", root, groups[i]);
		assert_int_equal(rmdir(path), 0);
	}
	return 0;
}

static void put(const char *dir, const char *name, const char *content)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/%s", root, dir);
	r = file_write_atomic(path, name, content, 0600);
	assert_int_equal(r, 0);
}

static void drop(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(remove(path), 0);
}

static int begin(void **state)
{
	(void)state;
	table = (struct sockdiag_port){.listening = true, .uid = 1000, .inode = 1};
	table_error = 0;
	sentence[0] = '\0';
	return 0;
}

static enum listener find(const char *group)
{
	return listener_find(NULL, 9000, group, sentence, sizeof(sentence));
}

static void nobody_listens(void **state)
{
	(void)state;
	table.listening = false;
	assert_int_equal(find(paths[0]), LISTENER_NONE);
}

static void a_table_that_cannot_be_read_tells_nothing(void **state)
{
	(void)state;
	table_error = -EAGAIN;
	assert_int_equal(find(paths[0]), LISTENER_UNTOLD);
}

static void a_kernel_that_does_not_tell_the_group_tells_nothing(void **state)
{
	(void)state;
	table.cgroup_id = 0;
	assert_int_equal(find(paths[0]), LISTENER_UNTOLD);
}

static void a_process_of_the_unit_is_ours(void **state)
{
	(void)state;
	table.cgroup_id = ids[0];
	assert_int_equal(find(paths[0]), LISTENER_OURS);
}

static void a_process_below_the_unit_is_ours_too(void **state)
{
	(void)state;
	table.cgroup_id = worker_id;
	assert_int_equal(find(paths[0]), LISTENER_OURS);
}

static void a_process_elsewhere_is_a_stranger_and_is_named(void **state)
{
	(void)state;
	table.cgroup_id = ids[1];
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_non_null(strstr(sentence, "port 9000"));
	assert_non_null(strstr(sentence, "uid 1000"));
	assert_non_null(strstr(sentence, paths[1]));
}

static void a_process_that_is_alone_in_its_group_is_named(void **state)
{
	(void)state;
	table.cgroup_id = ids[1];
	table.uid = 0;
	put("user.slice/squatter", "cgroup.procs", "77\n");
	group_make("/77");
	put("77", "comm", "nginx\n");
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_string_equal(sentence,
		"port 9000 is held by pid 77 (nginx), uid 0 (root), in /user.slice/squatter");
	drop("77/comm");
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_string_equal(
		sentence, "port 9000 is held by pid 77, uid 0 (root), in /user.slice/squatter");
	drop("77");
	drop("user.slice/squatter/cgroup.procs");
}

/* As root its descriptors are to be seen; as the supervisor's own user they are not. */
static void of_several_processes_the_one_with_the_socket_is_named(void **state)
{
	char link[128];

	(void)state;
	table.cgroup_id = ids[1];
	table.inode = 4711;
	table.uid = 4000000000;
	put("user.slice/squatter", "cgroup.procs", "77\n78\n0\n");
	group_make("/77");
	put("77", "comm", "master\n");
	group_make("/78");
	put("78", "comm", "worker \033[1m\n");
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_string_equal(sentence,
		"port 9000 is held by one of 2 processes, the first is pid 77 (master), uid "
		"4000000000, in /user.slice/squatter");
	group_make("/78/fd");
	snprintf(link, sizeof(link), "%s/78/fd/3", root);
	assert_int_equal(symlink("socket:[4711]", link), 0);
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_non_null(strstr(sentence, "held by pid 78 (worker ?[1m), uid 4000000000, in"));
	drop("78/fd/3");
	drop("78/fd");
	drop("78/comm");
	drop("77/comm");
	drop("78");
	drop("77");
	drop("user.slice/squatter/cgroup.procs");
}

/* ListenStream= of the unit's own .socket. */
static void what_systemd_itself_holds_is_nobodys(void **state)
{
	(void)state;
	table.cgroup_id = group_make("/init.scope");
	assert_int_equal(find(paths[0]), LISTENER_UNTOLD);
	drop("init.scope");
}

static void whoever_listens_while_the_unit_has_no_process_is_a_stranger(void **state)
{
	(void)state;
	table.cgroup_id = ids[1];
	assert_int_equal(find(""), LISTENER_STRANGER);
}

static void a_stranger_whose_group_is_not_seen_from_here_is_told_by_its_number(void **state)
{
	(void)state;
	table.cgroup_id = UINT64_MAX - 1;
	assert_int_equal(find(paths[0]), LISTENER_STRANGER);
	assert_non_null(strstr(sentence, "18446744073709551614"));
	assert_non_null(strstr(sentence, "ss -tlnp"));
}

static void where_no_group_is_seen_from_here_nothing_is_told(void **state)
{
	(void)state;
	table.cgroup_id = UINT64_MAX - 1;
	assert_int_equal(find("/no/such/unit.service"), LISTENER_UNTOLD);
}

/* systemd removes the group when the last process ends; a probe may be answered before it says so.
 */
static void who_listens_when_the_units_group_is_gone_is_a_stranger(void **state)
{
	(void)state;
	table.cgroup_id = ids[1];
	assert_int_equal(find("/no/such/unit.service"), LISTENER_STRANGER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_listens, begin),
		cmocka_unit_test_setup(a_table_that_cannot_be_read_tells_nothing, begin),
		cmocka_unit_test_setup(a_kernel_that_does_not_tell_the_group_tells_nothing, begin),
		cmocka_unit_test_setup(a_process_of_the_unit_is_ours, begin),
		cmocka_unit_test_setup(a_process_below_the_unit_is_ours_too, begin),
		cmocka_unit_test_setup(a_process_elsewhere_is_a_stranger_and_is_named, begin),
		cmocka_unit_test_setup(a_process_that_is_alone_in_its_group_is_named, begin),
		cmocka_unit_test_setup(
			of_several_processes_the_one_with_the_socket_is_named, begin),
		cmocka_unit_test_setup(what_systemd_itself_holds_is_nobodys, begin),
		cmocka_unit_test_setup(
			whoever_listens_while_the_unit_has_no_process_is_a_stranger, begin),
		cmocka_unit_test_setup(
			a_stranger_whose_group_is_not_seen_from_here_is_told_by_its_number, begin),
		cmocka_unit_test_setup(where_no_group_is_seen_from_here_nothing_is_told, begin),
		cmocka_unit_test_setup(
			who_listens_when_the_units_group_is_gone_is_a_stranger, begin),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
