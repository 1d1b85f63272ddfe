/* SPDX-License-Identifier: MIT */
/*
 * The syntax of a configuration file, as systemd.syntax(7) has it: sections, assignments, `#` and
 * `;` comments, lines continued with a backslash. It knows no section and no key by name. Pure: no
 * I/O, no allocation; the text is changed in place.
 */
#pragma once

#include <stddef.h>

struct config_file_line {
	const char *section;
	const char *key;   /* NULL: this is the section's header */
	const char *value; /* without white space around it; continued lines joined by a space */
	unsigned int number;
};

/* Where and why a text is not a configuration file. */
struct config_file_fault {
	unsigned int line;
	const char *reason; /* static; goes behind "FILE:LINE: " */
};

/* The strings last until the text goes. Anything but 0 ends the reading. */
typedef int (*config_file_line_fn)(void *owner, const struct config_file_line *line);

/*
 * Reads text[0..size), text[size] being NUL. 0, what `take` returned, or -EBADMSG: then, and only
 * then, *fault is set.
 */
int config_file_parse(char *text, size_t size, config_file_line_fn take, void *owner,
	struct config_file_fault *fault);
