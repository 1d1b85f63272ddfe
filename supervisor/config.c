/* SPDX-License-Identifier: MIT */
/*
 * Knows how files become one configuration: what replaces what, what is refused, and the sentence
 * that says so. Does not read files (config-load.c).
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "config-file.h"
#include "config-keys.h"

#define SHOWN_MAX      60 /* bytes of a bad word that its message repeats */
#define LIST_MAX       256
#define FILE_SHOWN_MAX 400 /* bytes of a file's name; the others are for the sentence */

/* Where a key was given; line 0: nowhere. */
struct place {
	const char *file;
	unsigned int line;
	size_t order; /* of all assignments */
};

struct builder {
	struct config *config;
	const char *file;
	unsigned int lines[CONFIG_KEYS_MAX];  /* in this file */
	struct place places[CONFIG_KEYS_MAX]; /* in the last file that has the key */
	size_t assignments;
	char *error;
};

/* How much of a word a message shows: not all of a long one, and no torn character. */
static int shown(const char *word)
{
	size_t length = strnlen(word, SHOWN_MAX);

	while (length > 0 && ((unsigned char)word[length] & 0xc0) == 0x80)
		length--;
	return (int)length;
}

_printf_(3, 4) static int refuse(
	struct builder *builder, unsigned int line, const char *format, ...)
{
	va_list arguments;
	int n;

	n = snprintf(
		builder->error, CONFIG_ERROR_MAX, "%.*s:%u: ", FILE_SHOWN_MAX, builder->file, line);
	va_start(arguments, format);
	vsnprintf(builder->error + n, CONFIG_ERROR_MAX - (size_t)n, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* "BluePort=, GreenPort=, Strategy=" */
static void list_keys(const char *section, char *list, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < config_keys_count() && length < size; i++)
		if (strcmp(config_keys_at(i)->section, section) == 0)
			length += (size_t)snprintf(list + length, size - length,
				"%s%s=", length > 0 ? ", " : "", config_keys_at(i)->name);
}

/* "[App], [Probe], …": the rows of a section stand together. */
static void list_sections(char *list, size_t size)
{
	const char *last = "";
	size_t length = 0;

	for (size_t i = 0; i < config_keys_count() && length < size; i++) {
		const char *section = config_keys_at(i)->section;

		if (strcmp(section, last) == 0)
			continue;
		length += (size_t)snprintf(
			list + length, size - length, "%s[%s]", length > 0 ? ", " : "", section);
		last = section;
	}
}

static int take_section(struct builder *builder, const struct config_file_line *line)
{
	char list[LIST_MAX];

	if (config_keys_has_section(line->section))
		return 0;
	list_sections(list, sizeof(list));
	return refuse(builder, line->number, "there is no section [%.*s]; there are %s",
		shown(line->section), line->section, list);
}

static int refuse_key(struct builder *builder, const struct config_file_line *line)
{
	int elsewhere = config_keys_find_elsewhere(line->key);
	char list[LIST_MAX];

	if (elsewhere >= 0)
		return refuse(builder, line->number, "%s= does not belong in [%s] but in [%s]",
			line->key, line->section, config_keys_at((size_t)elsewhere)->section);
	list_keys(line->section, list, sizeof(list));
	return refuse(builder, line->number, "there is no key %.*s= in [%s]; there are %s",
		shown(line->key), line->key, line->section, list);
}

static int take_line(void *owner, const struct config_file_line *line)
{
	struct builder *builder = owner;
	int index, r;

	if (!line->key)
		return take_section(builder, line);
	index = config_keys_find(line->section, line->key);
	if (index < 0)
		return refuse_key(builder, line);
	if (builder->lines[index] > 0)
		return refuse(builder, line->number,
			"%s= was given in line %u already; remove one of the two", line->key,
			builder->lines[index]);

	r = config_keys_set(builder->config, (size_t)index, line->value);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return refuse(builder, line->number, "%s=%.*s is not possible; it must be %s",
			line->key, shown(line->value), line->value,
			config_keys_at((size_t)index)->allowed);
	builder->lines[index] = line->number;
	builder->places[index] = (struct place){
		.file = builder->file,
		.line = line->number,
		.order = ++builder->assignments,
	};
	return 0;
}

static int take_text(struct builder *builder, const struct config_text *text)
{
	struct config_file_fault fault;
	int r;

	builder->file = text->name;
	memset(builder->lines, 0, sizeof(builder->lines));
	r = config_file_parse(text->content, text->size, take_line, builder, &fault);
	if (r == -EBADMSG)
		return refuse(builder, fault.line, "%s", fault.reason);
	return r;
}

/* Of two keys that do not go together, the message names the line that was read last. Defaults go
 * together, so that one of them has a place. */
static unsigned int blame(struct builder *builder, const char *section, const char *first,
	const char *other_section, const char *second)
{
	const struct place *a = &builder->places[config_keys_find(section, first)];
	const struct place *b = &builder->places[config_keys_find(other_section, second)];
	const struct place *last = a->order > b->order ? a : b;

	builder->file = last->file;
	return last->line;
}

static int check_numbers(struct builder *builder)
{
	const struct config *config = builder->config;
	const struct config_probe *probe = &config->probe;

	if (config->ports[COLOR_BLUE] == config->ports[COLOR_GREEN])
		return refuse(builder, blame(builder, "App", "BluePort", "App", "GreenPort"),
			"BluePort= and GreenPort= are both %u; each color needs a port of its own",
			config->ports[COLOR_BLUE]);
	if (probe->timeout_usec > probe->start_timeout_usec)
		return refuse(builder, blame(builder, "Probe", "Timeout", "Probe", "StartTimeout"),
			"Timeout= is longer than StartTimeout=, so that not even one probe could "
			"end in time; it must be shorter");
	if (config->release_source && !config->release_directory)
		return refuse(builder, blame(builder, "Release", "Source", "Release", "Directory"),
			"Source= is given without Directory=, so that a release has nowhere to go; "
			"say in [Release] Directory= where releases lie");
	if (config->release_snapshot[0] && !config->release_directory)
		return refuse(builder,
			blame(builder, "Release", "Snapshot", "Release", "Directory"),
			"Snapshot= is given without Directory=, so that a copy has nowhere to go; "
			"say in [Release] Directory= where releases lie");
	if (config->release_snapshot[0] && config->release_source)
		return refuse(builder, blame(builder, "Release", "Snapshot", "Release", "Source"),
			"Snapshot= and Source= are both given; releases are either copied from "
			"what "
			"is installed here or fetched, so leave one of them out");
	return 0;
}

/* What only a relay that reads HTTP, or one that is there at all, can do. */
static int check_protocol(struct builder *builder)
{
	const struct config *config = builder->config;
	enum protocol protocol = config->protocol;
	const struct {
		bool given;
		const char *section, *name, *reason;
	} others[] = {
		{protocol != PROTOCOL_HTTP && config->probe.warm_up[0], "Probe", "WarmUp",
			"a path can only be asked for with http"},
		{protocol != PROTOCOL_HTTP && config->probe.body, "Probe", "ExpectBody",
			"only an http answer has a body"},
		{protocol != PROTOCOL_HTTP && config->probe.host, "Probe", "Host",
			"only an http request has a Host field"},
		{protocol != PROTOCOL_HTTP && config->affinity == AFFINITY_COOKIE, "Route",
			"Affinity", "only http has cookies"},
		{protocol == PROTOCOL_NONE && config->affinity == AFFINITY_ADDRESS, "Route",
			"Affinity", "without a listener there are no clients"},
		{protocol == PROTOCOL_NONE && config->ramp_count > 0, "Route", "Ramp",
			"without a listener there is no traffic to share"},
		{protocol == PROTOCOL_NONE && config->slow_start_usec > 0, "Route", "SlowStart",
			"without a listener there is no traffic to share"},
		{protocol == PROTOCOL_NONE && config->accept_proxy, "Route", "AcceptProxyProtocol",
			"without a listener there are no clients"},
		{protocol == PROTOCOL_NONE && config->send_proxy != PROXY_VERSION_NONE, "Route",
			"SendProxyProtocol", "without a listener there are no clients"},
	};

	for (size_t i = 0; i < ELEMENTS(others); i++)
		if (others[i].given)
			return refuse(builder,
				blame(builder, "App", "Protocol", others[i].section,
					others[i].name),
				"[%s] %s= and [App] Protocol=%s exclude each other, because %s; "
				"remove one of the two",
				others[i].section, others[i].name, protocol_name(protocol),
				others[i].reason);
	return 0;
}

/* polkit lets the supervisor start exactly the units of these names. */
static int check_hook(struct builder *builder, const char *name, const char *unit)
{
	const char *app = builder->config->app;
	size_t length = strlen(app);

	if (!unit)
		return 0;
	if (strncmp(unit, app, length) == 0 && unit[length] == '-' &&
		strncmp(unit + length, "-bluegreen", strlen("-bluegreen")) != 0)
		return 0;
	return refuse(builder, blame(builder, "Hooks", name, "Hooks", name),
		"%s=%.*s is not possible; a hook's name must begin with %s-, but not with "
		"%s-bluegreen, and end in .service, like %s-migrate.service",
		name, shown(unit), unit, app, app, app);
}

static int check_together(struct builder *builder)
{
	int r;

	r = check_numbers(builder);
	if (r < 0)
		return r;
	r = check_protocol(builder);
	if (r < 0)
		return r;
	r = check_hook(builder, "BeforeRestart", builder->config->hook_before);
	if (r < 0)
		return r;
	return check_hook(builder, "AfterDeploy", builder->config->hook_after);
}

int config_build(const char *app, const struct config_text *texts, size_t count,
	char error[static CONFIG_ERROR_MAX], struct config **ret_config)
{
	_cleanup_(cleanup_config_free) struct config *config = calloc(1, sizeof(*config));
	struct builder builder = {.config = config, .error = error};
	int r;

	if (!config)
		goto out_of_memory;
	snprintf(config->app, sizeof(config->app), "%s", app);
	r = config_keys_set_all(config);
	if (r < 0)
		goto out_of_memory;
	for (size_t i = 0; i < count; i++) {
		r = take_text(&builder, &texts[i]);
		if (r == -ENOMEM)
			goto out_of_memory;
		if (r < 0)
			return r;
	}
	r = check_together(&builder);
	if (r < 0)
		return r;
	*ret_config = take_ptr(config);
	return 0;

out_of_memory:
	snprintf(error, CONFIG_ERROR_MAX, "no memory is left to read the configuration");
	return -ENOMEM;
}

static void free_list(char **list)
{
	for (; *list; list++)
		free(*list);
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	free(config->probe.path);
	free(config->probe.body);
	free(config->probe.host);
	free_list(config->probe.warm_up);
	free_list(config->fallback_environment);
	free(config->release_directory);
	free(config->release_source);
	free_list(config->release_snapshot);
	free_list(config->watch_paths);
	free(config->hook_before);
	free(config->hook_after);
	free(config->notify_url);
	free(config);
	return NULL;
}
