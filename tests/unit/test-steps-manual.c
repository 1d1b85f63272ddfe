/* SPDX-License-Identifier: MIT */
/*
 * The steps in bluegreen-supervisor(8) are those of the table. Run with --print it writes them as
 * the page has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "steps.h"

#define PAGE	 "supervisor/bluegreen-supervisor.8"
#define PAGE_MAX 65536
#define BEGIN	 ".\\\" BEGIN STEPS\n"
#define END	 ".\\\" END STEPS\n"

/* The first letter of a sentence. */
static void print_sentence(FILE *file, const char *before, const char *text)
{
	if (*before)
		fprintf(file, "%s%s.\n", before, text);
	else
		fprintf(file, "%c%s.\n", toupper((unsigned char)*text), text + 1);
}

static char *steps_print(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	for (size_t i = 0; i < steps_fallback_count; i++) {
		const struct step *step = &steps_fallback[i];

		fprintf(file, ".It Cm %s\n", step->name);
		print_sentence(file, "", step->text);
		print_sentence(file, "If it fails: ", step->meaning);
	}
	assert_int_equal(fclose(file), 0);
	return text;
}

static void the_manual_page_has_the_steps_of_the_table(void **state)
{
	_cleanup_free_ char *page = NULL, *wanted = steps_print();
	char *begin, *end;

	(void)state;
	/* The suites run in the root of the tree; from elsewhere there is no page to look at. */
	assert_int_equal(file_read(PAGE, PAGE_MAX, &page, NULL), 0);
	begin = strstr(page, BEGIN);
	assert_non_null(begin);
	begin += strlen(BEGIN);
	end = strstr(begin, END);
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(begin, wanted);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_page_has_the_steps_of_the_table),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		_cleanup_free_ char *text = steps_print();

		fputs(text, stdout);
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
