/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what the relay says to the supervisor: a route, a drain's end, counters and numbers
 * are read within their ranges or not at all, and what is read is said by the relay's own words
 * again.
 */
#include <string.h>

#include "base/fd.h"
#include "fuzz.h"
#include "relay-words.h"
#include "steer-relay-words.h"

#define MESSAGE_MAX 4096 /* as steer-relay.c reads */

static char text[MESSAGE_MAX + 1];
static char *words[STEER_WORDS_MAX + 1];

/* In place, so anew for each reader. */
static void split(const uint8_t *bytes, size_t size)
{
	size_t count;

	if (size > 0)
		memcpy(text, bytes, size);
	text[size] = '\0';
	count = steer_words_split(text, words);
	must(count <= STEER_WORDS_MAX && words[count] == NULL);
	for (size_t i = 0; i < count; i++)
		must(*words[i] && !strchr(words[i], ' '));
}

static void route_check(void)
{
	char formatted[ROUTE_TEXT_MAX];
	struct route route, again;

	if (steer_words_route(words, &route) < 0)
		return;
	must(route_parse(route_format(&route, formatted), &again) == 0);
	must(route_equal(&route, &again));
}

static void drained_check(void)
{
	enum drain_scope scope = DRAIN_SCOPE_COUNT;
	struct steer_cut cut;

	if (steer_words_drained(words, &scope, &cut) < 0)
		must(scope == DRAIN_SCOPE_COUNT);
	else
		must(scope < DRAIN_SCOPE_COUNT && *drain_scope_name(scope));
}

static void totals_of(const struct steer_counters *counters, struct relay_totals *ret_totals)
{
	memset(ret_totals, 0, sizeof(*ret_totals));
	for (int color = 0; color < COLOR_COUNT; color++) {
		ret_totals->answered[ROUTE_READS][color] = counters->reads[color];
		ret_totals->answered[ROUTE_WRITES][color] = counters->writes[color];
		ret_totals->failed[color] = counters->failed[color];
		ret_totals->errors[color] = counters->errors[color];
		ret_totals->inflight[ROUTE_READS][color] = counters->inflight[color];
		ret_totals->streams[color] = counters->streams[color];
		memcpy(ret_totals->latency[color], counters->latency[color],
			sizeof(ret_totals->latency[color]));
	}
	ret_totals->held_ever = counters->held;
	ret_totals->holding = counters->holding;
	ret_totals->hold_longest_usec = counters->hold_longest_usec;
	ret_totals->hold_expired = counters->hold_expired;
	ret_totals->cut_ever = counters->cut.exchanges;
	ret_totals->cut_streams_ever = counters->cut.streams;
	ret_totals->clients = counters->connections;
}

static void counters_check(void)
{
	static struct steer_counters counters, again;
	static struct relay_totals totals;
	char said[MESSAGE_MAX];

	steer_words_counters(words, &counters);
	totals_of(&counters, &totals);
	words_counters(&totals, said, sizeof(said));
	split((const uint8_t *)said, strlen(said));
	steer_words_counters(words, &again);
	must(memcmp(&counters, &again, sizeof(counters)) == 0);
}

static void endings_check(const struct steer_endings *endings)
{
	must(endings->count <= STEER_ENDINGS_MAX);
	for (size_t i = 0; i < endings->count; i++) {
		size_t length = strnlen(endings->of[i].name, STEER_ENDING_MAX);

		must(length > 0 && length < STEER_ENDING_MAX);
		must(steer_ending_reason(endings->of[i].name) != NULL);
	}
}

static void sum_check(const struct steer_sum *sum)
{
	must(strnlen(sum->release, STEER_RELEASE_MAX) < STEER_RELEASE_MAX);
	endings_check(&sum->endings);
}

static void numbers_check(void)
{
	static struct steer_numbers numbers;

	memset(&numbers, 0, sizeof(numbers));
	(void)steer_words_numbers(words, &numbers);
	endings_check(&numbers.endings);
	for (int color = 0; color < COLOR_COUNT; color++) {
		const struct steer_color_numbers *of = &numbers.colors[color];

		must(of->earlier_count <= STEER_EARLIER_MAX);
		sum_check(&of->sum);
		for (size_t i = 0; i < of->earlier_count; i++)
			sum_check(&of->earlier[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > MESSAGE_MAX || (size > 0 && memchr(bytes, '\0', size)))
		return 0;
	split(bytes, size);
	route_check();
	split(bytes, size);
	drained_check();
	split(bytes, size);
	counters_check();
	split(bytes, size);
	numbers_check();
	return 0;
}
