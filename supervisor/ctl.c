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

enum {
	OPTION_JSON = 256,
	OPTION_NO_COLOR,
	OPTION_SHA256,
	OPTION_PROMETHEUS,
	OPTION_VERSION,
};

static const struct option options[] = {
	{"app", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"no-color", no_argument, NULL, OPTION_NO_COLOR},
	{"sha256", required_argument, NULL, OPTION_SHA256},
	{"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
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

static int verb_run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_verb *verb = verb_find(argc > 0 ? argv[0] : "status");
	int r;

	if (!verb)
		return usage_error("there is no verb", argv[0]);
	if (argc - 1 > verb->arguments_max)
		return usage_error("too many arguments for", verb->name);
	/* Whoever gives a checksum relies on its being checked. */
	if (*ctl->sha256 && (strcmp(verb->name, "deploy") != 0 || argc < 2))
		return usage_error("--sha256= is for `deploy TAG', not for", verb->name);
	if (ctl->prometheus && strcmp(verb->name, "numbers") != 0)
		return usage_error("--prometheus is for `numbers', not for", verb->name);
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

int main(int argc, char **argv)
{
	struct ctl ctl = {.app = "app", .sha256 = ""};
	bool no_color = getenv("NO_COLOR") && *getenv("NO_COLOR");
	const char *term = getenv("TERM");
	int c;

	setlocale(LC_ALL, "");
	/* Numbers are for scripts too. */
	setlocale(LC_NUMERIC, "C");
	while ((c = getopt_long(argc, argv, "a:h", options, NULL)) >= 0)
		switch (c) {
		case 'a':
			ctl.app = optarg;
			break;
		case OPTION_JSON:
			ctl.json = true;
			break;
		case OPTION_NO_COLOR:
			no_color = true;
			break;
		case OPTION_SHA256:
			ctl.sha256 = optarg;
			break;
		case OPTION_PROMETHEUS:
			ctl.prometheus = true;
			break;
		case OPTION_VERSION:
			printf("bluegreenctl %s\n", VERSION);
			return CTL_OK;
		case 'h':
			ctl_usage(stdout);
			return CTL_OK;
		default:
			return usage_error("that is not understood; see above", NULL);
		}
	if (!app_is_sane(ctl.app))
		return usage_error("this cannot be an app's name:", ctl.app);
	ctl.terminal = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	ctl.color = ctl.terminal && !no_color;
	ctl.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ctl.quiet = !ctl.terminal && getenv("JOURNAL_STREAM");
	return verb_run(&ctl, argc - optind, argv + optind);
}
