/* SPDX-License-Identifier: MIT */
/*
 * Knows stderr; does not know the journal (that is supervisor/report).
 */
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

static int log_level = LOG_INFO;

void log_set_level(int level)
{
	log_level = level;
}

void log_writev(int level, const char *format, va_list arguments)
{
	char line[1024];
	int prefix, n;
	size_t length;

	if (level > log_level)
		return;
	prefix = snprintf(line, sizeof(line), "<%d>", level);
	n = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);
	if (n < 0)
		return;
	length = (size_t)prefix + (size_t)n;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	/* One write a line, so that threads do not mix theirs. Nothing to do if it fails. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

void log_write(int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_writev(level, format, arguments);
	va_end(arguments);
}
