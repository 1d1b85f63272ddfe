/* SPDX-License-Identifier: MIT */
/*
 * Knows lines, sections and assignments; does not know what they mean.
 */
#include "config-file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "config-value.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Lines come from `next`; a line and those that continue it are gathered at `start`, which never
 * overtakes `next`, because gathering only ever takes bytes away. */
struct reader {
	char *next;
	char *end;
	unsigned int number; /* of the last line taken, from 1 */
	const char *section;
	config_file_line_fn take;
	void *owner;
	struct config_file_fault *fault;
};

static int refuse(struct reader *reader, unsigned int line, const char *reason)
{
	reader->fault->line = line;
	reader->fault->reason = reason;
	return -EBADMSG;
}

/* Text without control characters: what else stands in a file was not written by a person. */
static int line_check(struct reader *reader, const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '\0')
			return refuse(reader, reader->number,
				"a NUL byte; a configuration file is text, write the line anew");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(reader, reader->number,
				"a control character; remove it, only tabs may stand in a line");
	}
	if (!config_value_is_utf8(line, length))
		return refuse(
			reader, reader->number, "bytes that are not UTF-8; write the line anew");
	return 0;
}

/* Cuts the next line off, without its end (LF or CRLF). 1, or 0 at the end of the file. */
static int reader_next_line(struct reader *reader, char **ret_line, size_t *ret_length)
{
	char *line = reader->next, *end;
	int r;

	if (line >= reader->end)
		return 0;
	end = memchr(line, '\n', (size_t)(reader->end - line));
	if (!end)
		end = reader->end;
	reader->next = end + 1;
	reader->number++;
	if (end > line && end[-1] == '\r')
		end--;
	r = line_check(reader, line, (size_t)(end - line));
	if (r < 0)
		return r;
	*end = '\0';
	*ret_line = line;
	*ret_length = (size_t)(end - line);
	return 1;
}

/* systemd.syntax(7): a line is continued if its last backslash is not itself escaped. */
static bool ends_in_backslash(const char *line, size_t length)
{
	size_t backslashes = 0;

	while (backslashes < length && line[length - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 1;
}

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

static char *strip(char *text)
{
	size_t length;

	text = skip_blanks(text);
	length = strlen(text);
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	return text;
}

static bool is_comment(char *line)
{
	char first = *skip_blanks(line);

	return first == '#' || first == ';';
}

/*
 * Takes a line and those that continue it. A comment between them is passed over, as systemd
 * does. 1, or 0 at the end of the file.
 */
static int reader_gather(struct reader *reader, char **ret_line, unsigned int *ret_number)
{
	char *piece, *line = NULL;
	size_t n, length = 0;
	unsigned int number = 0;
	int r;

	while ((r = reader_next_line(reader, &piece, &n)) > 0) {
		if (is_comment(piece))
			continue;
		if (!line) {
			line = piece;
			number = reader->number;
		}
		memmove(line + length, piece, n + 1);
		length += n;
		if (!ends_in_backslash(line, length))
			break;
		line[length - 1] = ' ';
	}
	if (r < 0)
		return r;
	if (!line)
		return 0;
	*ret_line = line;
	*ret_number = number;
	return 1;
}

static int take_section(struct reader *reader, char *line, unsigned int number)
{
	size_t length = strlen(line);

	if (length < 3 || line[length - 1] != ']' || strchr(line, ']') != line + length - 1)
		return refuse(reader, number, "a section's line must be [NAME] and nothing else");
	line[length - 1] = '\0';
	reader->section = line + 1;
	return reader->take(reader->owner,
		&(struct config_file_line){.section = reader->section, .number = number});
}

static int take_assignment(struct reader *reader, char *line, unsigned int number)
{
	char *equals = strchr(line, '=');

	if (!equals)
		return refuse(
			reader, number, "a line must be [SECTION], KEY=VALUE, or a comment (#, ;)");
	*equals = '\0';
	line = strip(line);
	if (!*line)
		return refuse(reader, number, "no key in front of the =; a line is KEY=VALUE");
	if (!reader->section)
		return refuse(reader, number, "no section yet; put a line like [App] before it");
	return reader->take(reader->owner, &(struct config_file_line){
						   .section = reader->section,
						   .key = line,
						   .value = strip(equals + 1),
						   .number = number,
					   });
}

int config_file_parse(char *text, size_t size, config_file_line_fn take, void *owner,
	struct config_file_fault *fault)
{
	struct reader reader = {
		.next = text,
		.end = text + size,
		.take = take,
		.owner = owner,
		.fault = fault,
	};
	unsigned int number;
	char *line;
	int r;

	if (size >= strlen(BYTE_ORDER_MARK) &&
		memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		reader.next += strlen(BYTE_ORDER_MARK);

	while ((r = reader_gather(&reader, &line, &number)) > 0) {
		line = strip(line);
		if (!*line)
			continue;
		if (*line == '[')
			r = take_section(&reader, line, number);
		else
			r = take_assignment(&reader, line, number);
		if (r != 0)
			return r;
	}
	return r;
}
