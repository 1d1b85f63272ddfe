/* SPDX-License-Identifier: MIT */
/*
 * steer-relay-numbers.c: several answers become one whole, and an earlier relay has none.
 */
#include "steer-relay-stand.h"

#include "ending.h"
#include "steer-relay-words.h"

static void expect_questions(void)
{
	static const char *const colors[] = {"blue", "green"};
	char text[64];

	relay_expect("numbers relay");
	for (size_t i = 0; i < ELEMENTS(colors); i++) {
		snprintf(text, sizeof(text), "numbers %s", colors[i]);
		relay_expect(text);
		for (int number = 1; number <= STEER_EARLIER_MAX; number++) {
			snprintf(text, sizeof(text), "numbers %s earlier=%d", colors[i], number);
			relay_expect(text);
		}
	}
}

static void answer_none(const char *color, int from)
{
	char text[64];

	for (int number = from; number <= STEER_EARLIER_MAX; number++) {
		snprintf(text, sizeof(text), "ok numbers %s earlier=%d none", color, number);
		relay_says(text);
	}
}

static void answers_become_a_whole(void **state)
{
	const struct steer_color_numbers *blue = &heard.numbers.colors[COLOR_BLUE];

	(void)state;
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
	relay_says("ok numbers relay clients=3 clients-ever=4 clients-refused=5 idle-closed=6 "
		   "shed=7 begun=8 held=9 holding=10 hold-longest-usec=11 hold-expired=12 cut=13 "
		   "tomorrow=99 endings=bad-request:2");
	relay_says("ok numbers blue release=1.1 for-usec=20 inflight=21 streams=22 "
		   "connections=23 pooled=24 reads=25 writes=26 failed=27 errors=28 held=29 "
		   "again=30 refused=31 reset=32 bytes-to-app=33 bytes-to-clients=34 connects=35 "
		   "streams-ever=36 latency-usec=37 status=1,2,3,4,18446744073709551615 "
		   "latency=0,5 endings=done:6,client-gone:7");
	relay_says("ok numbers blue earlier=1 release=1.0 for-usec=40 ago-usec=41 reads=42 "
		   "status=0,1,0,0,0 latency=0 endings=");
	answer_none("blue", 2);
	assert_int_equal(heard.numbered, 0);
	relay_says("ok numbers green release= for-usec=50 reads=51");
	answer_none("green", 1);
	until(&heard.numbered, 1);
	assert_true(heard.has_numbers);
	assert_int_equal(heard.numbers.clients_refused, 5);
	assert_int_equal(heard.numbers.hold_longest_usec, 11);
	assert_string_equal(heard.numbers.endings.of[0].name, "bad-request");
	assert_int_equal(heard.numbers.endings.count, 1);
	assert_int_equal(blue->pooled, 24);
	assert_string_equal(blue->sum.release, "1.1");
	assert_int_equal(blue->sum.writes, 26);
	assert_int_equal(blue->sum.latency_usec, 37);
	assert_true(blue->sum.status[4] == UINT64_MAX);
	assert_int_equal(blue->sum.latency[1], 5);
	assert_int_equal(blue->sum.endings.count, 2);
	assert_string_equal(blue->sum.endings.of[1].name, "client-gone");
	assert_int_equal(blue->sum.endings.of[1].count, 7);
	assert_int_equal(blue->earlier_count, 1);
	assert_string_equal(blue->earlier[0].release, "1.0");
	assert_int_equal(blue->earlier[0].ago_usec, 41);
	assert_int_equal(blue->earlier[0].reads, 42);
	assert_int_equal(heard.numbers.colors[COLOR_GREEN].sum.reads, 51);
	assert_int_equal(heard.numbers.colors[COLOR_GREEN].earlier_count, 0);
}

static void who_asks_meanwhile_waits_for_the_same_answer(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_numbers(steer), 0);
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
	a_while();
	assert_false(relay_has_been_told());
	relay_says("ok numbers relay clients=1 endings=");
	relay_says("ok numbers blue release=1 endings=");
	answer_none("blue", 1);
	relay_says("ok numbers green release=1 endings=");
	answer_none("green", 1);
	until(&heard.numbered, 1);
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
}

static void an_earlier_relay_has_no_numbers(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
	for (int i = 0; i < 1 + 2 * (1 + STEER_EARLIER_MAX); i++)
		relay_says("error numbers no such request; there are route, drain, counters");
	until(&heard.numbered, 1);
	assert_false(heard.has_numbers);
	assert_int_equal(heard.disconnected, 0);
}

static void a_relay_that_went_is_asked_anew(void **state)
{
	(void)state;
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	assert_int_equal(steer_ask_numbers(steer), -ENOTCONN);
	relay_accept();
	relay_expect(BACKENDS);
	relay_says("ok backends");
	until(&heard.connected, 2);
	assert_int_equal(steer_ask_numbers(steer), 0);
	expect_questions();
	assert_int_equal(heard.numbered, 0);
}

static void releases_are_said_once_and_said_again(void **state)
{
	static const char first[COLOR_COUNT][STEER_RELEASE_MAX] = {"1.1", "@0af3"};
	static const char second[COLOR_COUNT][STEER_RELEASE_MAX] = {"1.1", "1.1"};

	(void)state;
	assert_int_equal(steer_set_releases(steer, first), 0);
	assert_int_equal(steer_set_releases(steer, first), 0);
	assert_int_equal(steer_set_releases(steer, second), 0);
	relay_expect("release blue=1.1 green=@0af3");
	relay_expect("release blue=1.1 green=1.1");
	relay_says("error release no such request; there are route, drain, counters");
	relay_says("error release no such request; there are route, drain, counters");
	a_while();
	assert_int_equal(heard.disconnected, 0);
	relay = fd_close(relay);
	until(&heard.disconnected, 1);
	relay_accept();
	relay_expect(BACKENDS);
	relay_expect("release blue=1.1 green=1.1");
}

static void a_release_that_is_no_word_is_not_said(void **state)
{
	static const char *const bad[] = {"1 0", "a=b", "a,b", "a/b", "\xc3\xa4"};
	char releases[COLOR_COUNT][STEER_RELEASE_MAX] = {""};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		snprintf(releases[COLOR_GREEN], STEER_RELEASE_MAX, "%s", bad[i]);
		assert_int_equal(steer_set_releases(steer, releases), -EINVAL);
	}
	memset(releases[COLOR_GREEN], 'x', STEER_RELEASE_MAX);
	assert_int_equal(steer_set_releases(steer, releases), -EINVAL);
	a_while();
	assert_false(relay_has_been_told());
}

static int read_words(const char *text, struct steer_numbers *numbers)
{
	char *words[STEER_WORDS_MAX + 1], copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	(void)steer_words_split(copy, words);
	return steer_words_numbers(words, numbers);
}

static void odd_words_do_no_harm(void **state)
{
	static const char *const odd[] = {"", "purple reads=1", "blue earlier=0 reads=1",
		"blue earlier=5 reads=1", "green earlier=x"};
	struct steer_numbers numbers = {0};
	char text[4096] = "blue endings=";

	(void)state;
	for (size_t i = 0; i < ELEMENTS(odd); i++)
		assert_int_equal(read_words(odd[i], &numbers), -EBADMSG);
	assert_int_equal(
		read_words("blue reads status=1 latency= endings=:1,x,y:,z:2 =", &numbers), 0);
	assert_int_equal(numbers.colors[COLOR_BLUE].sum.status[0], 1);
	assert_int_equal(numbers.colors[COLOR_BLUE].sum.endings.count, 2);
	assert_int_equal(numbers.colors[COLOR_BLUE].sum.endings.of[1].count, 2);
	for (int i = 0; i < STEER_ENDINGS_MAX + 5; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "e%d:1,", i);
	assert_int_equal(read_words(text, &numbers), 0);
	assert_int_equal(numbers.colors[COLOR_BLUE].sum.endings.count, STEER_ENDINGS_MAX);
	assert_int_equal(read_words("blue endings=a-name-that-is-longer-than-any:1", &numbers), 0);
	assert_int_equal(numbers.colors[COLOR_BLUE].sum.endings.count, 0);
}

static void each_ending_has_its_sentence(void **state)
{
	(void)state;
	for (int ending = 0; ending < ENDING_COUNT; ending++) {
		const char *reason = steer_ending_reason(ending_name((enum ending)ending));

		assert_true(strlen(ending_name((enum ending)ending)) < STEER_ENDING_MAX);
		assert_true(strlen(reason) > 10 && reason[strlen(reason) - 1] == '.');
	}
	assert_string_equal(steer_ending_reason("tomorrow"), "");
}

int main(void)
{
#define story(name) cmocka_unit_test_setup_teardown(name, connected, end)
	const struct CMUnitTest tests[] = {
		story(answers_become_a_whole),
		story(who_asks_meanwhile_waits_for_the_same_answer),
		story(an_earlier_relay_has_no_numbers),
		story(a_relay_that_went_is_asked_anew),
		story(releases_are_said_once_and_said_again),
		story(a_release_that_is_no_word_is_not_said),
		cmocka_unit_test(odd_words_do_no_harm),
		cmocka_unit_test(each_ending_has_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
