/* SPDX-License-Identifier: MIT */
/*
 * Knows the command line; the verbs are a table (ctl-verbs.c).
 */
#include "ctl.h"

#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	OPTION_JSON = 256,
	OPTION_NO_COLOR,
	OPTION_SHA256,
	OPTION_PROMETHEUS,
	OPTION_LISTEN,
	OPTION_PORTS,
	OPTION_USER,
	OPTION_EXEC,
	OPTION_NO_START,
	OPTION_KEEP_DATA,
	OPTION_VERSION,
};

static const struct option options[] = {
	{"app", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"no-color", no_argument, NULL, OPTION_NO_COLOR},
	{"sha256", required_argument, NULL, OPTION_SHA256},
	{"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"ports", required_argument, NULL, OPTION_PORTS},
	{"user", required_argument, NULL, OPTION_USER},
	{"exec", required_argument, NULL, OPTION_EXEC},
	{"no-start", no_argument, NULL, OPTION_NO_START},
	{"keep-data", no_argument, NULL, OPTION_KEEP_DATA},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

/* What only one verb understands. Whoever gives it relies on its being heeded. */
static const struct verb_option {
	int option;
	const char *refusal, *verb;
} verb_options[] = {
	{OPTION_SHA256, "--sha256= is for `deploy TAG', not for", "deploy"},
	{OPTION_PROMETHEUS, "--prometheus is for `numbers', not for", "numbers"},
	{OPTION_LISTEN, "--listen is for `new', not for", "new"},
	{OPTION_PORTS, "--ports is for `new', not for", "new"},
	{OPTION_USER, "--user is for `new', not for", "new"},
	{OPTION_EXEC, "--exec is for `new', not for", "new"},
	{OPTION_NO_START, "--no-start is for `new', not for", "new"},
	{OPTION_KEEP_DATA, "--keep-data is for `remove', not for", "remove"},
};

static const struct ctl_verb *verb_find(const char *name)
{
	for (size_t i = 0; i < ctl_verbs_count; i++)
		if (strcmp(ctl_verbs[i].name, name) == 0)
			return &ctl_verbs[i];
	return NULL;
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "bluegreenctl: %s%s%s\nTry `bluegreenctl help'.\n", what, word ? " " : "",
		word ? word : "");
	return CTL_USAGE;
}

static int verb_run(struct ctl *ctl, const bool *given, int argc, char **argv)
{
	const struct ctl_verb *verb = verb_find(argc > 0 ? argv[0] : "status");
	int r;

	if (!verb)
		return usage_error("there is no verb", argv[0]);
	if (argc - 1 > verb->arguments_max)
		return usage_error("too many arguments for", verb->name);
	for (size_t i = 0; i < ELEMENTS(verb_options); i++)
		if (given[i] && strcmp(verb->name, verb_options[i].verb) != 0)
			return usage_error(verb_options[i].refusal, verb->name);
	if (*ctl->sha256 && argc < 2)
		return usage_error("--sha256= is for `deploy TAG', not for", verb->name);
	if (ctl->prometheus && ctl->json)
		return usage_error("--prometheus and --json exclude each other", NULL);
	r = verb->run(ctl, argc > 0 ? argv + 1 : argv);
	sd_bus_flush_close_unref(ctl->bus);
	/* What was written to a full disk or a closed pipe was not told to anybody. */
	if (fflush(stdout) != 0 && r == CTL_OK)
		return CTL_FAILED;
	return r;
}

/* The name is part of a bus name and a unit name; the supervisor checks it more closely. */
static bool app_is_sane(const char *app)
{
	return *app && strlen(app) < 64 &&
	       strspn(app, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(app);
}

static const char **option_field(struct ctl *ctl, int option)
{
	switch (option) {
	case 'a':
		return &ctl->app;
	case OPTION_SHA256:
		return &ctl->sha256;
	case OPTION_LISTEN:
		return &ctl->listen;
	case OPTION_PORTS:
		return &ctl->ports;
	case OPTION_USER:
		return &ctl->user;
	case OPTION_EXEC:
		return &ctl->exec;
	default:
		return NULL;
	}
}

static bool *option_flag(struct ctl *ctl, int option, bool *no_color)
{
	switch (option) {
	case OPTION_JSON:
		return &ctl->json;
	case OPTION_NO_COLOR:
		return no_color;
	case OPTION_PROMETHEUS:
		return &ctl->prometheus;
	case OPTION_NO_START:
		return &ctl->no_start;
	case OPTION_KEEP_DATA:
		return &ctl->keep_data;
	default:
		return NULL;
	}
}

/* -1: taken; else the exit status. */
static int option_take(struct ctl *ctl, int option, bool *no_color, bool *given)
{
	const char **field = option_field(ctl, option);
	bool *flag = option_flag(ctl, option, no_color);

	for (size_t i = 0; i < ELEMENTS(verb_options); i++)
		given[i] |= verb_options[i].option == option;
	if (field)
		*field = optarg;
	else if (flag)
		*flag = true;
	else if (option == OPTION_VERSION)
		printf("bluegreenctl %s\n", VERSION);
	else if (option == 'h')
		ctl_usage(stdout);
	else
		return usage_error("that is not understood; see above", NULL);
	return field || flag ? -1 : CTL_OK;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.app = "app", .sha256 = ""};
	bool no_color = getenv("NO_COLOR") && *getenv("NO_COLOR"),
	     given[ELEMENTS(verb_options)] = {0};
	const char *term = getenv("TERM");
	int c, r;

	setlocale(LC_ALL, "");
	/* Numbers are for scripts too. */
	setlocale(LC_NUMERIC, "C");
	while ((c = getopt_long(argc, argv, "a:h", options, NULL)) >= 0) {
		r = option_take(&ctl, c, &no_color, given);
		if (r >= 0)
			return r;
	}
	if (!app_is_sane(ctl.app))
		return usage_error("this cannot be an app's name:", ctl.app);
	ctl.terminal = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	ctl.color = ctl.terminal && !no_color;
	ctl.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ctl.quiet = !ctl.terminal && getenv("JOURNAL_STREAM");
	return verb_run(&ctl, given, argc - optind, argv + optind);
}
