/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "recheck-maps.h"

static void a_library_is_read_whole(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_true(mapping_parse(
		"7f0c1a228000-7f0c1a37d000 r-xp 00028000 fe:01 1315074                 "
		"   /usr/lib/x86_64-linux-gnu/libc.so.6\n",
		&mapping));
	assert_string_equal(mapping.range, "7f0c1a228000-7f0c1a37d000");
	assert_string_equal(mapping.path, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	assert_int_equal(mapping.inode, 1315074);
	assert_true(mapping.executable);
	assert_false(mapping.deleted);
}

static void the_range_is_what_map_files_calls_it(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_true(
		mapping_parse("00400000-0040b000 r--p 00000000 00:1b 7 /opt/app/bin", &mapping));
	assert_string_equal(mapping.range, "400000-40b000");
	assert_false(mapping.executable);
}

static void deleted_is_no_part_of_the_path(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_true(mapping_parse(
		"1000-2000 r-xp 00000000 fe:01 5 /usr/lib/libx.so.1 (deleted)\n", &mapping));
	assert_true(mapping.deleted);
	assert_string_equal(mapping.path, "/usr/lib/libx.so.1");
}

static void a_newline_in_a_path_is_one_again(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_true(mapping_parse("1000-2000 r-xp 0 fe:01 5 /srv/a\\012b \\ c.so\n", &mapping));
	assert_string_equal(mapping.path, "/srv/a\nb \\ c.so");
}

static void what_no_package_brought_is_passed_over(void **state)
{
	static const char *const lines[] = {
		"",
		"1000-2000",
		"1000-2000 rw-p 00000000 00:00 0",
		"1000-2000 rw-p 00000000 00:00 0 [heap]",
		"1000-2000 r-xp 00000000 00:00 0 [vdso]",
		"1000-2000 rwxs 00000000 00:01 1026 /memfd:doublemapper (deleted)",
		"1000-2000 rw-s 00000000 00:01 3 /dev/zero (deleted)",
		"1000-2000 rwxs 00000000 00:18 3 /dev/shm/ffiQ1 (deleted)",
		"1000-2000 rw-s 00000000 00:01 0 /SYSV00000000 (deleted)",
		"1000-2000 rw-s 00000000 00:01 99 /SYSV0052e2c1 (deleted)",
		"1000-2000 rw-s 00000000 00:0f 12 /[aio] (deleted)",
		"1000-2000 rw-s 00000000 00:0f 12 /anon_hugepage (deleted)",
		"1000-2000 rw-s 00000000 00:0e 1 anon_inode:[perf_event]",
		"1000-2000 rw-s 00000000 00:0e 1 anon_inode:[io_uring]",
		"1000-2000 rwxp 00000000 fe:01 77 /tmp/ffi8JkYq2 (deleted)",
		"1000-2000 rwxp 00000000 fe:01 77 /var/tmp/x.so (deleted)",
		"1000-2000 r-xp 00000000 fe:01 77 /run/user/7/x.so (deleted)",
		"1000-2000 r--s 00000000 fe:01 77 /sys/kernel/btf/vmlinux",
		"word word word",
	};
	struct mapping mapping;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		if (mapping_parse(lines[i], &mapping))
			fail_msg("taken: %s", lines[i]);
}

static void a_path_that_is_too_long_is_passed_over(void **state)
{
	static char line[PATH_MAX + 100];
	struct mapping mapping;
	size_t n;

	(void)state;
	n = (size_t)snprintf(line, sizeof(line), "1000-2000 r-xp 0 fe:01 5 /");
	memset(line + n, 'a', PATH_MAX);
	assert_false(mapping_parse(line, &mapping));
	line[n + PATH_MAX - 2] = '\0';
	assert_true(mapping_parse(line, &mapping));
}

static void a_program_in_memory_is_none_of_a_package(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_false(executable_parse("/memfd:runc_cloned:/proc/self/exe (deleted)", &mapping));
	assert_true(executable_parse("/usr/bin/python3.11 (deleted)", &mapping));
	assert_true(mapping.deleted && mapping.executable);
	assert_string_equal(mapping.path, "/usr/bin/python3.11");
}

#define OUTDATED JUDGEMENT_OUTDATED
#define CURRENT	 JUDGEMENT_CURRENT
#define PACKAGED JUDGEMENT_IF_PACKAGED

static void a_mapping_is_judged_by_what_is_in_its_place(void **state)
{
	static const struct {
		const char *path;
		bool executable, deleted;
		enum place place;
		enum judgement wanted;
	} rows[] = {
		/* There, and it is that one. */
		{"/usr/lib/libx.so.1", true, false, PLACE_SAME, CURRENT},
		{"/usr/lib/libx.so.1", true, true, PLACE_SAME, CURRENT},
		/* An upgrade puts another file there: deleted first, then seen by its inode alone.
		 */
		{"/usr/lib/libx.so.1", true, true, PLACE_OTHER, OUTDATED},
		{"/usr/lib/libx.so.1", true, false, PLACE_OTHER, OUTDATED},
		{"/srv/app/venv/lib/x.so", true, true, PLACE_OTHER, OUTDATED},
		/* libx.so.1.2.3 has become libx.so.1.2.4. */
		{"/usr/lib/libx.so.1.2.3", true, true, PLACE_NOTHING, OUTDATED},
		{"/usr/bin/app", true, true, PLACE_NOTHING, OUTDATED},
		{"/opt/app/bin/server", true, true, PLACE_NOTHING, OUTDATED},
		{"/srv/app/libx.so.1", true, true, PLACE_NOTHING, OUTDATED},
		{"/srv/app/_x.cpython-311-x86_64-linux-gnu.so", true, true, PLACE_NOTHING,
			OUTDATED},
		/* libffi and others: code in a file that has no name any more. */
		{"/srv/app/ffiK2x9aB", true, true, PLACE_NOTHING, PACKAGED},
		{"/srv/app/.so.x", true, true, PLACE_NOTHING, PACKAGED},
		{"/srv/app/x.socket", true, true, PLACE_NOTHING, PACKAGED},
		/* Data: an app's own is rotated, a package's is upgraded. */
		{"/var/lib/app/table.db", false, true, PLACE_OTHER, PACKAGED},
		{"/usr/share/zoneinfo/tzdata.bin", false, true, PLACE_OTHER, PACKAGED},
		/* In a root or below a mount that is out of sight. */
		{"/usr/lib/libx.so.1", true, false, PLACE_NOTHING, CURRENT},
		{"/data", false, false, PLACE_NOTHING, CURRENT},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct mapping mapping = {
			.executable = rows[i].executable, .deleted = rows[i].deleted};

		snprintf(mapping.path, sizeof(mapping.path), "%s", rows[i].path);
		if (mapping_judge(&mapping, rows[i].place) != rows[i].wanted)
			fail_msg("row %zu: %s", i, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_library_is_read_whole),
		cmocka_unit_test(the_range_is_what_map_files_calls_it),
		cmocka_unit_test(deleted_is_no_part_of_the_path),
		cmocka_unit_test(a_newline_in_a_path_is_one_again),
		cmocka_unit_test(what_no_package_brought_is_passed_over),
		cmocka_unit_test(a_path_that_is_too_long_is_passed_over),
		cmocka_unit_test(a_program_in_memory_is_none_of_a_package),
		cmocka_unit_test(a_mapping_is_judged_by_what_is_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
