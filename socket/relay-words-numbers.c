/* SPDX-License-Identifier: MIT */
/*
 * Knows the words in which operators' numbers are asked for and told; relay-numbers.c makes the
 * numbers.
 */
#include "relay-words-parts.h"

#include <errno.h>
#include <stdlib.h>

/* A tag, or `@` and what tells one start of code in place from another. */
static int release_of(const char *word, const char *key, char release[static NUMBERS_RELEASE_MAX])
{
	const char *text = value_of(word, key);

	if (!text || strlen(text) >= NUMBERS_RELEASE_MAX ||
		text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._+@:-")] != '\0')
		return -EINVAL;
	strcpy(release, text);
	return 0;
}

int words_release(char *words, char ret_release[static COLOR_COUNT][NUMBERS_RELEASE_MAX])
{
	char release[COLOR_COUNT][NUMBERS_RELEASE_MAX];
	int r;

	for (int color = 0; color < COLOR_COUNT; color++) {
		r = release_of(strsep(&words, " "), color_name((enum color)color), release[color]);
		if (r < 0)
			return r;
	}
	if (words)
		return -EINVAL;
	memcpy(ret_release, release, sizeof(release));
	return 0;
}

static int earlier_of(const char *word, uint32_t *ret_earlier)
{
	const char *text = value_of(word, "earlier");

	if (!text || *text < '1' || *text > '0' + NUMBERS_EARLIER_MAX || text[1] != '\0')
		return -EINVAL;
	*ret_earlier = (uint32_t)(*text - '0');
	return 0;
}

int words_numbers_question(char *words, struct numbers_question *ret_question)
{
	struct numbers_question question = {0};
	const char *of = strsep(&words, " ");
	int r;

	question.of_relay = of && strcmp(of, "relay") == 0;
	if (!question.of_relay) {
		r = of ? color_from_name(of, &question.color) : -EINVAL;
		if (r < 0)
			return r;
		if (words) {
			r = earlier_of(strsep(&words, " "), &question.earlier);
			if (r < 0)
				return r;
		}
	}
	if (words)
		return -EINVAL;
	*ret_question = question;
	return 0;
}

struct named {
	const char *name;
	uint64_t value;
};

static void put_named(struct text *text, const struct named *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(text, " %s=%llu", rows[i].name, (unsigned long long)rows[i].value);
}

/* "endings=done:10,client-gone:1", those that there were. */
static void put_endings(struct text *text, const uint64_t endings[static ENDING_COUNT])
{
	const char *before = "";

	put(text, " endings=");
	for (int ending = 0; ending < ENDING_COUNT; ending++) {
		if (endings[ending] == 0)
			continue;
		put(text, "%s%s:%llu", before, ending_name((enum ending)ending),
			(unsigned long long)endings[ending]);
		before = ",";
	}
}

static void put_numbers(struct text *text, const struct numbers *numbers)
{
	const struct named rows[] = {
		{"reads", numbers->requests[ROUTE_READS]},
		{"writes", numbers->requests[ROUTE_WRITES]},
		{"failed", numbers->failed},
		{"errors", numbers->errors},
		{"held", numbers->held},
		{"again", numbers->again},
		{"refused", numbers->refused},
		{"reset", numbers->reset},
		{"bytes-to-app", numbers->to_app},
		{"bytes-to-clients", numbers->to_clients},
		{"connects", numbers->connects},
		{"streams-ever", numbers->streams},
		{"latency-usec", numbers->latency_usec},
	};

	put_named(text, rows, ELEMENTS(rows));
	put(text, " status=");
	for (int class = 0; class < STATUS_CLASSES; class ++)
		put(text, "%s%llu", class > 0 ? "," : "",
			(unsigned long long)numbers->status[class]);
	put(text, " latency=");
	put_latency(text, numbers->latency);
	put_endings(text, numbers->endings);
}

static void put_earlier(struct text *text, const struct numbers_color *of,
	const struct numbers_question *question, uint64_t now)
{
	const struct numbers_earlier *earlier = &of->earlier[question->earlier - 1];

	put(text, " earlier=%lu", (unsigned long)question->earlier);
	if (question->earlier > of->earlier_count) {
		put(text, " none");
		return;
	}
	put(text, " release=%s for-usec=%llu ago-usec=%llu", earlier->release,
		(unsigned long long)(earlier->until_usec - earlier->since_usec),
		(unsigned long long)(now - earlier->until_usec));
	put_numbers(text, &earlier->sum);
}

/* Each exchange under way is on a connection of its own; the others are pooled. Both are counted by
 * workers who do not wait for us, so between two looks there may seem to be fewer. */
static uint64_t pooled(uint64_t connections, uint64_t inflight)
{
	return connections > inflight ? connections - inflight : 0;
}

static void put_now(struct text *text, const struct relay_totals *totals, enum color color)
{
	uint64_t inflight =
		totals->inflight[ROUTE_READS][color] + totals->inflight[ROUTE_WRITES][color];
	const struct named rows[] = {
		{"inflight", inflight},
		{"streams", totals->streams[color]},
		{"connections", totals->connections[color]},
		{"pooled", pooled(totals->connections[color], inflight)},
	};

	put_named(text, rows, ELEMENTS(rows));
}

static void put_relay(struct text *text, const struct relay_totals *totals)
{
	const struct named rows[] = {
		{"clients", totals->clients},
		{"clients-ever", totals->clients_ever},
		{"clients-refused", totals->clients_refused},
		{"idle-closed", totals->idle_closed},
		{"shed", totals->shed},
		{"begun", totals->begun},
		{"held", totals->held_ever},
		{"holding", totals->holding},
		{"hold-longest-usec", totals->hold_longest_usec},
		{"hold-expired", totals->hold_expired},
		{"cut", totals->cut_ever},
	};

	put_named(text, rows, ELEMENTS(rows));
	put_endings(text, totals->endings);
}

void words_numbers(const struct numbers_book *book, const struct relay_totals *totals,
	const struct numbers_question *question, uint64_t now, char *buffer, size_t size)
{
	const struct numbers_color *of = &book->colors[question->color];
	struct text text = {buffer, 0, size};
	struct numbers numbers;

	put(&text, "%s", question->of_relay ? "relay" : color_name(question->color));
	if (question->of_relay) {
		put_relay(&text, totals);
		return;
	}
	if (question->earlier > 0) {
		put_earlier(&text, of, question, now);
		return;
	}
	numbers = numbers_of(book, totals, question->color);
	put(&text, " release=%s for-usec=%llu", of->release,
		(unsigned long long)(now - of->since_usec));
	put_now(&text, totals, question->color);
	put_numbers(&text, &numbers);
}
