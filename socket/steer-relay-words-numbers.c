/* SPDX-License-Identifier: MIT */
/*
 * Knows the words of the relay's numbers; does not know when they are asked for. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ending.h"
#include "latency.h"
#include "steer-relay-words.h"

_Static_assert(ENDING_COUNT <= STEER_ENDINGS_MAX, "each has its place");
_Static_assert(STEER_LATENCY_BUCKETS == LATENCY_BUCKETS, "as the relay counts");

const char *steer_ending_reason(const char *name)
{
	for (int ending = 0; ending < ENDING_COUNT; ending++)
		if (strcmp(ending_name((enum ending)ending), name) == 0)
			return ending_reason((enum ending)ending);
	return "";
}

/* "done:10,client-gone:1", into the text itself. */
static void endings_read(char *text, struct steer_endings *ret_endings)
{
	char *rest = NULL;

	ret_endings->count = 0;
	for (char *word = strtok_r(text, ",", &rest);
		word && ret_endings->count < STEER_ENDINGS_MAX; word = strtok_r(NULL, ",", &rest)) {
		char *colon = strchr(word, ':');

		if (!colon || colon == word || colon - word >= STEER_ENDING_MAX)
			continue;
		*colon = '\0';
		strcpy(ret_endings->of[ret_endings->count].name, word);
		ret_endings->of[ret_endings->count].count = strtoull(colon + 1, NULL, 10);
		ret_endings->count++;
	}
}

static void status_read(const char *text, uint64_t status[static STEER_STATUS_CLASSES])
{
	for (int class = 0; class < STEER_STATUS_CLASSES; class ++) {
		char *end;

		status[class] = strtoull(text, &end, 10);
		if (*end != ',')
			return;
		text = end + 1;
	}
}

struct named {
	const char *name;
	uint64_t *value;
};

static bool named_read(const struct named *rows, size_t count, const char *name, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*rows[i].value = strtoull(text, NULL, 10);
		return true;
	}
	return false;
}

static void sum_read(struct steer_sum *sum, const char *name, char *text)
{
	const struct named rows[] = {
		{"for-usec", &sum->for_usec},
		{"ago-usec", &sum->ago_usec},
		{"reads", &sum->reads},
		{"writes", &sum->writes},
		{"failed", &sum->failed},
		{"errors", &sum->errors},
		{"held", &sum->held},
		{"again", &sum->again},
		{"refused", &sum->refused},
		{"reset", &sum->reset},
		{"bytes-to-app", &sum->bytes_to_app},
		{"bytes-to-clients", &sum->bytes_to_clients},
		{"connects", &sum->connects},
		{"streams-ever", &sum->streams_ever},
		{"latency-usec", &sum->latency_usec},
	};

	if (named_read(rows, ELEMENTS(rows), name, text))
		return;
	if (strcmp(name, "release") == 0)
		snprintf(sum->release, sizeof(sum->release), "%s", text);
	else if (strcmp(name, "status") == 0)
		status_read(text, sum->status);
	else if (strcmp(name, "latency") == 0)
		steer_words_latency(text, sum->latency);
	else if (strcmp(name, "endings") == 0)
		endings_read(text, &sum->endings);
}

static void now_read(struct steer_color_numbers *color, const char *name, const char *text)
{
	const struct named rows[] = {
		{"inflight", &color->inflight},
		{"streams", &color->streams},
		{"connections", &color->connections},
		{"pooled", &color->pooled},
	};

	(void)named_read(rows, ELEMENTS(rows), name, text);
}

static void relay_read(struct steer_numbers *numbers, const char *name, char *text)
{
	const struct named rows[] = {
		{"clients", &numbers->clients},
		{"clients-ever", &numbers->clients_ever},
		{"clients-refused", &numbers->clients_refused},
		{"idle-closed", &numbers->idle_closed},
		{"shed", &numbers->shed},
		{"begun", &numbers->begun},
		{"held", &numbers->held},
		{"holding", &numbers->holding},
		{"hold-longest-usec", &numbers->hold_longest_usec},
		{"hold-expired", &numbers->hold_expired},
		{"cut", &numbers->cut},
	};

	if (!named_read(rows, ELEMENTS(rows), name, text) && strcmp(name, "endings") == 0)
		endings_read(text, &numbers->endings);
}

/* Cuts "name=text" in two; NULL if it is not that. */
static char *word_cut(char *word)
{
	char *equals = strchr(word, '=');

	if (equals)
		*equals++ = '\0';
	return equals;
}

/* "earlier=1 ...", or "earlier=1 none". */
static int earlier_read(char **words, struct steer_color_numbers *color)
{
	unsigned long number = strtoul(words[0] + strlen("earlier="), NULL, 10);
	struct steer_sum *sum;

	if (number < 1 || number > STEER_EARLIER_MAX)
		return -EBADMSG;
	if (words[1] && strcmp(words[1], "none") == 0)
		return 0;
	sum = &color->earlier[number - 1];
	for (words++; *words; words++) {
		char *text = word_cut(*words);

		if (text)
			sum_read(sum, *words, text);
	}
	if (number > color->earlier_count)
		color->earlier_count = number;
	return 0;
}

int steer_words_numbers(char **words, struct steer_numbers *numbers)
{
	struct steer_color_numbers *of = NULL;
	enum color color;

	if (!words[0])
		return -EBADMSG;
	if (color_from_name(words[0], &color) >= 0)
		of = &numbers->colors[color];
	else if (strcmp(words[0], "relay") != 0)
		return -EBADMSG;
	words++;
	if (of && *words && strncmp(*words, "earlier=", strlen("earlier=")) == 0)
		return earlier_read(words, of);
	for (; *words; words++) {
		char *text = word_cut(*words);

		if (!text)
			continue;
		if (!of) {
			relay_read(numbers, *words, text);
			continue;
		}
		now_read(of, *words, text);
		sum_read(&of->sum, *words, text);
	}
	return 0;
}
