/* SPDX-License-Identifier: MIT */
/*
 * recheck-findings.c, recheck-words.c, recheck-asked.c, and the words of recheck-package.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "recheck-asked.h"
#include "recheck-package.h"
#include "recheck-words.h"

static void add(struct findings *findings, enum subject subject, const char *path,
	const char *identity, bool certain)
{
	struct finding finding = {.subject = subject, .path = (char *)path, .certain = certain};

	snprintf(finding.identity, sizeof(finding.identity), "%s", identity);
	assert_int_equal(findings_add(findings, &finding), 0);
}

/* ---- findings -------------------------------------------------------------------------------- */

static void a_file_is_there_once_for_a_subject(void **state)
{
	struct findings findings = {0};

	(void)state;
	add(&findings, SUBJECT_BLUE, "/usr/lib/a", "1", false);
	add(&findings, SUBJECT_BLUE, "/usr/lib/a", "1", true);
	add(&findings, SUBJECT_GREEN, "/usr/lib/a", "1", false);
	assert_int_equal(findings.count, 2);
	assert_true(findings.items[0].certain);
	assert_false(findings.items[1].certain);
	findings_clear(&findings);
}

static void data_counts_only_if_a_package_has_it(void **state)
{
	struct findings findings = {0};

	(void)state;
	add(&findings, SUBJECT_BLUE, "/var/lib/app/data", "1", false);
	add(&findings, SUBJECT_BLUE, "/usr/lib/locale/x", "1", false);
	add(&findings, SUBJECT_BLUE, "/srv/app.py", "1", true);
	snprintf(findings.items[1].package, sizeof(findings.items[1].package), "locales");
	findings_settle(&findings);
	assert_int_equal(findings.count, 2);
	assert_string_equal(findings.items[0].path, "/usr/lib/locale/x");
	assert_string_equal(findings.items[1].path, "/srv/app.py");
	findings_clear(&findings);
}

static void more_than_the_limit_are_counted(void **state)
{
	struct findings findings = {0};
	char path[32], sentence[256];

	(void)state;
	for (int i = 0; i < FINDINGS_MAX + 3; i++) {
		snprintf(path, sizeof(path), "/usr/lib/%d", i);
		add(&findings, SUBJECT_BLUE, path, "1", true);
	}
	assert_int_equal(findings.count, FINDINGS_MAX);
	assert_int_equal(findings.left_out, 3);
	findings_sentence(&findings, SUBJECT_BLUE, SUBJECT_GREEN, sentence, sizeof(sentence));
	assert_string_equal(sentence, "/usr/lib/0, and 514 more files");
	findings_clear(&findings);
}

static void the_sentence_counts_files_and_not_colors(void **state)
{
	struct findings findings = {0};
	char sentence[256];

	(void)state;
	findings_sentence(&findings, SUBJECT_BLUE, SUBJECT_GREEN, sentence, sizeof(sentence));
	assert_string_equal(sentence, "");
	add(&findings, SUBJECT_BLUE, "/srv/a", "1", true);
	add(&findings, SUBJECT_GREEN, "/srv/a", "1", true);
	add(&findings, SUBJECT_RELAY, "/srv/a", "1", true);
	findings_sentence(&findings, SUBJECT_BLUE, SUBJECT_GREEN, sentence, sizeof(sentence));
	assert_string_equal(sentence, "/srv/a");
	add(&findings, SUBJECT_GREEN, "/usr/lib/libssl.so.3", "1", true);
	snprintf(findings.items[3].package, sizeof(findings.items[3].package), "libssl3");
	findings_sentence(&findings, SUBJECT_BLUE, SUBJECT_GREEN, sentence, sizeof(sentence));
	assert_string_equal(sentence, "libssl3: /usr/lib/libssl.so.3, and 1 more file");
	findings_sentence(&findings, SUBJECT_RELAY, SUBJECT_RELAY, sentence, sizeof(sentence));
	assert_string_equal(sentence, "/srv/a");
	findings_clear(&findings);
}

static void a_path_is_shown_as_text_and_cut_in_front(void **state)
{
	char shown[FINDING_PATH_MAX], path[1000];

	(void)state;
	finding_path_show("/srv/\x1b[2Ja\nb\xff/\xc3\xa4", shown);
	assert_string_equal(shown, "/srv/?[2Ja?b?/\xc3\xa4");
	memset(path, 'a', sizeof(path) - 1);
	memcpy(path + sizeof(path) - 6, "/x.py", 6);
	finding_path_show(path, shown);
	assert_int_equal(strlen(shown), FINDING_PATH_MAX - 1);
	assert_memory_equal(shown, "...aaa", 6);
	assert_string_equal(shown + FINDING_PATH_MAX - 6, "/x.py");
}

/* ---- words ----------------------------------------------------------------------------------- */

static void words_come_back_as_they_were(void **state)
{
	static const char *const words[] = {
		"", "/srv/a b", "%", "%%41", "a\nb\tc", "\x7f\x01", "\xc3\xa4\xff", "/"};
	char *text = NULL, *rest;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		word_write(file, words[i]);
		fputc(' ', file);
	}
	fclose(file);
	assert_null(strchr(text, '\n'));
	rest = text;
	for (size_t i = 0; i < ELEMENTS(words); i++)
		assert_string_equal(word_take(&rest), words[i]);
	assert_null(word_take(&rest));
	free(text);
}

static void a_word_that_is_none_is_refused(void **state)
{
	static const char *const words[] = {"a%", "a%4", "a%4x", "%zz", "a%00b", "%0", "%a1"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		char copy[16], *rest = copy;

		snprintf(copy, sizeof(copy), "%s", words[i]);
		if (word_take(&rest))
			fail_msg("taken: %s", words[i]);
	}
}

/* ---- what was asked -------------------------------------------------------------------------- */

static int setup(void **state)
{
	char *dir = strdup("/tmp/test-recheck-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static bool covered(const struct asked_place *place, const struct findings *findings)
{
	struct asked asked;
	bool covers;

	asked_read(place, &asked);
	covers = asked_covers(&asked, findings, SUBJECT_BLUE, SUBJECT_GREEN);
	asked_free(&asked);
	return covers;
}

static void what_was_asked_for_is_known_again(void **state)
{
	const struct asked_place place = {*state, "app"};
	struct findings findings = {0}, fewer = {0}, newer = {0};
	struct asked asked;

	add(&findings, SUBJECT_BLUE, "/usr/lib/a b", "1", true);
	add(&findings, SUBJECT_GREEN, "/usr/lib/c", "-", true);
	assert_false(covered(&place, &findings));
	assert_int_equal(
		asked_write(&place, "0123abcd", &findings, SUBJECT_BLUE, SUBJECT_GREEN), 0);
	assert_true(covered(&place, &findings));
	asked_read(&place, &asked);
	assert_string_equal(asked.id, "0123abcd");
	asked_free(&asked);

	/* One color was cured: that is nothing new. */
	add(&fewer, SUBJECT_GREEN, "/usr/lib/a b", "1", true);
	assert_true(covered(&place, &fewer));
	/* Yet another version is. */
	add(&newer, SUBJECT_BLUE, "/usr/lib/a b", "2", true);
	assert_false(covered(&place, &newer));
	/* The end of a line is no line. */
	findings_clear(&newer);
	add(&newer, SUBJECT_BLUE, "b", "1", true);
	assert_false(covered(&place, &newer));

	asked_forget(&place);
	assert_false(covered(&place, &findings));
	findings_clear(&findings);
	findings_clear(&fewer);
	findings_clear(&newer);
}

static void our_own_programs_are_not_asked_for_with_the_colors(void **state)
{
	const struct asked_place place = {*state, "app"};
	struct findings findings = {0};
	struct asked asked;

	add(&findings, SUBJECT_RELAY, "/usr/lib/a", "1", true);
	assert_int_equal(asked_write(&place, "x", &findings, SUBJECT_BLUE, SUBJECT_GREEN), 0);
	asked_read(&place, &asked);
	assert_false(asked_covers(&asked, &findings, SUBJECT_RELAY, SUBJECT_RELAY));
	asked_free(&asked);
	asked_forget(&place);
	findings_clear(&findings);
}

/* ---- packages -------------------------------------------------------------------------------- */

static void a_file_has_all_the_names_that_dpkg_may_know(void **state)
{
	static const struct {
		const char *path;
		const char *names[PACKAGE_PATTERNS];
	} rows[] = {
		{"/srv/app/a.py", {"/srv/app/a.py"}},
		{"/usr/lib/a/libx.so.1.2.3", {"/usr/lib/a/libx.so.1.2.3", "/lib/a/libx.so.1.2.3",
						     "/usr/lib/a/libx.so.1", "/lib/a/libx.so.1"}},
		{"/usr/lib/a/libc.so.6", {"/usr/lib/a/libc.so.6", "/lib/a/libc.so.6"}},
		{"/usr/bin/[", {"/usr/bin/\\[", "/bin/\\["}},
		{"/usr/share/a*b?c\\", {"/usr/share/a\\*b\\?c\\\\"}},
		{"/opt/x.so.1.2-beta", {"/opt/x.so.1.2-beta"}},
	};
	char pattern[256];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (unsigned which = 0; which < PACKAGE_PATTERNS; which++) {
			const char *wanted = rows[i].names[which];
			bool found = package_pattern(rows[i].path, which, pattern, sizeof(pattern));

			if (found != !!wanted || (wanted && strcmp(wanted, pattern) != 0))
				fail_msg("%s, %u: %s", rows[i].path, which, found ? pattern : "-");
		}
	assert_false(package_pattern("/srv/app/a.py", 0, pattern, 8));
	assert_false(package_pattern("/srv/app/a.py", PACKAGE_PATTERNS, pattern, sizeof(pattern)));
}

static void a_line_of_dpkg_query_names_a_package(void **state)
{
	static const struct {
		const char *line, *package, *path;
	} rows[] = {
		{"libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6", "libc6",
			"/lib/x86_64-linux-gnu/libc.so.6"},
		{"perl-base: /usr/bin/perl", "perl-base", "/usr/bin/perl"},
		{"libx1:amd64, libx1:i386: /usr/share/x", "libx1", "/usr/share/x"},
		{"a: /srv/with: /colons", "a", "/srv/with: /colons"},
		{"diversion by dash from: /bin/sh", NULL, NULL},
		{"local diversion to: /usr/bin/x.distrib", NULL, NULL},
		{"", NULL, NULL},
		{": /usr/x", NULL, NULL},
		{"no path at all", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const char *package = NULL, *path = NULL;
		char line[128];
		bool found;

		snprintf(line, sizeof(line), "%s", rows[i].line);
		found = package_line(line, &package, &path);
		if (found != !!rows[i].package)
			fail_msg("%s", rows[i].line);
		if (found) {
			assert_string_equal(package, rows[i].package);
			assert_string_equal(path, rows[i].path);
		}
	}
}

static void the_machines_own_dpkg_is_asked(void **state)
{
	struct findings findings = {0};

	(void)state;
	add(&findings, SUBJECT_BLUE, "/usr/bin/dpkg-query", "1", true);
	add(&findings, SUBJECT_BLUE, "/srv/nobody/has/this", "1", true);
	assert_int_equal(packages_find(&findings), 0);
	assert_string_equal(findings.items[0].package, "dpkg");
	assert_string_equal(findings.items[1].package, "");
	findings_clear(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_there_once_for_a_subject),
		cmocka_unit_test(data_counts_only_if_a_package_has_it),
		cmocka_unit_test(more_than_the_limit_are_counted),
		cmocka_unit_test(the_sentence_counts_files_and_not_colors),
		cmocka_unit_test(a_path_is_shown_as_text_and_cut_in_front),
		cmocka_unit_test(words_come_back_as_they_were),
		cmocka_unit_test(a_word_that_is_none_is_refused),
		cmocka_unit_test_setup_teardown(what_was_asked_for_is_known_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			our_own_programs_are_not_asked_for_with_the_colors, setup, teardown),
		cmocka_unit_test(a_file_has_all_the_names_that_dpkg_may_know),
		cmocka_unit_test(a_line_of_dpkg_query_names_a_package),
		cmocka_unit_test(the_machines_own_dpkg_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
