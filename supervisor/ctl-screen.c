/* SPDX-License-Identifier: MIT */
/*
 * Knows paints, words and widths; what is shown with them, the other ctl-screen-*.c know.
 */
#include "ctl-screen.h"

#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static const char *const paint_codes[PAINT_COUNT] = {
	[PAINT_PLAIN] = "",
	[PAINT_BOLD] = "\033[1m",
	[PAINT_DIM] = "\033[2m",
	[PAINT_GOOD] = "\033[32m",
	[PAINT_BAD] = "\033[1;31m",
	[PAINT_BUSY] = "\033[33m",
	[PAINT_BLUE] = "\033[34m",
	[PAINT_GREEN] = "\033[32m",
};

/* How a word of the supervisor is painted. */
static const struct {
	const char *word;
	enum paint paint;
} word_paints[] = {
	{"healthy", PAINT_GOOD},
	{"steady", PAINT_GOOD},
	{"succeeded", PAINT_GOOD},
	{"done", PAINT_GOOD},
	{"sick", PAINT_BAD},
	{"degraded", PAINT_BAD},
	{"failed", PAINT_BAD},
	{"interrupted", PAINT_BAD},
	{"refuses", PAINT_BAD},
	{"aborted", PAINT_BUSY},
	{"waits", PAINT_BUSY},
	{"fine", PAINT_GOOD},
	{"primary", PAINT_BOLD},
	{"superseded", PAINT_DIM},
	{"starting", PAINT_BUSY},
	{"unknown", PAINT_BUSY},
	{"cycle", PAINT_BUSY},
	{"running", PAINT_BUSY},
	{"begun", PAINT_BUSY},
	{"undoing", PAINT_BUSY},
	{"queued", PAINT_BUSY},
	{"undone", PAINT_DIM},
	{"pending", PAINT_DIM},
	{"blue", PAINT_BLUE},
	{"green", PAINT_GREEN},
};

static const struct {
	const char *state, *unicode, *ascii;
} step_marks[] = {
	{"pending", "·", " "},
	{"begun", "▸", ">"},
	{"done", "✓", "+"},
	{"failed", "✗", "!"},
	{"undoing", "◂", "<"},
	{"undone", "↶", "-"},
};

const char *json_word(const json_t *object, const char *key)
{
	const char *word = json_string_value(json_object_get(object, key));

	return word ? word : "";
}

double json_figure(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static enum paint paint_of(const char *word)
{
	for (size_t i = 0; i < ELEMENTS(word_paints); i++)
		if (strcmp(word_paints[i].word, word) == 0)
			return word_paints[i].paint;
	return PAINT_PLAIN;
}

void screen_text(const struct ctl *ctl, enum paint paint, int width, const char *text)
{
	if (ctl->color && paint != PAINT_PLAIN)
		printf("%s%-*s\033[0m", paint_codes[paint], width, text);
	else
		printf("%-*s", width, text);
}

void screen_word(const struct ctl *ctl, int width, const char *word)
{
	screen_text(ctl, paint_of(word), width, word);
}

void screen_label(const struct ctl *ctl, const char *label)
{
	printf("  ");
	screen_text(ctl, PAINT_DIM, 8, label);
}

const char *duration_format(double seconds, char buffer[static DURATION_MAX])
{
	const size_t size = DURATION_MAX;
	long whole = (long)(seconds + 0.5);

	if (seconds < 1)
		snprintf(buffer, size, "%.0f ms", seconds * 1000);
	else if (seconds < 60)
		snprintf(buffer, size, seconds == (double)whole ? "%.0f s" : "%.1f s", seconds);
	else if (whole < 3600)
		snprintf(buffer, size, "%ld min %ld s", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(buffer, size, "%ld h %ld min", whole / 3600, whole / 60 % 60);
	else
		snprintf(buffer, size, "%ld d %ld h", whole / 86400, whole / 3600 % 24);
	return buffer;
}

const char *ago_format(double realtime, char buffer[static DURATION_MAX])
{
	double ago = (double)time(NULL) - realtime;

	if (realtime > 0)
		return duration_format(ago < 1 ? 1 : (double)(long)ago, buffer);
	snprintf(buffer, DURATION_MAX, "-");
	return buffer;
}

void screen_step(const struct ctl *ctl, const char *name, const char *state, double elapsed,
	const char *detail)
{
	const char *mark = "?";
	char took[DURATION_MAX] = "";

	for (size_t i = 0; i < ELEMENTS(step_marks); i++)
		if (strcmp(step_marks[i].state, state) == 0)
			mark = ctl->unicode ? step_marks[i].unicode : step_marks[i].ascii;
	if (elapsed >= 0)
		(void)duration_format(elapsed, took);
	printf("  ");
	screen_text(ctl, paint_of(state), 0, mark);
	printf(" ");
	screen_text(ctl, strcmp(state, "pending") == 0 ? PAINT_DIM : PAINT_PLAIN, 16, name);
	printf(" %10s  ", took);
	/* One line a step, so that a live display can be drawn over. */
	if (ctl->terminal)
		printf("%.48s\n", detail);
	else
		printf("%s\n", detail);
}

void screen_steps(const struct ctl *ctl, const json_t *steps)
{
	const json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		const char *state = json_word(step, "state");

		screen_step(ctl, json_word(step, "step"), state,
			strcmp(state, "pending") == 0 ? -1 : json_figure(step, "seconds"),
			json_word(step, "detail"));
	}
}
