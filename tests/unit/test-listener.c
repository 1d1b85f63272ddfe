/* SPDX-License-Identifier: MIT */
/*
 * listener.c: whose port it is, from what the kernel says of the listener's control group. The
 * socket table is this test's own; the control groups are those of the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "listener.h"

static struct sockdiag_port table;
static int table_error;

int sockdiag_read_port(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	(void)sockdiag;
	(void)port;
	if (table_error < 0)
		return table_error;
	*ret_port = table;
	return 0;
}

/* Two directories below the unified hierarchy, beside each other; false if there are not so many
 * here (a container without control groups). */
static bool groups_find(char ret_paths[2][256], uint64_t ret_ids[2])
{
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	char path[512];
	struct stat st;
	size_t found = 0;

	for (size_t i = 0; i < ELEMENTS(roots) && found == 0; i++) {
		struct dirent *entry;
		DIR *dir;

		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		dir = stat(path, &st) == 0 ? opendir(roots[i]) : NULL;
		while (dir && found < 2 && (entry = readdir(dir))) {
			if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
				strlen(entry->d_name) > 200)
				continue;
			snprintf(path, sizeof(path), "%s/%.200s", roots[i], entry->d_name);
			if (stat(path, &st) < 0)
				continue;
			snprintf(ret_paths[found], 256, "/%.200s", entry->d_name);
			ret_ids[found++] = (uint64_t)st.st_ino;
		}
		if (dir)
			closedir(dir);
	}
	return found == 2;
}

static char paths[2][256];
static uint64_t ids[2];
static char sentence[256];

static int begin(void **state)
{
	(void)state;
	table = (struct sockdiag_port){.listening = true, .uid = 1000, .inode = 1};
	table_error = 0;
	sentence[0] = '\0';
	if (!groups_find(paths, ids))
		skip();
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
	table.cgroup_id = ids[0];
	assert_int_equal(find("/"), LISTENER_OURS);
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

static void a_unit_whose_group_is_not_seen_from_here_tells_nothing(void **state)
{
	(void)state;
	table.cgroup_id = ids[1];
	assert_int_equal(find("/no/such/unit.service"), LISTENER_UNTOLD);
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
		cmocka_unit_test_setup(
			whoever_listens_while_the_unit_has_no_process_is_a_stranger, begin),
		cmocka_unit_test_setup(
			a_stranger_whose_group_is_not_seen_from_here_is_told_by_its_number, begin),
		cmocka_unit_test_setup(
			a_unit_whose_group_is_not_seen_from_here_tells_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
