/* SPDX-License-Identifier: MIT */
/*
 * Knows what a supervisor has learnt that neither a record nor the world tells, and how its
 * successor in the same process is told: words KEY=VALUE. A word that is not understood counts for
 * nothing, and what is not said is as at any other start: versions need not agree.
 *
 * Not told: the relay's counters as they were when the last release was accepted. A gate then
 * compares with what was served since, which is less, and not wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app-inside.h"
#include "base/fd.h"

static const char *const asked_words[COLOR_COUNT] = {
	[COLOR_BLUE] = "asked=blue",
	[COLOR_GREEN] = "asked=green",
};

static const char *const flaps_words[COLOR_COUNT] = {
	[COLOR_BLUE] = "flaps-blue=",
	[COLOR_GREEN] = "flaps-green=",
};

static void flaps_write(FILE *out, enum color color, const struct flaps *flaps)
{
	fprintf(out, "%s%d:%" PRIu64, flaps_words[color], flaps->flapping, flaps->hold_usec);
	for (size_t i = 0; i < FLAPS_FALLS; i++)
		fprintf(out, ":%" PRIu64, flaps->fell_usec[i]);
	putc(' ', out);
}

/* One that was refused is to be asked for again. */
static bool is_to_be_asked_again(const struct start *start)
{
	int enabled = SD_EVENT_OFF;

	return start->again && sd_event_source_get_enabled(start->again, &enabled) >= 0 &&
	       enabled != SD_EVENT_OFF;
}

char *app_bequeath(const struct app *app)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		/* What an administrator has stopped stays stopped. */
		if (app->starts[color].asked && !is_to_be_asked_again(&app->starts[color]))
			fprintf(out, "%s ", asked_words[color]);
		flaps_write(out, color, instances_flaps(app->instances, color));
	}
	/* Who was told the one is to be told the other, and nobody the same twice. */
	if (app->degraded)
		fputs("degraded ", out);
	if (app->nobody)
		fputs("nobody ", out);
	fprintf(out, "repaired=%" PRIu64, app->repaired_usec);
	if (fclose(out) != EOF)
		return text;
	free(text);
	return NULL;
}

static bool flaps_read(const char *text, struct flaps *ret_flaps)
{
	struct flaps flaps = {0};
	char *end;

	flaps.flapping = strtoul(text, &end, 10) == 1;
	if (*end != ':')
		return false;
	flaps.hold_usec = strtoull(end + 1, &end, 10);
	for (size_t i = 0; i < FLAPS_FALLS; i++) {
		if (*end != ':')
			return false;
		flaps.fell_usec[i] = strtoull(end + 1, &end, 10);
	}
	if (*end || flaps.hold_usec > FLAPS_HOLD_MAX_USEC)
		return false;
	*ret_flaps = flaps;
	return true;
}

static void word_inherit(struct app *app, const char *word)
{
	static const char repaired[] = "repaired=";
	struct flaps flaps;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		size_t length = strlen(flaps_words[color]);

		if (strcmp(word, asked_words[color]) == 0)
			app->starts[color].asked = true;
		if (strncmp(word, flaps_words[color], length) == 0 &&
			flaps_read(word + length, &flaps))
			instances_inherit_flaps(app->instances, color, &flaps);
	}
	if (strcmp(word, "degraded") == 0)
		app->degraded = true;
	if (strcmp(word, "nobody") == 0)
		app->nobody = true;
	if (strncmp(word, repaired, sizeof(repaired) - 1) == 0)
		app->repaired_usec = strtoull(word + sizeof(repaired) - 1, NULL, 10);
}

void app_inherit(struct app *app, const char *learnt)
{
	_cleanup_free_ char *words = strdup(learnt);
	char *rest = NULL;

	for (char *word = words ? strtok_r(words, " ", &rest) : NULL; word;
		word = strtok_r(NULL, " ", &rest))
		word_inherit(app, word);
}

/* A start is systemd's to end, within its deadline; whoever comes would not hear of it. */
const char *app_what_is_under_way(const struct app *app)
{
	if (app->queued)
		return "a cycle runs and another one waits";
	if (app->running)
		return "a cycle runs";
	if (app->first)
		return "the code is copied for the first time";
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (app->starts[color].job)
			return color == COLOR_BLUE ? "blue is being started"
						   : "green is being started";
	if (app->unwritten)
		return "the end of the last cycle is not on the disk yet";
	return NULL;
}
