/* SPDX-License-Identifier: MIT */
/*
 * Knows how a cycle looks, in one line and as its whole receipt.
 */
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl-screen.h"

static const char *const colors[] = {"blue", "green"};

/* "deploy 1.4.2", "reload". */
static void screen_order(const json_t *cycle)
{
	const char *verb = json_word(cycle, "verb"), *release = json_word(cycle, "release");

	if (*verb || *release)
		printf("%s%s%s, ", verb, *verb && *release ? " " : "", release);
}

void screen_summary(const struct ctl *ctl, const json_t *cycle)
{
	double started = json_figure(cycle, "started"), ended = json_figure(cycle, "ended");
	const char *by = json_word(cycle, "asked_by"), *reason = json_word(cycle, "reason");
	char ago[DURATION_MAX], took[DURATION_MAX];

	printf("%.8s  ", json_word(cycle, "id"));
	screen_word(ctl, 12, json_word(cycle, "outcome"));
	screen_order(cycle);
	if (ended > 0)
		printf("%s ago, took %s", ago_format(ended, ago),
			duration_format(ended - started, took));
	else if (*json_word(cycle, "step"))
		printf("began %s ago, at %s", ago_format(started, ago), json_word(cycle, "step"));
	else
		printf("asked for %s ago", ago_format(started, ago));
	if (*by)
		printf(", by %s", by);
	printf("\n");
	if (*json_word(cycle, "cause")) {
		screen_label(ctl, "");
		printf("for %s\n", json_word(cycle, "cause"));
	}
	if (*reason) {
		screen_label(ctl, "");
		printf("%s\n", reason);
	}
}

void screen_history(const struct ctl *ctl, const json_t *history)
{
	const json_t *cycle;
	size_t i;

	json_array_foreach(history, i, cycle)
	{
		printf("  ");
		screen_summary(ctl, cycle);
	}
	if (json_array_size(history) == 0)
		printf("  there was no cycle yet\n");
}

static void screen_served(const struct ctl *ctl, const json_t *requests)
{
	for (size_t i = 0; i < ELEMENTS(colors); i++) {
		const json_t *color = json_object_get(requests, colors[i]);

		screen_label(ctl, i == 0 ? "served" : "");
		screen_word(ctl, 7, colors[i]);
		printf("%.0f reads, %.0f writes, %.0f of them with 5xx; %.0f failed\n",
			json_figure(color, "reads"), json_figure(color, "writes"),
			json_figure(color, "errors"), json_figure(color, "failed"));
	}
	if (json_is_true(json_object_get(requests, "relay_began_anew"))) {
		screen_label(ctl, "");
		printf("or more: the relay was restarted in the middle and counted anew\n");
	}
}

void screen_counts(const struct ctl *ctl, const json_t *cycle)
{
	const json_t *requests = json_object_get(cycle, "requests");
	const json_t *held = json_object_get(cycle, "held");
	char longest[DURATION_MAX];

	if (!requests)
		return;
	screen_served(ctl, requests);
	screen_label(ctl, "held");
	printf("%.0f requests", json_figure(held, "count"));
	if (json_figure(held, "count") > 0)
		printf(", %s %s; %.0f of them too long",
			json_is_true(json_object_get(held, "longest_is_a_bound"))
				? "none longer than"
				: "the longest",
			duration_format(json_figure(held, "longest"), longest),
			json_figure(held, "expired"));
	printf("\n");
	screen_label(ctl, "cut");
	printf("%.0f exchanges by the limits of a drain, %.0f of them streams\n",
		json_figure(cycle, "cut"), json_figure(cycle, "cut_streams"));
}

static void screen_asked(const struct ctl *ctl, const json_t *cycle)
{
	const char *by = json_word(cycle, "asked_by");
	time_t started = (time_t)json_figure(cycle, "started");
	struct tm local;
	char when[64] = "";

	if (localtime_r(&started, &local))
		(void)strftime(when, sizeof(when), "%F %T", &local);
	screen_label(ctl, "asked");
	screen_order(cycle);
	printf("%s%sby %s, uid %.0f, pid %.0f\n", when, *when ? " " : "", *by ? by : "somebody",
		json_figure(cycle, "asked_by_uid"), json_figure(cycle, "asked_by_pid"));
}

static void screen_took(const struct ctl *ctl, const json_t *cycle)
{
	const json_t *own = json_object_get(cycle, "supervisor_seconds");
	double ended = json_figure(cycle, "ended");
	char took[DURATION_MAX], share[DURATION_MAX];

	if (ended <= 0)
		return;
	screen_label(ctl, "took");
	printf("%s", duration_format(ended - json_figure(cycle, "started"), took));
	if (own)
		printf(", %s of them the supervisor's own",
			duration_format(json_number_value(own), share));
	printf("\n");
}

static void screen_former(const struct ctl *ctl, const json_t *cycle)
{
	const json_t *former = json_object_get(cycle, "former");
	const char *blue = json_word(former, "blue"), *green = json_word(former, "green");

	if (!*blue && !*green)
		return;
	screen_label(ctl, "before");
	printf("blue %s, green %s\n", *blue ? blue : "-", *green ? green : "-");
}

static bool is_same_file(const json_t *one, const json_t *other)
{
	return strcmp(json_word(one, "path"), json_word(other, "path")) == 0;
}

/* Who ran the file; nothing if that was told with an earlier cause. */
static bool causes_colors(const json_t *causes, size_t index, char *buffer, size_t size)
{
	const json_t *cause = json_array_get(causes, index), *other;
	size_t i;

	json_array_foreach(causes, i, other)
	{
		if (!is_same_file(cause, other))
			continue;
		if (i < index)
			return false;
		if (i == index)
			snprintf(buffer, size, "%s", json_word(other, "color"));
		else if (strcmp(json_word(other, "color"), json_word(cause, "color")) != 0)
			snprintf(buffer, size, "both");
	}
	return true;
}

void screen_causes(const struct ctl *ctl, const char *label, const json_t *causes)
{
	const json_t *cause;
	char colors_of[16];
	size_t i;

	json_array_foreach(causes, i, cause)
	{
		const char *package = json_word(cause, "package");

		if (!causes_colors(causes, i, colors_of, sizeof(colors_of)))
			continue;
		screen_label(ctl, label);
		label = "";
		screen_word(ctl, 7, colors_of);
		printf("%s%s%s%s\n", json_word(cause, "path"), *package ? " (" : "", package,
			*package ? ")" : "");
	}
}

/* Of a cycle whose supervisor was killed only the sentence is left. */
static void screen_why(const struct ctl *ctl, const json_t *cycle)
{
	const json_t *causes = json_object_get(cycle, "causes");

	if (causes) {
		screen_causes(ctl, "cause", causes);
	} else if (*json_word(cycle, "cause")) {
		screen_label(ctl, "cause");
		printf("%s\n", json_word(cycle, "cause"));
	}
}

static void screen_span(const struct ctl *ctl, const json_t *span)
{
	double count = json_figure(span, "count");
	char longest[DURATION_MAX];

	printf("%+8.1f s to %+8.1f s  ", json_figure(span, "from"), json_figure(span, "to"));
	screen_word(ctl, 7, json_word(span, "color"));
	printf("%s", json_word(span, "verdict"));
	if (json_figure(span, "status") > 0)
		printf(" %.0f", json_figure(span, "status"));
	if (count == 1)
		printf(", once, in ");
	else
		printf(", %.0f times, each within ", count);
	printf("%s\n", duration_format(json_figure(span, "longest"), longest));
}

static void screen_probes(const struct ctl *ctl, const json_t *cycle)
{
	double left_out = json_figure(cycle, "probes_left_out");
	const json_t *span;
	size_t i;

	json_array_foreach(json_object_get(cycle, "probes"), i, span)
	{
		screen_label(ctl, i == 0 ? "probes" : "");
		screen_span(ctl, span);
	}
	if (left_out > 0) {
		screen_label(ctl, "");
		printf("and %.0f answers more\n", left_out);
	}
}

static void screen_sentences(const struct ctl *ctl, const char *label, const json_t *sentences)
{
	const json_t *sentence;
	size_t i;

	json_array_foreach(sentences, i, sentence)
	{
		screen_label(ctl, i == 0 ? label : "");
		printf("%+8.1f s  %s\n", json_figure(sentence, "at"), json_word(sentence, "text"));
	}
}

void screen_cycle(const struct ctl *ctl, const json_t *cycle)
{
	screen_label(ctl, "cycle");
	printf("%s  ", json_word(cycle, "id"));
	screen_word(ctl, 0, json_word(cycle, "outcome"));
	printf("\n");
	if (*json_word(cycle, "reason")) {
		screen_label(ctl, "reason");
		printf("%s\n", json_word(cycle, "reason"));
	}
	screen_asked(ctl, cycle);
	screen_why(ctl, cycle);
	screen_former(ctl, cycle);
	screen_took(ctl, cycle);
	screen_steps(ctl, json_object_get(cycle, "steps"));
	screen_counts(ctl, cycle);
	screen_probes(ctl, cycle);
	screen_sentences(ctl, "gate", json_object_get(cycle, "gate"));
	screen_sentences(ctl, "notes", json_object_get(cycle, "notes"));
}
