/* SPDX-License-Identifier: MIT */
/*
 * record.c: what was written is read; a disk that is full leaves the record before.
 */
#include "record-stand.h"

static void what_was_written_is_read(void **state)
{
	struct record record;

	assert_return_code(record_write(*state, &example), 0);
	assert_return_code(record_read(*state, &record), 0);
	assert_record_equal(&record, &example);
}

static void the_last_one_counts(void **state)
{
	struct record first = example, record;

	first.outcome = RECORD_RUNNING;
	first.committed = first.undoing = false;
	strcpy(first.reason, "");
	assert_return_code(record_write(*state, &example), 0);
	assert_return_code(record_write(*state, &first), 0);
	assert_return_code(record_read(*state, &record), 0);
	assert_record_equal(&record, &first);
}

static void no_record_is_no_error(void **state)
{
	struct record record;

	assert_int_equal(record_read(*state, &record), -ENOENT);
	assert_int_equal(record_read("/nonexistent/bluegreen", &record), -ENOENT);
	assert_int_equal(record_write("/nonexistent/bluegreen", &example), -ENOENT);
}

static void the_longest_words_fit(void **state)
{
	struct record longest = example, record;

	memset(longest.step, 's', sizeof(longest.step) - 1);
	memset(longest.asked_by, 'u', sizeof(longest.asked_by) - 1);
	memset(longest.release, 'r', sizeof(longest.release) - 1);
	memset(longest.reason, 'x', sizeof(longest.reason) - 1);
	memset(longest.cause, 'c', sizeof(longest.cause) - 1);
	assert_return_code(record_write(*state, &longest), 0);
	assert_return_code(record_read(*state, &record), 0);
	assert_record_equal(&record, &longest);
}

static void a_line_break_in_a_reason_is_a_space(void **state)
{
	struct record broken = example, record;

	strcpy(broken.reason, "one\nEND=1\r\ttwo");
	assert_return_code(record_write(*state, &broken), 0);
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.reason, "one END=1  two");
}

static void everybody_may_read_it_and_nobody_else_write(void **state)
{
	struct stat st;
	mode_t before = umask(0777);

	assert_return_code(record_write(*state, &example), 0);
	umask(before);
	assert_return_code(stat(in(*state, "cycle"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0644);
}

/* Runs in a child, because limits and mounts are a process's: 0 if all held. */
static int in_child(int (*story)(const char *dir), const char *dir)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(story(dir));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define SKIPPED 77

static int still_the_example(const char *dir)
{
	struct record record;

	if (record_read(dir, &record) < 0)
		return 10;
	return strcmp(record.step, example.step) == 0 ? 0 : 11;
}

static int write_more_than_is_allowed(const char *dir)
{
	struct rlimit limit = {.rlim_cur = 40, .rlim_max = 40};
	struct record next = example;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	strcpy(next.step, "next");
	if (record_write(dir, &next) != -EFBIG)
		return 2;
	return still_the_example(dir);
}

static void a_write_that_fails_in_the_middle_leaves_the_record_before(void **state)
{
	assert_return_code(record_write(*state, &example), 0);
	assert_int_equal(in_child(write_more_than_is_allowed, *state), 0);
	assert_int_equal(access(in(*state, ".cycle.new"), F_OK), -1);
}

static int write_on_a_full_disk(const char *dir)
{
	struct record next = example;
	char path[128], zeros[4096] = {0};
	FILE *filler;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", dir, "tmpfs", 0, "size=64k") < 0)
		return SKIPPED;
	if (record_write(dir, &example) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/filler", dir);
	filler = fopen(path, "we");
	setbuf(filler, NULL);
	while (fwrite(zeros, 1, sizeof(zeros), filler) == sizeof(zeros))
		;
	strcpy(next.step, "next");
	if (record_write(dir, &next) != -ENOSPC)
		return 2;
	snprintf(path, sizeof(path), "%s/.cycle.new", dir);
	if (access(path, F_OK) == 0)
		return 3;
	return still_the_example(dir);
}

static void a_full_disk_leaves_the_record_before(void **state)
{
	int r = in_child(write_on_a_full_disk, *state);

	if (r == SKIPPED)
		skip();
	assert_int_equal(r, 0);
}

static int read_bad_on_a_read_only_disk(const char *dir)
{
	struct record record;
	FILE *file;
	char path[128];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", dir, "tmpfs", 0, "size=64k") < 0)
		return SKIPPED;
	snprintf(path, sizeof(path), "%s/cycle", dir);
	file = fopen(path, "we");
	fputs("FORM", file);
	fclose(file);
	if (mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return SKIPPED;
	if (record_write(dir, &example) != -EROFS)
		return 1;
	if (record_read(dir, &record) != -EBADMSG || record_read(dir, &record) != -EBADMSG)
		return 2;
	return 0;
}

static void a_bad_record_on_a_read_only_disk_is_bad_each_time(void **state)
{
	int r = in_child(read_bad_on_a_read_only_disk, *state);

	if (r == SKIPPED)
		skip();
	assert_int_equal(r, 0);
}

static void each_outcome_has_a_name_and_is_read_again(void **state)
{
	static const char *const names[] = {
		"running", "succeeded", "failed", "interrupted", "aborted"};
	struct record record = example, again;

	for (int i = 0; i < RECORD_OUTCOME_COUNT; i++) {
		record.outcome = (enum record_outcome)i;
		assert_string_equal(record_outcome_name(record.outcome), names[i]);
		assert_return_code(record_write(*state, &record), 0);
		assert_return_code(record_read(*state, &again), 0);
		assert_int_equal(again.outcome, i);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(the_last_one_counts),
		TEST(no_record_is_no_error),
		TEST(the_longest_words_fit),
		TEST(a_line_break_in_a_reason_is_a_space),
		TEST(everybody_may_read_it_and_nobody_else_write),
		TEST(a_write_that_fails_in_the_middle_leaves_the_record_before),
		TEST(a_full_disk_leaves_the_record_before),
		TEST(a_bad_record_on_a_read_only_disk_is_bad_each_time),
		TEST(each_outcome_has_a_name_and_is_read_again),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
