/* SPDX-License-Identifier: MIT */
/*
 * Sentences that leave the supervisor: D-Bus and JSON take UTF-8 and nothing else, and refuse the
 * whole message for one byte of a file's name, or for a character that was torn at a buffer's end.
 */
#pragma once

/* Each byte that is not part of a character becomes a question mark. */
void text_repair(char *text);
