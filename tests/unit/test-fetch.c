/* SPDX-License-Identifier: MIT */
/*
 * fetch*.c against a real server, sha256sum and tar: a release is there as a whole or not at all,
 * whatever server, network, archive and disk do. What a download does at its edges has
 * test-fetch-download.c.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "fetch-stand.h"
#include "fetch-sum.h"

/* Nothing but the releases, hidden names included. */
static void assert_nothing_left(const char *dir)
{
	sh(dir, "test -z \"$(find releases -mindepth 1 -maxdepth 1 -name '.*')\"");
}

static void release_comes_whole_and_under_its_tag(void **state)
{
	struct stat st;

	assert_fetched(fetch_from(*state, "", "v1", NULL), FETCH_DONE);
	sh(*state, "diff -r app-v1 releases/v1");
	assert_nothing_left(*state);
	assert_return_code(stat(in(*state, "releases/v1"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_in_range(st.st_mtime, time(NULL) - 60, time(NULL) + 1);
	server_heard();
	assert_string_equal(server_heard(), "GET /SHA256SUMS - 200 80\n");
}

static void release_that_is_there_is_not_fetched(void **state)
{
	assert_return_code(mkdir(in(*state, "releases/v1"), 0755), errno);
	assert_fetched(fetch_from(*state, "status-500/", "v1", NULL), FETCH_DONE);
	assert_false(there(*state, "releases/v1/app.py"));
}

static void release_that_is_not_published_is_not_there(void **state)
{
	struct fetched fetched = fetch_from(*state, "", "v2", NULL);

	assert_int_equal(fetched.result, FETCH_NOT_THERE);
	assert_why(fetched, "there is no release v2: http://127.0.0.1:");
	assert_why(fetched, "/app-v2.tar.gz is not there (the server answered 404)");
	assert_nothing_left(*state);
	assert_int_equal(fetch_from(*state, "status-410/", "v1", NULL).result, FETCH_NOT_THERE);
}

static void sum_that_was_given_counts(void **state)
{
	char wrong[FETCH_SHA256_MAX] = {0};
	struct fetched fetched;

	memset(wrong, 'a', sizeof(wrong) - 1);
	fetched = fetch_from(*state, "", "v1", wrong);
	assert_int_equal(fetched.result, FETCH_WRONG);
	assert_why(fetched, "and it should be aaaaaaaa");
	assert_false(there(*state, "releases/v1"));
	assert_nothing_left(*state);
}

static void sums_must_be_there_and_name_the_archive(void **state)
{
	struct fetched fetched;

	sh(*state, "echo >pub/SHA256SUMS");
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_WRONG);
	assert_why(fetched, "says nothing of app-v1.tar.gz; publish it");
	assert_return_code(unlink(in(*state, "pub/SHA256SUMS")), errno);
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_WRONG);
	assert_why(fetched, "there is no checksum for http://127.0.0.1:");
	assert_false(there(*state, "releases/v1"));
	/* The archive was good: it is not downloaded again. */
	sh(*state, "cd pub; sha256sum app-v1.tar.gz >SHA256SUMS");
	assert_fetched(fetch_from(*state, "", "v1", NULL), FETCH_DONE);
	assert_nothing_left(*state);
}

static void archive_changed_under_its_sum_is_wrong(void **state)
{
	struct fetched fetched;

	sh(*state, "cd pub; head -c 1000 /dev/urandom >>app-v1.tar.gz");
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_WRONG);
	assert_why(fetched, "it is not what was published");
	assert_false(there(*state, "releases/v1"));
	assert_nothing_left(*state);
}

static void every_compression_is_unpacked(void **state)
{
	static const char *const tags[] = {"gz", "xz", "bz2", "zst", "plain"};

	sh(*state, "cd app-v1; head -c 100 data >d; mv d data; cd ..;"
		   "tar -czf pub/app-gz.tar.gz app-v1; tar -cJf pub/app-xz.tar.gz app-v1;"
		   "tar -cjf pub/app-bz2.tar.gz app-v1; tar -c --zstd -f pub/app-zst.tar.gz app-v1;"
		   "tar -cf pub/app-plain.tar.gz app-v1; cd pub; sha256sum *.gz >SHA256SUMS");
	for (size_t i = 0; i < ELEMENTS(tags); i++) {
		assert_fetched(fetch_from(*state, "", tags[i], NULL), FETCH_DONE);
		/* One directory, but not called by the tag: a part of the application. */
		assert_true(there(in(*state, "releases"), in(tags[i], "app-v1/app.py")));
	}
	assert_nothing_left(*state);
}

static void publish(const char *dir, const char *make)
{
	sh(dir, make);
	sh(dir, "cd pub; sha256sum *.gz >SHA256SUMS");
}

static void directory_called_by_the_tag_is_the_release(void **state)
{
	publish(*state, "mkdir v2 in; echo two >v2/a; tar -czf pub/app-v2.tar.gz v2;"
			"cp -r v2 in/v3; cd in; echo x >b; tar -czf ../pub/app-v3.tar.gz .");
	assert_fetched(fetch_from(*state, "", "v2", NULL), FETCH_DONE);
	assert_true(there(*state, "releases/v2/a"));
	assert_fetched(fetch_from(*state, "", "v3", NULL), FETCH_DONE);
	assert_true(there(*state, "releases/v3/v3/a"));
	assert_true(there(*state, "releases/v3/b"));
	assert_nothing_left(*state);
}

static void archive_brings_no_privileges(void **state)
{
	struct stat st;

	publish(*state, "mkdir v2; echo x >v2/suid; chown 1234:1234 v2/suid; chmod 6755 v2/suid;"
			"mkdir v2/sgid; chmod 2777 v2/sgid; chmod 700 v2;"
			"tar -czf pub/app-v2.tar.gz v2; mkdir v3; mknod v3/null c 1 3;"
			"tar -czf pub/app-v3.tar.gz v3");
	assert_fetched(fetch_from(*state, "", "v2", NULL), FETCH_DONE);
	assert_return_code(stat(in(*state, "releases/v2/suid"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, 0);
	assert_return_code(stat(in(*state, "releases/v2/sgid"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	/* Whatever the archive says of its top: the app's user must get in. */
	assert_return_code(stat(in(*state, "releases/v2"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_fetched(fetch_from(*state, "", "v3", NULL), FETCH_FAILED);
	assert_false(there(*state, "releases/v3"));
}

static void archive_that_leads_out_is_refused(void **state)
{
	struct fetched fetched;

	publish(*state,
		"echo x >out; tar -czPf pub/app-v2.tar.gz \"$PWD/out\";"
		"mkdir -p a/b; cd a/b; tar -czPf ../../pub/app-v3.tar.gz ../../out; cd ../..;"
		"mkdir v4; ln -s ../../../.. v4/up; tar -cf t app-v1/app.py v4/up;"
		"rm v4/up; mkdir v4/up; echo evil >v4/up/evil; tar -rf t v4/up/evil;"
		"gzip <t >pub/app-v4.tar.gz; rm -r out v4");
	fetched = fetch_from(*state, "", "v2", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "has names that lead out of a release");
	fetched = fetch_from(*state, "", "v3", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	fetch_from(*state, "", "v4", NULL);
	assert_false(there(*state, "evil"));
	sh(*state, "! ls -d /evil ../evil releases/evil 2>/dev/null");
	assert_false(there(*state, "releases/v2"));
	assert_false(there(*state, "releases/v3"));
	assert_false(there(*state, "out"));
}

static void what_is_no_archive_is_named(void **state)
{
	struct fetched fetched;

	publish(*state, "head -c 5000 /dev/urandom >pub/app-v2.tar.gz;"
			"head -c 300000 pub/app-v1.tar.gz >pub/app-v3.tar.gz");
	fetched = fetch_from(*state, "", "v2", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "cannot be unpacked: tar failed: tar: ");
	assert_int_equal(fetch_from(*state, "", "v3", NULL).result, FETCH_FAILED);
	assert_false(there(*state, "releases/v3"));
	assert_false(there(*state, "releases/.v3.unpacking"));
}

static void local_directory_is_a_source_too(void **state)
{
	char source[256];
	struct fetch_order order = {
		.source = source, .tag = "v1", .directory = in(*state, "releases")};
	struct fetched fetched;

	snprintf(source, sizeof(source), "file://%s/pub/app-{tag}.tar.gz", (char *)*state);
	assert_fetched(fetch_by(&order), FETCH_DONE);
	sh(*state, "diff -r app-v1 releases/v1");
	assert_nothing_left(*state);
	order.tag = "v2";
	fetched = fetch_by(&order);
	assert_int_equal(fetched.result, FETCH_NOT_THERE);
	assert_why(fetched, "there is no release v2: /tmp/test-release-");
}

static void directory_is_made_with_its_first_release(void **state)
{
	assert_return_code(rmdir(in(*state, "releases")), errno);
	assert_fetched(fetch_from(*state, "", "v1", NULL), FETCH_DONE);
	assert_true(there(*state, "releases/v1/app.py"));
}

static void tar_of_root_runs_as_the_owner_of_the_directory(void **state)
{
	struct stat st;

	assert_return_code(chown(in(*state, "releases"), 1234, 1234), errno);
	assert_fetched(fetch_from(*state, "", "v1", NULL), FETCH_DONE);
	assert_return_code(stat(in(*state, "releases/v1"), &st), errno);
	assert_int_equal(st.st_uid, 1234);
	assert_return_code(stat(in(*state, "releases/v1/app.py"), &st), errno);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 1234);
}

static void mount_small(const char *dir, const char *options)
{
	assert_return_code(unshare(CLONE_NEWNS), errno);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	assert_return_code(mount("tmpfs", in(dir, "releases"), "tmpfs", 0, options), errno);
}

static void full_disk_is_one_sentence_and_is_left_as_it_was(void **state)
{
	struct fetched fetched;

	/* The archive has 600 kB: no room for it; then for it, but not for what is in it. */
	mount_small(*state, "size=256k");
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "cannot be downloaded: it needs 0.6 MiB more, and ");
	fetched = fetch_from(*state, "chunked/", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "No space left on device; remove old releases, or lower Keep=");
	assert_int_equal(truncate(in(*state, "releases/.v1.download"), 0), 0);
	assert_return_code(
		mount(NULL, in(*state, "releases"), NULL, MS_REMOUNT, "size=900k"), errno);
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "No space left on device");
	assert_false(there(*state, "releases/v1"));
	assert_false(there(*state, "releases/.v1.unpacking"));
	assert_return_code(mount(NULL, in(*state, "releases"), NULL, MS_REMOUNT, "size=2M"), errno);
	assert_fetched(fetch_from(*state, "", "v1", NULL), FETCH_DONE);
	assert_return_code(umount(in(*state, "releases")), errno);
}

static void read_only_disk_is_one_sentence(void **state)
{
	struct fetched fetched;

	mount_small(*state, "ro");
	fetched = fetch_from(*state, "", "v1", NULL);
	assert_return_code(umount(in(*state, "releases")), errno);
	assert_int_equal(fetched.result, FETCH_FAILED);
	assert_why(fetched, "Read-only file system; mount it writable");
}

static void source_must_have_a_tag_and_a_scheme_of_ours(void **state)
{
	static const char *const wrong[] = {"http://127.0.0.1/app.tar.gz", "ftp://host/{tag}",
		"{tag}", "/srv/{tag}", "http://host/{tag}/", "", "https://host:port/{tag}"};
	struct fetch_order order = {.tag = "v1", .directory = *state};
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct fetch *fetch;

	assert_return_code(sd_event_new(&event), 0);
	for (size_t i = 0; i < ELEMENTS(wrong); i++) {
		order.source = wrong[i];
		assert_int_equal(fetch_begin(event, &order, on_fetched, NULL, &fetch), -EINVAL);
	}
	order.source = "http://host/{tag}.tar";
	order.sha256 = "abc";
	assert_int_equal(fetch_begin(event, &order, on_fetched, NULL, &fetch), -EINVAL);
}

#define SUM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SUM_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static void sums_are_read_as_they_are_written(void **state)
{
	static const char text[] = "# comment\n\n" SUM_A "  ./app-v1.tar.gz.asc\n" SUM_B
				   " *dist/app-v1.tar.gz\r\n" SUM_A "  last";
	char sum[FETCH_SHA256_MAX];

	(void)state;
	assert_return_code(sum_find(text, "app-v1.tar.gz", sum), 0);
	assert_string_equal(sum, SUM_B);
	assert_return_code(sum_find(text, "last", sum), 0);
	assert_string_equal(sum, SUM_A);
	assert_int_equal(sum_find(text, "app-v1.tar", sum), -ENOENT);
	assert_int_equal(sum_find("", "app", sum), -ENOENT);
	assert_int_equal(sum_find(SUM_A, "", sum), -ENOENT);
	assert_int_equal(sum_find(SUM_A "a  app", "app", sum), -ENOENT);
	assert_true(sum_valid(SUM_B));
	assert_false(sum_valid(SUM_B "0"));
	assert_false(sum_valid(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fetch_test(release_comes_whole_and_under_its_tag),
		fetch_test(release_that_is_there_is_not_fetched),
		fetch_test(release_that_is_not_published_is_not_there),
		fetch_test(sum_that_was_given_counts),
		fetch_test(sums_must_be_there_and_name_the_archive),
		fetch_test(archive_changed_under_its_sum_is_wrong),
		fetch_test(every_compression_is_unpacked),
		fetch_test(directory_called_by_the_tag_is_the_release),
		fetch_test(archive_brings_no_privileges),
		fetch_test(archive_that_leads_out_is_refused),
		fetch_test(what_is_no_archive_is_named),
		fetch_test(local_directory_is_a_source_too),
		fetch_test(directory_is_made_with_its_first_release),
		fetch_test(tar_of_root_runs_as_the_owner_of_the_directory),
		fetch_test(full_disk_is_one_sentence_and_is_left_as_it_was),
		fetch_test(read_only_disk_is_one_sentence),
		fetch_test(source_must_have_a_tag_and_a_scheme_of_ours),
		cmocka_unit_test(sums_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
