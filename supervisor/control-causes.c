/* SPDX-License-Identifier: MIT */
/*
 * Knows the form of causes, and the sentence of them; does not know who found them, nor what is
 * done about them.
 */
#include "control-causes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "color.h"

/* No package's name is longer; a path may be as long as the kernel takes one. */
#define PACKAGE_MAX 128

/* A file may be called anything, and what is told of it ends on terminals. NULL without memory. */
static json_t *tame(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return copy ? json_string(copy) : NULL;
}

static const char *word(const json_t *cause, const char *key)
{
	return json_string_value(json_object_get(cause, key));
}

/* NULL, or what is wrong with it. */
static const char *fault_of(const json_t *cause)
{
	const char *color = word(cause, "color"), *path = word(cause, "path");
	const char *package = word(cause, "package");
	enum color known;

	if (!color || !path || !package)
		return "has not the three words color, path and package";
	if (color_from_name(color, &known) < 0)
		return "has a color that is neither blue nor green";
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return "has a path that is not absolute, or too long";
	if (strlen(package) >= PACKAGE_MAX)
		return "has a package whose name is too long";
	return NULL;
}

static int cause_add(json_t *causes, const json_t *cause)
{
	return json_array_append_new(causes,
		json_pack("{s:s, s:o, s:o}", "color", word(cause, "color"), "path",
			tame(word(cause, "path")), "package", tame(word(cause, "package"))));
}

static json_t *causes_read(const json_t *array, char error[static CAUSES_ERROR_MAX])
{
	json_t *causes = json_array();
	const json_t *cause;
	const char *fault;
	size_t i;

	json_array_foreach(array, i, cause)
	{
		fault = fault_of(cause);
		if (!fault && cause_add(causes, cause) < 0)
			fault = "cannot be kept: no memory";
		if (!fault)
			continue;
		snprintf(error, CAUSES_ERROR_MAX, "cause %zu %s", i + 1, fault);
		json_decref(causes);
		return NULL;
	}
	return causes;
}

json_t *causes_parse(const char *text, char error[static CAUSES_ERROR_MAX])
{
	json_t *array, *causes = NULL;

	if (strlen(text) > CAUSES_BYTES_MAX) {
		snprintf(error, CAUSES_ERROR_MAX, "causes have %d bytes at most", CAUSES_BYTES_MAX);
		return NULL;
	}
	array = json_loads(text, 0, NULL);
	if (!json_is_array(array))
		snprintf(error, CAUSES_ERROR_MAX, "causes are a JSON array");
	else if (json_array_size(array) > CAUSES_MAX)
		snprintf(error, CAUSES_ERROR_MAX, "there are %d causes at most", CAUSES_MAX);
	else
		causes = causes_read(array, error);
	json_decref(array);
	return causes;
}

/* Both colors run the same files, most of the time. */
static bool is_told(const json_t *causes, size_t index)
{
	const char *path = word(json_array_get(causes, index), "path");

	for (size_t i = 0; i < index; i++)
		if (strcmp(word(json_array_get(causes, i), "path"), path) == 0)
			return true;
	return false;
}

void causes_sentence(const json_t *causes, char *buffer, size_t size)
{
	const json_t *first = json_array_get(causes, 0);
	char more[48] = "";
	size_t others = 0;

	buffer[0] = '\0';
	if (!first)
		return;
	for (size_t i = 1; i < json_array_size(causes); i++)
		others += !is_told(causes, i);
	if (others > 0)
		snprintf(more, sizeof(more), ", and %zu more file%s", others,
			others == 1 ? "" : "s");
	/* What is cut is the path, never how many there are. */
	snprintf(buffer, size, "%s%s%.*s%s", word(first, "package"),
		*word(first, "package") ? ": " : "",
		(int)(size - strlen(word(first, "package")) - sizeof(more) - 4),
		word(first, "path"), more);
}
