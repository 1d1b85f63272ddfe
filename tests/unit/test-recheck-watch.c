/* SPDX-License-Identifier: MIT */
/*
 * recheck-watch.c, recheck-watch-file.c and recheck-note.c on a real file system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "recheck-note.h"
#include "recheck-watch.h"
#include "release-stand.h"

static struct watch look(const char *path)
{
	struct watch watch = {0};

	assert_int_equal(watch_add(&watch, path), 0);
	watch_sort(&watch);
	return watch;
}

static void rewrite(const char *dir, const char *name, const char *content)
{
	assert_return_code(file_write_atomic(dir, name, content, 0644), 0);
}

/* What is different below dir since it was looked at, by names relative to it. */
static const char *changes_in(struct watch *noted, const char *dir)
{
	static char text[4096];
	struct watch now = look(dir);
	struct findings findings = {0};
	size_t used = 0;

	*text = '\0';
	assert_int_equal(watch_compare(noted, &now, SUBJECT_BLUE, &findings), 0);
	for (size_t i = 0; i < findings.count; i++) {
		const char *path = findings.items[i].path;

		assert_true(findings.items[i].certain);
		path = strcmp(path, dir) == 0 ? "." : path + strlen(dir) + 1;
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s", i ? " " : "", path);
	}
	findings_clear(&findings);
	watch_free(&now);
	watch_free(noted);
	return text;
}

static void what_nobody_touches_is_the_same(void **state)
{
	const char *dir = *state;
	struct watch noted;

	make_release(dir, "app", 10);
	noted = look(dir);
	assert_string_equal(changes_in(&noted, dir), "");
}

static void another_file_of_the_same_date_is_found(void **state)
{
	const char *dir = *state;
	struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	struct watch noted;

	make_file(dir, "a.py");
	assert_return_code(utimensat(AT_FDCWD, in(dir, "a.py"), times, 0), errno);
	noted = look(dir);
	make_file(dir, "a.py");
	assert_return_code(utimensat(AT_FDCWD, in(dir, "a.py"), times, 0), errno);
	assert_string_equal(changes_in(&noted, dir), "a.py");
}

static void a_file_that_is_written_in_place_is_found(void **state)
{
	const char *dir = *state;
	struct timespec times[2];
	struct watch noted;
	struct stat st;
	FILE *file;

	make_file(dir, "a.py");
	assert_return_code(stat(in(dir, "a.py"), &st), errno);
	noted = look(dir);
	file = fopen(in(dir, "a.py"), "r+");
	assert_non_null(file);
	fputs("Content\n", file);
	fclose(file);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_return_code(utimensat(AT_FDCWD, in(dir, "a.py"), times, 0), errno);
	assert_string_equal(changes_in(&noted, dir), "a.py");
}

static void new_files_and_gone_ones_are_found_at_any_depth(void **state)
{
	const char *dir = *state;
	struct watch noted;

	make_release(dir, "app", 10);
	noted = look(dir);
	make_file(in(in(dir, "app"), "lib"), "new.py");
	assert_return_code(unlink(in(in(dir, "app"), "app.py")), errno);
	assert_string_equal(changes_in(&noted, dir), "app/app.py app/lib/new.py");
}

static void the_mode_the_owner_and_links_are_no_content(void **state)
{
	const char *dir = *state;
	struct watch noted;

	make_file(dir, "a.py");
	make_file(dir, "b.py");
	make_file(dir, "c.py");
	noted = look(dir);
	assert_return_code(chmod(in(dir, "a.py"), 0600), errno);
	assert_return_code(chown(in(dir, "b.py"), 65534, 65534), errno);
	assert_return_code(link(in(dir, "c.py"), in(dir, "c.log")), errno);
	assert_string_equal(changes_in(&noted, dir), "");
}

static void what_is_no_code_is_left_out(void **state)
{
	static const char *const names[] = {"access.log", "access.log.1", "access.log.2.gz",
		"access.log-20261121", "a.pyc", "a.pyo", ".a.py.swp", "a.py~", "a.pid",
		"a.py.dpkg-new", ".#a.py", "a.pyc.140234"};
	const char *dir = *state;
	struct watch noted = look(dir);

	for (size_t i = 0; i < ELEMENTS(names); i++)
		make_file(dir, names[i]);
	assert_return_code(mkdir(in(dir, "__pycache__"), 0755), errno);
	make_file(in(dir, "__pycache__"), "a.cpython-311.py");
	assert_return_code(mkdir(in(dir, ".git"), 0755), errno);
	make_file(in(dir, ".git"), "HEAD");
	assert_return_code(mkfifo(in(dir, "pipe"), 0600), errno);
	assert_string_equal(changes_in(&noted, dir), "");
}

static void names_that_only_look_like_those_are_code(void **state)
{
	const char *dir = *state;
	struct watch noted = look(dir);

	make_file(dir, "catalog");
	make_file(dir, "log.py");
	make_file(dir, "swap.sw");
	assert_return_code(mkdir(in(dir, "logs"), 0755), errno);
	make_file(in(dir, "logs"), "__init__.py");
	assert_string_equal(changes_in(&noted, dir), "catalog log.py logs/__init__.py swap.sw");
}

static void a_link_below_is_its_target_and_is_not_followed(void **state)
{
	const char *dir = *state, *other = in(dir, "other"), *app = in(dir, "app");
	struct watch noted;

	assert_return_code(mkdir(other, 0755), errno);
	assert_return_code(mkdir(app, 0755), errno);
	assert_return_code(symlink("../other", in(app, "link")), errno);
	assert_return_code(symlink("/", in(app, "root")), errno);
	noted = look(app);
	make_file(other, "a.py");
	assert_int_equal(noted.count, 3);
	assert_string_equal(changes_in(&noted, app), "");
	noted = look(app);
	assert_return_code(unlink(in(app, "link")), errno);
	assert_return_code(symlink("../elsewhere", in(app, "link")), errno);
	assert_string_equal(changes_in(&noted, app), "link");
}

static void a_path_that_is_a_link_is_followed_and_watched_itself(void **state)
{
	const char *dir = *state, *current = in(dir, "current");
	struct watch noted;

	make_release(dir, "v1", 10);
	make_release(dir, "v2", 5);
	assert_return_code(symlink("v1", current), errno);
	noted = look(current);
	make_file(in(dir, "v1"), "app.py");
	assert_string_equal(changes_in(&noted, current), "app.py");
	noted = look(current);
	assert_return_code(unlink(current), errno);
	assert_return_code(symlink("v2", current), errno);
	assert_string_equal(changes_in(&noted, current), ". app.py lib/deep.py");
}

static void a_path_that_is_not_there_is_found_when_it_comes(void **state)
{
	const char *dir = *state, *app = in(dir, "app");
	struct watch noted = look(app);

	assert_int_equal(noted.count, 1);
	assert_return_code(mkdir(app, 0755), errno);
	make_file(app, "a.py");
	assert_string_equal(changes_in(&noted, app), "a.py");
}

static void a_path_that_was_not_watched_then_is_not_compared(void **state)
{
	const char *dir = *state, *a = in(dir, "a"), *ab = in(dir, "ab");
	struct watch noted, now = {0};
	struct findings findings = {0};

	assert_return_code(mkdir(a, 0755), errno);
	assert_return_code(mkdir(ab, 0755), errno);
	make_file(ab, "x.py");
	noted = look(a);
	assert_int_equal(watch_add(&now, a), 0);
	assert_int_equal(watch_add(&now, ab), 0);
	watch_sort(&now);
	assert_int_equal(watch_compare(&noted, &now, SUBJECT_BLUE, &findings), 0);
	assert_int_equal(watch_compare(&now, &noted, SUBJECT_BLUE, &findings), 0);
	assert_int_equal(findings.count, 0);
	watch_free(&noted);
	watch_free(&now);
}

static void what_is_beyond_the_limit_is_not_new(void **state)
{
	const char *dir = *state;
	struct watch noted, now;
	struct findings findings = {0};

	make_release(dir, "app", 10);
	noted = look(dir);
	make_file(dir, "new.py");
	make_file(in(dir, "app"), "app.py");
	now = look(dir);
	now.cut = true;
	assert_int_equal(watch_compare(&noted, &now, SUBJECT_BLUE, &findings), 0);
	assert_int_equal(findings.count, 1);
	assert_string_equal(findings.items[0].path, in(in(dir, "app"), "app.py"));
	findings_clear(&findings);
	watch_free(&noted);
	watch_free(&now);
}

static void looking_ends_at_its_deadline_and_says_so(void **state)
{
	struct watch watch = {.deadline = 1};

	make_release(*state, "app", 10);
	assert_int_equal(watch_add(&watch, *state), 0);
	assert_true(watch.cut);
	assert_int_equal(watch.count, 0);
	watch_free(&watch);
}

static void a_tree_that_is_too_deep_is_cut(void **state)
{
	static char path[PATH_MAX];
	struct watch watch;
	size_t used = (size_t)snprintf(path, sizeof(path), "%s", (const char *)*state);

	for (int i = 0; i < WATCH_DEPTH_MAX + 2; i++) {
		used += (size_t)snprintf(path + used, sizeof(path) - used, "/d");
		assert_return_code(mkdir(path, 0755), errno);
	}
	make_file(path, "a.py");
	watch = look(*state);
	assert_true(watch.cut);
	watch_free(&watch);
}

/* ---- kept ------------------------------------------------------------------------------------ */

static void what_is_written_is_read_again(void **state)
{
	const char *dir = *state, *app = in(dir, "app");
	struct watch noted, again;

	make_release(dir, "app", 10);
	make_file(app, "a b%\n.py");
	assert_return_code(symlink("x y", in(app, "z z")), errno);
	noted = look(app);
	assert_int_equal(watch_write(&noted, dir, "note"), 0);
	watch_free(&noted);
	assert_int_equal(watch_read(in(dir, "note"), &again), 0);
	assert_false(again.cut);
	assert_string_equal(changes_in(&again, app), "");
	noted = look(app);
	noted.cut = true;
	assert_int_equal(watch_write(&noted, dir, "note"), 0);
	assert_int_equal(watch_read(in(dir, "note"), &again), 0);
	assert_true(again.cut);
	assert_int_equal(again.count, noted.count);
	watch_free(&noted);
	watch_free(&again);
}

static void a_file_that_is_no_note_is_refused(void **state)
{
	static const char *const contents[] = {"x", "file", "file 1 2 3", "cut cut",
		"file 1 2 3 4 5 6 7 8 /x", "file 1 2 3 4 5 6 7 x /x %",
		"file 1 2 3 4 5 6 7 8 /%zz %", "dir 1 2 3 4 5 6 7 8 /x %",
		"file 1 2 3 4 5 6 7 4294967296 /x %", "file -1 2 3 4 5 6 7 8 /x %"};
	struct watch watch;

	assert_int_equal(watch_read(in(*state, "none"), &watch), -ENOENT);
	for (size_t i = 0; i < ELEMENTS(contents); i++) {
		rewrite(*state, "note", contents[i]);
		if (watch_read(in(*state, "note"), &watch) != -EBADMSG)
			fail_msg("taken: %s", contents[i]);
	}
	rewrite(*state, "note", "file 1 2 3 4 5 6 7 8 /x %\n");
	assert_int_equal(watch_read(in(*state, "note"), &watch), 0);
	watch_free(&watch);
}

/* ---- of a color ------------------------------------------------------------------------------ */

struct note_stand {
	struct note_dirs dirs;
	struct config config;
	const char *link;
};

static struct note_stand note_stand(const char *dir)
{
	struct note_stand stand = {.dirs = {.notes = in(dir, "notes"), .state = in(dir, "state")}};

	assert_return_code(mkdir(stand.dirs.state, 0755), errno);
	assert_return_code(mkdir(in(stand.dirs.state, "app"), 0755), errno);
	stand.link = in(in(stand.dirs.state, "app"), "blue");
	return stand;
}

static size_t compared(const struct note_stand *stand)
{
	struct findings findings = {0};
	size_t count;

	assert_int_equal(
		note_compare(&stand->dirs, "app", &stand->config, COLOR_BLUE, &findings), 0);
	count = findings.count;
	findings_clear(&findings);
	return count;
}

static void a_color_without_a_note_is_not_judged(void **state)
{
	struct note_stand stand = note_stand(*state);
	struct findings findings = {0};

	assert_int_equal(
		note_compare(&stand.dirs, "app", &stand.config, COLOR_BLUE, &findings), -ENOENT);
}

static void a_release_is_known_by_its_link_and_its_directory(void **state)
{
	struct note_stand stand = note_stand(*state);

	make_release(*state, "v1", 10);
	make_release(*state, "v2", 5);
	assert_return_code(symlink(in(*state, "v1"), stand.link), errno);
	assert_int_equal(note_take(&stand.dirs, "app", &stand.config, COLOR_BLUE), 0);
	assert_int_equal(compared(&stand), 0);
	/* What is in it is the application's: it may write there. */
	make_file(in(*state, "v1"), "app.py");
	assert_int_equal(compared(&stand), 0);
	assert_return_code(unlink(stand.link), errno);
	assert_return_code(symlink(in(*state, "v2"), stand.link), errno);
	assert_int_equal(compared(&stand), 1);
	assert_int_equal(note_take(&stand.dirs, "app", &stand.config, COLOR_BLUE), 0);
	assert_int_equal(compared(&stand), 0);
	assert_return_code(rename(in(*state, "v2"), in(*state, "old")), errno);
	make_release(*state, "v2", 5);
	assert_int_equal(compared(&stand), 1);
}

static void watched_paths_of_the_configuration_are_compared(void **state)
{
	struct note_stand stand = note_stand(*state);

	make_release(*state, "code", 10);
	stand.config.watch_paths[0] = (char *)in(*state, "code");
	assert_int_equal(note_take(&stand.dirs, "app", &stand.config, COLOR_BLUE), 0);
	assert_int_equal(compared(&stand), 0);
	make_file(in(*state, "code"), "app.py");
	assert_int_equal(compared(&stand), 1);
	/* It is not watched any more. */
	stand.config.watch_paths[0] = NULL;
	assert_int_equal(compared(&stand), 0);
}

static void a_note_that_cannot_be_taken_leaves_none(void **state)
{
	struct note_stand stand = note_stand(*state);

	assert_int_equal(note_take(&stand.dirs, "app", &stand.config, COLOR_BLUE), 0);
	assert_true(there(stand.dirs.notes, "app-blue"));
	stand.dirs.notes = in(*state, "no/such");
	assert_int_equal(note_take(&stand.dirs, "app", &stand.config, COLOR_BLUE), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stand_test(what_nobody_touches_is_the_same),
		stand_test(another_file_of_the_same_date_is_found),
		stand_test(a_file_that_is_written_in_place_is_found),
		stand_test(new_files_and_gone_ones_are_found_at_any_depth),
		stand_test(the_mode_the_owner_and_links_are_no_content),
		stand_test(what_is_no_code_is_left_out),
		stand_test(names_that_only_look_like_those_are_code),
		stand_test(a_link_below_is_its_target_and_is_not_followed),
		stand_test(a_path_that_is_a_link_is_followed_and_watched_itself),
		stand_test(a_path_that_is_not_there_is_found_when_it_comes),
		stand_test(a_path_that_was_not_watched_then_is_not_compared),
		stand_test(what_is_beyond_the_limit_is_not_new),
		stand_test(looking_ends_at_its_deadline_and_says_so),
		stand_test(a_tree_that_is_too_deep_is_cut),
		stand_test(what_is_written_is_read_again),
		stand_test(a_file_that_is_no_note_is_refused),
		stand_test(a_color_without_a_note_is_not_judged),
		stand_test(a_release_is_known_by_its_link_and_its_directory),
		stand_test(watched_paths_of_the_configuration_are_compared),
		stand_test(a_note_that_cannot_be_taken_leaves_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
