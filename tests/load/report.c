/* SPDX-License-Identifier: MIT */
/*
 * The report for people: one table, then what else they need to believe it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "report.h"

static double seconds(uint64_t usec)
{
	return (double)usec / (double)USEC_PER_SEC;
}

/* "812 us", "3.41 ms", "1.204 s": four digits at most, of a width. */
static const char *time_text(uint64_t usec, char buffer[static 16])
{
	if (usec < 1000)
		snprintf(buffer, 16, "%" PRIu64 " us", usec);
	else if (usec < USEC_PER_SEC)
		snprintf(buffer, 16, "%.4g ms", (double)usec / 1e3);
	else
		snprintf(buffer, 16, "%.3f s", seconds(usec));
	return buffer;
}

static const char *party_name(int color)
{
	return color == COLOR_COUNT ? "-" : color_name((enum color)color);
}

static uint64_t cell_failed(const struct cell *cell)
{
	uint64_t failed = 0;

	for (enum outcome o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++)
		failed += cell->outcomes[o];
	return failed;
}

static void print_cell(const struct report *report, enum kind kind, int color, FILE *file)
{
	const struct judge *judge = report->judge;
	const struct cell *cell = &judge->cells[kind][color];
	const struct histogram *h = &cell->answered;
	char p50[16], p99[16], p999[16], longest[16];
	uint64_t failed = cell_failed(cell), held = cell->outcomes[OUTCOME_HELD_REFUSED],
		 cut = cell->outcomes[OUTCOME_CUT];

	if (h->total + failed + held + cut == 0)
		return;
	fprintf(file,
		"%-10s %-6s %9" PRIu64 " %7" PRIu64 " %7" PRIu64
		" %8.1f %9s %9s %9s %9s  +%.1f s\n",
		kind_name(kind), party_name(color), h->total, failed, held + cut,
		(double)h->total / seconds(judge->ended - judge->began),
		time_text(histogram_percentile(h, 0.5), p50),
		time_text(histogram_percentile(h, 0.99), p99),
		time_text(histogram_percentile(h, 0.999), p999), time_text(cell->longest, longest),
		seconds(cell->longest_at));
}

static void print_head(const struct report *report, FILE *file)
{
	const struct options *o = report->options;

	fprintf(file, "load: %.1f s on %s: %u kept connections, %u clients that close, %u%% writes",
		seconds(report->judge->ended - report->judge->began), o->url, o->keepalive,
		o->close, o->writes);
	if (o->websocket + o->sse)
		fprintf(file, ", %u WebSockets, %u event streams", o->websocket, o->sse);
	if (o->rate > 0)
		fprintf(file,
			"\n      due by the clock, %g a second; times count from then; %u spare "
			"clients\n",
			o->rate, o->spare);
	else if (o->keepalive + o->close)
		fprintf(file,
			"\n      each client asks again after its answer and %.0f ms of thought "
			"(mean):"
			" a stall is asked less often,\n      so look at the longest wait first; "
			"--rate gives percentiles that do not flatter\n",
			(double)o->think_usec / 1e3);
	else
		fputc('\n', file);
	fprintf(file, "%-10s %-6s %9s %7s %7s %8s %9s %9s %9s %9s  %s\n", "asked", "color",
		"answered", "failed", "held*", "/s", "p50", "p99", "p99.9", "longest", "due at");
}

static void print_connections(const struct report *report, FILE *file)
{
	const struct judge *judge = report->judge;
	const struct connection_counts *c = &judge->connections;

	fprintf(file,
		"connections: %" PRIu64 " opened; closed after an answer that said so %" PRIu64
		", while idle %" PRIu64 " (reset %" PRIu64 "), announced but not closed %" PRIu64
		"\n",
		c->opened, c->announced, c->idle_eof + c->idle_reset, c->idle_reset, c->unclosed);
	if (report->options->websocket + report->options->sse)
		fprintf(file,
			"streams: %" PRIu64 " echoes, %" PRIu64 " events; ended properly %" PRIu64
			", cut %" PRIu64 "\n",
			judge->echoes, judge->events, c->streams_ended, c->streams_cut);
	if (judge->reads_begun)
		fprintf(file,
			"reads: the longest silence between two answers was %.3f s, from +%.1f s\n",
			seconds(judge->longest_silence), seconds(judge->longest_silence_at));
}

static void print_log(const struct report *report, FILE *file)
{
	const struct ledger_findings *f = &report->findings;

	if (!report->log_checked)
		return;
	fprintf(file,
		"writes: %" PRIu64 " acknowledged, %" PRIu64
		" of them executed exactly once by a primary (blue %" PRIu64 ", green %" PRIu64
		" executions); lost %" PRIu64 ", executed twice %" PRIu64 ", by a fallback %" PRIu64
		"\n        executed by another color than answered %" PRIu64
		", though refused with 503 %" PRIu64 ", without a good answer %" PRIu64
		" (of %" PRIu64 "), never sent %" PRIu64 ", reads executed %" PRIu64
		", unreadable lines %" PRIu64 "\n",
		f->acknowledged, f->executed_once, f->executed[COLOR_BLUE],
		f->executed[COLOR_GREEN], f->lost, f->twice, f->by_fallback, f->other_color,
		f->refused_executed, f->unacknowledged, f->unanswered, f->unknown,
		f->reads_executed, f->garbled);
}

static void print_verdict(const struct report *report, FILE *file)
{
	uint64_t failures = judge_failures(report->judge);

	if (report_is_good(report)) {
		fprintf(file, "VERDICT: nothing failed\n");
		return;
	}
	fprintf(file, "VERDICT: %" PRIu64 " failed:", failures);
	for (enum outcome o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++)
		if (judge_count(report->judge, o))
			fprintf(file, " %s %" PRIu64, outcome_name(o),
				judge_count(report->judge, o));
	if (report->log_checked && ledger_findings_are_bad(&report->findings))
		fprintf(file, "%s the apps' log disagrees (see writes)", failures ? ";" : "");
	fputc('\n', file);
}

bool report_is_good(const struct report *report)
{
	return judge_failures(report->judge) == 0 &&
	       !(report->log_checked && ledger_findings_are_bad(&report->findings));
}

void report_text(const struct report *report, FILE *file)
{
	const struct options *o = report->options;

	print_head(report, file);
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		for (int color = 0; color <= COLOR_COUNT; color++)
			print_cell(report, kind, color, file);
	if (o->hold_ok || o->cut_ok)
		fprintf(file,
			"  * answered 503 with Retry-After (--hold-ok), or a stream that was cut "
			"(--cut-ok)\n");
	print_connections(report, file);
	print_log(report, file);
	print_verdict(report, file);
}
