/* SPDX-License-Identifier: MIT */
/*
 * record.c: what the supervisor of another version has left in the middle of a cycle, byte for byte
 * as it lay there when the package was upgraded or taken back. A version that changes the format
 * adds its own here, and changes none.
 */
#include "record-stand.h"

#define LAST_OF_2                                                                                  \
	"ID=1bb02c4e03f44f048016d1694530320c\nSTEP=observe\nOUTCOME=running\nCOMMITTED=no\n"       \
	"UNDOING=no\nSTARTED_USEC=1795290768014536\nENDED_USEC=0\nASKED_BY_UID=996\n"              \
	"ASKED_BY_PID=2869\nASKED_BY=systemctl reload\nRELEASE=\nREASON=\nSTRATEGY=fallback\n"     \
	"PRIMARY=blue\nFRESH=blue\nFORMER_BLUE=\nFORMER_GREEN=\nPREVIOUS=\nVERB=reload\n"

static const struct {
	const char *version, *text;
} left[] = {
	{"0.1.0", "FORMAT=2\n" LAST_OF_2 "END=1\n"},
	{"0.2.0", "FORMAT=3\n" LAST_OF_2 "CAUSE=\nEND=1\n"},
	/* Which does not exist yet: other words, in another order. */
	{"tomorrow", "FORMAT=9\nMOOD=cheerful\n" LAST_OF_2 "CAUSE=\nUNTIL=3\nEND=1\n"},
};

static void a_cycle_that_another_version_has_begun_goes_on(void **state)
{
	for (size_t i = 0; i < ELEMENTS(left); i++) {
		struct record record;

		print_message("# as %s has left it\n", left[i].version);
		put(*state, left[i].text, strlen(left[i].text));
		assert_return_code(record_read(*state, &record), 0);
		assert_string_equal(record.id, "1bb02c4e03f44f048016d1694530320c");
		assert_string_equal(record.step, "observe");
		assert_int_equal(record.outcome, RECORD_RUNNING);
		assert_false(record.committed);
		assert_false(record.undoing);
		assert_int_equal(record.started_realtime_usec, UINT64_C(1795290768014536));
		assert_int_equal(record.strategy, STRATEGY_FALLBACK);
		assert_int_equal(record.primary, COLOR_BLUE);
		assert_int_equal(record.fresh, COLOR_BLUE);
		assert_string_equal(record.verb, "reload");
		assert_string_equal(record.asked_by, "systemctl reload");
		assert_string_equal(record.cause, "");
	}
}

/* What it writes then is the present format, which the other one reads as a newer or an older one.
 */
static void what_is_written_then_is_whole(void **state)
{
	for (size_t i = 0; i < ELEMENTS(left); i++) {
		struct record record, again;

		put(*state, left[i].text, strlen(left[i].text));
		assert_return_code(record_read(*state, &record), 0);
		assert_return_code(record_write(*state, &record), 0);
		assert_return_code(record_read(*state, &again), 0);
		assert_record_equal(&again, &record);
	}
}

/* An older version takes what it knows from a newer one by name: no key may go or change its sense.
 */
static void every_key_of_an_older_format_is_still_written(void **state)
{
	_cleanup_free_ char *text = NULL;
	char *keys, *rest = NULL;

	assert_return_code(record_write(*state, &example), 0);
	text = get(*state, "cycle");
	keys = strdup(LAST_OF_2);
	assert_non_null(keys);
	for (char *line = strtok_r(keys, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char key[64];

		snprintf(key, sizeof(key), "\n%.*s=", (int)strcspn(line, "="), line);
		assert_non_null(strstr(text, key));
	}
	free(keys);
}

int main(void)
{
#define story(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		story(a_cycle_that_another_version_has_begun_goes_on),
		story(what_is_written_then_is_whole),
		story(every_key_of_an_older_format_is_still_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
