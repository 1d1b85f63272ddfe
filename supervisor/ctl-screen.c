/* SPDX-License-Identifier: MIT */
/*
 * Knows how answers look on a screen; knows no D-Bus. A key that is missing, because the
 * supervisor is of another version, is shown as nothing.
 */
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl.h"

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

static void screen_word(const struct ctl *ctl, int width, const char *word)
{
	screen_text(ctl, paint_of(word), width, word);
}

static void screen_label(const struct ctl *ctl, const char *label)
{
	printf("  ");
	screen_text(ctl, PAINT_DIM, 8, label);
}

/* "340 ms", "12.3 s", "4 min 10 s", "3 h 5 min", "2 d 4 h". */
static void duration_format(double seconds, char *buffer, size_t size)
{
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
}

static void ago_format(double realtime, char *buffer, size_t size)
{
	double ago = (double)time(NULL) - realtime;

	if (realtime <= 0)
		snprintf(buffer, size, "-");
	else
		duration_format(ago < 1 ? 1 : (double)(long)ago, buffer, size);
}

void screen_step(const struct ctl *ctl, const char *name, const char *state, double elapsed,
	const char *detail)
{
	const char *mark = "?";
	char took[32] = "";

	for (size_t i = 0; i < ELEMENTS(step_marks); i++)
		if (strcmp(step_marks[i].state, state) == 0)
			mark = ctl->unicode ? step_marks[i].unicode : step_marks[i].ascii;
	if (elapsed >= 0)
		duration_format(elapsed, took, sizeof(took));
	printf("  ");
	screen_text(ctl, paint_of(state), 0, mark);
	printf(" ");
	screen_text(ctl, strcmp(state, "pending") == 0 ? PAINT_DIM : PAINT_PLAIN, 14, name);
	printf(" %10s  ", took);
	/* One line a step, so that a live display can be drawn over. */
	if (ctl->terminal)
		printf("%.48s\n", detail);
	else
		printf("%s\n", detail);
}

static void screen_color(const struct ctl *ctl, const char *name, const json_t *color)
{
	char since[32], activity[64], pid[16];

	ago_format(json_figure(color, "since"), since, sizeof(since));
	snprintf(activity, sizeof(activity), "%s (%s)", json_word(color, "activity"),
		json_word(color, "sub_state"));
	snprintf(pid, sizeof(pid), "%.0f", json_figure(color, "pid"));
	printf("  ");
	screen_word(ctl, 7, name);
	printf("%-10s", json_word(color, "role"));
	screen_word(ctl, 10, json_word(color, "health"));
	printf("%-22s%-8s%-7.0f%-14s", activity, pid, json_figure(color, "port"), since);
	screen_text(ctl, PAINT_DIM, 0, json_word(color, "probe"));
	printf("\n");
}

static void screen_colors(const struct ctl *ctl, const json_t *colors)
{
	char head[128];

	snprintf(head, sizeof(head), "%-7s%-10s%-10s%-22s%-8s%-7s%-14s%s", "COLOR", "ROLE",
		"HEALTH", "UNIT", "PID", "PORT", "SINCE", "PROBE");
	printf("\n  ");
	screen_text(ctl, PAINT_DIM, 0, head);
	printf("\n");
	screen_color(ctl, "blue", json_object_get(colors, "blue"));
	screen_color(ctl, "green", json_object_get(colors, "green"));
	printf("\n");
}

static void screen_relay(const struct ctl *ctl, const json_t *relay)
{
	static const char *const colors[] = {"blue", "green"};
	const json_t *counters = json_object_get(relay, "counters");
	char longest[32];

	screen_label(ctl, "relay");
	if (!json_is_true(json_object_get(relay, "connected"))) {
		screen_text(ctl, PAINT_BAD, 0, "does not answer");
		printf("\n");
		return;
	}
	if (!counters) {
		printf("connected\n");
		return;
	}
	duration_format(json_figure(counters, "hold_longest"), longest, sizeof(longest));
	printf("%.0f connections; %.0f requests wait, %.0f have waited (at most %s, %.0f too "
	       "long)\n",
		json_figure(counters, "connections"), json_figure(counters, "holding"),
		json_figure(counters, "held"), longest, json_figure(counters, "hold_expired"));
	for (size_t i = 0; i < ELEMENTS(colors); i++) {
		const json_t *color = json_object_get(counters, colors[i]);

		screen_label(ctl, "");
		screen_word(ctl, 7, colors[i]);
		printf("%.0f reads, %.0f writes answered; %.0f in flight, %.0f of them streams; "
		       "%.0f "
		       "failed\n",
			json_figure(color, "reads"), json_figure(color, "writes"),
			json_figure(color, "inflight"), json_figure(color, "streams"),
			json_figure(color, "failed"));
	}
}

static void screen_steps(const struct ctl *ctl, const json_t *steps)
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

/* One line about a cycle. */
static void screen_summary(const struct ctl *ctl, const json_t *cycle)
{
	double started = json_figure(cycle, "started"), ended = json_figure(cycle, "ended");
	const char *by = json_word(cycle, "asked_by");
	char ago[32], took[32];

	printf("%.8s  ", json_word(cycle, "id"));
	screen_word(ctl, 12, json_word(cycle, "outcome"));
	if (ended > 0) {
		ago_format(ended, ago, sizeof(ago));
		duration_format(ended - started, took, sizeof(took));
		printf("%s ago, took %s", ago, took);
	} else {
		ago_format(started, ago, sizeof(ago));
		printf("began %s ago, at %s", ago, json_word(cycle, "step"));
	}
	if (*by)
		printf(", asked for by %s", by);
	printf("\n");
	if (*json_word(cycle, "reason")) {
		screen_label(ctl, "");
		printf("%s\n", json_word(cycle, "reason"));
	}
}

void screen_cycle(const struct ctl *ctl, const json_t *cycle)
{
	screen_label(ctl, "cycle");
	screen_summary(ctl, cycle);
	screen_steps(ctl, json_object_get(cycle, "steps"));
}

void screen_history(const struct ctl *ctl, const json_t *history)
{
	for (size_t i = json_array_size(history); i > 0; i--) {
		printf("  ");
		screen_summary(ctl, json_array_get(history, i - 1));
	}
	if (json_array_size(history) == 0)
		printf("  there was no cycle yet\n");
}

void screen_status(const struct ctl *ctl, const json_t *status)
{
	const json_t *cycle = json_object_get(status, "cycle");
	const char *route = json_word(status, "route");

	screen_text(ctl, PAINT_BOLD, 0, json_word(status, "app"));
	printf("  ");
	screen_word(ctl, 0, json_word(status, "state"));
	if (*json_word(status, "reason"))
		printf(": %s", json_word(status, "reason"));
	printf("\n");
	screen_colors(ctl, json_object_get(status, "colors"));
	screen_label(ctl, "route");
	printf("%s\n", *route ? route : "none said yet; the relay keeps the one it has");
	screen_relay(ctl, json_object_get(status, "relay"));
	if (!cycle)
		return;
	screen_label(ctl, "cycle");
	screen_summary(ctl, cycle);
	if (strcmp(json_word(cycle, "outcome"), "running") == 0)
		screen_steps(ctl, json_object_get(cycle, "steps"));
}

void screen_plan(const struct ctl *ctl, const json_t *plan)
{
	const json_t *step;
	char limit[32];
	size_t i;

	json_array_foreach(plan, i, step)
	{
		duration_format(json_figure(step, "limit"), limit, sizeof(limit));
		printf("  ");
		screen_text(ctl, PAINT_BOLD, 14, json_word(step, "step"));
		printf(" %s\n", json_word(step, "text"));
		printf("  %-14s ", "");
		screen_text(ctl, PAINT_DIM, 0, "at most ");
		screen_text(ctl, PAINT_DIM, 0, limit);
		screen_text(ctl, PAINT_DIM, 0, "; if it fails: ");
		screen_text(ctl, PAINT_DIM, 0, json_word(step, "on_failure"));
		printf("\n");
	}
}
