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
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/names.h"

#define RECORD_NAME	 "cycle"
#define RECORD_BAD_NAME	 "cycle.bad"
#define RECORD_BAD_MAX	 10 /* cycle.bad, cycle.bad.1 .. .9: what a person may look at */
#define RECORD_MODE	 0644
#define RECORD_FILE_MAX	 4096 /* bytes; the longest record has less than 1900 */
/* 1: version 0.1.0, without STRATEGY= and what is below it; 2: without CAUSE= */
#define RECORD_FORMAT	 3
#define RECORD_FIRST	 "FORMAT="
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

enum kind { KIND_TEXT, KIND_BOOL, KIND_U32, KIND_U64, KIND_OUTCOME, KIND_STRATEGY, KIND_COLOR };

#define FIELD(name) offsetof(struct record, name), sizeof(((struct record *)NULL)->name)

/* Between FORMAT=N and END=1, in this order; `format` is the first that has the field. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
	uint64_t format;
} fields[] = {
	{"ID", KIND_TEXT, FIELD(id), 1},
	{"STEP", KIND_TEXT, FIELD(step), 1},
	{"OUTCOME", KIND_OUTCOME, FIELD(outcome), 1},
	{"COMMITTED", KIND_BOOL, FIELD(committed), 1},
	{"UNDOING", KIND_BOOL, FIELD(undoing), 1},
	{"STARTED_USEC", KIND_U64, FIELD(started_realtime_usec), 1},
	{"ENDED_USEC", KIND_U64, FIELD(ended_realtime_usec), 1},
	{"ASKED_BY_UID", KIND_U32, FIELD(asked_by_uid), 1},
	{"ASKED_BY_PID", KIND_U32, FIELD(asked_by_pid), 1},
	{"ASKED_BY", KIND_TEXT, FIELD(asked_by), 1},
	{"RELEASE", KIND_TEXT, FIELD(release), 1},
	{"REASON", KIND_TEXT, FIELD(reason), 1},
	{"STRATEGY", KIND_STRATEGY, FIELD(strategy), 2},
	{"PRIMARY", KIND_COLOR, FIELD(primary), 2},
	{"FRESH", KIND_COLOR, FIELD(fresh), 2},
	{"FORMER_BLUE", KIND_TEXT, FIELD(former[COLOR_BLUE]), 2},
	{"FORMER_GREEN", KIND_TEXT, FIELD(former[COLOR_GREEN]), 2},
	{"PREVIOUS", KIND_TEXT, FIELD(previous), 2},
	{"VERB", KIND_TEXT, FIELD(verb), 2},
	{"CAUSE", KIND_TEXT, FIELD(cause), 3},
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
	case KIND_STRATEGY:
		fputs(strategy_name(*(const enum strategy *)value), out);
		break;
	case KIND_COLOR:
		fputs(color_name(*(const enum color *)value), out);
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
	fprintf(out, RECORD_FIRST "%d\n", RECORD_FORMAT);
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

/* A word of a table as its index. */
static int read_word(enum kind kind, const char *text)
{
	enum color color;

	if (kind == KIND_BOOL)
		return name_lookup(truth_names, ELEMENTS(truth_names), text);
	if (kind == KIND_OUTCOME)
		return name_lookup(outcome_names, RECORD_OUTCOME_COUNT, text);
	if (kind == KIND_STRATEGY)
		return strategy_from_name(text);
	for (color = 0; color < COLOR_COUNT; color++)
		if (strcmp(color_name(color), text) == 0)
			return (int)color;
	return -EINVAL;
}

static int read_value(struct record *record, const struct field *field, const char *text)
{
	void *value = (char *)record + field->offset;
	uint64_t number = 0;
	int r = 0;

	if (field->kind == KIND_TEXT) {
		if (strlen(text) >= field->size)
			return -EBADMSG;
		strcpy(value, text);
		return 0;
	}
	if (field->kind == KIND_U32 || field->kind == KIND_U64)
		r = read_number(text, field->kind == KIND_U32 ? UINT32_MAX : UINT64_MAX, &number);
	else
		r = read_word(field->kind, text);
	if (r < 0)
		return -EBADMSG;
	switch (field->kind) {
	case KIND_TEXT:
		break;
	case KIND_U32:
		*(uint32_t *)value = (uint32_t)number;
		break;
	case KIND_U64:
		*(uint64_t *)value = number;
		break;
	case KIND_BOOL:
		*(bool *)value = r > 0;
		break;
	case KIND_OUTCOME:
		*(enum record_outcome *)value = (enum record_outcome)r;
		break;
	case KIND_STRATEGY:
		*(enum strategy *)value = (enum strategy)r;
		break;
	case KIND_COLOR:
		*(enum color *)value = (enum color)r;
		break;
	}
	return 0;
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

/* What follows "NAME=" if the line is that field's; NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && line[n] == '=' ? line + n + 1 : NULL;
}

/* Exactly what record_write() writes, or wrote when the format was that. */
static int parse_known(char *text, uint64_t format, struct record *record)
{
	const char *line, *value;
	int r;

	for (size_t i = 0; i < ELEMENTS(fields); i++) {
		if (fields[i].format > format)
			continue;
		line = next_line(&text);
		value = line ? value_of(line, fields[i].name) : NULL;
		if (!value)
			return -EBADMSG;
		r = read_value(record, &fields[i], value);
		if (r < 0)
			return r;
	}
	line = next_line(&text);
	return line && strcmp(line, RECORD_LAST) == 0 && !*text ? 0 : -EBADMSG;
}

/* A supervisor was replaced by an older one: it takes what it knows, in any order, and a word that
 * it does not know leaves the field as it was, unless the record is worth nothing without. */
static int parse_newer(char *text, struct record *record)
{
	const char *line, *value;
	bool outcome = false;

	while ((line = next_line(&text))) {
		if (strcmp(line, RECORD_LAST) == 0)
			return outcome && *record->step && !*text ? 0 : -EBADMSG;
		for (size_t i = 0; i < ELEMENTS(fields); i++) {
			value = value_of(line, fields[i].name);
			if (!value)
				continue;
			if (read_value(record, &fields[i], value) == 0)
				outcome |= fields[i].kind == KIND_OUTCOME;
			else if (fields[i].kind == KIND_OUTCOME)
				return -EBADMSG;
		}
	}
	return -EBADMSG;
}

static int parse(char *text, size_t size, struct record *record)
{
	const char *line, *value;
	uint64_t format;
	int r;

	if (strlen(text) != size)
		return -EBADMSG;
	line = next_line(&text);
	value = line ? value_of(line, "FORMAT") : NULL;
	if (!value || read_number(value, UINT32_MAX, &format) < 0 || format == 0 || *value == '0')
		return -EBADMSG;
	r = format <= RECORD_FORMAT ? parse_known(text, format, record) : parse_newer(text, record);
	if (r < 0)
		return r;
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

/* Under the first name that is free, or over the oldest. On a read-only disk it stays, and is as
 * bad the next time. */
static void put_aside(const char *dir, const char *path)
{
	char bad[PATH_MAX], oldest[PATH_MAX] = "";
	struct timespec oldest_time = {0};

	for (int i = 0; i < RECORD_BAD_MAX; i++) {
		char number[16] = "";
		struct stat st;
		int n;

		if (i > 0)
			snprintf(number, sizeof(number), ".%d", i);
		n = snprintf(bad, sizeof(bad), "%s/" RECORD_BAD_NAME "%s", dir, number);
		if (n < 0 || (size_t)n >= sizeof(bad))
			return;
		if (lstat(bad, &st) < 0) {
			strcpy(oldest, bad);
			break;
		}
		if (!*oldest || st.st_ctim.tv_sec < oldest_time.tv_sec ||
			(st.st_ctim.tv_sec == oldest_time.tv_sec &&
				st.st_ctim.tv_nsec < oldest_time.tv_nsec)) {
			strcpy(oldest, bad);
			oldest_time = st.st_ctim;
		}
	}
	(void)rename(path, oldest);
}

int record_read(const char *dir, struct record *ret_record)
{
	struct record record = {.strategy = STRATEGY_FALLBACK, .primary = COLOR_BLUE};
	char path[PATH_MAX];
	int n, r;

	n = snprintf(path, sizeof(path), "%s/" RECORD_NAME, dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	r = read_record(path, &record);
	if (r == -EBADMSG)
		put_aside(dir, path);
	if (r < 0)
		return r;
	*ret_record = record;
	return 0;
}
