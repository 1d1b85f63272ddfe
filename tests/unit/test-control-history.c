/* SPDX-License-Identifier: MIT */
/*
 * control-history.c: a file a cycle, found by the beginning of its id, in order whatever the clock
 * says, a hundred of them; what cannot be read or written costs nothing else.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "control-history.h"
#include "report.h"

static unsigned int warnings;

void report(
	enum report_message message, const struct report_fields *fields, const char *format, ...)
{
	(void)message;
	(void)fields;
	(void)format;
	warnings++;
}

struct desk {
	char dir[32];
	struct history *history;
};

static const char *in(const struct desk *desk, const char *name)
{
	static char path[4][256];
	static unsigned int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", desk->dir, name);
	return path[turn];
}

static int setup(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	warnings = 0;
	umask(022);
	strcpy(desk->dir, "/tmp/test-history-XXXXXX");
	assert_non_null(mkdtemp(desk->dir));
	assert_return_code(history_open(desk->dir, &desk->history), 0);
	*state = desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;
	char command[128];

	history_close(desk->history);
	snprintf(command, sizeof(command), "rm -rf --one-file-system %s", desk->dir);
	assert_int_equal(system(command), 0);
	free(desk);
	return 0;
}

static void reopen(struct desk *desk)
{
	desk->history = history_close(desk->history);
	assert_return_code(history_open(desk->dir, &desk->history), 0);
}

static const char *id_of(unsigned int number)
{
	static char ids[4][33];
	static unsigned int turn;

	/* So that neither the names nor their hashes are in order. */
	turn = (turn + 1) % 4;
	snprintf(ids[turn], sizeof(ids[turn]), "%08x%024x", number * 2654435761U, number);
	return ids[turn];
}

static json_t *cycle_of(const char *id, const char *reason)
{
	return json_pack("{s:s, s:s, s:[{s:s}], s:[], s:[], s:[], s:[], s:f}", "id", id, "reason",
		reason, "steps", "step", "restart", "causes", "probes", "gate", "notes", "started",
		0.1);
}

static void add(struct desk *desk, unsigned int number)
{
	char reason[32];
	json_t *cycle;

	snprintf(reason, sizeof(reason), "%u", number);
	cycle = cycle_of(id_of(number), reason);
	assert_return_code(history_add(desk->history, cycle), 0);
	json_decref(cycle);
}

/* The reason of the cycle that is found, or "". */
static const char *find(const struct desk *desk, const char *id)
{
	static char reason[64];
	json_t *cycle;

	if (history_find(desk->history, id, &cycle) < 0)
		return "";
	snprintf(reason, sizeof(reason), "%s", json_string_value(json_object_get(cycle, "reason")));
	/* What is long is there. */
	assert_int_equal(json_array_size(json_object_get(cycle, "steps")), 1);
	json_decref(cycle);
	return reason;
}

static void assert_listed(const struct desk *desk, const char *reasons)
{
	json_t *list = history_list(desk->history), *cycle;
	char text[1024] = "";
	size_t i, size = 0;

	json_array_foreach(list, i, cycle)
	{
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", i > 0 ? " " : "",
			json_string_value(json_object_get(cycle, "reason")));
		assert_null(json_object_get(cycle, "steps"));
		assert_null(json_object_get(cycle, "probes"));
		assert_null(json_object_get(cycle, "causes"));
	}
	json_decref(list);
	assert_string_equal(text, reasons);
}

static unsigned int files_in(const struct desk *desk)
{
	DIR *dir = opendir(in(desk, "history"));
	unsigned int count = 0;

	assert_non_null(dir);
	for (struct dirent *found; (found = readdir(dir));)
		count += found->d_name[0] != '.' || strlen(found->d_name) > 2;
	closedir(dir);
	return count;
}

static void put(const struct desk *desk, const char *name, const char *content)
{
	FILE *file = fopen(in(desk, name), "we");

	assert_non_null(file);
	assert_int_equal(fputs(content, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

static void a_cycle_is_found_by_the_beginning_of_its_id(void **state)
{
	struct desk *desk = *state;
	char prefix[33];
	json_t *cycle;

	assert_int_equal(history_find(desk->history, "", &cycle), -ENOENT);
	for (unsigned int i = 1; i <= 3; i++)
		add(desk, i);
	assert_string_equal(find(desk, id_of(2)), "2");
	snprintf(prefix, sizeof(prefix), "%.6s", id_of(1));
	assert_string_equal(find(desk, prefix), "1");
	assert_string_equal(find(desk, ""), "3");
	prefix[5] = '\0';
	assert_int_equal(history_find(desk->history, prefix, &cycle), -EINVAL);
	assert_int_equal(history_find(desk->history, "ffffffff", &cycle), -ENOENT);
	/* More than an id is none. */
	snprintf(prefix, sizeof(prefix), "%s", id_of(2));
	prefix[31] = 'f';
	assert_int_equal(history_find(desk->history, prefix, &cycle), -ENOENT);
}

static void a_beginning_that_two_share_names_neither(void **state)
{
	struct desk *desk = *state;
	json_t *one = cycle_of("0123456789abcdef0123456789abcdef", "one");
	json_t *two = cycle_of("0123456789abcdef0123456789abcdee", "two"), *found;

	assert_return_code(history_add(desk->history, one), 0);
	assert_return_code(history_add(desk->history, two), 0);
	json_decref(one);
	json_decref(two);
	assert_int_equal(history_find(desk->history, "01234567", &found), -ENOTUNIQ);
	assert_string_equal(find(desk, "0123456789abcdef0123456789abcdee"), "two");
}

static void the_newest_is_first_and_stays_so_after_a_restart(void **state)
{
	struct desk *desk = *state;

	for (unsigned int i = 1; i <= 12; i++)
		add(desk, i);
	assert_listed(desk, "12 11 10 9 8 7 6 5 4 3 2 1");
	reopen(desk);
	assert_listed(desk, "12 11 10 9 8 7 6 5 4 3 2 1");
	assert_string_equal(find(desk, id_of(7)), "7");
	add(desk, 13);
	reopen(desk);
	assert_listed(desk, "13 12 11 10 9 8 7 6 5 4 3 2 1");
}

static void a_hundred_are_kept(void **state)
{
	struct desk *desk = *state;
	json_t *cycle, *list;

	for (unsigned int i = 1; i <= HISTORY_MAX + 3; i++)
		add(desk, i);
	assert_int_equal(files_in(desk), HISTORY_MAX);
	list = history_list(desk->history);
	assert_int_equal(json_array_size(list), HISTORY_MAX);
	json_decref(list);
	assert_int_equal(history_find(desk->history, id_of(3), &cycle), -ENOENT);
	assert_string_equal(find(desk, id_of(4)), "4");
	reopen(desk);
	assert_int_equal(files_in(desk), HISTORY_MAX);
	assert_string_equal(find(desk, ""), "103");
	assert_string_equal(find(desk, id_of(4)), "4");
}

/* As a cycle does that was interrupted, and ended by the next supervisor. */
static void a_cycle_that_ends_again_takes_its_own_place(void **state)
{
	struct desk *desk = *state;
	json_t *again;

	add(desk, 1);
	add(desk, 2);
	again = cycle_of(id_of(1), "again");
	assert_return_code(history_add(desk->history, again), 0);
	json_decref(again);
	assert_listed(desk, "again 2");
	assert_int_equal(files_in(desk), 2);
	reopen(desk);
	assert_listed(desk, "again 2");
}

static void the_history_of_the_version_before_is_taken_over(void **state)
{
	struct desk *desk = *state;
	json_t *former = json_array();
	char *text;

	for (unsigned int i = 1; i <= 3; i++)
		(void)json_array_append_new(former, cycle_of(id_of(i), i == 1	? "one"
								       : i == 2 ? "two"
										: "three"));
	text = json_dumps(former, 0);
	put(desk, "history.json", text);
	free(text);
	json_decref(former);
	reopen(desk);
	assert_listed(desk, "three two one");
	assert_string_equal(find(desk, id_of(2)), "two");
	assert_int_equal(access(in(desk, "history.json"), F_OK), -1);
	reopen(desk);
	assert_listed(desk, "three two one");
	assert_int_equal(warnings, 0);
}

/* A supervisor that was killed in the middle of it has some of them already. */
static void what_was_taken_over_is_not_taken_twice(void **state)
{
	struct desk *desk = *state;
	json_t *former = json_array();
	char *text;

	add(desk, 1);
	(void)json_array_append_new(former, cycle_of(id_of(1), "1"));
	(void)json_array_append_new(former, cycle_of(id_of(2), "2"));
	text = json_dumps(former, 0);
	put(desk, "history.json", text);
	free(text);
	json_decref(former);
	reopen(desk);
	assert_listed(desk, "2 1");
}

static void a_file_that_cannot_be_read_costs_nothing_else(void **state)
{
	struct desk *desk = *state;
	char name[64];

	add(desk, 1);
	add(desk, 2);
	snprintf(name, sizeof(name), "history/%s.json", id_of(1));
	put(desk, name, "{\"id\": \"to");
	/* Of another name than its id. */
	put(desk, "history/0123456789abcdef0123456789abcdef.json",
		"{\"id\": \"0123456789abcdef0123456789abcdee\"}");
	put(desk, "history/notes.txt", "an administrator's");
	put(desk, "history/.0123456789abcdef0123456789abcdef.json.new", "{");
	put(desk, "history.json", "torn");
	reopen(desk);
	assert_listed(desk, "2");
	assert_int_equal(warnings, 2);
	assert_int_equal(access(in(desk, "history/notes.txt"), F_OK), 0);
	assert_int_equal(
		access(in(desk, "history/.0123456789abcdef0123456789abcdef.json.new"), F_OK), -1);
	add(desk, 3);
	assert_listed(desk, "3 2");
}

static void what_cannot_be_written_is_known_and_written_later(void **state)
{
	struct desk *desk = *state;
	json_t *cycle = cycle_of(id_of(1), "1");

	put(desk, "history", "in the way");
	assert_int_equal(history_add(desk->history, cycle), -ENOTDIR);
	json_decref(cycle);
	assert_listed(desk, "1");
	assert_string_equal(find(desk, id_of(1)), "1");
	assert_return_code(unlink(in(desk, "history")), errno);
	add(desk, 2);
	assert_int_equal(files_in(desk), 2);
	reopen(desk);
	assert_listed(desk, "2 1");
}

static void everybody_may_read_it(void **state)
{
	struct desk *desk = *state;
	char name[64];
	struct stat st;

	add(desk, 1);
	snprintf(name, sizeof(name), "history/%s.json", id_of(1));
	assert_return_code(stat(in(desk, name), &st), errno);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_return_code(stat(in(desk, "history"), &st), errno);
	assert_int_equal(st.st_mode & 0777, 0755);
}

static void an_id_that_is_none_is_no_file(void **state)
{
	struct desk *desk = *state;
	json_t *cycle = cycle_of("../../etc/passwd", "1");

	assert_int_equal(history_add(desk->history, cycle), -EINVAL);
	json_decref(cycle);
	assert_listed(desk, "");
}

static void who_is_known_is_known_by_his_whole_id(void **state)
{
	struct desk *desk = *state;

	add(desk, 1);
	reopen(desk);
	assert_true(history_has(desk->history, id_of(1)));
	assert_false(history_has(desk->history, id_of(2)));
	assert_false(history_has(desk->history, ""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_cycle_is_found_by_the_beginning_of_its_id),
		TEST(a_beginning_that_two_share_names_neither),
		TEST(the_newest_is_first_and_stays_so_after_a_restart),
		TEST(a_hundred_are_kept),
		TEST(a_cycle_that_ends_again_takes_its_own_place),
		TEST(the_history_of_the_version_before_is_taken_over),
		TEST(what_was_taken_over_is_not_taken_twice),
		TEST(a_file_that_cannot_be_read_costs_nothing_else),
		TEST(what_cannot_be_written_is_known_and_written_later),
		TEST(everybody_may_read_it),
		TEST(an_id_that_is_none_is_no_file),
		TEST(who_is_known_is_known_by_his_whole_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
