/* SPDX-License-Identifier: MIT */
/*
 * Knows the keys of a cycle and of its receipt; does not know who asks, nor where it is kept.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "control-show.h"

static double seconds_of(uint64_t usec)
{
	return (double)usec / USEC_PER_SEC;
}

/* Since the cycle's begin; what the first probes found may be older than it. */
static double offset_of(const struct receipt *receipt, uint64_t usec)
{
	return usec >= receipt->begun_usec ? seconds_of(usec - receipt->begun_usec)
					   : -seconds_of(receipt->begun_usec - usec);
}

static json_t *show_step(const struct step *step, const struct step_story *story)
{
	uint64_t took = story->took_usec;

	if (story->state == STEP_BEGUN || story->state == STEP_UNDOING)
		took = now_usec() - story->begun_usec;
	return json_pack("{s:s, s:s, s:s, s:f, s:o}", "step", step->name, "text", step->text,
		"state", step_state_name(story->state), "seconds", seconds_of(took), "detail",
		show_text(story->text));
}

static json_t *show_spans(const struct receipt *receipt)
{
	json_t *array = json_array();

	for (size_t i = 0; i < receipt->span_count; i++) {
		const struct receipt_span *span = &receipt->spans[i];

		(void)json_array_append_new(array,
			json_pack("{s:s, s:s, s:i, s:f, s:f, s:I, s:f}", "color",
				color_name(span->color), "verdict",
				probe_verdict_name(span->verdict), "status", (int)span->status,
				"from", offset_of(receipt, span->first_usec), "to",
				offset_of(receipt, span->last_usec), "count",
				(json_int_t)span->count, "longest",
				seconds_of(span->longest_usec)));
	}
	return array;
}

static json_t *show_sentences(
	const struct receipt *receipt, const struct receipt_sentence *sentences, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(
			array, json_pack("{s:f, s:o}", "at", offset_of(receipt, sentences[i].usec),
				       "text", show_text(sentences[i].text)));
	return array;
}

/* Nothing, if the relay was never asked: that is not the same as nothing served. */
static void add_counts(json_t *object, const struct receipt *receipt)
{
	json_t *requests;

	if (!receipt->counted)
		return;
	requests = json_pack("{s:b}", "relay_began_anew", receipt->began_anew);
	for (enum color color = 0; requests && color < COLOR_COUNT; color++) {
		const struct receipt_served *served = &receipt->served[color];

		(void)json_object_set_new(requests, color_name(color),
			json_pack("{s:I, s:I, s:I, s:I}", "reads", (json_int_t)served->reads,
				"writes", (json_int_t)served->writes, "errors",
				(json_int_t)served->errors, "failed", (json_int_t)served->failed));
	}
	(void)json_object_set_new(object, "requests", requests);
	/* Without a new longest one, the longest of this cycle was no longer than the former. */
	(void)json_object_set_new(object, "held",
		json_pack("{s:I, s:I, s:f, s:b}", "count", (json_int_t)receipt->held, "expired",
			(json_int_t)receipt->hold_expired, "longest",
			seconds_of(receipt->held == 0 ? 0
				   : receipt->hold_longest_usec
					   ? receipt->hold_longest_usec
					   : receipt->hold_longest_before_usec),
			"longest_is_a_bound",
			receipt->held > 0 && receipt->hold_longest_usec == 0));
	(void)json_object_set_new(object, "cut", json_integer((json_int_t)receipt->cut.exchanges));
	(void)json_object_set_new(
		object, "cut_streams", json_integer((json_int_t)receipt->cut.streams));
}

static void add_receipt(json_t *object, const struct receipt *receipt)
{
	add_counts(object, receipt);
	(void)json_object_set_new(object, "probes", show_spans(receipt));
	(void)json_object_set_new(
		object, "probes_left_out", json_integer((json_int_t)receipt->answers_lost));
	(void)json_object_set_new(
		object, "gate", show_sentences(receipt, receipt->gate, receipt->gate_count));
	(void)json_object_set_new(
		object, "notes", show_sentences(receipt, receipt->notes, receipt->note_count));
	(void)json_object_set_new(
		object, "sentences_left_out", json_integer((json_int_t)receipt->sentences_lost));
}

/* The stories in the view are those of its record, and of the supervisor that ran it. */
static void add_steps(json_t *object, const struct app_view *view, const struct record *record)
{
	json_t *steps = json_array();
	uint64_t total;

	(void)json_object_set_new(object, "steps", steps);
	if (!view->stories || strcmp(view->record.id, record->id) != 0)
		return;
	for (size_t i = 0; i < view->step_count; i++)
		(void)json_array_append_new(steps, show_step(&view->steps[i], &view->stories[i]));
	/* A cycle that another supervisor began has rows of which nothing is known, and a row that
	 * was taken back knows only how long that took. */
	if (record->outcome != RECORD_SUCCEEDED || view->step_count == 0 ||
		view->stories[0].begun_usec == 0 ||
		record->ended_realtime_usec < record->started_realtime_usec)
		return;
	total = record->ended_realtime_usec - record->started_realtime_usec;
	(void)json_object_set_new(object, "supervisor_seconds",
		json_real(seconds_of(
			receipt_own_usec(total, view->steps, view->stories, view->step_count))));
}

/* Who asked, for what. */
static json_t *show_record(const struct record *record, const char *outcome)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:f, s:f, s:s, s:I, s:I, s:s, "
			 "s:s, s:{s:s, s:s}, s:o}",
		"id", record->id, "outcome", outcome, "verb", record->verb, "strategy",
		strategy_name(record->strategy), "step", record->step, "reason",
		show_text(record->reason), "committed", record->committed, "undoing",
		record->undoing, "started", seconds_of(record->started_realtime_usec), "ended",
		seconds_of(record->ended_realtime_usec), "asked_by", record->asked_by,
		"asked_by_uid", (json_int_t)record->asked_by_uid, "asked_by_pid",
		(json_int_t)record->asked_by_pid, "release", record->release, "primary",
		color_name(record->primary), "former", "blue", record->former[COLOR_BLUE], "green",
		record->former[COLOR_GREEN], "cause", show_text(record->cause));
}

/* What was replaced, as whoever found it told; one that an earlier supervisor began has only the
 * record's sentence of it. */
static void add_causes(json_t *object, const struct app_view *view, const struct record *record)
{
	const char *causes = NULL;

	if (strcmp(view->record.id, record->id) == 0)
		causes = view->causes;
	else if (strcmp(view->queue.id, record->id) == 0)
		causes = view->queue_causes;
	if (causes)
		(void)json_object_set_new(object, "causes", json_loads(causes, 0, NULL));
}

json_t *show_cycle(const struct app_view *view, const struct record *record, const char *outcome)
{
	json_t *object = show_record(record, outcome);

	if (!object)
		return NULL;
	add_causes(object, view, record);
	add_steps(object, view, record);
	if (view->receipt && strcmp(view->receipt->id, record->id) == 0)
		add_receipt(object, view->receipt);
	return object;
}

static double figure(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double served_sum(const json_t *cycle, const char *key)
{
	const json_t *requests = json_object_get(cycle, "requests");

	return figure(json_object_get(requests, "blue"), key) +
	       figure(json_object_get(requests, "green"), key);
}

/* What was counted, if anything was. */
static void sentence_of_counts(const json_t *cycle, char *buffer, size_t size)
{
	const json_t *requests = json_object_get(cycle, "requests");
	const json_t *blue = json_object_get(requests, "blue");
	const json_t *green = json_object_get(requests, "green");
	const json_t *held = json_object_get(cycle, "held");

	buffer[0] = '\0';
	if (!requests)
		return;
	snprintf(buffer, size,
		"; %sblue answered %.0f requests, green %.0f; %.0f waited (at most %.3f s), %.0f "
		"of them too long; %.0f failed, %.0f were cut, %.0f of them streams",
		json_is_true(json_object_get(requests, "relay_began_anew")) ? "at least, " : "",
		figure(blue, "reads") + figure(blue, "writes"),
		figure(green, "reads") + figure(green, "writes"), figure(held, "count"),
		figure(held, "longest"), figure(held, "expired"), served_sum(cycle, "failed"),
		figure(cycle, "cut"), figure(cycle, "cut_streams"));
}

void show_sentence(const json_t *cycle, char *buffer, size_t size)
{
	const char *release = word(cycle, "release");
	double took = figure(cycle, "ended") - figure(cycle, "started");
	const char *cause = word(cycle, "cause");
	char counts[320], own[64] = "";

	sentence_of_counts(cycle, counts, sizeof(counts));
	if (json_object_get(cycle, "supervisor_seconds"))
		snprintf(own, sizeof(own), ", %.3f s of them the supervisor's own",
			figure(cycle, "supervisor_seconds"));
	snprintf(buffer, size, "cycle %.8s%s%s%s%s%s asked for by %s: %s after %.1f s%s%s",
		word(cycle, "id"), *release ? " of release " : "", release, *cause ? ", for `" : "",
		cause, *cause ? "'," : "",
		*word(cycle, "asked_by") ? word(cycle, "asked_by") : "somebody",
		word(cycle, "outcome"), took > 0 ? took : 0, own, counts);
}
