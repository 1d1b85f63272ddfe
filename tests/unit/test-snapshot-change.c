/* SPDX-License-Identifier: MIT */
/*
 * What snapshot-copy.c and snapshot.c make of code that changes while it is copied: the copying of
 * a file is this test's own, and changes another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot-file.h"
#include "snapshot-stand.h"

static const char *changed; /* whenever a file is copied; NULL: no more */
static const char *gone, *late;
static char counter[PATH_MAX]; /* how often a file was copied, all children together */

static void count(void)
{
	int fd = open(counter, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	(void)!write(fd, "x", 1);
	close(fd);
}

static off_t counted(void)
{
	struct stat st;

	return stat(counter, &st) < 0 ? 0 : st.st_size;
}

int snapshot_file_copy(int from, int to, uint64_t size, struct snapshot_file_way *way)
{
	char buffer[4096];
	ssize_t n = read(from, buffer, sizeof(buffer));

	(void)size;
	count();
	way->copied++;
	if (changed)
		put(changed, "changed\n");
	if (gone && counted() == 1)
		(void)unlink(gone);
	if (late && counted() == 1)
		put(late, "new\n");
	return n < 0 || write(to, buffer, (size_t)n) != n ? -EIO : 0;
}

const char *snapshot_file_told(const struct snapshot_file_way *way)
{
	(void)way;
	return "by the test";
}

static const char *begin(const char *dir)
{
	changed = gone = late = NULL;
	snprintf(counter, sizeof(counter), "%s/counter", dir);
	code_make(dir);
	return dir;
}

static void code_that_changes_all_the_time_is_given_up(void **state)
{
	const char *dir = begin(*state);
	struct made made;

	changed = in(dir, "code/app.py");
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_FAILED);
	assert_non_null(strstr(made.text, "the code was changed while it was copied, 3 times"));
	assert_non_null(strstr(made.text, "code/app.py was changed while it was copied"));
	assert_int_equal(entries_of(in(dir, "releases")), 0);
	assert_false(there(dir, "releases/.snapshot.copying"));
	changed = NULL;
	assert_int_equal(snapshot(dir).result, SNAPSHOT_MADE);
}

static void code_that_goes_once_is_copied_again(void **state)
{
	const char *dir = begin(*state);
	struct made made;

	put(in(dir, "lib/old.py"), "old\n");
	gone = in(dir, "lib/old.py");
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_false(there(in(in(dir, "releases"), made.tag), in(dir, "lib/old.py") + 1));
	assert_true(has(copied(dir, &made, "lib/core.py"), "version = 1\n"));
}

/* Behind the walk, where only the second look finds it. */
static void code_that_comes_once_is_copied_again(void **state)
{
	const char *dir = begin(*state);
	struct made made;

	late = in(dir, "code/aaa.py");
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_true(has(copied(dir, &made, "code/aaa.py"), "new\n"));
	assert_true(counted() > 3);
}

/* By an interpreter that somebody runs in place. */
static void byte_code_that_comes_is_no_change(void **state)
{
	const char *dir = begin(*state);
	struct made made;

	assert_return_code(mkdir(in(dir, "code/__pycache__"), 0755), errno);
	changed = in(dir, "code/__pycache__/app.cpython-311.pyc");
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	assert_non_null(strstr(made.text, "by the test"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		stand_test(code_that_changes_all_the_time_is_given_up),
		stand_test(code_that_goes_once_is_copied_again),
		stand_test(code_that_comes_once_is_copied_again),
		stand_test(byte_code_that_comes_is_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
