/* SPDX-License-Identifier: MIT */
/*
 * One line a message on stderr, with the "<N>" priority prefix that systemd turns into the
 * journal's PRIORITY= (sd-daemon(3)). Low floors return errors; stories and doors log, once.
 */
#pragma once

#include <stdarg.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Messages above this level are dropped; LOG_INFO at first. */
void log_set_level(int level);

void log_write(int level, const char *format, ...) _printf_(2, 3);
void log_writev(int level, const char *format, va_list arguments) _printf_(2, 0);

#define log_debug(...)	 log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_ERR, __VA_ARGS__)
