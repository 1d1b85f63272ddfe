/* SPDX-License-Identifier: MIT */
/*
 * release.c and release-check.c on a real file system: what a link says before and after, who gets
 * into a release, what is listed. What goes has test-release-prune.c. Runs as root, because readers
 * are other users.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "release-stand.h"

/* ---- tags and links ---------------------------------------------------------------------------
 */

static void tag_can_be_a_name_of_a_file_and_a_part_of_a_url(void **state)
{
	char longest[RELEASE_TAG_MAX + 1];

	(void)state;
	assert_true(release_tag_valid("v1.2.3"));
	assert_true(release_tag_valid("2026-11-21_12+rc.1"));
	assert_true(release_tag_valid("7"));
	assert_false(release_tag_valid(""));
	assert_false(release_tag_valid(".hidden"));
	assert_false(release_tag_valid(".."));
	assert_false(release_tag_valid("-rf"));
	assert_false(release_tag_valid("a/b"));
	assert_false(release_tag_valid("a b"));
	assert_false(release_tag_valid("a%2f"));
	assert_false(release_tag_valid("a\n"));
	memset(longest, 'a', sizeof(longest));
	longest[RELEASE_TAG_MAX - 1] = '\0';
	assert_true(release_tag_valid(longest));
	longest[RELEASE_TAG_MAX - 1] = 'a';
	longest[RELEASE_TAG_MAX] = '\0';
	assert_false(release_tag_valid(longest));
}

static void link_says_the_tag_that_was_linked_last(void **state)
{
	char tag[RELEASE_TAG_MAX], target[256] = "";

	assert_int_equal(release_linked(*state, COLOR_BLUE, tag), -ENOENT);
	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), 0);
	assert_return_code(release_link(*state, COLOR_GREEN, "/srv/app", "v1"), 0);
	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v2"), 0);
	assert_return_code(release_linked(*state, COLOR_BLUE, tag), 0);
	assert_string_equal(tag, "v2");
	assert_return_code(release_linked(*state, COLOR_GREEN, tag), 0);
	assert_string_equal(tag, "v1");
	assert_true(readlink(in(*state, "blue"), target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/srv/app/v2");
}

static void link_left_over_by_one_who_was_killed_is_no_obstacle(void **state)
{
	char tag[RELEASE_TAG_MAX];

	assert_return_code(symlink("/nowhere", in(*state, ".blue.new")), errno);
	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), 0);
	assert_return_code(release_linked(*state, COLOR_BLUE, tag), 0);
	assert_false(there(*state, ".blue.new"));
}

static void same_link_again_is_nothing(void **state)
{
	struct stat before, after;

	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), 0);
	assert_return_code(lstat(in(*state, "blue"), &before), errno);
	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), 0);
	assert_return_code(lstat(in(*state, "blue"), &after), errno);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void link_goes_when_the_code_is_in_place(void **state)
{
	char tag[RELEASE_TAG_MAX];

	assert_return_code(release_link(*state, COLOR_BLUE, NULL, NULL), 0);
	assert_return_code(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), 0);
	assert_return_code(release_link(*state, COLOR_BLUE, NULL, NULL), 0);
	assert_int_equal(release_linked(*state, COLOR_BLUE, tag), -ENOENT);
}

static void what_is_not_ours_is_left_alone(void **state)
{
	char tag[RELEASE_TAG_MAX];

	assert_return_code(mkdir(in(*state, "blue"), 0755), errno);
	assert_int_equal(release_link(*state, COLOR_BLUE, "/srv/app", "v1"), -EEXIST);
	assert_int_equal(release_link(*state, COLOR_BLUE, NULL, NULL), -EEXIST);
	assert_int_equal(release_linked(*state, COLOR_BLUE, tag), -EINVAL);
	assert_true(there(*state, "blue"));
	assert_return_code(symlink("/srv/app/.git", in(*state, "green")), errno);
	assert_int_equal(release_linked(*state, COLOR_GREEN, tag), -EINVAL);
}

static void primary_leads_through_the_color_to_the_release(void **state)
{
	assert_return_code(mkdir(in(*state, "releases"), 0755), errno);
	make_release(in(*state, "releases"), "v1", 0);
	assert_return_code(release_link(*state, COLOR_BLUE, in(*state, "releases"), "v1"), 0);
	assert_return_code(release_link_primary(*state, COLOR_GREEN), 0);
	assert_int_not_equal(access(in(*state, "primary/app.py"), F_OK), 0);
	assert_return_code(release_link_primary(*state, COLOR_BLUE), 0);
	assert_int_equal(access(in(*state, "primary/app.py"), F_OK), 0);
}

/* ---- who gets in ------------------------------------------------------------------------------
 */

static char reason[RELEASE_REASON_MAX];

static int check_as(const char *directory, const char *tag, uid_t uid, gid_t gid)
{
	struct release_reader reader = {.uid = uid, .gids = &gid, .gid_count = 1};

	reason[0] = '\0';
	return release_check(directory, tag, &reader, reason);
}

#define assert_reason(text) assert_non_null(strstr(reason, text))

static void release_that_is_there_is_found(void **state)
{
	make_release(*state, "v1", 0);
	assert_int_equal(check_as(*state, "v1", 1000, 1000), 0);
	assert_int_equal(check_as(*state, "v1", (uid_t)-1, 1000), 0);
	assert_int_equal(check_as(*state, "v2", 1000, 1000), -ENOENT);
	assert_reason("there is no release v2 in /tmp/test-release-");
	assert_int_equal(check_as(in(*state, "none"), "v1", 1000, 1000), -ENOENT);
	assert_reason("/none; make it");
	make_file(*state, "v3");
	assert_int_equal(check_as(*state, "v3", 1000, 1000), -ENOTDIR);
	assert_reason("v3 is not a directory");
	assert_int_equal(check_as(*state, "..", 1000, 1000), -EINVAL);
	assert_reason("not a release's tag");
}

static void every_directory_on_the_way_must_let_the_reader_through(void **state)
{
	const char *way = in(*state, "way"), *dir = in(*state, "way/releases");

	assert_return_code(mkdir(way, 0755), errno);
	assert_return_code(mkdir(dir, 0755), errno);
	make_release(dir, "v1", 0);
	assert_return_code(chmod(way, 0750), errno);
	assert_return_code(chown(way, 0, 1000), errno);
	assert_int_equal(check_as(dir, "v1", 1001, 1001), -EACCES);
	assert_reason("/way does not let the app's user (uid 1001) in; `chmod a+x ");
	assert_int_equal(check_as(dir, "v1", 1001, 1000), 0);
	assert_int_equal(check_as(dir, "v1", (uid_t)-1, 1000), -EACCES);
	assert_reason("a dynamic user");
	assert_int_equal(check_as(dir, "v1", 0, 0), 0);
}

static void release_itself_must_be_readable(void **state)
{
	make_release(*state, "v1", 0);
	assert_return_code(chmod(in(*state, "v1"), 0711), errno);
	assert_int_equal(check_as(*state, "v1", 1000, 1000), -EACCES);
	assert_reason("`chmod a+rx /tmp/test-release-");
	assert_return_code(chmod(in(*state, "v1"), 0700), errno);
	assert_return_code(chown(in(*state, "v1"), 1000, 1000), errno);
	assert_int_equal(check_as(*state, "v1", 1000, 1000), 0);
}

static void first_class_that_fits_decides(void **state)
{
	make_release(*state, "v1", 0);
	assert_return_code(chmod(in(*state, "v1"), 0075), errno);
	assert_return_code(chown(in(*state, "v1"), 1000, 1000), errno);
	assert_int_equal(check_as(*state, "v1", 1000, 1000), -EACCES);
	assert_int_equal(check_as(*state, "v1", 1001, 1000), 0);
	assert_int_equal(check_as(*state, "v1", 1001, 1001), 0);
}

static void links_on_the_way_are_walked(void **state)
{
	const char *closed = in(*state, "closed");

	assert_return_code(mkdir(closed, 0755), errno);
	make_release(closed, "build", 0);
	assert_return_code(symlink("closed", in(*state, "releases")), errno);
	assert_return_code(symlink("../closed/./build", in(closed, "v1")), errno);
	assert_return_code(symlink(in(closed, "build"), in(closed, "v2")), errno);
	assert_int_equal(check_as(in(*state, "releases"), "v1", 1000, 1000), 0);
	assert_int_equal(check_as(in(*state, "releases"), "v2", 1000, 1000), 0);
	assert_return_code(symlink("v4", in(closed, "v3")), errno);
	assert_return_code(symlink("v3", in(closed, "v4")), errno);
	assert_int_equal(check_as(closed, "v3", 1000, 1000), -ELOOP);
	assert_return_code(chmod(closed, 0700), errno);
	assert_int_equal(check_as(in(*state, "releases"), "v1", 1000, 1000), -EACCES);
}

/* ---- the list ---------------------------------------------------------------------------------
 */

static void list_is_newest_first_and_of_releases_only(void **state)
{
	_cleanup_free_ struct release *releases = NULL;
	size_t count;

	make_release(*state, "v9", 20);
	make_release(*state, "v10", 10);
	make_release(*state, "v8", 30);
	make_release(*state, ".v7.unpacking", 0);
	make_file(*state, "README");
	assert_return_code(symlink("v8", in(*state, "stable")), errno);
	assert_return_code(symlink("nowhere", in(*state, "broken")), errno);
	assert_return_code(release_list(*state, &releases, &count), 0);
	assert_int_equal(count, 4);
	assert_string_equal(releases[0].tag, "stable");
	assert_string_equal(releases[1].tag, "v10");
	assert_string_equal(releases[2].tag, "v9");
	assert_string_equal(releases[3].tag, "v8");
	assert_in_range(releases[1].since_usec, ((uint64_t)time(NULL) - 20) * USEC_PER_SEC,
		(uint64_t)time(NULL) * USEC_PER_SEC);
}

static void list_of_no_directory_is_an_error(void **state)
{
	struct release *releases;
	size_t count;

	assert_int_equal(release_list(in(*state, "none"), &releases, &count), -ENOENT);
}

static void list_is_bounded(void **state)
{
	_cleanup_free_ struct release *releases = NULL;
	char tag[32];
	size_t count;

	for (int i = 0; i < RELEASES_MAX + 10; i++) {
		snprintf(tag, sizeof(tag), "v%d", i);
		assert_return_code(mkdir(in(*state, tag), 0755), errno);
	}
	assert_return_code(release_list(*state, &releases, &count), 0);
	assert_int_equal(count, RELEASES_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		stand_test(tag_can_be_a_name_of_a_file_and_a_part_of_a_url),
		stand_test(link_says_the_tag_that_was_linked_last),
		stand_test(link_left_over_by_one_who_was_killed_is_no_obstacle),
		stand_test(same_link_again_is_nothing),
		stand_test(link_goes_when_the_code_is_in_place),
		stand_test(what_is_not_ours_is_left_alone),
		stand_test(primary_leads_through_the_color_to_the_release),
		stand_test(release_that_is_there_is_found),
		stand_test(every_directory_on_the_way_must_let_the_reader_through),
		stand_test(release_itself_must_be_readable),
		stand_test(first_class_that_fits_decides),
		stand_test(links_on_the_way_are_walked),
		stand_test(list_is_newest_first_and_of_releases_only),
		stand_test(list_of_no_directory_is_an_error),
		stand_test(list_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
