/* SPDX-License-Identifier: MIT */
/*
 * The steps in bluegreen-supervisor(8) are those of the tables. Run with --print it writes them as
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

static const struct table {
	const char *begin, *end;
	const struct step *steps;
	const size_t *count;
} tables[] = {
	{".\\\" BEGIN STEPS fallback\n", ".\\\" END STEPS fallback\n", steps_fallback,
		&steps_fallback_count},
	{".\\\" BEGIN STEPS swap\n", ".\\\" END STEPS swap\n", steps_swap, &steps_swap_count},
};

/* The first letter of a sentence. */
static void print_sentence(FILE *file, const char *before, const char *text)
{
	if (*before)
		fprintf(file, "%s%s.\n", before, text);
	else
		fprintf(file, "%c%s.\n", toupper((unsigned char)*text), text + 1);
}

static char *steps_print(const struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	for (size_t i = 0; i < *table->count; i++) {
		const struct step *step = &table->steps[i];

		fprintf(file, ".It Cm %s\n", step->name);
		print_sentence(file, "", step->text);
		print_sentence(file, "If it fails: ", step->meaning);
	}
	assert_int_equal(fclose(file), 0);
	return text;
}

static void page_has(const struct table *table)
{
	_cleanup_free_ char *page = NULL, *wanted = steps_print(table);
	char *begin, *end;

	/* The suites run in the root of the tree; from elsewhere there is no page to look at. */
	assert_int_equal(file_read(PAGE, PAGE_MAX, &page, NULL), 0);
	begin = strstr(page, table->begin);
	assert_non_null(begin);
	begin += strlen(table->begin);
	end = strstr(begin, table->end);
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(begin, wanted);
}

static void the_manual_page_has_the_steps_of_the_fallback_strategy(void **state)
{
	(void)state;
	page_has(&tables[0]);
}

static void the_manual_page_has_the_steps_of_the_swap_strategy(void **state)
{
	(void)state;
	page_has(&tables[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_page_has_the_steps_of_the_fallback_strategy),
		cmocka_unit_test(the_manual_page_has_the_steps_of_the_swap_strategy),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		for (size_t i = 0; i < ELEMENTS(tables); i++) {
			_cleanup_free_ char *text = steps_print(&tables[i]);

			printf("%s%s%s", tables[i].begin, text, tables[i].end);
		}
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
