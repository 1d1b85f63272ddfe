/* SPDX-License-Identifier: MIT */
/*
 * environment.c: what is written is read back by systemd exactly as it was meant. The reader here
 * follows systemd's own states for EnvironmentFile= (systemd.exec(5)); tests/system asks systemd
 * itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "environment.h"

/* The value that a reader of the file finds for the name, or NULL. Only what we write: a name, `=`,
 * and one quoted value a line; anything else fails the test. */
static char *value_read(const char *text, const char *name)
{
	static char value[4096];
	char *found = NULL;

	while (*text) {
		size_t length = strcspn(text, "="), n = 0;
		bool wanted = strlen(name) == length && strncmp(text, name, length) == 0;

		text += length;
		assert_int_equal(*text++, '=');
		assert_int_equal(*text++, '"');
		for (; *text != '"'; text++) {
			assert_true(*text != '\0' && *text != '\n');
			if (*text == '\\') {
				/* Before any other character the backslash would stay. */
				text++;
				assert_non_null(strchr("\"\\`$", *text));
			}
			if (wanted)
				value[n++] = *text;
		}
		text++;
		assert_int_equal(*text++, '\n');
		if (wanted) {
			value[n] = '\0';
			found = value;
		}
	}
	return found;
}

static char *format_fallback(char *const *assignments)
{
	const struct environment environment = {.color = COLOR_GREEN,
		.role = ROLE_FALLBACK,
		.port = 9001,
		.release = "",
		.assignments = assignments};
	char error[ENVIRONMENT_ERROR_MAX] = "";
	char *text = NULL;

	if (environment_format(&environment, error, &text) < 0) {
		assert_string_not_equal(error, "");
		return NULL;
	}
	return text;
}

static void a_primary_is_told_its_part_and_nothing_of_the_fallback(void **state)
{
	char *const assignments[] = {"READ_ONLY=1", NULL};
	const struct environment environment = {.color = COLOR_BLUE,
		.role = ROLE_PRIMARY,
		.port = 9000,
		.release = "v1.2",
		.assignments = assignments};
	char error[ENVIRONMENT_ERROR_MAX];
	char *text;

	(void)state;
	assert_int_equal(environment_format(&environment, error, &text), 0);
	assert_string_equal(text,
		"PORT=\"9000\"\nBLUEGREEN_COLOR=\"blue\"\nBLUEGREEN_ROLE=\"primary\"\n"
		"BLUEGREEN_RELEASE=\"v1.2\"\n");
	free(text);
}

static void a_fallback_is_told_what_the_configuration_says(void **state)
{
	char *const assignments[] = {"READ_ONLY=1", "EMPTY=", NULL};
	char *text = format_fallback(assignments);

	(void)state;
	assert_non_null(text);
	assert_string_equal(value_read(text, "READ_ONLY"), "1");
	assert_string_equal(value_read(text, "EMPTY"), "");
	assert_string_equal(value_read(text, "BLUEGREEN_ROLE"), "fallback");
	assert_string_equal(value_read(text, "BLUEGREEN_RELEASE"), "");
	free(text);
}

static void every_value_is_read_back_as_it_was(void **state)
{
	static const char *const values[] = {"a b", "\"", "'", "\\", "\\n", "$HOME", "`id`", "#x",
		";", " leading and trailing ", "a=b=c", "tab\there", "\\\"$`\\", "grün 日本 🚦",
		"unbalanced \" quote", "%h %%", "trailing\\"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(values); i++) {
		char assignment[128];
		char *assignments[] = {assignment, "LAST=end", NULL};
		char *text;

		snprintf(assignment, sizeof(assignment), "VALUE=%s", values[i]);
		text = format_fallback(assignments);
		assert_non_null(text);
		assert_string_equal(value_read(text, "VALUE"), values[i]);
		assert_string_equal(value_read(text, "LAST"), "end");
		free(text);
	}
}

static void every_byte_is_read_back_or_refused(void **state)
{
	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char assignment[16];
		char *assignments[] = {assignment, NULL};
		bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
		char *text;

		snprintf(assignment, sizeof(assignment), "V=x%cy", byte);
		text = format_fallback(assignments);
		if (control || byte >= 0x80) {
			assert_null(text);
			continue;
		}
		assert_non_null(text);
		assert_string_equal(value_read(text, "V"), assignment + 2);
		free(text);
	}
}

static void what_is_not_utf8_is_refused(void **state)
{
	static const char *const bad[] = {"V=\xc0\xaf", "V=\xe0\x80\x80", "V=\xed\xa0\x80",
		"V=\xf4\x90\x80\x80", "V=\xf8\x88\x80\x80\x80", "V=\xe2\x82", "V=\x80"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char *assignments[] = {(char *)bad[i], NULL};

		assert_null(format_fallback(assignments));
	}
}

static void names_that_are_none_or_ours_are_refused(void **state)
{
	static const char *const bad[] = {"=x", "1A=x", "A B=x", "A-B=x", "NOVALUE", "", "PORT=1",
		"BLUEGREEN_COLOR=red", "BLUEGREEN_ROLE=primary", "BLUEGREEN_RELEASE=x", "A\nB=x"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char *assignments[] = {(char *)bad[i], NULL};

		assert_null(format_fallback(assignments));
	}
}

static void the_part_of_a_running_instance_is_read_back(void **state)
{
	char dir[] = "/tmp/test-environment-XXXXXX";
	const struct environment environment = {
		.color = COLOR_GREEN, .role = ROLE_FALLBACK, .port = 9876, .release = "v1.2-rc+3"};
	char error[ENVIRONMENT_ERROR_MAX], path[64];
	struct stat st;
	struct environment_part part = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(environment_read(dir, COLOR_GREEN, &part), -ENOENT);
	assert_int_equal(environment_write(dir, &environment, error), 0);
	assert_int_equal(environment_read(dir, COLOR_GREEN, &part), 0);
	assert_int_equal(part.port, 9876);
	assert_int_equal(part.role, ROLE_FALLBACK);
	assert_string_equal(part.release, "v1.2-rc+3");
	snprintf(path, sizeof(path), "%s/green.env", dir);
	assert_int_equal(stat(path, &st), 0);
	/* What is in it may be a secret of the app. */
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_write_atomic(dir, "green.env", "PORT=\"0\"\n", 0600), 0);
	assert_int_equal(environment_read(dir, COLOR_GREEN, &part), -EBADMSG);
	assert_int_equal(file_write_atomic(dir, "green.env", "OTHER=1\n", 0600), 0);
	assert_int_equal(environment_read(dir, COLOR_GREEN, &part), -EBADMSG);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(environment_write(dir, &environment, error), -ENOENT);
	assert_non_null(strstr(error, dir));
}

static const char tag_characters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

static void every_character_of_a_tag_is_read_back(void **state)
{
	char dir[] = "/tmp/test-environment-XXXXXX", error[ENVIRONMENT_ERROR_MAX], path[64];
	struct environment_part part;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int byte = 1; byte < 256; byte++) {
		char tag[] = {'v', (char)byte, '1', '\0'};
		struct environment environment = {
			.color = COLOR_BLUE, .role = ROLE_PRIMARY, .port = 9000, .release = tag};
		int r = environment_write(dir, &environment, error);

		if (!strchr(tag_characters, byte)) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(environment_read(dir, COLOR_BLUE, &part), 0);
		assert_string_equal(part.release, tag);
	}
	snprintf(path, sizeof(path), "%s/blue.env", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static void what_is_no_tag_is_refused(void **state)
{
	static const char *const bad[] = {".hidden", "..", "-x", "_x", "+x", "a/b", "a b",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	char error[ENVIRONMENT_ERROR_MAX], *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct environment environment = {.port = 1, .release = bad[i]};

		assert_int_equal(environment_format(&environment, error, &text), -EINVAL);
		assert_non_null(strstr(error, "begin with a letter or a digit"));
	}
}

static void torn_and_foreign_files_are_no_part(void **state)
{
	static const char whole[] = "PORT=\"9000\"\nBLUEGREEN_COLOR=\"blue\"\n"
				    "BLUEGREEN_ROLE=\"primary\"\nBLUEGREEN_RELEASE=\"v1\"\n";
	static const char *const foreign[] = {"PORT=9000\n",
		"PORT=\"-1\"\nBLUEGREEN_ROLE=\"primary\"\nBLUEGREEN_RELEASE=\"\"\n",
		"PORT=\"65536\"\nBLUEGREEN_ROLE=\"primary\"\nBLUEGREEN_RELEASE=\"\"\n",
		"PORT=\"1\"\nBLUEGREEN_ROLE=\"boss\"\nBLUEGREEN_RELEASE=\"\"\n",
		"PORT=\"1\"\nBLUEGREEN_ROLE=\"primary\"\nBLUEGREEN_RELEASE=\"../x\"\n"};
	char dir[] = "/tmp/test-environment-XXXXXX", path[64], torn[sizeof(whole)];
	struct environment_part part = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t size = 0; size < strlen(whole); size++) {
		memcpy(torn, whole, size);
		torn[size] = '\0';
		assert_int_equal(file_write_atomic(dir, "blue.env", torn, 0600), 0);
		/* As tmpfiles.d makes it: nobody was told anything yet. */
		assert_int_equal(
			environment_read(dir, COLOR_BLUE, &part), size == 0 ? -ENOENT : -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		assert_int_equal(file_write_atomic(dir, "blue.env", foreign[i], 0600), 0);
		assert_int_equal(environment_read(dir, COLOR_BLUE, &part), -EBADMSG);
	}
	assert_int_equal(part.port, 0);
	assert_int_equal(file_write_atomic(dir, "blue.env", whole, 0600), 0);
	assert_int_equal(environment_read(dir, COLOR_BLUE, &part), 0);
	assert_string_equal(part.release, "v1");
	snprintf(path, sizeof(path), "%s/blue.env", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_ino;
}

/* It is root's in a directory where the supervisor cannot replace it. */
static void a_file_that_is_there_is_written_where_it_is(void **state)
{
	static const char *const texts[] = {"A=\"1\"\n", "A=\"12345\"\nB=\"2\"\n", "A=\"\"\n", ""};
	char dir[] = "/tmp/test-environment-XXXXXX", path[64];
	ino_t inode = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hook.env", dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *text = NULL;

		assert_int_equal(environment_file_write(dir, "hook.env", texts[i], 0644), 0);
		assert_int_equal(file_read(path, 4096, &text, NULL), 0);
		assert_string_equal(text, texts[i]);
		free(text);
		inode = i == 0 ? inode_of(path) : inode;
		assert_int_equal(inode_of(path), inode);
	}
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static void what_is_no_file_is_neither_followed_nor_waited_for(void **state)
{
	char dir[] = "/tmp/test-environment-XXXXXX", path[64], victim[64], *text = NULL;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hook.env", dir);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	assert_int_equal(file_write_atomic(dir, "victim", "whole\n", 0600), 0);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(environment_file_write(dir, "hook.env", "A=\"1\"\n", 0644), 0);
	assert_int_equal(file_read(victim, 4096, &text, NULL), 0);
	assert_string_equal(text, "whole\n");
	free(text);
	unlink(path);
	alarm(30);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(environment_file_write(dir, "hook.env", "A=\"1\"\n", 0644), 0);
	alarm(0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(victim);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_is_told_its_part_and_nothing_of_the_fallback),
		cmocka_unit_test(a_fallback_is_told_what_the_configuration_says),
		cmocka_unit_test(every_value_is_read_back_as_it_was),
		cmocka_unit_test(every_byte_is_read_back_or_refused),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(names_that_are_none_or_ours_are_refused),
		cmocka_unit_test(every_character_of_a_tag_is_read_back),
		cmocka_unit_test(what_is_no_tag_is_refused),
		cmocka_unit_test(torn_and_foreign_files_are_no_part),
		cmocka_unit_test(a_file_that_is_there_is_written_where_it_is),
		cmocka_unit_test(what_is_no_file_is_neither_followed_nor_waited_for),
		cmocka_unit_test(the_part_of_a_running_instance_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
