/* SPDX-License-Identifier: MIT */
/*
 * Knows the record's file: its name, its text, and when to doubt it. Does not know what a cycle is.
 */
#include "record.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/names.h"

#define RECORD_NAME	 "cycle"
#define RECORD_BAD_NAME	 "cycle.bad"
#define RECORD_MODE	 0644
#define RECORD_FILE_MAX	 4096 /* bytes; the longest record has less than 1000 */
#define RECORD_FIRST	 "FORMAT=1"
#define RECORD_LAST	 "END=1"
#define RECORD_ID_DIGITS 32

static const char *const outcome_names[RECORD_OUTCOME_COUNT] = {
	[RECORD_RUNNING] = "running",
	[RECORD_SUCCEEDED] = "succeeded",
	[RECORD_FAILED] = "failed",
	[RECORD_INTERRUPTED] = "interrupted",
	[RECORD_ABORTED] = "aborted",
};

static const char *const truth_names[] = {[false] = "no", [true] = "yes"};

enum kind { KIND_TEXT, KIND_BOOL, KIND_U32, KIND_U64, KIND_OUTCOME };

#define FIELD(name) offsetof(struct record, name), sizeof(((struct record *)NULL)->name)

/* Between FORMAT=1 and END=1, in this order. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
} fields[] = {
	{"ID", KIND_TEXT, FIELD(id)},
	{"STEP", KIND_TEXT, FIELD(step)},
	{"OUTCOME", KIND_OUTCOME, FIELD(outcome)},
	{"COMMITTED", KIND_BOOL, FIELD(committed)},
	{"UNDOING", KIND_BOOL, FIELD(undoing)},
	{"STARTED_USEC", KIND_U64, FIELD(started_realtime_usec)},
	{"ENDED_USEC", KIND_U64, FIELD(ended_realtime_usec)},
	{"ASKED_BY_UID", KIND_U32, FIELD(asked_by_uid)},
	{"ASKED_BY_PID", KIND_U32, FIELD(asked_by_pid)},
	{"ASKED_BY", KIND_TEXT, FIELD(asked_by)},
	{"RELEASE", KIND_TEXT, FIELD(release)},
	{"REASON", KIND_TEXT, FIELD(reason)},
};

const char *record_outcome_name(enum record_outcome outcome)
{
	assert(outcome < RECORD_OUTCOME_COUNT);
	return outcome_names[outcome];
}

static void write_text(FILE *out, const char *text)
{
	/* A line is a field; what would end it becomes a space. */
	for (; *text; text++)
		putc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, out);
}

static void write_field(FILE *out, const struct record *record, const struct field *field)
{
	const void *value = (const char *)record + field->offset;

	fprintf(out, "%s=", field->name);
	switch (field->kind) {
	case KIND_TEXT:
		write_text(out, value);
		break;
	case KIND_BOOL:
		fputs(truth_names[*(const bool *)value], out);
		break;
	case KIND_U32:
		fprintf(out, "%lu", (unsigned long)*(const uint32_t *)value);
		break;
	case KIND_U64:
		fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)value);
		break;
	case KIND_OUTCOME:
		fputs(record_outcome_name(*(const enum record_outcome *)value), out);
		break;
	}
	putc('\n', out);
}

int record_write(const char *dir, const struct record *record)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return -errno;
	fputs(RECORD_FIRST "\n", out);
	for (size_t i = 0; i < ELEMENTS(fields); i++)
		write_field(out, record, &fields[i]);
	fputs(RECORD_LAST "\n", out);
	if (fclose(out) == EOF)
		return -errno;
	return file_write_atomic(dir, RECORD_NAME, text, RECORD_MODE);
}

static int read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!*text)
		return -EBADMSG;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || number > (max - digit) / 10)
			return -EBADMSG;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return 0;
}

static int read_value(struct record *record, const struct field *field, const char *text)
{
	void *value = (char *)record + field->offset;
	uint64_t number;
	int r;

	switch (field->kind) {
	case KIND_TEXT:
		if (strlen(text) >= field->size)
			return -EBADMSG;
		strcpy(value, text);
		return 0;
	case KIND_BOOL:
		r = name_lookup(truth_names, ELEMENTS(truth_names), text);
		if (r < 0)
			return -EBADMSG;
		*(bool *)value = r > 0;
		return 0;
	case KIND_OUTCOME:
		r = name_lookup(outcome_names, RECORD_OUTCOME_COUNT, text);
		if (r < 0)
			return -EBADMSG;
		*(enum record_outcome *)value = (enum record_outcome)r;
		return 0;
	case KIND_U32:
		r = read_number(text, UINT32_MAX, &number);
		if (r < 0)
			return r;
		*(uint32_t *)value = (uint32_t)number;
		return 0;
	case KIND_U64:
		r = read_number(text, UINT64_MAX, &number);
		if (r < 0)
			return r;
		*(uint64_t *)value = number;
		return 0;
	}
	return -EBADMSG;
}

/* Cuts a line off; what has no newline at its end is torn. */
static char *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

/* Exactly what record_write() writes. */
static int parse(char *text, size_t size, struct record *record)
{
	const char *line;
	int r;

	if (strlen(text) != size)
		return -EBADMSG;
	line = next_line(&text);
	if (!line || strcmp(line, RECORD_FIRST) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < ELEMENTS(fields); i++) {
		size_t n = strlen(fields[i].name);

		line = next_line(&text);
		if (!line || strncmp(line, fields[i].name, n) != 0 || line[n] != '=')
			return -EBADMSG;
		r = read_value(record, &fields[i], line + n + 1);
		if (r < 0)
			return r;
	}
	line = next_line(&text);
	if (!line || strcmp(line, RECORD_LAST) != 0 || *text)
		return -EBADMSG;
	return strspn(record->id, "0123456789abcdef") == RECORD_ID_DIGITS ? 0 : -EBADMSG;
}

static int read_record(const char *path, struct record *record)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = file_read(path, RECORD_FILE_MAX, &text, &size);
	if (r == -EFBIG || r == -EISDIR)
		return -EBADMSG;
	if (r < 0)
		return r;
	return parse(text, size, record);
}

int record_read(const char *dir, struct record *ret_record)
{
	struct record record = {0};
	char path[PATH_MAX], bad[PATH_MAX];
	int n, r;

	n = snprintf(bad, sizeof(bad), "%s/" RECORD_BAD_NAME, dir);
	if (n < 0 || (size_t)n >= sizeof(bad))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s/" RECORD_NAME, dir);

	r = read_record(path, &record);
	if (r == -EBADMSG)
		/* On a read-only disk it stays, and is as bad the next time. */
		(void)rename(path, bad);
	if (r < 0)
		return r;
	*ret_record = record;
	return 0;
}
