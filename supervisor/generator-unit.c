/* SPDX-License-Identifier: MIT */
/*
 * Knows where the shipped units name their application; knows neither files nor directories.
 */
#include "generator-unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SHIPPED_APP "app"

const struct unit_shipped units_shipped[] = {
	/* Another application listens elsewhere: NAME-bluegreen.socket.d says where. */
	{"", "-bluegreen.socket", .left_out = "ListenStream="},
	{"", "-bluegreen-control.socket", NULL},
	{"", "-bluegreen-relay.service", NULL},
	{"", "-bluegreen.service", NULL},
	{"", "-bluegreen-shutdown.service", NULL},
	{"", "-bluegreen-instances.target", NULL},
	{"", "-primary.target", NULL},
};

const size_t units_shipped_count = ELEMENTS(units_shipped);

/* Every place in which a shipped unit names its application: what stands around the name there.
 * Both ends are those of a word. tests/unit/test-generator-unit.c looks that none is missing. */
static const struct place {
	const char *before, *after;
} places[] = {
	/* units, in dependencies */
	{"", "-bluegreen.socket"},
	{"", "-bluegreen-control.socket"},
	{"", "-bluegreen-relay.service"},
	{"", "-bluegreen.service"},
	{"", "-bluegreen-shutdown.service"},
	{"", "-bluegreen-instances.target"},
	{"", "-primary.target"},
	{"", "@.service"},
	{"", "@blue.service"},
	{"", "@green.service"},
	/* directories, by path and below systemd's own */
	{"/run/app-bluegreen/", ""},
	{"/var/lib/app-bluegreen/", ""},
	{"/etc/app-bluegreen/", ".conf"},
	{"/etc/app-bluegreen/", ".conf.d"},
	{"StateDirectory=app-bluegreen/", ""},
	{"RuntimeDirectory=app-bluegreen/", ""},
	/* arguments of programs */
	{"/usr/libexec/app-bluegreen/supervisor ", ""},
	{"--app ", ""},
	/* Description= */
	{" of ", " (blue/green)"},
	{"The primary of ", " takes writes"},
	{"Description=", ", the %i instance"},
};

void unit_name(
	const struct unit_shipped *unit, const char *app, char ret_name[static UNIT_NAME_MAX])
{
	snprintf(ret_name, UNIT_NAME_MAX, "%s%s%s", unit->before, app, unit->after);
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '@';
}

static bool begins_with(const char *text, size_t size, const char *prefix)
{
	size_t length = strlen(prefix);

	return length <= size && memcmp(text, prefix, length) == 0;
}

/* Bytes of the place that begins at text[at], or 0. */
static size_t place_fits(const struct place *place, const char *text, size_t size, size_t at)
{
	size_t before = strlen(place->before), name = strlen(SHIPPED_APP);
	size_t length = before + name + strlen(place->after), end = at + length;

	if (length > size - at || !begins_with(text + at, size - at, place->before) ||
		!begins_with(text + at + before, size - at - before, SHIPPED_APP) ||
		!begins_with(text + at + before + name, size - at - before - name, place->after))
		return 0;
	if (at > 0 && is_of_word(text[at]) && (is_of_word(text[at - 1]) || text[at - 1] == '/'))
		return 0;
	if (end < size && is_of_word(text[end - 1]) && is_of_word(text[end]))
		return 0;
	return length;
}

void unit_names_replace(const char *text, size_t size, const char *app, FILE *file)
{
	size_t at = 0;

	while (at < size) {
		const struct place *place = NULL;
		size_t length = 0;

		for (size_t i = 0; i < ELEMENTS(places) && !place; i++) {
			length = place_fits(&places[i], text, size, at);
			if (length > 0)
				place = &places[i];
		}
		if (place)
			fprintf(file, "%s%s%s", place->before, app, place->after);
		else
			fputc(text[at], file);
		at += place ? length : 1;
	}
}

struct derivation {
	const struct unit_shipped *unit;
	const char *app, *path;
	FILE *text, *wanted_by;
	bool in_install;
};

/* One line a unit that wants this one. */
static void take_install(struct derivation *derivation, const char *line, size_t size)
{
	static const char key[] = "WantedBy=";

	if (!begins_with(line, size, key))
		return;
	line += strlen(key);
	size -= strlen(key);
	fprintf(derivation->wanted_by, "%.*s ", (int)size, line);
}

static void take_line(struct derivation *derivation, const char *line, size_t size)
{
	const char *left_out = derivation->unit->left_out;

	if (size == 0 || *line == '#' || *line == ';')
		return;
	if (*line == '[') {
		derivation->in_install = begins_with(line, size, "[Install]");
		if (!derivation->in_install)
			fprintf(derivation->text, "\n%.*s\n", (int)size, line);
		/* Of a new version of the package systemctl says then that a daemon-reload is due.
		 */
		if (begins_with(line, size, "[Unit]"))
			fprintf(derivation->text, "SourcePath=%s\n", derivation->path);
		return;
	}
	if (derivation->in_install) {
		take_install(derivation, line, size);
		return;
	}
	if (left_out && begins_with(line, size, left_out))
		return;
	unit_names_replace(line, size, derivation->app, derivation->text);
	fputc('\n', derivation->text);
}

static void derive(struct derivation *derivation, const char *text)
{
	char name[UNIT_NAME_MAX];

	unit_name(derivation->unit, derivation->app, name);
	fprintf(derivation->text,
		"# Written by bluegreen-generator(8) at each daemon-reload, from the unit that "
		"the\n"
		"# package app-bluegreen has. `systemctl edit %s' changes it.\n",
		name);
	while (*text) {
		size_t size = strcspn(text, "\n");

		take_line(derivation, text, size);
		text += size;
		if (*text)
			text++;
	}
}

/* Closes; -ENOMEM if not everything was kept. */
static int stream_end(FILE *file)
{
	int r = ferror(file) ? -ENOMEM : 0;

	if (fclose(file) != 0)
		r = -ENOMEM;
	return r;
}

int unit_derive(const struct unit_shipped *unit, const char *app, const char *path,
	const char *text, char **ret_text, char **ret_wanted_by)
{
	_cleanup_free_ char *derived = NULL, *wanted_by = NULL;
	struct derivation derivation = {.unit = unit, .app = app, .path = path};
	size_t size;
	int r = 0;

	derivation.text = open_memstream(&derived, &size);
	derivation.wanted_by = open_memstream(&wanted_by, &size);
	if (derivation.text && derivation.wanted_by)
		derive(&derivation, text);
	if (!derivation.text || stream_end(derivation.text) < 0)
		r = -ENOMEM;
	if (!derivation.wanted_by || stream_end(derivation.wanted_by) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_text = take_ptr(derived);
	*ret_wanted_by = take_ptr(wanted_by);
	return 0;
}
