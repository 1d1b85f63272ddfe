/* SPDX-License-Identifier: MIT */
/*
 * receipt.c: equal answers are one span, what is too much is counted, counters are differences, and
 * a relay that began anew is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "receipt.h"

static const struct record record = {.id = "0123456789abcdef0123456789abcdef"};
static struct receipt receipt;

static void answer(enum color color, enum probe_verdict verdict, unsigned int status,
	uint64_t duration, uint64_t usec)
{
	struct probe_result result = {
		.verdict = verdict, .status = status, .duration_usec = duration};

	receipt_probe(&receipt, color, &result, usec);
}

static void answers_that_are_equal_are_one_span(void **state)
{
	(void)state;
	receipt_begin(&receipt, &record, NULL, 1000);
	answer(COLOR_BLUE, PROBE_PASSED, 200, 5, 1100);
	answer(COLOR_GREEN, PROBE_PASSED, 200, 70, 1150);
	answer(COLOR_BLUE, PROBE_PASSED, 200, 9, 1200);
	answer(COLOR_BLUE, PROBE_PASSED, 200, 7, 1300);
	answer(COLOR_BLUE, PROBE_REFUSED, 0, 1, 1400);
	answer(COLOR_BLUE, PROBE_PASSED, 204, 2, 1500);
	assert_int_equal(receipt.span_count, 4);
	assert_int_equal(receipt.spans[0].color, COLOR_BLUE);
	assert_int_equal(receipt.spans[0].count, 3);
	assert_int_equal(receipt.spans[0].first_usec, 1100);
	assert_int_equal(receipt.spans[0].last_usec, 1300);
	assert_int_equal(receipt.spans[0].longest_usec, 9);
	assert_int_equal(receipt.spans[1].color, COLOR_GREEN);
	assert_int_equal(receipt.spans[1].longest_usec, 70);
	assert_int_equal(receipt.spans[2].verdict, PROBE_REFUSED);
	assert_int_equal(receipt.spans[3].status, 204);
}

static void an_answer_that_differs_only_in_status_is_a_span_of_its_own(void **state)
{
	(void)state;
	receipt_begin(&receipt, &record, NULL, 0);
	answer(COLOR_BLUE, PROBE_STATUS, 500, 1, 1);
	answer(COLOR_BLUE, PROBE_STATUS, 503, 1, 2);
	assert_int_equal(receipt.span_count, 2);
}

static void the_oldest_spans_are_kept_and_later_answers_are_counted(void **state)
{
	(void)state;
	receipt_begin(&receipt, &record, NULL, 0);
	for (uint64_t i = 0; i < RECEIPT_SPANS_MAX; i++)
		answer(COLOR_BLUE, i % 2 ? PROBE_PASSED : PROBE_REFUSED, 0, 1, i);
	/* The last span still grows. */
	answer(COLOR_BLUE, PROBE_PASSED, 0, 1, 500);
	assert_int_equal(receipt.answers_lost, 0);
	assert_int_equal(receipt.spans[RECEIPT_SPANS_MAX - 1].count, 2);
	answer(COLOR_BLUE, PROBE_REFUSED, 0, 1, 600);
	answer(COLOR_BLUE, PROBE_REFUSED, 0, 1, 601);
	/* And what is like it, but after a gap, does not make it longer than it was. */
	answer(COLOR_BLUE, PROBE_PASSED, 0, 1, 700);
	answer(COLOR_GREEN, PROBE_PASSED, 0, 1, 701);
	assert_int_equal(receipt.answers_lost, 4);
	assert_int_equal(receipt.span_count, RECEIPT_SPANS_MAX);
	assert_int_equal(receipt.spans[RECEIPT_SPANS_MAX - 1].last_usec, 500);
	assert_int_equal(receipt.spans[0].first_usec, 0);
}

static void sentences_are_kept_in_order_up_to_a_number(void **state)
{
	char text[2 * RECEIPT_TEXT_MAX];

	(void)state;
	receipt_begin(&receipt, &record, NULL, 0);
	for (unsigned int i = 0; i < RECEIPT_GATE_MAX + 3; i++) {
		snprintf(text, sizeof(text), "verdict %u", i);
		receipt_gate(&receipt, text, i);
	}
	assert_int_equal(receipt.gate_count, RECEIPT_GATE_MAX);
	assert_string_equal(receipt.gate[0].text, "verdict 0");
	assert_int_equal(receipt.gate[RECEIPT_GATE_MAX - 1].usec, RECEIPT_GATE_MAX - 1);
	assert_int_equal(receipt.sentences_lost, 3);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	receipt_note(&receipt, text, 7);
	assert_int_equal(receipt.note_count, 1);
	assert_int_equal(strlen(receipt.notes[0].text), RECEIPT_TEXT_MAX - 1);
	for (unsigned int i = 0; i < RECEIPT_NOTES_MAX; i++)
		receipt_note(&receipt, "again", i);
	assert_int_equal(receipt.note_count, RECEIPT_NOTES_MAX);
	assert_int_equal(receipt.sentences_lost, 4);
}

static struct steer_counters counters_of(uint64_t figure)
{
	struct steer_counters counters = {
		.held = figure,
		.hold_expired = figure,
		.cut = {.exchanges = figure, .streams = figure / 2},
	};

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		counters.reads[color] = figure * 10;
		counters.writes[color] = figure * 5;
		counters.errors[color] = figure * 2;
		counters.failed[color] = figure;
	}
	return counters;
}

static void what_is_served_is_a_difference(void **state)
{
	struct steer_counters before = counters_of(100), after = counters_of(103);

	(void)state;
	after.reads[COLOR_GREEN] += 7;
	receipt_begin(&receipt, &record, &before, 0);
	assert_true(receipt.counted);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 0);
	receipt_counters(&receipt, &after);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 30);
	assert_int_equal(receipt.served[COLOR_GREEN].reads, 37);
	assert_int_equal(receipt.served[COLOR_BLUE].writes, 15);
	assert_int_equal(receipt.served[COLOR_BLUE].errors, 6);
	assert_int_equal(receipt.served[COLOR_BLUE].failed, 3);
	assert_int_equal(receipt.held, 3);
	assert_int_equal(receipt.hold_expired, 3);
	assert_int_equal(receipt.cut.exchanges, 3);
	assert_int_equal(receipt.cut.streams, 1);
	assert_false(receipt.began_anew);
	/* The same again adds nothing. */
	receipt_counters(&receipt, &after);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 30);
}

static void without_counters_at_the_begin_the_first_ones_are_the_base(void **state)
{
	struct steer_counters first = counters_of(100), second = counters_of(101);

	(void)state;
	receipt_begin(&receipt, &record, NULL, 0);
	assert_false(receipt.counted);
	receipt_counters(&receipt, &first);
	assert_true(receipt.counted);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 0);
	receipt_counters(&receipt, &second);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 10);
}

static void a_relay_that_began_anew_is_said_and_nothing_is_negative(void **state)
{
	struct steer_counters before = counters_of(100), later = counters_of(110),
			      anew = counters_of(2);

	(void)state;
	receipt_begin(&receipt, &record, &before, 0);
	receipt_counters(&receipt, &later);
	receipt_counters(&receipt, &anew);
	assert_true(receipt.began_anew);
	/* The least that it can have been. */
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 120);
	assert_int_equal(receipt.held, 12);
	/* A relay whose figures are high again is found by its connection. */
	receipt_begin(&receipt, &record, &before, 0);
	receipt_relay_lost(&receipt);
	receipt_counters(&receipt, &later);
	assert_true(receipt.began_anew);
	assert_int_equal(receipt.served[COLOR_BLUE].reads, 100);
}

static void one_counter_that_went_down_is_enough(void **state)
{
	struct steer_counters before = counters_of(100);
	struct steer_counters after = before;

	(void)state;
	receipt_begin(&receipt, &record, &before, 0);
	after.errors[COLOR_GREEN]--;
	receipt_counters(&receipt, &after);
	assert_true(receipt.began_anew);
}

static void the_longest_hold_is_told_only_if_it_is_of_this_cycle(void **state)
{
	struct steer_counters before = counters_of(1), after = counters_of(2);

	(void)state;
	before.hold_longest_usec = 5000;
	after.hold_longest_usec = 5000;
	receipt_begin(&receipt, &record, &before, 0);
	receipt_counters(&receipt, &after);
	assert_int_equal(receipt.hold_longest_usec, 0);
	assert_int_equal(receipt.hold_longest_before_usec, 5000);
	after.hold_longest_usec = 6000;
	receipt_counters(&receipt, &after);
	assert_int_equal(receipt.hold_longest_usec, 6000);
}

static void a_receipt_begins_empty(void **state)
{
	struct steer_counters before = counters_of(1);

	(void)state;
	receipt_begin(&receipt, &record, &before, 0);
	answer(COLOR_BLUE, PROBE_PASSED, 200, 5, 1100);
	receipt_note(&receipt, "a drain ended 2 streams", 5);
	receipt_begin(&receipt, &record, NULL, 42);
	assert_int_equal(receipt.begun_usec, 42);
	assert_string_equal(receipt.id, record.id);
	assert_int_equal(receipt.span_count, 0);
	assert_int_equal(receipt.note_count, 0);
	assert_false(receipt.counted);
}

static void what_the_supervisor_adds_is_what_nobody_else_was_waited_for(void **state)
{
	static const struct step steps[] = {
		{.name = "preflight"}, {.name = "before"}, {.name = "start"}, {.name = "healthy"},
		{.name = "switch"}, {.name = "drain-old"}, {.name = "restart-fallback"},
		{.name = "commit"},
		{.name = "startled"}, /* no row of ours: a word that only begins like one */
	};
	const struct step_story stories[ELEMENTS(steps)] = {
		{.took_usec = 3},
		{.took_usec = 1000},
		{.took_usec = 2000},
		{.took_usec = 4000},
		{.took_usec = 10},
		{.took_usec = 8000},
		{.took_usec = 16000},
		{.took_usec = 20},
		{.took_usec = 30},
	};

	(void)state;
	assert_int_equal(receipt_own_usec(31100, steps, stories, ELEMENTS(steps)), 100);
	/* Never less than nothing, should a clock have been odd. */
	assert_int_equal(receipt_own_usec(100, steps, stories, ELEMENTS(steps)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_are_equal_are_one_span),
		cmocka_unit_test(an_answer_that_differs_only_in_status_is_a_span_of_its_own),
		cmocka_unit_test(the_oldest_spans_are_kept_and_later_answers_are_counted),
		cmocka_unit_test(sentences_are_kept_in_order_up_to_a_number),
		cmocka_unit_test(what_is_served_is_a_difference),
		cmocka_unit_test(without_counters_at_the_begin_the_first_ones_are_the_base),
		cmocka_unit_test(a_relay_that_began_anew_is_said_and_nothing_is_negative),
		cmocka_unit_test(one_counter_that_went_down_is_enough),
		cmocka_unit_test(the_longest_hold_is_told_only_if_it_is_of_this_cycle),
		cmocka_unit_test(a_receipt_begins_empty),
		cmocka_unit_test(what_the_supervisor_adds_is_what_nobody_else_was_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
