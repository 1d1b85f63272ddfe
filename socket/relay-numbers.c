/* SPDX-License-Identifier: MIT */
/*
 * Knows sums and differences of counters; knows neither who counts nor who asks.
 */
#include "relay-numbers.h"

#include <stdio.h>
#include <string.h>

#define NUMBERS_COUNT (sizeof(struct numbers) / sizeof(uint64_t))
_Static_assert(sizeof(struct numbers) % sizeof(uint64_t) == 0, "a row of numbers");

/* What came since; a counter is never below what it was. */
static struct numbers difference(const struct numbers *now, const struct numbers *before)
{
	uint64_t row[NUMBERS_COUNT], base[NUMBERS_COUNT];
	struct numbers result;

	memcpy(row, now, sizeof(row));
	memcpy(base, before, sizeof(base));
	for (size_t i = 0; i < NUMBERS_COUNT; i++)
		row[i] -= base[i];
	memcpy(&result, row, sizeof(result));
	return result;
}

static struct numbers all_of(const struct relay_totals *totals, enum color color)
{
	struct numbers all = {
		.latency_usec = totals->latency_usec[color],
		.failed = totals->failed[color],
		.errors = totals->errors[color],
		.held = totals->waited[color],
		.again = totals->again[color],
		.refused = totals->refused[color],
		.reset = totals->reset[color],
		.to_app = totals->to_app[color],
		.to_clients = totals->to_clients[color],
		.connects = totals->connects[color],
		.streams = totals->streams_ever[color],
	};

	for (int class = 0; class < ROUTE_CLASS_COUNT; class ++)
		all.requests[class] = totals->answered[class][color];
	memcpy(all.status, totals->status[color], sizeof(all.status));
	memcpy(all.latency, totals->latency[color], sizeof(all.latency));
	memcpy(all.endings, totals->ended[color], sizeof(all.endings));
	return all;
}

void numbers_begin(struct numbers_book *book, uint64_t now)
{
	for (int color = 0; color < COLOR_COUNT; color++)
		book->colors[color].since_usec = now;
}

void numbers_count_anew(struct numbers_book *book, uint64_t now)
{
	for (int color = 0; color < COLOR_COUNT; color++)
		memset(&book->colors[color].base, 0, sizeof(book->colors[color].base));
	numbers_begin(book, now);
}

static void earlier_push(struct numbers_color *of, const struct numbers_earlier *earlier)
{
	memmove(of->earlier + 1, of->earlier, sizeof(of->earlier) - sizeof(of->earlier[0]));
	of->earlier[0] = *earlier;
	if (of->earlier_count < NUMBERS_EARLIER_MAX)
		of->earlier_count++;
}

void numbers_release(struct numbers_book *book, const struct relay_totals *totals, enum color color,
	const char *release, uint64_t now)
{
	struct numbers_color *of = &book->colors[color];
	struct numbers_earlier earlier = {.since_usec = of->since_usec, .until_usec = now};

	if (!*release || strcmp(of->release, release) == 0)
		return;
	if (*of->release) {
		memcpy(earlier.release, of->release, sizeof(earlier.release));
		earlier.sum = numbers_of(book, totals, color);
		earlier_push(of, &earlier);
		of->base = all_of(totals, color);
		of->since_usec = now;
	}
	(void)snprintf(of->release, sizeof(of->release), "%s", release);
}

struct numbers numbers_of(
	const struct numbers_book *book, const struct relay_totals *totals, enum color color)
{
	struct numbers all = all_of(totals, color);

	return difference(&all, &book->colors[color].base);
}

static void add_color(
	struct relay_totals *totals, const struct worker_counters *counters, enum color color)
{
	for (int class = 0; class < ROUTE_CLASS_COUNT; class ++) {
		totals->answered[class][color] += counter_read(&counters->answered[class][color]);
		totals->inflight[class][color] += counter_read(&counters->inflight[class][color]);
	}
	totals->streams[color] += counter_read(&counters->streams[color]);
	totals->failed[color] += counter_read(&counters->failed[color]);
	totals->cut[color] += counter_read(&counters->cut[color]);
	totals->cut_streams[color] += counter_read(&counters->cut_streams[color]);
	totals->errors[color] += counter_read(&counters->errors[color]);
	totals->latency_usec[color] += counter_read(&counters->latency_usec[color]);
	totals->waited[color] += counter_read(&counters->waited[color]);
	totals->again[color] += counter_read(&counters->again[color]);
	totals->refused[color] += counter_read(&counters->refused[color]);
	totals->reset[color] += counter_read(&counters->reset[color]);
	totals->to_app[color] += counter_read(&counters->to_app[color]);
	totals->to_clients[color] += counter_read(&counters->to_clients[color]);
	totals->connects[color] += counter_read(&counters->connects[color]);
	totals->connections[color] += counter_read(&counters->connections[color]);
	totals->streams_ever[color] += counter_read(&counters->streams_ever[color]);
	for (int bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
		totals->latency[color][bucket] += counter_read(&counters->latency[color][bucket]);
	for (int class = 0; class < STATUS_CLASSES; class ++)
		totals->status[color][class] += counter_read(&counters->status[class][color]);
	for (int ending = 0; ending < ENDING_COUNT; ending++)
		totals->ended[color][ending] += counter_read(&counters->ended[ending][color]);
}

void numbers_add(struct relay_totals *totals, const struct worker_counters *counters)
{
	for (int color = 0; color < COLOR_COUNT; color++)
		add_color(totals, counters, (enum color)color);
	totals->cut_ever += counter_read(&counters->cut_ever);
	totals->cut_streams_ever += counter_read(&counters->cut_streams_ever);
	totals->held_ever += counter_read(&counters->held_ever);
	totals->hold_expired += counter_read(&counters->hold_expired);
	totals->begun += counter_read(&counters->begun);
	totals->clients_ever += counter_read(&counters->clients_ever);
	totals->clients_refused += counter_read(&counters->clients_refused);
	totals->idle_closed += counter_read(&counters->idle_closed);
	totals->shed += counter_read(&counters->shed);
	for (int ending = 0; ending < ENDING_COUNT; ending++)
		totals->endings[ending] += counter_read(&counters->endings[ending]);
}
