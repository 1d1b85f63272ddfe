/* SPDX-License-Identifier: MIT */
/*
 * control-causes.c: only what is of the form is taken, and the sentence counts each file once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "control-causes.h"

#define LIBRARY(color)                                                                             \
	"{\"color\":\"" color "\",\"path\":\"/usr/lib/libx.so.1\",\"package\":\"libx1\"}"
#define SCRIPT "{\"color\":\"blue\",\"path\":\"/srv/main.py\",\"package\":\"\"}"

static void assert_sentence(const char *causes, const char *expected)
{
	char why[CAUSES_ERROR_MAX] = "", sentence[512];
	json_t *array = causes_parse(causes, why);

	assert_string_equal(why, "");
	assert_non_null(array);
	causes_sentence(array, sentence, sizeof(sentence));
	assert_string_equal(sentence, expected);
	json_decref(array);
}

static void a_file_of_both_colors_is_one_file(void **state)
{
	(void)state;
	assert_sentence("[]", "");
	assert_sentence("[" SCRIPT "]", "/srv/main.py");
	assert_sentence("[" LIBRARY("blue") "," LIBRARY("green") "]", "libx1: /usr/lib/libx.so.1");
	assert_sentence("[" LIBRARY("blue") "," SCRIPT "," LIBRARY("green") "," SCRIPT "]",
		"libx1: /usr/lib/libx.so.1, and 1 more file");
	assert_sentence(
		"[" SCRIPT "," LIBRARY("blue") "," LIBRARY(
			"green") ",{\"color\":\"green\",\"path\":\"/a\",\"package\":\"p\"}]",
		"/srv/main.py, and 2 more files");
}

static void a_long_path_is_cut_before_the_count(void **state)
{
	_cleanup_free_ char *text = NULL;
	char why[CAUSES_ERROR_MAX], sentence[512], path[3000];
	const char *end = ", and 1 more file";
	json_t *array;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_true(asprintf(&text,
			    "[{\"color\":\"blue\",\"path\":\"/%s\",\"package\":\"p\"}," SCRIPT "]",
			    path) > 0);
	array = causes_parse(text, why);
	assert_non_null(array);
	causes_sentence(array, sentence, sizeof(sentence));
	assert_true(strlen(sentence) > 400);
	assert_string_equal(sentence + strlen(sentence) - strlen(end), end);
	json_decref(array);
}

static void what_a_terminal_would_obey_is_taken_out(void **state)
{
	(void)state;
	assert_sentence(
		"[{\"color\":\"blue\",\"path\":\"/a\\u001b[2J\\n\\u007fb\",\"package\":\"p\\tq\","
		"\"more\":1}]",
		"p?q: /a?[2J??b");
}

static void what_is_not_of_the_form_is_refused(void **state)
{
	static const char *const bad[][2] = {
		{"", "array"},
		{"{}", "array"},
		{"[1]", "cause 1 has not the three words"},
		{"[" SCRIPT ",{\"color\":\"blue\",\"path\":\"/a\"}]", "cause 2 has not the three"},
		{"[{\"color\":\"red\",\"path\":\"/a\",\"package\":\"\"}]", "neither blue nor"},
		{"[{\"color\":\"blue\",\"path\":\"a\",\"package\":\"\"}]", "not absolute"},
		{"[{\"color\":\"blue\",\"path\":\"\",\"package\":\"\"}]", "not absolute"},
		{"[{\"color\":\"blue\",\"path\":7,\"package\":\"\"}]", "three words"},
		{"[" SCRIPT, "array"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char why[CAUSES_ERROR_MAX] = "";

		assert_null(causes_parse(bad[i][0], why));
		if (!strstr(why, bad[i][1]))
			fail_msg("of %s it says: %s", bad[i][0], why);
	}
}

static void there_is_a_limit_to_how_many_and_how_long(void **state)
{
	static char text[CAUSES_BYTES_MAX + 200];
	char why[CAUSES_ERROR_MAX] = "";
	json_t *array;

	(void)state;
	strcpy(text, "[" SCRIPT);
	for (int i = 1; i < CAUSES_MAX; i++)
		strcat(text, "," SCRIPT);
	strcat(text, "]");
	array = causes_parse(text, why);
	assert_int_equal(json_array_size(array), CAUSES_MAX);
	json_decref(array);
	strcpy(text + strlen(text) - 1, "," SCRIPT "]");
	assert_null(causes_parse(text, why));
	assert_non_null(strstr(why, "64 causes at most"));
	memset(text, ' ', CAUSES_BYTES_MAX);
	strcpy(text + CAUSES_BYTES_MAX, "[]");
	assert_null(causes_parse(text, why));
	assert_non_null(strstr(why, "65536 bytes at most"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_both_colors_is_one_file),
		cmocka_unit_test(a_long_path_is_cut_before_the_count),
		cmocka_unit_test(what_a_terminal_would_obey_is_taken_out),
		cmocka_unit_test(what_is_not_of_the_form_is_refused),
		cmocka_unit_test(there_is_a_limit_to_how_many_and_how_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
