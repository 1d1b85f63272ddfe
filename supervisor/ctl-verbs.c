/* SPDX-License-Identifier: MIT */
/*
 * Knows the verbs, one function a row; the table is at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl.h"

/* Asks, and shows the answer as it is or as a screen. */
static int ask(struct ctl *ctl, const char *method, const char *argument,
	void (*screen)(const struct ctl *ctl, const json_t *value))
{
	json_t *value;
	char *text;
	int r;

	value = ctl_call(ctl, method, argument, &r);
	if (!value)
		return r;
	if (ctl->json) {
		text = json_dumps(value, JSON_INDENT(2));
		printf("%s\n", text ? text : "");
		free(text);
	} else {
		screen(ctl, value);
	}
	json_decref(value);
	return CTL_OK;
}

static int verb_status(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, "GetStatus", NULL, screen_status);
}

static int verb_reload(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ctl_follow(ctl, "");
}

static int verb_deploy(struct ctl *ctl, char **argv)
{
	return ctl_follow(ctl, argv[0] ? argv[0] : "");
}

static int verb_plan(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, "Plan", NULL, screen_plan);
}

static int verb_history(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, "GetHistory", NULL, screen_history);
}

static int verb_show(struct ctl *ctl, char **argv)
{
	return ask(ctl, "GetCycle", argv[0] ? argv[0] : "", screen_cycle);
}

static int verb_version(struct ctl *ctl, char **argv)
{
	(void)argv;
	printf(ctl->json ? "{\"version\": \"%s\"}\n" : "bluegreenctl %s\n", VERSION);
	return CTL_OK;
}

static int verb_help(struct ctl *ctl, char **argv)
{
	(void)ctl;
	(void)argv;
	ctl_usage(stdout);
	return CTL_OK;
}

const struct ctl_verb ctl_verbs[] = {
	{"status", "", "how the app stands: colors, route, relay, cycle", 0, verb_status},
	{"reload", "", "restart both colors on the code in place, losing no request", 0,
		verb_reload},
	{"deploy", "[RELEASE]", "the same; RELEASE is for apps with a directory of releases", 1,
		verb_deploy},
	{"plan", "", "the steps of a cycle, with their limits and what their failure means", 0,
		verb_plan},
	{"history", "", "the last cycles", 0, verb_history},
	{"show", "[ID]", "one cycle with its steps; without ID the last one", 1, verb_show},
	{"version", "", "the version of this program", 0, verb_version},
	{"help", "", "this text", 0, verb_help},
};

const size_t ctl_verbs_count = ELEMENTS(ctl_verbs);

void ctl_usage(FILE *file)
{
	fprintf(file, "Usage: bluegreenctl [--app NAME] [--json] [--no-color] VERB\n\n");
	for (size_t i = 0; i < ctl_verbs_count; i++)
		fprintf(file, "  %-8s %-10s %s\n", ctl_verbs[i].name, ctl_verbs[i].arguments,
			ctl_verbs[i].help);
	fprintf(file,
		"\nWithout a verb: status. Exit status: 0 done, 1 failed, 2 wrong usage, 3 the "
		"outcome is not known.\nSee bluegreenctl(1).\n");
}
