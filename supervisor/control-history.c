/* SPDX-License-Identifier: MIT */
/*
 * Knows the files of the last cycles, and their order; what is in a cycle, control-receipt.c knows.
 */
#include "control-history.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "control-show.h"
#include "report.h"

#define ID_SIZE (RECORD_ID_MAX - 1)
#define SUFFIX	".json"
#define FORMER	"history.json"

struct entry {
	uint64_t sequence; /* the order, whatever the wall clock did */
	char id[RECORD_ID_MAX];
	char *summary; /* as text: a hundred objects would be a megabyte */
	json_t *whole; /* only as long as it is not on the disk */
};

struct history {
	char *state_dir, *dir;
	struct entry entries[HISTORY_MAX + 1]; /* the oldest first */
	size_t count;
};

static const char *id_of(const json_t *cycle)
{
	const char *id = json_string_value(json_object_get(cycle, "id"));

	return id ? id : "";
}

static bool id_is_valid(const char *id)
{
	return strlen(id) == ID_SIZE && strspn(id, "0123456789abcdef") == ID_SIZE;
}

/* What is long is left out. */
static char *summary_of(json_t *cycle)
{
	static const char *const details[] = {"steps", "causes", "probes", "gate", "notes"};
	json_t *object = json_copy(cycle);
	char *summary;

	for (size_t i = 0; object && i < ELEMENTS(details); i++)
		(void)json_object_del(object, details[i]);
	summary = object ? json_dumps(object, JSON_COMPACT | SHOW_REAL) : NULL;
	json_decref(object);
	return summary;
}

static int entry_of_cycle(json_t *cycle, uint64_t sequence, struct entry *ret_entry)
{
	char *summary = summary_of(cycle);

	if (!summary)
		return -ENOMEM;
	*ret_entry = (struct entry){.sequence = sequence, .summary = summary};
	snprintf(ret_entry->id, sizeof(ret_entry->id), "%s", id_of(cycle));
	return 0;
}

static void file_name(char *buffer, size_t size, const char *id)
{
	snprintf(buffer, size, "%s" SUFFIX, id);
}

static void file_remove(const struct history *history, const char *id)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s" SUFFIX, history->dir, id) >= 0)
		(void)unlink(path);
}

static int file_load(const struct history *history, const char *id, json_t **ret_cycle)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_t *cycle;
	int r;

	if (asprintf(&path, "%s/%s" SUFFIX, history->dir, id) < 0)
		return -ENOMEM;
	r = file_read(path, HISTORY_FILE_MAX, &text, NULL);
	if (r < 0)
		return r;
	cycle = json_loads(text, 0, NULL);
	if (!json_is_object(cycle) || strcmp(id_of(cycle), id) != 0) {
		json_decref(cycle);
		return -EBADMSG;
	}
	*ret_cycle = cycle;
	return 0;
}

static void entry_clear(struct entry *entry)
{
	free(entry->summary);
	json_decref(entry->whole);
	*entry = (struct entry){0};
}

static void entry_remove(struct history *history, size_t index)
{
	entry_clear(&history->entries[index]);
	history->count--;
	memmove(&history->entries[index], &history->entries[index + 1],
		(history->count - index) * sizeof(struct entry));
}

/* Keeps the order, and drops the oldest, with its file. Takes the summary over. */
static void entry_insert(struct history *history, const struct entry *entry)
{
	size_t index = history->count;

	while (index > 0 && history->entries[index - 1].sequence > entry->sequence)
		index--;
	memmove(&history->entries[index + 1], &history->entries[index],
		(history->count - index) * sizeof(struct entry));
	history->entries[index] = *entry;
	history->count++;
	if (history->count <= HISTORY_MAX)
		return;
	file_remove(history, history->entries[0].id);
	entry_remove(history, 0);
}

/* Which one has this id; the count if none has. */
static size_t entry_of_id(const struct history *history, const char *id)
{
	size_t i = 0;

	while (i < history->count && strcmp(history->entries[i].id, id) != 0)
		i++;
	return i;
}

static int entry_write(const struct history *history, struct entry *entry)
{
	_cleanup_free_ char *text = json_dumps(entry->whole, JSON_INDENT(1) | SHOW_REAL);
	char name[ID_SIZE + sizeof(SUFFIX)];
	int r;

	if (!text)
		return -ENOMEM;
	if (mkdir(history->dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	file_name(name, sizeof(name), entry->id);
	r = file_write_atomic(history->dir, name, text, 0644);
	if (r < 0)
		return r;
	json_decref(entry->whole);
	entry->whole = NULL;
	return 0;
}

/* What an earlier attempt left to be written is tried again. */
static int entries_write(struct history *history)
{
	int r = 0, failed;

	for (size_t i = 0; i < history->count; i++) {
		if (!history->entries[i].whole)
			continue;
		failed = entry_write(history, &history->entries[i]);
		if (failed < 0)
			r = failed;
	}
	return r;
}

int history_add(struct history *history, json_t *cycle)
{
	uint64_t sequence = 1;
	struct entry entry;
	json_t *whole;
	size_t known;

	if (!id_is_valid(id_of(cycle)))
		return -EINVAL;
	if (history->count > 0)
		sequence = history->entries[history->count - 1].sequence + 1;
	whole = json_copy(cycle);
	if (!whole)
		return -ENOMEM;
	(void)json_object_set_new(whole, "sequence", json_integer((json_int_t)sequence));
	if (entry_of_cycle(whole, sequence, &entry) < 0) {
		json_decref(whole);
		return -ENOMEM;
	}
	entry.whole = whole;
	known = entry_of_id(history, id_of(cycle));
	if (known < history->count)
		entry_remove(history, known);
	entry_insert(history, &entry);
	return entries_write(history);
}

bool history_has(const struct history *history, const char *id)
{
	return entry_of_id(history, id) < history->count;
}

json_t *history_list(const struct history *history)
{
	json_t *list = json_array();

	for (size_t i = history->count; list && i > 0; i--)
		(void)json_array_append_new(
			list, json_loads(history->entries[i - 1].summary, 0, NULL));
	return list;
}

static int entry_load(const struct history *history, size_t index, json_t **ret_cycle)
{
	const struct entry *entry = &history->entries[index];

	if (entry->whole) {
		*ret_cycle = json_incref(entry->whole);
		return 0;
	}
	return file_load(history, entry->id, ret_cycle);
}

int history_find(const struct history *history, const char *id, json_t **ret_cycle)
{
	size_t length = strlen(id), found = history->count;

	if (length == 0 && history->count > 0)
		return entry_load(history, history->count - 1, ret_cycle);
	if (length > 0 && length < HISTORY_PREFIX_MIN)
		return -EINVAL;
	for (size_t i = 0; i < history->count; i++) {
		if (strncmp(history->entries[i].id, id, length) != 0)
			continue;
		if (found < history->count)
			return -ENOTUNIQ;
		found = i;
	}
	if (found == history->count)
		return -ENOENT;
	return entry_load(history, found, ret_cycle);
}

static void file_take(struct history *history, const char *id)
{
	struct entry entry;
	json_t *cycle, *sequence;
	int r;

	r = file_load(history, id, &cycle);
	if (r < 0) {
		report(REPORT_WARNING, NULL, "%s/%s" SUFFIX " cannot be read and is left alone: %s",
			history->dir, id, strerror(-r));
		return;
	}
	sequence = json_object_get(cycle, "sequence");
	if (entry_of_cycle(cycle, (uint64_t)json_integer_value(sequence), &entry) >= 0)
		entry_insert(history, &entry);
	json_decref(cycle);
}

/* A file that was being written when the supervisor was killed. */
static void leftover_remove(const struct history *history, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", history->dir, name) >= 0)
		(void)unlink(path);
}

static void dir_scan(struct history *history)
{
	DIR *dir = opendir(history->dir);
	struct dirent *found;
	char id[RECORD_ID_MAX];

	if (!dir)
		return;
	while ((found = readdir(dir))) {
		const char *name = found->d_name;
		size_t size = strlen(name);

		if (size == ID_SIZE + strlen(SUFFIX) && strcmp(name + ID_SIZE, SUFFIX) == 0) {
			snprintf(id, sizeof(id), "%.*s", ID_SIZE, name);
			if (id_is_valid(id))
				file_take(history, id);
		} else if (name[0] == '.' && size > 4 && strcmp(name + size - 4, ".new") == 0) {
			leftover_remove(history, name);
		}
	}
	closedir(dir);
}

/* The version before this one had them all in one file, the oldest first. It goes when all of them
 * are written, so that a supervisor that is killed meanwhile begins again. */
static void former_take(struct history *history)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_t *former, *cycle;
	int r = 0, failed;
	size_t i;

	if (asprintf(&path, "%s/" FORMER, history->state_dir) < 0)
		return;
	if (file_read(path, HISTORY_FILE_MAX, &text, NULL) < 0)
		return;
	former = json_loads(text, 0, NULL);
	json_array_foreach(former, i, cycle)
	{
		if (entry_of_id(history, id_of(cycle)) < history->count)
			continue;
		failed = history_add(history, cycle);
		if (failed < 0 && failed != -EINVAL)
			r = failed;
	}
	json_decref(former);
	if (r >= 0 && unlink(path) < 0)
		r = -errno;
	if (r < 0)
		report(REPORT_WARNING, NULL, "%s cannot be moved to %s: %s", path, history->dir,
			strerror(-r));
}

struct history *history_close(struct history *history)
{
	if (!history)
		return NULL;
	for (size_t i = 0; i < history->count; i++)
		entry_clear(&history->entries[i]);
	free(history->state_dir);
	free(history->dir);
	free(history);
	return NULL;
}

int history_open(const char *state_dir, struct history **ret_history)
{
	_cleanup_(cleanup_history_close) struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return -ENOMEM;
	history->state_dir = strdup(state_dir);
	if (!history->state_dir)
		return -ENOMEM;
	if (asprintf(&history->dir, "%s/history", state_dir) < 0) {
		history->dir = NULL;
		return -ENOMEM;
	}
	dir_scan(history);
	former_take(history);
	*ret_history = take_ptr(history);
	return 0;
}
