/* SPDX-License-Identifier: MIT */
/*
 * Knows how the status looks: colors, route, relay, and what is under way.
 */
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl-screen.h"

static const char *const colors[] = {"blue", "green"};

static void screen_color(const struct ctl *ctl, const char *name, const json_t *color)
{
	char since[DURATION_MAX], activity[64], pid[16];
	const char *release = json_word(color, "release");

	snprintf(activity, sizeof(activity), "%s (%s)", json_word(color, "activity"),
		json_word(color, "sub_state"));
	snprintf(pid, sizeof(pid), "%.0f", json_figure(color, "pid"));
	printf("  ");
	screen_word(ctl, 7, name);
	screen_word(ctl, 10, json_word(color, "role"));
	screen_word(ctl, 10, json_word(color, "health"));
	printf("%-15s %-22s%-8s%-7.0f%-14s", *release ? release : "-", activity, pid,
		json_figure(color, "port"), ago_format(json_figure(color, "since"), since));
	screen_text(ctl, PAINT_DIM, 0, json_word(color, "probe"));
	printf("\n");
}

static void screen_colors(const struct ctl *ctl, const json_t *object)
{
	char head[128];

	snprintf(head, sizeof(head), "%-7s%-10s%-10s%-15s %-22s%-8s%-7s%-14s%s", "COLOR", "ROLE",
		"HEALTH", "RELEASE", "UNIT", "PID", "PORT", "SINCE", "PROBE");
	printf("\n  ");
	screen_text(ctl, PAINT_DIM, 0, head);
	printf("\n");
	for (size_t i = 0; i < ELEMENTS(colors); i++)
		screen_color(ctl, colors[i], json_object_get(object, colors[i]));
	printf("\n");
}

static void screen_served(const struct ctl *ctl, const char *name, const json_t *color)
{
	screen_label(ctl, "");
	screen_word(ctl, 7, name);
	printf("%.0f reads, %.0f writes answered, %.0f of them with 5xx; %.0f in flight, %.0f of "
	       "them streams; %.0f failed\n",
		json_figure(color, "reads"), json_figure(color, "writes"),
		json_figure(color, "errors"), json_figure(color, "inflight"),
		json_figure(color, "streams"), json_figure(color, "failed"));
}

static void screen_relay(const struct ctl *ctl, const json_t *relay)
{
	const json_t *counters = json_object_get(relay, "counters");
	char longest[DURATION_MAX];

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
	printf("%.0f connections; %.0f requests wait, %.0f have waited (at most %s, %.0f too "
	       "long)\n",
		json_figure(counters, "connections"), json_figure(counters, "holding"),
		json_figure(counters, "held"),
		duration_format(json_figure(counters, "hold_longest"), longest),
		json_figure(counters, "hold_expired"));
	for (size_t i = 0; i < ELEMENTS(colors); i++)
		screen_served(ctl, colors[i], json_object_get(counters, colors[i]));
}

static void screen_ramp(const struct ctl *ctl, const json_t *ramp)
{
	if (!ramp)
		return;
	screen_label(ctl, "ramp");
	printf("blue has %.3g %% of the requests, green %.3g %%\n", json_figure(ramp, "blue"),
		json_figure(ramp, "green"));
}

static void screen_window(const struct ctl *ctl, const json_t *window)
{
	const char *former = json_word(window, "former");
	char left[DURATION_MAX];

	if (!window)
		return;
	screen_label(ctl, "window");
	printf("for %s `%s rollback' returns to %s at once\n",
		duration_format(json_figure(window, "seconds_left"), left), ctl_command(ctl),
		*former ? former : "the release before");
}

/* What still runs though it was replaced, and when that will be put right. */
static void screen_outdated(const struct ctl *ctl, const json_t *outdated)
{
	const json_t *due = json_object_get(outdated, "due");
	time_t time = (time_t)json_number_value(due);
	char when[64] = "";
	struct tm local;

	if (!outdated)
		return;
	screen_label(ctl, "stale");
	if (due && localtime_r(&time, &local))
		(void)strftime(when, sizeof(when), "%F %R", &local);
	if (*when)
		printf("installed files were replaced; a cycle restarts both colors at %s:\n",
			when);
	else
		printf("installed files were replaced; `%s reload' restarts both colors:\n",
			ctl_command(ctl));
	screen_causes(ctl, "", json_object_get(outdated, "files"));
}

void screen_status(const struct ctl *ctl, const json_t *status)
{
	const json_t *cycle = json_object_get(status, "cycle");
	const json_t *queued = json_object_get(status, "queued");
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
	screen_ramp(ctl, json_object_get(status, "ramp"));
	screen_window(ctl, json_object_get(status, "window"));
	screen_relay(ctl, json_object_get(status, "relay"));
	screen_outdated(ctl, json_object_get(status, "outdated"));
	if (cycle) {
		screen_label(ctl, "cycle");
		screen_summary(ctl, cycle);
		if (strcmp(json_word(cycle, "outcome"), "running") == 0)
			screen_steps(ctl, json_object_get(cycle, "steps"));
	}
	if (queued) {
		screen_label(ctl, "next");
		screen_summary(ctl, queued);
	}
}
