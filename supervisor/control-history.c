/* SPDX-License-Identifier: MIT */
/*
 * Knows the file of the last cycles; what is in a cycle, control-show.c knows.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "control-show.h"

#define HISTORY_NAME	 "history.json"
/* SHOW_HISTORY_MAX cycles of some KiB each; a file that is longer is not ours. */
#define HISTORY_FILE_MAX (1024 * 1024)

json_t *history_load(const char *state_dir)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_t *history;

	if (asprintf(&path, "%s/%s", state_dir, HISTORY_NAME) < 0)
		return NULL;
	if (file_read(path, HISTORY_FILE_MAX, &text, NULL) < 0)
		return json_array();
	history = json_loads(text, 0, NULL);
	if (json_is_array(history))
		return history;
	json_decref(history);
	return json_array();
}

static bool is_of_id(const json_t *cycle, const char *id)
{
	const char *own = json_string_value(json_object_get(cycle, "id"));

	return own && strcmp(own, id) == 0;
}

int history_add(json_t *history, const char *state_dir, json_t *cycle)
{
	_cleanup_free_ char *text = NULL;
	const char *id = json_string_value(json_object_get(cycle, "id"));

	for (size_t i = json_array_size(history); id && i > 0; i--)
		if (is_of_id(json_array_get(history, i - 1), id))
			(void)json_array_remove(history, i - 1);
	if (json_array_append(history, cycle) < 0)
		return -ENOMEM;
	while (json_array_size(history) > SHOW_HISTORY_MAX)
		(void)json_array_remove(history, 0);
	text = json_dumps(history, JSON_INDENT(1));
	if (!text)
		return -ENOMEM;
	return file_write_atomic(state_dir, HISTORY_NAME, text, 0644);
}

json_t *history_find(const json_t *history, const char *id)
{
	size_t count = json_array_size(history);

	if (!*id)
		return count > 0 ? json_array_get(history, count - 1) : NULL;
	for (size_t i = 0; i < count; i++)
		if (is_of_id(json_array_get(history, i), id))
			return json_array_get(history, i);
	return NULL;
}
