/* SPDX-License-Identifier: MIT */
/*
 * record.c: what was written is read; what is torn, foreign or empty is put aside; a disk that is
 * full leaves the record before.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "record.h"

static const struct record example = {
	.id = "0123456789abcdef0123456789abcdef",
	.step = "restart-blue",
	.outcome = RECORD_FAILED,
	.committed = true,
	.undoing = true,
	.started_realtime_usec = UINT64_C(1763716000123456),
	.ended_realtime_usec = UINT64_MAX,
	.asked_by_uid = UINT32_MAX,
	.asked_by_pid = 4711,
	.asked_by = "deploy",
	.release = "v1.2.3=rc",
	.reason = "blue did not become healthy within 90s: GET / answered 500; see \xc3\xa4",
	.strategy = STRATEGY_SWAP,
	.primary = COLOR_GREEN,
	.former = {"v1.2.2", "v1.2.1"},
	.verb = "deploy",
};

static int setup(void **state)
{
	char *dir = strdup("/tmp/test-record-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static char *in(const char *dir, const char *name)
{
	static char path[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int teardown(void **state)
{
	char *dir = *state;

	unlink(in(dir, "cycle"));
	unlink(in(dir, "cycle.bad"));
	/* Nothing else may be there. */
	assert_return_code(rmdir(dir), errno);
	free(dir);
	return 0;
}

static void put(const char *dir, const char *content, size_t size)
{
	FILE *file = fopen(in(dir, "cycle"), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static char *get(const char *dir, const char *name)
{
	char *content;

	assert_return_code(file_read(in(dir, name), 1 << 20, &content, NULL), 0);
	return content;
}

static void assert_record_equal(const struct record *a, const struct record *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->step, b->step);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->committed, b->committed);
	assert_int_equal(a->undoing, b->undoing);
	assert_int_equal(a->started_realtime_usec, b->started_realtime_usec);
	assert_int_equal(a->ended_realtime_usec, b->ended_realtime_usec);
	assert_int_equal(a->asked_by_uid, b->asked_by_uid);
	assert_int_equal(a->asked_by_pid, b->asked_by_pid);
	assert_string_equal(a->asked_by, b->asked_by);
	assert_string_equal(a->release, b->release);
	assert_string_equal(a->reason, b->reason);
	assert_int_equal(a->strategy, b->strategy);
	assert_int_equal(a->primary, b->primary);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		assert_string_equal(a->former[color], b->former[color]);
	assert_string_equal(a->verb, b->verb);
}

static void assert_bad(const char *dir)
{
	struct record record = {.step = "untouched"};

	unlink(in(dir, "cycle.bad"));
	assert_int_equal(record_read(dir, &record), -EBADMSG);
	assert_string_equal(record.step, "untouched");
	assert_int_equal(access(in(dir, "cycle"), F_OK), -1);
	assert_int_equal(access(in(dir, "cycle.bad"), F_OK), 0);
	assert_int_equal(record_read(dir, &record), -ENOENT);
}

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

static void torn_at_every_byte_is_seen(void **state)
{
	_cleanup_free_ char *whole = NULL;
	const char *dir = *state;

	assert_return_code(record_write(dir, &example), 0);
	whole = get(dir, "cycle");
	for (size_t size = 0; size < strlen(whole); size++) {
		_cleanup_free_ char *bad = NULL;

		put(dir, whole, size);
		assert_bad(dir);
		bad = get(dir, "cycle.bad");
		assert_int_equal(strlen(bad), size);
	}
}

/* What a file system leaves that had not written the data before the power went. */
static void zeros_from_every_byte_on_are_seen(void **state)
{
	_cleanup_free_ char *whole = NULL;
	const char *dir = *state;
	size_t length;

	assert_return_code(record_write(dir, &example), 0);
	whole = get(dir, "cycle");
	length = strlen(whole);
	for (size_t i = length; i-- > 0;) {
		whole[i] = '\0';
		put(dir, whole, length);
		assert_bad(dir);
	}
}

static void something_behind_the_end_is_seen(void **state)
{
	_cleanup_free_ char *whole = NULL, *more = NULL;

	assert_return_code(record_write(*state, &example), 0);
	whole = get(*state, "cycle");
	assert_true(asprintf(&more, "%s%s", whole, whole) > 0);
	put(*state, more, strlen(more));
	assert_bad(*state);
	put(*state, more, strlen(whole) + 1);
	assert_bad(*state);
	/* A file whose length was written, but not its data. */
	memset(more + strlen(whole), 0, strlen(whole));
	put(*state, more, 2 * strlen(whole));
	assert_bad(*state);
}

/* Not inlined: gcc 12 then takes the text for one that has gone (-Wdangling-pointer). */
__attribute__((noinline)) static void replace(char *text, const char *old, const char *new)
{
	char *at = strstr(text, old);

	assert_non_null(at);
	assert_int_equal(strlen(old), strlen(new));
	memcpy(at, new, strlen(new));
}

static void foreign_content_is_put_aside(void **state)
{
	static const char *const changes[][2] = {
		{"FORMAT=2", "FORMAT=1"},
		{"FORMAT=2", "FORMAT=0"},
		{"FORMAT=2", "FORMAT=x"},
		{"STRATEGY=swap", "STRATEGY=swop"},
		{"PRIMARY=green", "PRIMARY=amber"},
		{"FORMER_BLUE", "FORMER_CYAN"},
		{"VERB=", "WORD="},
		{"ID=01", "ID=0x"},
		{"ID=0123", "ID=ABCD"},
		{"STEP=", "STOP="},
		{"=failed", "=fallen"},
		{"COMMITTED=yes", "COMMITTED=yep"},
		{"STARTED_USEC=1", "STARTED_USEC=-"},
		{"STARTED_USEC=1", "STARTED_USEC= "},
		{"ENDED_USEC=18446744073709551615", "ENDED_USEC=18446744073709551616"},
		{"UID=4294967295", "UID=4294967296"},
		{"PID=4711", "PID=47x1"},
	};

	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		_cleanup_free_ char *text = NULL;

		assert_return_code(record_write(*state, &example), 0);
		text = get(*state, "cycle");
		replace(text, changes[i][0], changes[i][1]);
		put(*state, text, strlen(text));
		assert_bad(*state);
	}
}

static void a_long_file_is_put_aside(void **state)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	put(*state, text, sizeof(text));
	assert_bad(*state);
}

static void too_long_a_word_is_put_aside(void **state)
{
	_cleanup_free_ char *text = NULL, *longer = NULL;
	struct record record = example;
	char *reason;

	memset(record.reason, 'x', sizeof(record.reason) - 1);
	assert_return_code(record_write(*state, &record), 0);
	text = get(*state, "cycle");
	reason = strstr(text, "REASON=");
	assert_non_null(reason);
	assert_true(asprintf(&longer, "%.*sREASON=x%s", (int)(reason - text), text,
			    reason + strlen("REASON=")) > 0);
	put(*state, longer, strlen(longer));
	assert_bad(*state);
}

#define OLD_FORMAT                                                                                 \
	"FORMAT=1\nID=0123456789abcdef0123456789abcdef\nSTEP=drain\nOUTCOME=running\n"             \
	"COMMITTED=no\nUNDOING=yes\nSTARTED_USEC=5\nENDED_USEC=0\nASKED_BY_UID=0\n"                \
	"ASKED_BY_PID=1\nASKED_BY=root\nRELEASE=\nREASON=\nEND=1\n"

static void the_format_before_is_read_as_fallback_and_blue(void **state)
{
	static const char old[] = OLD_FORMAT;
	struct record record;

	put(*state, old, strlen(old));
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.step, "drain");
	assert_true(record.undoing);
	assert_int_equal(record.strategy, STRATEGY_FALLBACK);
	assert_int_equal(record.primary, COLOR_BLUE);
	assert_string_equal(record.former[COLOR_BLUE], "");
	assert_string_equal(record.verb, "");
	for (size_t size = 0; size < strlen(old); size++) {
		put(*state, old, size);
		assert_bad(*state);
	}
}

static void of_a_newer_format_the_known_keys_are_taken(void **state)
{
	static const char newer[] =
		"FORMAT=3\nCOLOR_OF_THE_SKY=grey\nPRIMARY=green\nSTRATEGY=canary\n"
		"OUTCOME=failed\nSTEP=switch\nID=0123456789abcdef0123456789abcdef\nnoise\nEND=1\n";
	static const char *const bad[] = {
		"FORMAT=3\nOUTCOME=failed\nSTEP=switch\nEND=1\n",
		"FORMAT=3\nID=0123456789abcdef0123456789abcdef\nSTEP=switch\nEND=1\n",
		"FORMAT=3\nID=0123456789abcdef0123456789abcdef\nOUTCOME=failed\nEND=1\n",
		"FORMAT=3\nID=0123456789abcdef0123456789abcdef\nSTEP=x\nOUTCOME=new\nEND=1\n",
	};
	struct record record;

	put(*state, newer, strlen(newer));
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.step, "switch");
	assert_int_equal(record.outcome, RECORD_FAILED);
	assert_int_equal(record.primary, COLOR_GREEN);
	assert_int_equal(record.strategy, STRATEGY_FALLBACK);
	for (size_t size = 0; size < strlen(newer); size++) {
		put(*state, newer, size);
		assert_bad(*state);
	}
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		put(*state, bad[i], strlen(bad[i]));
		assert_bad(*state);
	}
}

static void ten_bad_ones_are_kept_and_then_the_oldest_goes(void **state)
{
	struct record record;
	char content[16], name[32];

	for (int i = 0; i < 11; i++) {
		snprintf(content, sizeof(content), "%d", i);
		put(*state, content, strlen(content));
		assert_int_equal(record_read(*state, &record), -EBADMSG);
		/* Longer than the grain of a file's times. */
		usleep(10000);
	}
	for (int i = 0; i < 10; i++) {
		_cleanup_free_ char *kept = NULL;

		snprintf(name, sizeof(name), "cycle.bad.%d", i);
		name[i ? sizeof(name) - 1 : strlen("cycle.bad")] = '\0';
		kept = get(*state, name);
		snprintf(content, sizeof(content), "%d", i ? i : 10);
		assert_string_equal(kept, content);
		unlink(in(*state, name));
	}
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
		TEST(torn_at_every_byte_is_seen),
		TEST(zeros_from_every_byte_on_are_seen),
		TEST(something_behind_the_end_is_seen),
		TEST(foreign_content_is_put_aside),
		TEST(a_long_file_is_put_aside),
		TEST(too_long_a_word_is_put_aside),
		TEST(the_format_before_is_read_as_fallback_and_blue),
		TEST(of_a_newer_format_the_known_keys_are_taken),
		TEST(ten_bad_ones_are_kept_and_then_the_oldest_goes),
		TEST(everybody_may_read_it_and_nobody_else_write),
		TEST(a_write_that_fails_in_the_middle_leaves_the_record_before),
		TEST(a_full_disk_leaves_the_record_before),
		TEST(a_bad_record_on_a_read_only_disk_is_bad_each_time),
		TEST(each_outcome_has_a_name_and_is_read_again),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
