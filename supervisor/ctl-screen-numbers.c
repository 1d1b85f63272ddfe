/* SPDX-License-Identifier: MIT */
/*
 * Knows how the relay's numbers look on a screen; what they count, socket/README.md says.
 */
#include <string.h>

#include "base/cleanup.h"
#include "ctl-screen.h"

#define BYTES_MAX 32

static const char *const colors[] = {"blue", "green"};

static const char *bytes_format(double bytes, char buffer[static BYTES_MAX])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < ELEMENTS(units)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buffer, BYTES_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
	return buffer;
}

/* Finer than durations are shown elsewhere: "0.707 ms". */
static const char *latency_format(double seconds, char buffer[static DURATION_MAX])
{
	if (seconds < 1)
		snprintf(buffer, DURATION_MAX, "%.3g ms", seconds * 1000);
	else
		snprintf(buffer, DURATION_MAX, "%.3g s", seconds);
	return buffer;
}

static double requests_of(const json_t *sum)
{
	return json_figure(sum, "reads") + json_figure(sum, "writes");
}

static void screen_requests(const struct ctl *ctl, const json_t *sum)
{
	screen_label(ctl, "served");
	printf("%.0f reads, %.0f writes; %.3g %% errors (%.0f answered with 5xx, %.0f failed)\n",
		json_figure(sum, "reads"), json_figure(sum, "writes"),
		100 * json_figure(sum, "error_share"), json_figure(sum, "errors"),
		json_figure(sum, "failed"));
}

static void screen_responses(const struct ctl *ctl, const json_t *status)
{
	const char *before = "", *class;
	const json_t *count;

	if (json_figure(status, "1xx") + json_figure(status, "2xx") + json_figure(status, "3xx") +
			json_figure(status, "4xx") + json_figure(status, "5xx") ==
		0)
		return;
	screen_label(ctl, "status");
	json_object_foreach((json_t *)(uintptr_t)status, class, count)
	{
		if (json_number_value(count) == 0)
			continue;
		printf("%s%.0f %s", before, json_number_value(count), class);
		before = ", ";
	}
	printf("\n");
}

static void screen_latency(const struct ctl *ctl, const json_t *latency)
{
	char half[DURATION_MAX], nine[DURATION_MAX], most[DURATION_MAX];

	if (json_figure(latency, "count") == 0)
		return;
	screen_label(ctl, "latency");
	printf("p50 %s, p90 %s, p99 %s\n", latency_format(json_figure(latency, "p50"), half),
		latency_format(json_figure(latency, "p90"), nine),
		latency_format(json_figure(latency, "p99"), most));
}

/* What is worth a word only where it happened. */
static void screen_incidents(const struct ctl *ctl, const json_t *sum)
{
	static const struct {
		const char *key, *words;
	} rows[] = {
		{"held", "held before"},
		{"sent_again", "sent again"},
		{"refused", "connects refused"},
		{"reset", "reset by the app"},
	};
	const char *before = "";

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (json_figure(sum, rows[i].key) == 0)
			continue;
		if (*before)
			printf("%s", before);
		else
			screen_label(ctl, "also");
		printf("%.0f %s", json_figure(sum, rows[i].key), rows[i].words);
		before = ", ";
	}
	if (*before)
		printf("\n");
}

static void screen_bytes(const struct ctl *ctl, const json_t *sum)
{
	char app[BYTES_MAX], clients[BYTES_MAX];

	screen_label(ctl, "bytes");
	printf("%s to the app, %s to clients\n",
		bytes_format(json_figure(sum, "bytes_to_app"), app),
		bytes_format(json_figure(sum, "bytes_to_clients"), clients));
}

static void screen_now(const struct ctl *ctl, const json_t *color)
{
	screen_label(ctl, "open");
	printf("%.0f connections, %.0f of them pooled (%.0f tried so far); %.0f exchanges, %.0f of "
	       "them streams (%.0f so far)\n",
		json_figure(color, "connections"), json_figure(color, "pooled"),
		json_figure(color, "connects"), json_figure(color, "inflight"),
		json_figure(color, "streams"), json_figure(color, "streams_ever"));
}

static void screen_endings(const struct ctl *ctl, const json_t *endings)
{
	const json_t *row;
	size_t i;

	json_array_foreach(endings, i, row)
	{
		screen_label(ctl, i == 0 ? "ended" : "");
		printf("%10.0f  %-18s ", json_figure(row, "count"), json_word(row, "ending"));
		screen_text(ctl, PAINT_DIM, 0, json_word(row, "why"));
		printf("\n");
	}
}

static void screen_earlier(const struct ctl *ctl, const json_t *earlier)
{
	const json_t *sum;
	size_t i;

	json_array_foreach(earlier, i, sum)
	{
		const json_t *latency = json_object_get(sum, "latency");
		char lasted[DURATION_MAX], ago[DURATION_MAX], half[DURATION_MAX],
			most[DURATION_MAX];

		screen_label(ctl, i == 0 ? "before" : "");
		printf("%s for %s, until %s ago: %.0f requests, %.3g %% errors, p50 %s, p99 %s\n",
			json_word(sum, "release"),
			duration_format(json_figure(sum, "seconds"), lasted),
			duration_format(json_figure(sum, "ended_ago"), ago), requests_of(sum),
			100 * json_figure(sum, "error_share"),
			latency_format(json_figure(latency, "p50"), half),
			latency_format(json_figure(latency, "p99"), most));
	}
}

static void screen_color(const struct ctl *ctl, const char *name, const json_t *color)
{
	const char *release = json_word(color, "release");
	char lasted[DURATION_MAX];

	printf("\n");
	screen_word(ctl, 0, name);
	printf("  %s, for %s\n", *release ? release : "no release said yet",
		duration_format(json_figure(color, "seconds"), lasted));
	screen_requests(ctl, color);
	screen_responses(ctl, json_object_get(color, "status"));
	screen_latency(ctl, json_object_get(color, "latency"));
	screen_incidents(ctl, color);
	screen_bytes(ctl, color);
	screen_now(ctl, color);
	screen_endings(ctl, json_object_get(color, "endings"));
	screen_earlier(ctl, json_object_get(color, "earlier"));
}

static void screen_relay(const struct ctl *ctl, const json_t *relay)
{
	char longest[DURATION_MAX];

	printf("\n");
	screen_text(ctl, PAINT_BOLD, 0, "relay");
	printf("\n");
	screen_label(ctl, "clients");
	printf("%.0f now, %.0f so far, %.0f refused; between requests %.0f were closed as idle and "
	       "%.0f for want of descriptors\n",
		json_figure(relay, "clients"), json_figure(relay, "clients_ever"),
		json_figure(relay, "clients_refused"), json_figure(relay, "idle_closed"),
		json_figure(relay, "shed"));
	screen_label(ctl, "held");
	printf("%.0f now, %.0f so far (at most %s, %.0f too long)\n", json_figure(relay, "holding"),
		json_figure(relay, "held"),
		duration_format(json_figure(relay, "hold_longest"), longest),
		json_figure(relay, "hold_expired"));
	screen_endings(ctl, json_object_get(relay, "endings"));
}

void screen_numbers(const struct ctl *ctl, const json_t *numbers)
{
	const json_t *object = json_object_get(numbers, "colors");

	screen_text(ctl, PAINT_BOLD, 0, json_word(numbers, "app"));
	printf("\n");
	for (size_t i = 0; i < ELEMENTS(colors); i++)
		screen_color(ctl, colors[i], json_object_get(object, colors[i]));
	screen_relay(ctl, json_object_get(numbers, "relay"));
}
