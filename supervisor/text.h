/* SPDX-License-Identifier: MIT */
/*
 * Sentences that leave the supervisor: D-Bus and JSON take UTF-8 and nothing else, and refuse the
 * whole message for one byte of a file's name, or for a character that was torn at a buffer's end.
 * And what several of them say alike.
 */
#pragma once

/* How bluegreenctl(1) is called for this app: it is for `app' if nothing else is said. */
#define TEXT_COMMAND_MAX 96
const char *text_command(const char *app, char buffer[static TEXT_COMMAND_MAX]);

/* Each byte that is not part of a character becomes a question mark. */
void text_repair(char *text);
