/* SPDX-License-Identifier: MIT */
/*
 * snapshot-compare.c and snapshot-manifest.c: what counts as a difference, and from which snapshot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot-stand.h"

static void code_that_is_the_same_is_not_copied_again(void **state)
{
	const char *dir = *state;
	char path[PATH_MAX];
	struct made first;

	code_make(dir);
	assert_int_equal(state_of(dir, path), SNAPSHOT_NONE);
	first = snapshot(dir);
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	/* As a package that is installed again puts it there: another file with the same content.
	 */
	put(in(dir, "code/.new"), "import views\n");
	assert_return_code(rename(in(dir, "code/.new"), in(dir, "code/app.py")), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	/* And as root's python leaves it. */
	assert_return_code(mkdir(in(dir, "code/__pycache__"), 0755), errno);
	put(in(dir, "code/__pycache__/app.cpython-311.pyc"), "code");
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_UNCHANGED);
	assert_string_equal(snapshot(dir).tag, first.tag);
	assert_int_equal(entries_of(in(dir, "releases")), 1);
}

static void every_difference_is_one(void **state)
{
	const char *dir = *state;
	char path[PATH_MAX];

	code_make(dir);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_MADE);
	put(in(dir, "lib/core.py"), "version = 2\n");
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_string_equal(path, in(dir, "lib/core.py"));
	put(in(dir, "lib/core.py"), "version = 1\n");
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);

	put(in(dir, "code/views/new.py"), "");
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_string_equal(path, in(dir, "code/views/new.py"));
	assert_return_code(unlink(in(dir, "code/views/new.py")), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);

	assert_return_code(rename(in(dir, "code/views"), in(dir, "code/zviews")), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_string_equal(path, in(dir, "code/views"));
	assert_return_code(rename(in(dir, "code/zviews"), in(dir, "code/views")), errno);

	assert_return_code(chmod(in(dir, "code/app.py"), 0600), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_string_equal(path, in(dir, "code/app.py"));
	assert_return_code(chmod(in(dir, "code/app.py"), 0644), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);

	assert_return_code(unlink(in(dir, "lib/core.py")), errno);
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_string_equal(path, in(dir, "lib/core.py"));
}

static void the_newest_counts_even_if_it_was_no_good(void **state)
{
	const char *dir = *state;
	struct made first, second;
	char path[PATH_MAX];

	code_make(dir);
	first = snapshot(dir);
	put(in(dir, "lib/core.py"), "broken\n");
	second = snapshot(dir);
	assert_int_equal(second.result, SNAPSHOT_MADE);
	assert_string_not_equal(first.tag, second.tag);
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	snapshot_forget(in(dir, "releases"), 0, (const char *[]){second.tag, first.tag, NULL});
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	snapshot_forget(in(dir, "releases"), UINT64_MAX, (const char *[]){NULL});
	assert_int_equal(state_of(dir, path), SNAPSHOT_SAME);
	snapshot_forget(in(dir, "releases"), 0, (const char *[]){first.tag, NULL});
	assert_int_equal(state_of(dir, path), SNAPSHOT_DIFFERS);
	assert_int_equal(entries_of(in(dir, "releases")), 2);
}

static void other_directories_have_another_snapshot(void **state)
{
	const char *dir = *state, *const code[] = {in(dir, "code"), NULL};
	const char *const turned[] = {in(dir, "lib"), in(dir, "code"), NULL};
	struct snapshot_comparison comparison;
	char reason[RELEASE_REASON_MAX];

	code_make(dir);
	assert_int_equal(snapshot(dir).result, SNAPSHOT_MADE);
	assert_return_code(snapshot_compare(in(dir, "releases"), code, &comparison, reason), 0);
	assert_int_equal(comparison.state, SNAPSHOT_NONE);
	assert_return_code(snapshot_compare(in(dir, "releases"), turned, &comparison, reason), 0);
	assert_int_equal(comparison.state, SNAPSHOT_SAME);
}

static void manifest_that_is_torn_is_none(void **state)
{
	const char *dir = *state, *manifest;
	char path[PATH_MAX], *text = NULL;
	struct made made;
	size_t size;

	code_make(dir);
	made = snapshot(dir);
	manifest = in(in(in(dir, "releases"), made.tag), SNAPSHOT_MANIFEST);
	assert_return_code(file_read(manifest, 65536, &text, &size), 0);
	for (size_t cut = 0; cut < size; cut += 7) {
		assert_return_code(truncate(manifest, (off_t)(size - 1 - cut)), errno);
		assert_int_equal(state_of(dir, path), SNAPSHOT_NONE);
	}
	free(text);
}

/* recheck looks as root at what the supervisor's user may have put there. */
static void what_is_no_manifest_is_neither_waited_for_nor_read_without_end(void **state)
{
	const char *dir = *state;
	char path[PATH_MAX];
	struct made made;

	code_make(dir);
	made = snapshot(dir);
	assert_int_equal(made.result, SNAPSHOT_MADE);
	snprintf(path, sizeof(path), "%s/%s/" SNAPSHOT_MANIFEST, in(dir, "releases"), made.tag);
	assert_return_code(unlink(path), errno);
	alarm(30);
	assert_return_code(mkfifo(path, 0600), errno);
	assert_int_equal(state_of(dir, (char[PATH_MAX]){0}), SNAPSHOT_NONE);
	assert_return_code(unlink(path), errno);
	assert_return_code(symlink("/dev/zero", path), errno);
	assert_int_equal(state_of(dir, (char[PATH_MAX]){0}), SNAPSHOT_NONE);
	alarm(0);
	assert_return_code(unlink(path), errno);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		stand_test(code_that_is_the_same_is_not_copied_again),
		stand_test(every_difference_is_one),
		stand_test(the_newest_counts_even_if_it_was_no_good),
		stand_test(other_directories_have_another_snapshot),
		stand_test(manifest_that_is_torn_is_none),
		stand_test(what_is_no_manifest_is_neither_waited_for_nor_read_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
