/* SPDX-License-Identifier: MIT */
/*
 * fetch-download.c and fetch-file.c against a real server that breaks off, stalls, ignores what it
 * is asked and redirects: nothing is downloaded twice that need not be, and nothing is put together
 * of two archives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch-stand.h"

/* The first attempt ends in the middle. */
static void break_off(const char *dir, const char *manner)
{
	assert_int_equal(fetch_from(dir, manner, "v1", NULL).result, FETCH_FAILED);
	assert_true(there(dir, "releases/.v1.download"));
	assert_false(there(dir, "releases/v1"));
	server_heard();
}

static void assert_whole(const char *dir)
{
	sh(dir, "diff -r app-v1 releases/v1");
	assert_false(there(dir, "releases/.v1.download"));
	assert_false(there(dir, "releases/.v1.download.etag"));
}

static void download_goes_on_where_it_broke_off(void **state)
{
	break_off(*state, "break-100000/");
	sh(*state, "test $(stat -c %s releases/.v1.download) = 100000");
	assert_fetched(fetch_from(*state, "break-100000/", "v1", NULL), FETCH_DONE);
	assert_non_null(strstr(server_heard(), "bytes=100000- 206"));
	assert_whole(*state);
}

static void silent_server_is_not_waited_for(void **state)
{
	struct fetched fetched = fetch_from(*state, "stall-100000/", "v1", NULL);

	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "no byte came for 1 s; the next attempt goes on there");
	server_heard();
	assert_fetched(fetch_from(*state, "stall-100000/", "v1", NULL), FETCH_DONE);
	assert_non_null(strstr(server_heard(), "bytes=100000- 206"));
	assert_whole(*state);
	fetched = fetch_from(*state, "silent/", "v2", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "no byte came for 1 s");
}

static void archive_that_changed_meanwhile_is_begun_anew(void **state)
{
	break_off(*state, "break-100000/");
	sh(*state, "echo two >app-v1/app.py; tar -czf pub/app-v1.tar.gz app-v1;"
		   "cd pub; sha256sum *.gz >SHA256SUMS");
	/* The server says that it is another one: a full answer, which breaks off as well. */
	break_off(*state, "break-100000/");
	assert_fetched(fetch_from(*state, "break-100000/", "v1", NULL), FETCH_DONE);
	assert_whole(*state);
}

static void part_of_another_archive_gets_a_second_try(void **state)
{
	break_off(*state, "stall-100000/");
	sh(*state, "truncate -s 0 releases/.v1.download; truncate -s 400000 releases/.v1.download");
	/* The rest comes, the sum is wrong, and the whole that is then asked for stalls. */
	assert_why(fetch_from(*state, "stall-100000/", "v1", NULL), "no byte came");
	assert_fetched(fetch_from(*state, "stall-100000/", "v1", NULL), FETCH_DONE);
	assert_whole(*state);
}

static void other_manners_come_whole(void **state)
{
	static const char *const manners[] = {
		"weak/", "date/", "whole/", "chunked/", "redirect-5/"};

	for (size_t i = 0; i < ELEMENTS(manners); i++) {
		assert_fetched(fetch_from(*state, manners[i], "v1", NULL), FETCH_DONE);
		assert_whole(*state);
		sh(*state, "rm -r releases/v1");
	}
}

static void bad_answers_are_named(void **state)
{
	assert_why(fetch_from(*state, "status-503/", "v1", NULL), "the server answered 503");
	assert_why(fetch_from(*state, "redirect-6/", "v1", NULL), "redirect");
	assert_why(fetch_from(*state, "loop/", "v1", NULL), "redirect");
	assert_why(fetch_from(*state, "ftp/", "v1", NULL), "rotocol");
	assert_why(fetch_from(*state, "huge/", "v1", NULL), "more than the 16384 MiB");
	assert_false(there(*state, "releases/v1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fetch_test(download_goes_on_where_it_broke_off),
		fetch_test(silent_server_is_not_waited_for),
		fetch_test(archive_that_changed_meanwhile_is_begun_anew),
		fetch_test(part_of_another_archive_gets_a_second_try),
		fetch_test(other_manners_come_whole),
		fetch_test(bad_answers_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
