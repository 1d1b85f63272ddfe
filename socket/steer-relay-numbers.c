/* SPDX-License-Identifier: MIT */
/*
 * Knows how the relay's numbers are asked for: several questions whose answers make one whole. Does
 * not know who wants to see them.
 */
#include <stdio.h>

#include "steer-relay-parts.h"

static int ask_of_color(struct steer *steer, enum color color)
{
	char words[32];
	int r;

	r = steer_ask(steer, VERB_NUMBERS, color_name(color));
	if (r >= 0)
		steer->numbers_asked++;
	for (int number = 1; r >= 0 && number <= STEER_EARLIER_MAX; number++) {
		snprintf(words, sizeof(words), "%s earlier=%d", color_name(color), number);
		r = steer_ask(steer, VERB_NUMBERS, words);
		if (r >= 0)
			steer->numbers_asked++;
	}
	return r;
}

int steer_ask_numbers(struct steer *steer)
{
	int r;

	/* What is on its way is as new as an answer could be. */
	if (steer->numbers_asked > 0)
		return 0;
	r = steer_ask(steer, VERB_NUMBERS, "relay");
	if (r < 0)
		return r;
	steer->numbers = (struct steer_numbers){0};
	steer->numbers_refused = false;
	steer->numbers_asked++;
	for (enum color color = 0; r >= 0 && color < COLOR_COUNT; color++)
		r = ask_of_color(steer, color);
	return r;
}

void steer_numbers_answered(struct steer *steer, bool ok, char **words)
{
	if (!ok || steer_words_numbers(words, &steer->numbers) < 0)
		steer->numbers_refused = true;
	if (--steer->numbers_asked > 0 || !steer->events.numbers)
		return;
	steer->events.numbers(steer->owner, steer->numbers_refused ? NULL : &steer->numbers);
}
