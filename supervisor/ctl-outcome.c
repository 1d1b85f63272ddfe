/* SPDX-License-Identifier: MIT */
/*
 * Knows what the end of a cycle means for who waited for it: a sentence and an exit status.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl-follow.h"
#include "ctl-screen.h"

/* The record's outcomes. `asked` is for who deployed, `took_back` for who wanted it undone. A
 * sentence is followed by the reason. */
static const struct outcome {
	const char *name;
	enum ctl_exit asked, took_back;
	const char *sentence;
} outcomes[] = {
	{"succeeded", CTL_OK, CTL_FAILED, "succeeded before it could be taken back"},
	{"aborted", CTL_FAILED, CTL_OK, "was taken back:"},
	/* A reason begins with the step that it came from. */
	{"failed", CTL_FAILED, CTL_FAILED, "failed at"},
	{"interrupted", CTL_UNKNOWN, CTL_UNKNOWN, "was interrupted at"},
	{"superseded", CTL_FAILED, CTL_FAILED, "was superseded:"},
};

static int tell_lost(const struct follow *follow)
{
	fprintf(stderr,
		"bluegreenctl: the supervisor of %s went in the middle of cycle %.8s: its outcome "
		"is unknown, see `%s status'\n",
		follow->ctl->app, follow->id, ctl_command(follow->ctl));
	return CTL_UNKNOWN;
}

static int tell_interrupted(const struct follow *follow)
{
	const char *command = ctl_command(follow->ctl);

	fprintf(stderr,
		"bluegreenctl: cycle %.8s goes on without this program; `%s status' shows it, and "
		"`%s abort' takes it back\n",
		follow->id, command, command);
	return CTL_UNKNOWN;
}

/* The cycle, and what only the caller can know. */
static void tell_json(const struct follow *follow)
{
	char *text;

	if (follow->takes_back && follow->switched) {
		(void)json_object_set_new(
			follow->cycle, "rollback_seconds", json_real(follow->switched_after));
		(void)json_object_set_new(
			follow->cycle, "route_seconds", json_real(follow->switch_seconds));
	}
	text = json_dumps(follow->cycle, JSON_COMPACT | CTL_REAL);

	printf("%s\n", text ? text : "{}");
	free(text);
}

/* The figure of a rollback: how long it was until the old release had the traffic again. */
static void tell_route(const struct follow *follow)
{
	const json_t *former = json_object_get(follow->cycle, "former");
	const char *release = json_word(former, json_word(follow->cycle, "primary"));

	if (!follow->takes_back || !follow->switched)
		return;
	printf("  %s has the traffic again: the route changed in %.1f ms, %.1f ms after the "
	       "command\n",
		*release ? release : "the release before", follow->switch_seconds * 1000,
		follow->switched_after * 1000);
}

static void tell_success(const struct follow *follow)
{
	if (follow->ctl->quiet)
		return;
	tell_route(follow);
	printf("  ");
	screen_summary(follow->ctl, follow->cycle);
	screen_counts(follow->ctl, follow->cycle);
}

static int tell_failure(const struct follow *follow, const char *sentence, int exit_status)
{
	const char *app = follow->ctl->app;

	if (strcmp(follow->outcome, "superseded") == 0)
		fprintf(stderr, "bluegreenctl: the cycle %s %s\n", sentence, follow->reason);
	else
		fprintf(stderr,
			"bluegreenctl: the cycle %s %s; see `%s history %.8s', "
			"`journalctl -u %s@blue' and `journalctl -u %s@green'\n",
			sentence, follow->reason, ctl_command(follow->ctl), follow->id, app, app);
	return exit_status;
}

int follow_tell(const struct follow *follow)
{
	const char *sentence = "ended as something that this program does not know:";
	int exit_status = CTL_UNKNOWN;

	if (!follow->ended)
		return follow->lost ? tell_lost(follow) : tell_interrupted(follow);
	for (size_t i = 0; i < ELEMENTS(outcomes); i++) {
		if (strcmp(outcomes[i].name, follow->outcome) != 0)
			continue;
		exit_status = follow->takes_back ? outcomes[i].took_back : outcomes[i].asked;
		sentence = outcomes[i].sentence;
	}
	if (follow->ctl->json && follow->cycle)
		tell_json(follow);
	if (exit_status != CTL_OK)
		return tell_failure(follow, sentence, exit_status);
	if (!follow->ctl->json)
		tell_success(follow);
	return CTL_OK;
}
