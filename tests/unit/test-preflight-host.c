/* SPDX-License-Identifier: MIT */
/*
 * preflight-host.c: release, memory and disk. Each finding that refuses names what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "preflight-stand.h"

static void a_release_must_be_there_for_the_units_user(void **state)
{
	(void)state;
	config.release_directory = dir;
	snprintf(instances.of[COLOR_BLUE].status.user, 64, "1");
	snprintf(instances.of[COLOR_GREEN].status.user, 64, "daemon");
	snprintf(instances.of[COLOR_GREEN].status.group, 64, "adm");
	snprintf(instances.of[COLOR_GREEN].status.groups, 64, "77 nobody-has-this");
	look("v1");
	assert_int_equal(finding("release")->answer, PREFLIGHT_FINE);
	assert_int_equal(reader.uid, 1);
	assert_int_equal(reader.gid_count, 3);
	assert_int_equal(reader_gids[0], 4);
	assert_int_equal(reader_gids[1], 77);
	assert_int_equal(reader_gids[2], 1);
	release_answer = -EACCES;
	look("v1");
	assert_refuses("release", "v1", "make it so");
}

static void a_release_for_a_dynamic_user_must_be_there_for_everybody(void **state)
{
	(void)state;
	config.release_directory = dir;
	instances.of[COLOR_BLUE].status.dynamic_user = true;
	instances.of[COLOR_GREEN].status.dynamic_user = true;
	look("v1");
	assert_int_equal(reader.uid, (uid_t)-1);
	assert_int_equal(finding("release")->answer, PREFLIGHT_FINE);
}

static void a_user_who_does_not_exist_is_named(void **state)
{
	(void)state;
	config.release_directory = dir;
	snprintf(instances.of[COLOR_GREEN].status.user, 64, "no-such-user");
	look("v1");
	assert_refuses("release", "no-such-user", "systemctl edit app@green.service");
}

static void a_release_that_can_be_fetched_need_not_be_there(void **state)
{
	(void)state;
	config.release_directory = dir;
	release_answer = -ENOENT;
	look("v1");
	assert_refuses("release", "v1", "make it so");
	config.release_source = dir;
	look("v1");
	assert_int_equal(finding("release")->answer, PREFLIGHT_FINE);
	assert_non_null(strstr(finding("release")->text, "fetched"));
	release_answer = -EACCES;
	look("v1");
	assert_refuses("release", "v1", "make it so");
}

static void a_tag_needs_a_directory_and_must_be_one(void **state)
{
	(void)state;
	look("v1");
	assert_refuses("release", "v1", "Directory=");
	look("../etc");
	assert_refuses("release", "no tag", "letter or digit");
}

static void what_is_to_be_copied_must_be_there_and_have_been_copied_once(void **state)
{
	(void)state;
	look("");
	assert_null(finding("snapshot"));
	config.release_directory = dir;
	config.release_snapshot[0] = (char *)"/usr/share/notes";
	assert_int_equal(answer_of("snapshot"), PREFLIGHT_FINE);
	assert_non_null(strstr(finding("release")->text, "on a copy of what is installed"));
	snapshot_answer = -ENOENT;
	look("");
	assert_refuses("snapshot", "/usr/share/notes cannot be copied", "make it so");
	/* A release that is there needs nothing copied. */
	look("v1");
	assert_int_equal(finding("snapshot")->answer, PREFLIGHT_FINE);
	snapshot_answer = 0;
	snprintf(stage.uncopied_why, sizeof(stage.uncopied_why), "no room; make some");
	look("");
	assert_refuses("snapshot", "no copy of the code", "make some");
}

static void memory_that_is_not_enough_refuses_with_the_figures(void **state)
{
	(void)state;
	assert_non_null(strstr((look(""), finding("memory")->text), "not known"));
	put("memory", "PEAK=157286400\n");
	/* 100 MiB are available; green would give back 50 more. */
	stage.strategy = STRATEGY_SWAP;
	assert_int_equal(answer_of("memory"), PREFLIGHT_FINE);
	put("memory", "PEAK=157286401\n");
	look("");
	assert_refuses("memory",
		"up to 150 MiB of memory, but only 100 MiB are available and "
		"green gives back 50 MiB",
		"free some, or remove");
	/* Blue's group is not counted here: it gives nothing back that is known of. */
	stage.strategy = STRATEGY_FALLBACK;
	put("memory", "PEAK=104857601\n");
	assert_int_equal(answer_of("memory"), PREFLIGHT_REFUSES);
	put("memory", "PEAK=104857600\n");
	assert_int_equal(answer_of("memory"), PREFLIGHT_FINE);
}

static void a_disk_that_is_about_to_be_full_refuses_with_its_path(void **state)
{
	char releases[64];

	(void)state;
	snprintf(releases, sizeof(releases), "%s/green", dir);
	full = dir;
	room = (struct statvfs){
		.f_bavail = 4096, .f_frsize = 4096, .f_files = 1000, .f_favail = 64};
	assert_int_equal(answer_of("disk"), PREFLIGHT_FINE);
	room.f_bavail = 4095;
	look("");
	assert_refuses("disk", dir, "make room for 16384 KiB");
	full = releases;
	config.release_directory = releases;
	room = (struct statvfs){
		.f_bavail = 9000, .f_frsize = 4096, .f_files = 1000, .f_favail = 63};
	look("");
	assert_refuses("disk", releases, "64 inodes");
	/* It makes them as they are needed. */
	room.f_files = room.f_favail = 0;
	assert_int_equal(answer_of("disk"), PREFLIGHT_FINE);
	/* One that is not there is the release's matter. */
	config.release_directory = (char *)"/no/such/directory";
	assert_int_equal(answer_of("disk"), PREFLIGHT_FINE);
}

int main(void)
{
#define story(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		story(a_release_must_be_there_for_the_units_user),
		story(a_release_for_a_dynamic_user_must_be_there_for_everybody),
		story(a_user_who_does_not_exist_is_named),
		story(a_release_that_can_be_fetched_need_not_be_there),
		story(a_tag_needs_a_directory_and_must_be_one),
		story(what_is_to_be_copied_must_be_there_and_have_been_copied_once),
		story(memory_that_is_not_enough_refuses_with_the_figures),
		story(a_disk_that_is_about_to_be_full_refuses_with_its_path),
	};

	return cmocka_run_group_tests(tests, make, end);
}
