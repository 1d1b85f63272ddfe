/* SPDX-License-Identifier: MIT */
/*
 * Knows what is kept of a cycle and what is dropped; knows neither clocks nor how it is shown.
 */
#include "receipt.h"

#include <stdio.h>
#include <string.h>

/* Rows in which the app, its clients, the administrator's limits or somebody's server are waited
 * for; all others are the supervisor's own. A name with a dash stands for all that begin so:
 * restart-fallback is a restart. */
static const char *const waiting_rows[] = {
	"after",
	"before",
	"drain",
	"fetch",
	"snapshot",
	"healthy",
	"observe",
	"ramp",
	"restart",
	"settle",
	"soak",
	"start",
	"vacate",
	"window",
};

void receipt_begin(struct receipt *receipt, const struct record *record,
	const struct steer_counters *counters, uint64_t usec)
{
	memset(receipt, 0, sizeof(*receipt));
	memcpy(receipt->id, record->id, sizeof(receipt->id));
	receipt->begun_usec = usec;
	if (counters)
		receipt_counters(receipt, counters);
}

static struct receipt_span *span_current(struct receipt *receipt, enum color color)
{
	size_t current = receipt->current[color];

	return current > 0 ? &receipt->spans[current - 1] : NULL;
}

static struct receipt_span *span_begin(
	struct receipt *receipt, enum color color, const struct probe_result *result)
{
	struct receipt_span *span;

	receipt->current[color] = 0;
	if (receipt->span_count == RECEIPT_SPANS_MAX) {
		receipt->answers_lost++;
		return NULL;
	}
	span = &receipt->spans[receipt->span_count++];
	receipt->current[color] = receipt->span_count;
	*span = (struct receipt_span){
		.color = color,
		.verdict = result->verdict,
		.status = result->status,
	};
	return span;
}

void receipt_probe(
	struct receipt *receipt, enum color color, const struct probe_result *result, uint64_t usec)
{
	struct receipt_span *span = span_current(receipt, color);

	if (!span || span->verdict != result->verdict || span->status != result->status)
		span = span_begin(receipt, color, result);
	if (!span)
		return;
	if (span->count++ == 0)
		span->first_usec = usec;
	span->last_usec = usec;
	if (result->duration_usec > span->longest_usec)
		span->longest_usec = result->duration_usec;
}

static void sentence_add(
	struct receipt *receipt, struct receipt_sentence *sentence, const char *text, uint64_t usec)
{
	if (!sentence) {
		receipt->sentences_lost++;
		return;
	}
	sentence->usec = usec;
	snprintf(sentence->text, sizeof(sentence->text), "%s", text);
}

void receipt_gate(struct receipt *receipt, const char *sentence, uint64_t usec)
{
	bool room = receipt->gate_count < RECEIPT_GATE_MAX;

	sentence_add(receipt, room ? &receipt->gate[receipt->gate_count++] : NULL, sentence, usec);
}

void receipt_note(struct receipt *receipt, const char *sentence, uint64_t usec)
{
	bool room = receipt->note_count < RECEIPT_NOTES_MAX;

	sentence_add(receipt, room ? &receipt->notes[receipt->note_count++] : NULL, sentence, usec);
}

/* What only grows, as long as the relay is the same one. */
static bool went_down(const struct steer_counters *before, const struct steer_counters *after)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (after->reads[color] < before->reads[color] ||
			after->writes[color] < before->writes[color] ||
			after->errors[color] < before->errors[color] ||
			after->failed[color] < before->failed[color])
			return true;
	return after->held < before->held || after->hold_expired < before->hold_expired ||
	       after->cut.exchanges < before->cut.exchanges ||
	       after->cut.streams < before->cut.streams ||
	       after->hold_longest_usec < before->hold_longest_usec;
}

static void served_add(struct receipt *receipt, const struct steer_counters *before,
	const struct steer_counters *after)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct receipt_served *served = &receipt->served[color];

		served->reads += after->reads[color] - before->reads[color];
		served->writes += after->writes[color] - before->writes[color];
		served->errors += after->errors[color] - before->errors[color];
		served->failed += after->failed[color] - before->failed[color];
	}
	receipt->held += after->held - before->held;
	receipt->hold_expired += after->hold_expired - before->hold_expired;
	receipt->cut.exchanges += after->cut.exchanges - before->cut.exchanges;
	receipt->cut.streams += after->cut.streams - before->cut.streams;
	/* The relay keeps the longest ever: one that did not grow was not reached again. */
	if (after->hold_longest_usec > before->hold_longest_usec &&
		after->hold_longest_usec > receipt->hold_longest_usec)
		receipt->hold_longest_usec = after->hold_longest_usec;
}

void receipt_counters(struct receipt *receipt, const struct steer_counters *counters)
{
	static const struct steer_counters none;

	if (!receipt->counted) {
		receipt->counted = true;
		receipt->hold_longest_before_usec = counters->hold_longest_usec;
	} else if (went_down(&receipt->latest, counters)) {
		receipt->began_anew = true;
		served_add(receipt, &none, counters);
	} else {
		served_add(receipt, &receipt->latest, counters);
	}
	receipt->latest = *counters;
}

void receipt_relay_lost(struct receipt *receipt)
{
	receipt->began_anew = true;
}

static bool is_waiting(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(waiting_rows); i++) {
		size_t length = strlen(waiting_rows[i]);

		if (strncmp(name, waiting_rows[i], length) == 0 &&
			(name[length] == '\0' || name[length] == '-'))
			return true;
	}
	return false;
}

uint64_t receipt_own_usec(uint64_t total_usec, const struct step *steps,
	const struct step_story *stories, size_t count)
{
	uint64_t waited = 0;

	for (size_t i = 0; i < count; i++)
		if (is_waiting(steps[i].name))
			waited += stories[i].took_usec;
	return waited < total_usec ? total_usec - waited : 0;
}
