/* SPDX-License-Identifier: MIT */
/*
 * Knows which bytes are characters, and how a command of ours is written; knows no sentence.
 */
#include "text.h"

#include <stdio.h>
#include <string.h>

#include "config-value.h"

#define CHARACTER_MAX 4

/* 0: no character begins here. */
static size_t character_length(const char *text)
{
	size_t most = strnlen(text, CHARACTER_MAX);

	for (size_t length = 1; length <= most; length++)
		if (config_value_is_utf8(text, length))
			return length;
	return 0;
}

void text_repair(char *text)
{
	while (*text) {
		size_t length = character_length(text);

		if (length == 0)
			*text++ = '?';
		else
			text += length;
	}
}

const char *text_command(const char *app, char buffer[static TEXT_COMMAND_MAX])
{
	bool other = strcmp(app, "app") != 0;

	snprintf(buffer, TEXT_COMMAND_MAX, "bluegreenctl%s%.64s", other ? " --app " : "",
		other ? app : "");
	return buffer;
}
