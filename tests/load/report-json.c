/* SPDX-License-Identifier: MIT */
/*
 * The report for programs. Written by hand: its only free text is the failures.
 */
#include <inttypes.h>

#include "base/fd.h"
#include "report.h"

static void put_string(const char *text, FILE *file)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(file, "\\u%04x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

/* Sums a kind over the colors from..to. */
static void put_cells(const struct judge *judge, enum kind kind, int from, int to, FILE *file)
{
	uint64_t outcomes[OUTCOME_COUNT] = {0}, failed = 0, longest = 0, longest_at = 0;
	static struct histogram answered;

	answered = (struct histogram){0};
	for (int color = from; color <= to; color++) {
		const struct cell *cell = &judge->cells[kind][color];

		histogram_merge(&answered, &cell->answered);
		for (int o = 0; o < OUTCOME_COUNT; o++)
			outcomes[o] += cell->outcomes[o];
		if (cell->longest > longest) {
			longest = cell->longest;
			longest_at = cell->longest_at;
		}
	}
	for (enum outcome o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++)
		failed += outcomes[o];
	fprintf(file,
		"{\"answered\": %" PRIu64 ", \"held_refused\": %" PRIu64 ", \"cut\": %" PRIu64
		", \"failed\": %" PRIu64 ", \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
		", \"p999_us\": %" PRIu64 ", \"max_us\": %" PRIu64 ", \"longest_us\": %" PRIu64
		", \"longest_at_us\": %" PRIu64 "}",
		outcomes[OUTCOME_ANSWERED], outcomes[OUTCOME_HELD_REFUSED], outcomes[OUTCOME_CUT],
		failed, histogram_percentile(&answered, 0.5), histogram_percentile(&answered, 0.99),
		histogram_percentile(&answered, 0.999), answered.max, longest, longest_at);
}

static void put_kinds(const struct judge *judge, FILE *file)
{
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		fprintf(file, "%s\n    \"%s\": {\"all\": ", kind ? "," : "", kind_name(kind));
		put_cells(judge, kind, 0, COLOR_COUNT, file);
		for (int color = 0; color < COLOR_COUNT; color++) {
			fprintf(file, ",\n      \"%s\": ", color_name((enum color)color));
			put_cells(judge, kind, color, color, file);
		}
		fprintf(file, ",\n      \"nobody\": ");
		put_cells(judge, kind, COLOR_COUNT, COLOR_COUNT, file);
		fputc('}', file);
	}
}

static void put_outcomes(const struct judge *judge, FILE *file)
{
	for (enum outcome o = 0; o < OUTCOME_COUNT; o++)
		fprintf(file, "%s\"%s\": %" PRIu64, o ? ", " : "", outcome_name(o),
			judge_count(judge, o));
}

static void put_log(const struct report *report, FILE *file)
{
	const struct ledger_findings *f = &report->findings;

	if (!report->log_checked) {
		fprintf(file, "null");
		return;
	}
	fprintf(file,
		"{\"acknowledged\": %" PRIu64 ", \"executed_once\": %" PRIu64 ", \"lost\": %" PRIu64
		", \"executed_twice\": %" PRIu64 ", \"by_fallback\": %" PRIu64
		", \"other_color\": %" PRIu64 ", \"refused_executed\": %" PRIu64
		", \"unanswered\": %" PRIu64 ", \"unacknowledged_executed\": %" PRIu64
		", \"reads_executed\": %" PRIu64 ", \"unknown\": %" PRIu64 ", \"garbled\": %" PRIu64
		", \"lines\": %" PRIu64 ", \"executed_blue\": %" PRIu64
		", \"executed_green\": %" PRIu64 "}",
		f->acknowledged, f->executed_once, f->lost, f->twice, f->by_fallback,
		f->other_color, f->refused_executed, f->unanswered, f->unacknowledged,
		f->reads_executed, f->unknown, f->garbled, f->lines, f->executed[COLOR_BLUE],
		f->executed[COLOR_GREEN]);
}

static void put_connections(const struct judge *judge, FILE *file)
{
	const struct connection_counts *c = &judge->connections;

	fprintf(file,
		"{\"opened\": %" PRIu64 ", \"announced\": %" PRIu64 ", \"idle_eof\": %" PRIu64
		", \"idle_reset\": %" PRIu64 ", \"unclosed\": %" PRIu64
		", \"streams_ended\": %" PRIu64 ", \"streams_cut\": %" PRIu64 "}",
		c->opened, c->announced, c->idle_eof, c->idle_reset, c->unclosed, c->streams_ended,
		c->streams_cut);
}

static void put_seconds(const struct judge *judge, FILE *file)
{
	uint64_t count = (judge->ended - judge->began) / USEC_PER_SEC + 1;

	for (uint64_t i = 0; i < count && i < SECONDS_MAX; i++) {
		const struct second *s = &judge->seconds[i];

		fprintf(file, "%s\n    [%u, %u, %u, %u, %u, %u]", i ? "," : "", s->reads, s->writes,
			s->held, s->failed, s->longest_read, s->longest_write);
	}
}

void report_json(const struct report *report, FILE *file)
{
	const struct judge *judge = report->judge;

	fprintf(file, "{\n  \"good\": %s,\n  \"failed\": %" PRIu64 ",\n  \"run\": \"%s\",\n",
		report_is_good(report) ? "true" : "false", judge_failures(judge), judge->prefix);
	fprintf(file, "  \"seconds_run\": %.3f,\n  \"open_loop\": %s,\n",
		(double)(judge->ended - judge->began) / 1e6,
		report->options->rate > 0 ? "true" : "false");
	fprintf(file, "  \"outcomes\": {");
	put_outcomes(judge, file);
	fprintf(file, "},\n  \"kinds\": {");
	put_kinds(judge, file);
	fprintf(file, "},\n  \"log\": ");
	put_log(report, file);
	fprintf(file, ",\n  \"connections\": ");
	put_connections(judge, file);
	fprintf(file,
		",\n  \"echoes\": %" PRIu64 ",\n  \"events\": %" PRIu64
		",\n  \"read_silence_us\": %" PRIu64 ",\n  \"read_silence_at_us\": %" PRIu64
		",\n  \"failures\": [",
		judge->echoes, judge->events, judge->longest_silence, judge->longest_silence_at);
	for (size_t i = 0; i < judge->failure_count; i++) {
		fprintf(file, "%s\n    ", i ? "," : "");
		put_string(judge->failures[i], file);
	}
	fprintf(file, "],\n  \"seconds\": [");
	put_seconds(judge, file);
	fprintf(file, "]\n}\n");
}
