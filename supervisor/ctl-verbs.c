/* SPDX-License-Identifier: MIT */
/*
 * Knows the verbs, one function a row; the table is at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl-new.h"
#include "ctl-screen.h"

static void json_print(const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | CTL_REAL);

	printf("%s\n", text ? text : "");
	free(text);
}

/* Asks, and shows the answer as it is or as a screen. */
static int ask(struct ctl *ctl, const struct ctl_method *method,
	void (*screen)(const struct ctl *ctl, const json_t *value))
{
	json_t *value;
	int r;

	value = ctl_call(ctl, method, &r);
	if (!value)
		return r;
	if (ctl->json)
		json_print(value);
	else
		screen(ctl, value);
	json_decref(value);
	return CTL_OK;
}

static int verb_status(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, &(struct ctl_method){.name = "GetStatus"}, screen_status);
}

static int verb_numbers(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, &(struct ctl_method){.name = "GetNumbers"},
		ctl->prometheus ? prometheus_numbers : screen_numbers);
}

static int verb_reload(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ctl_follow(ctl, &(struct ctl_method){.name = "Deploy", .arguments = {""}});
}

static int verb_deploy(struct ctl *ctl, char **argv)
{
	if (!argv[0])
		return verb_reload(ctl, argv);
	return ctl_follow(ctl,
		&(struct ctl_method){.name = "DeployRelease", .arguments = {argv[0], ctl->sha256}});
}

static int verb_rollback(struct ctl *ctl, char **argv)
{
	const struct ctl_method method = {
		.name = "Rollback", .arguments = {argv[0] ? argv[0] : ""}};

	return ctl_follow(ctl, &method);
}

static int verb_abort(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ctl_follow(ctl, &(struct ctl_method){.name = "Abort"});
}

static int verb_releases(struct ctl *ctl, char **argv)
{
	(void)argv;
	return ask(ctl, &(struct ctl_method){.name = "GetReleases"}, screen_releases);
}

static bool plan_refuses(const json_t *plan)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(plan, "preflight"), i, finding)
	{
		if (strcmp(json_word(finding, "answer"), "refuses") == 0)
			return true;
	}
	return false;
}

static int verb_plan(struct ctl *ctl, char **argv)
{
	const struct ctl_method method = {
		.name = "PlanRelease", .arguments = {argv[0] ? argv[0] : ""}};
	json_t *plan;
	int r;

	plan = ctl_call(ctl, &method, &r);
	if (!plan)
		return r;
	if (ctl->json)
		json_print(plan);
	else
		screen_plan(ctl, plan);
	if (plan_refuses(plan))
		r = CTL_FAILED;
	json_decref(plan);
	return r;
}

static int verb_show(struct ctl *ctl, char **argv)
{
	const struct ctl_method method = {
		.name = "GetCycle", .arguments = {argv[0] ? argv[0] : ""}};

	return ask(ctl, &method, screen_cycle);
}

static int verb_history(struct ctl *ctl, char **argv)
{
	if (argv[0])
		return verb_show(ctl, argv);
	return ask(ctl, &(struct ctl_method){.name = "GetHistory"}, screen_history);
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
	{"numbers", "", "what each color served since its release came, and why exchanges ended", 0,
		verb_numbers},
	{"reload", "", "restart both colors on what the primary runs, losing no request", 0,
		verb_reload},
	{"deploy", "[TAG]", "the same on release TAG; --sha256=HEX is what its archive must have",
		1, verb_deploy},
	{"rollback", "[TAG]", "back to TAG, or to the release before; at once inside the window", 1,
		verb_rollback},
	{"abort", "", "take back the cycle that runs, and drop the one that waits", 0, verb_abort},
	{"releases", "", "the releases that are there, and who runs them", 0, verb_releases},
	{"plan", "[TAG]", "the steps of a cycle with their limits, and what its preflight finds", 1,
		verb_plan},
	{"history", "[ID]", "the last 100 cycles, the latest first; or the receipt of one", 1,
		verb_history},
	{"show", "[ID]", "the receipt of one cycle; without ID of the last one", 1, verb_show},
	{"apps", "", "the applications of this machine: state, primary, ports, listeners", 0,
		verb_apps},
	{"new", "NAME", "another application; --listen --ports --user --exec say which", 1,
		verb_new},
	{"remove", "NAME", "remove it with its state; --keep-data keeps that", 1, verb_remove},
	{"version", "", "the version of this program", 0, verb_version},
	{"help", "", "this text", 0, verb_help},
};

const size_t ctl_verbs_count = ELEMENTS(ctl_verbs);

void ctl_usage(FILE *file)
{
	fprintf(file, "Usage: bluegreenctl [--app NAME] [--json] [--no-color] VERB [ARGUMENT]\n\n");
	for (size_t i = 0; i < ctl_verbs_count; i++)
		fprintf(file, "  %-8s %-6s %s\n", ctl_verbs[i].name, ctl_verbs[i].arguments,
			ctl_verbs[i].help);
	fprintf(file,
		"\nWithout a verb: status. Exit status: 0 done, 1 failed, 2 wrong usage, 3 the "
		"outcome is not known.\nSee bluegreenctl(1).\n");
}
