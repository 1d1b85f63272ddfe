/* SPDX-License-Identifier: MIT */
/*
 * record.c reads what is torn, foreign, too long or of another version: it is put aside, and never
 * believed in part.
 */
#include "record-stand.h"

static void torn_at_every_byte_is_seen(void **state)
{
	_cleanup_free_ char *whole = NULL;
	const char *dir = *state;

	assert_return_code(record_write(dir, &example), 0);
	whole = get(dir, "cycle");
	for (size_t size = 0; size < strlen(whole); size++) {
		_cleanup_free_ char *bad = NULL;

		put(dir, whole, size);
		assert_bad(dir);
		bad = get(dir, "cycle.bad");
		assert_int_equal(strlen(bad), size);
	}
}

/* What a file system leaves that had not written the data before the power went. */
static void zeros_from_every_byte_on_are_seen(void **state)
{
	_cleanup_free_ char *whole = NULL;
	const char *dir = *state;
	size_t length;

	assert_return_code(record_write(dir, &example), 0);
	whole = get(dir, "cycle");
	length = strlen(whole);
	for (size_t i = length; i-- > 0;) {
		whole[i] = '\0';
		put(dir, whole, length);
		assert_bad(dir);
	}
}

static void something_behind_the_end_is_seen(void **state)
{
	_cleanup_free_ char *whole = NULL, *more = NULL;

	assert_return_code(record_write(*state, &example), 0);
	whole = get(*state, "cycle");
	assert_true(asprintf(&more, "%s%s", whole, whole) > 0);
	put(*state, more, strlen(more));
	assert_bad(*state);
	put(*state, more, strlen(whole) + 1);
	assert_bad(*state);
	/* A file whose length was written, but not its data. */
	memset(more + strlen(whole), 0, strlen(whole));
	put(*state, more, 2 * strlen(whole));
	assert_bad(*state);
}

/* Not inlined: gcc 12 then takes the text for one that has gone (-Wdangling-pointer). */
__attribute__((noinline)) static void replace(char *text, const char *old, const char *new)
{
	char *at = strstr(text, old);

	assert_non_null(at);
	assert_int_equal(strlen(old), strlen(new));
	memcpy(at, new, strlen(new));
}

static void foreign_content_is_put_aside(void **state)
{
	static const char *const changes[][2] = {
		{"FORMAT=3", "FORMAT=1"},
		{"FORMAT=3", "FORMAT=2"},
		{"FORMAT=3", "FORMAT=0"},
		{"FORMAT=3", "FORMAT=x"},
		{"STRATEGY=swap", "STRATEGY=swop"},
		{"PRIMARY=green", "PRIMARY=amber"},
		{"FORMER_BLUE", "FORMER_CYAN"},
		{"VERB=", "WORD="},
		{"CAUSE=", "PAUSE="},
		{"ID=01", "ID=0x"},
		{"ID=0123", "ID=ABCD"},
		{"STEP=", "STOP="},
		{"=failed", "=fallen"},
		{"COMMITTED=yes", "COMMITTED=yep"},
		{"STARTED_USEC=1", "STARTED_USEC=-"},
		{"STARTED_USEC=1", "STARTED_USEC= "},
		{"ENDED_USEC=18446744073709551615", "ENDED_USEC=18446744073709551616"},
		{"UID=4294967295", "UID=4294967296"},
		{"PID=4711", "PID=47x1"},
	};

	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		_cleanup_free_ char *text = NULL;

		assert_return_code(record_write(*state, &example), 0);
		text = get(*state, "cycle");
		replace(text, changes[i][0], changes[i][1]);
		put(*state, text, strlen(text));
		assert_bad(*state);
	}
}

static void a_long_file_is_put_aside(void **state)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	put(*state, text, sizeof(text));
	assert_bad(*state);
}

static void too_long_a_word_is_put_aside(void **state)
{
	_cleanup_free_ char *text = NULL, *longer = NULL;
	struct record record = example;
	char *reason;

	memset(record.reason, 'x', sizeof(record.reason) - 1);
	assert_return_code(record_write(*state, &record), 0);
	text = get(*state, "cycle");
	reason = strstr(text, "REASON=");
	assert_non_null(reason);
	assert_true(asprintf(&longer, "%.*sREASON=x%s", (int)(reason - text), text,
			    reason + strlen("REASON=")) > 0);
	put(*state, longer, strlen(longer));
	assert_bad(*state);
}

#define OLD_FORMAT                                                                                 \
	"FORMAT=1\nID=0123456789abcdef0123456789abcdef\nSTEP=drain\nOUTCOME=running\n"             \
	"COMMITTED=no\nUNDOING=yes\nSTARTED_USEC=5\nENDED_USEC=0\nASKED_BY_UID=0\n"                \
	"ASKED_BY_PID=1\nASKED_BY=root\nRELEASE=\nREASON=\nEND=1\n"

static void the_first_format_is_read_as_fallback_and_blue(void **state)
{
	static const char old[] = OLD_FORMAT;
	struct record record;

	put(*state, old, strlen(old));
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.step, "drain");
	assert_true(record.undoing);
	assert_int_equal(record.strategy, STRATEGY_FALLBACK);
	assert_int_equal(record.primary, COLOR_BLUE);
	assert_string_equal(record.former[COLOR_BLUE], "");
	assert_string_equal(record.verb, "");
	for (size_t size = 0; size < strlen(old); size++) {
		put(*state, old, size);
		assert_bad(*state);
	}
}

static void of_the_format_before_only_the_cause_is_not_known(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct record record;
	char *cause;

	assert_return_code(record_write(*state, &example), 0);
	text = get(*state, "cycle");
	replace(text, "FORMAT=3", "FORMAT=2");
	cause = strstr(text, "CAUSE=");
	assert_non_null(cause);
	strcpy(cause, "END=1\n");
	put(*state, text, strlen(text));
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.verb, example.verb);
	assert_string_equal(record.cause, "");
}

static void of_a_newer_format_the_known_keys_are_taken(void **state)
{
	static const char newer[] =
		"FORMAT=4\nCOLOR_OF_THE_SKY=grey\nPRIMARY=green\nSTRATEGY=canary\n"
		"OUTCOME=failed\nSTEP=switch\nID=0123456789abcdef0123456789abcdef\nnoise\nEND=1\n";
	static const char *const bad[] = {
		"FORMAT=4\nOUTCOME=failed\nSTEP=switch\nEND=1\n",
		"FORMAT=4\nID=0123456789abcdef0123456789abcdef\nSTEP=switch\nEND=1\n",
		"FORMAT=4\nID=0123456789abcdef0123456789abcdef\nOUTCOME=failed\nEND=1\n",
		"FORMAT=4\nID=0123456789abcdef0123456789abcdef\nSTEP=x\nOUTCOME=new\nEND=1\n",
	};
	struct record record;

	put(*state, newer, strlen(newer));
	assert_return_code(record_read(*state, &record), 0);
	assert_string_equal(record.step, "switch");
	assert_int_equal(record.outcome, RECORD_FAILED);
	assert_int_equal(record.primary, COLOR_GREEN);
	assert_int_equal(record.strategy, STRATEGY_FALLBACK);
	for (size_t size = 0; size < strlen(newer); size++) {
		put(*state, newer, size);
		assert_bad(*state);
	}
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		put(*state, bad[i], strlen(bad[i]));
		assert_bad(*state);
	}
}

static void ten_bad_ones_are_kept_and_then_the_oldest_goes(void **state)
{
	struct record record;
	char content[16], name[32];

	for (int i = 0; i < 11; i++) {
		snprintf(content, sizeof(content), "%d", i);
		put(*state, content, strlen(content));
		assert_int_equal(record_read(*state, &record), -EBADMSG);
		/* Longer than the grain of a file's times. */
		usleep(10000);
	}
	for (int i = 0; i < 10; i++) {
		_cleanup_free_ char *kept = NULL;

		snprintf(name, sizeof(name), "cycle.bad.%d", i);
		name[i ? sizeof(name) - 1 : strlen("cycle.bad")] = '\0';
		kept = get(*state, name);
		snprintf(content, sizeof(content), "%d", i ? i : 10);
		assert_string_equal(kept, content);
		unlink(in(*state, name));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(torn_at_every_byte_is_seen),
		TEST(zeros_from_every_byte_on_are_seen),
		TEST(something_behind_the_end_is_seen),
		TEST(foreign_content_is_put_aside),
		TEST(a_long_file_is_put_aside),
		TEST(too_long_a_word_is_put_aside),
		TEST(the_first_format_is_read_as_fallback_and_blue),
		TEST(of_the_format_before_only_the_cause_is_not_known),
		TEST(of_a_newer_format_the_known_keys_are_taken),
		TEST(ten_bad_ones_are_kept_and_then_the_oldest_goes),
	};

	return cmocka_run_group_tests_name("record-bad", tests, NULL, NULL);
}
