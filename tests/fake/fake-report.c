/* SPDX-License-Identifier: MIT */
/*
 * report.h: remembers what was said, and tells it on stderr if WORLD_VERBOSE is set.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-event.h"
#include "report.h"
#include "world.h"

static unsigned counts[REPORT_MESSAGE_COUNT];
static char last[REPORT_MESSAGE_COUNT][REPORT_MESSAGE_MAX];

void report(
	enum report_message message, const struct report_fields *fields, const char *format, ...)
{
	static int verbose = -1;
	va_list arguments;

	(void)fields;
	if (world.dead)
		return;
	if (verbose < 0)
		verbose = getenv("WORLD_VERBOSE") != NULL;
	counts[message]++;
	va_start(arguments, format);
	vsnprintf(last[message], sizeof(last[message]), format, arguments);
	va_end(arguments);
	if (verbose)
		fprintf(stderr, "# %9.3f  %s\n", (double)(fake_event_now() - 1000000000) / 1e6,
			last[message]);
}

unsigned fake_report_count(int message)
{
	return counts[message];
}

const char *fake_report_last(int message)
{
	return last[message];
}

void fake_report_reset(void)
{
	memset(counts, 0, sizeof(counts));
	memset(last, 0, sizeof(last));
}

void report_open(const char *app)
{
	(void)app;
}

const char *report_message_id(enum report_message message)
{
	(void)message;
	return NULL;
}

void report_ready(void)
{
}

void report_stopping(void)
{
}

void report_status(const char *format, ...)
{
	(void)format;
}

int report_watchdog_begin(sd_event *event)
{
	(void)event;
	return 0;
}
