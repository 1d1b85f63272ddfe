/* SPDX-License-Identifier: MIT */
/*
 * memory.c: over a control group, a /proc and a state directory of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup.h"
#include "memory.h"

#define GROUP "/app@blue.service"

static char dir[] = "/tmp/test-memory-XXXXXX";
static char group[sizeof(dir) + sizeof(GROUP)];
static const char *const names[] = {"memory.current", "memory.peak", "memory.stat"};

static void put(const char *where, const char *name, const char *content)
{
	assert_int_equal(file_write_atomic(where, name, content, 0600), 0);
}

static void drop(const char *where, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	(void)unlink(path);
}

static int begin(void **state)
{
	(void)state;
	put(group, "memory.current", "3000000\n");
	put(group, "memory.peak", "9000000\n");
	put(group, "memory.stat",
		"anon 1500000\nfile 1400000\nkernel 100000\ninactive_file 500000\n"
		"active_file 400000\nslab_reclaimable 100000\nslab_unreclaimable 7\n");
	put(dir, "meminfo",
		"MemTotal:       16000000 kB\nMemFree:        1 kB\n"
		"MemAvailable:    2048 kB\n");
	drop(dir, "memory");
	return 0;
}

static int make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(group, sizeof(group), "%s%s", dir, GROUP);
	assert_int_equal(mkdir(group, 0700), 0);
	cgroup_root_given = cgroup_proc_given = dir;
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++)
		drop(group, names[i]);
	drop(dir, "meminfo");
	drop(dir, "memory");
	return rmdir(group) < 0 ? -1 : rmdir(dir);
}

static void what_can_be_taken_back_is_not_used(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(memory_used(GROUP, &bytes), 0);
	assert_true(bytes == 2000000);
}

static void what_is_available_is_told_in_bytes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(memory_available(&bytes), 0);
	assert_true(bytes == 2048 * 1024);
	put(dir, "meminfo", "MemTotal: 16000000 kB\n");
	assert_int_equal(memory_available(&bytes), -EBADMSG);
}

static void what_was_learned_is_kept_and_replaced(void **state)
{
	uint64_t peak;

	(void)state;
	assert_int_equal(memory_learned(dir, &peak), -ENODATA);
	assert_int_equal(memory_learn(dir, COLOR_BLUE, GROUP), 0);
	assert_int_equal(memory_learned(dir, &peak), 0);
	assert_true(peak == 8000000);
	put(group, "memory.peak", "4000000\n");
	assert_int_equal(memory_learn(dir, COLOR_BLUE, GROUP), 0);
	assert_int_equal(memory_learned(dir, &peak), 0);
	assert_true(peak == 3000000);
}

static void an_old_kernel_tells_what_there_is_now(void **state)
{
	uint64_t peak;

	(void)state;
	drop(group, "memory.peak");
	assert_int_equal(memory_learn(dir, COLOR_BLUE, GROUP), 0);
	assert_int_equal(memory_learned(dir, &peak), 0);
	assert_true(peak == 2000000);
}

static void a_group_that_is_not_counted_teaches_nothing_and_what_was_known_stays(void **state)
{
	uint64_t peak;

	(void)state;
	assert_int_equal(memory_learn(dir, COLOR_BLUE, GROUP), 0);
	assert_int_equal(memory_learn(dir, COLOR_BLUE, "/nowhere"), -ENOENT);
	assert_int_equal(memory_learn(dir, COLOR_BLUE, ""), -ENOENT);
	put(group, "memory.peak", "max\n");
	assert_int_equal(memory_learn(dir, COLOR_BLUE, GROUP), -EBADMSG);
	assert_int_equal(memory_learned(dir, &peak), 0);
	assert_true(peak == 8000000);
}

static void a_file_that_is_garbage_is_no_knowledge(void **state)
{
	static const char *const contents[] = {"", "PEAK=", "PEAK=-1\n", "PEAK=12x\n", "XPEAK=12\n",
		"PEAK=99999999999999999999999\n", "PEAK 12\n"};
	uint64_t peak;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(contents); i++) {
		put(dir, "memory", contents[i]);
		assert_int_equal(memory_learned(dir, &peak), -ENODATA);
	}
	put(dir, "memory", "# by hand\nPEAK=12");
	assert_int_equal(memory_learned(dir, &peak), 0);
	assert_true(peak == 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_can_be_taken_back_is_not_used, begin),
		cmocka_unit_test_setup(what_is_available_is_told_in_bytes, begin),
		cmocka_unit_test_setup(what_was_learned_is_kept_and_replaced, begin),
		cmocka_unit_test_setup(an_old_kernel_tells_what_there_is_now, begin),
		cmocka_unit_test_setup(
			a_group_that_is_not_counted_teaches_nothing_and_what_was_known_stays,
			begin),
		cmocka_unit_test_setup(a_file_that_is_garbage_is_no_knowledge, begin),
	};

	return cmocka_run_group_tests(tests, make, end);
}
