/* SPDX-License-Identifier: MIT */
/*
 * Knows how what could be done looks: the plan with its preflight, and the releases.
 */
#include <string.h>

#include "ctl-screen.h"

static void screen_row(const struct ctl *ctl, const json_t *step)
{
	char limit[DURATION_MAX];

	printf("  ");
	screen_text(ctl, PAINT_BOLD, 16, json_word(step, "step"));
	printf(" %s\n", json_word(step, "text"));
	printf("  %-16s ", "");
	screen_text(ctl, PAINT_DIM, 0, "at most ");
	screen_text(ctl, PAINT_DIM, 0, duration_format(json_figure(step, "limit"), limit));
	screen_text(ctl, PAINT_DIM, 0, "; if it fails: ");
	screen_text(ctl, PAINT_DIM, 0, json_word(step, "on_failure"));
	printf("\n");
}

void screen_plan(const struct ctl *ctl, const json_t *plan)
{
	const json_t *step, *finding;
	size_t i;

	json_array_foreach(json_object_get(plan, "steps"), i, step) screen_row(ctl, step);
	printf("\n");
	json_array_foreach(json_object_get(plan, "preflight"), i, finding)
	{
		printf("  ");
		screen_text(ctl, PAINT_BOLD, 16, json_word(finding, "subject"));
		printf(" ");
		screen_word(ctl, 8, json_word(finding, "answer"));
		printf("%s\n", json_word(finding, "text"));
	}
}

/* "green (primary), blue". */
static void screen_runners(const struct ctl *ctl, const json_t *release)
{
	const json_t *color;
	size_t i;

	json_array_foreach(json_object_get(release, "colors"), i, color)
	{
		printf("%s", i > 0 ? ", " : "");
		screen_word(ctl, 0, json_string_value(color));
		if (i == 0 && json_is_true(json_object_get(release, "primary")))
			printf(" (primary)");
	}
}

void screen_releases(const struct ctl *ctl, const json_t *releases)
{
	const json_t *release;
	char ago[DURATION_MAX];
	size_t i;

	json_array_foreach(releases, i, release)
	{
		printf("  ");
		screen_text(ctl, PAINT_BOLD, 24, json_word(release, "tag"));
		printf(" %12s ago  ", ago_format(json_figure(release, "since"), ago));
		screen_runners(ctl, release);
		printf("\n");
	}
	if (json_array_size(releases) == 0)
		printf("  there is no release yet\n");
}
