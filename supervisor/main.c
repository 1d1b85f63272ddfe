/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: `supervisor APP`. Knows the process: where its directories are, which signals
 * end it or have it replaced, what systemd is told of it. It can be ended at any moment; what must
 * be known afterwards is in the record. `supervisor --try APP DIRECTORY` only says whether this
 * program could do its work here: by the one that it would replace (renewal.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "app.h"
#include "base/fd.h"
#include "control.h"
#include "renewal.h"
#include "report.h"

#define PAUSE_USEC (2 * USEC_PER_SEC)

struct dirs {
	char *config, *state, *runtime;
};

static void cleanup_dirs(struct dirs *dirs)
{
	free(dirs->config);
	free(dirs->state);
	free(dirs->runtime);
}

/* What systemd made for the unit comes first, then a test's own, then where the package puts it.
 * systemd gives a list with colons if there are several; ours is the first. */
static char *dir_find(const char *systemd, const char *test, const char *shipped, const char *name)
{
	const char *given = getenv(systemd);
	char *dir = NULL;

	if (!given)
		given = getenv(test);
	if (given)
		return strndup(given, strcspn(given, ":"));
	if (asprintf(&dir, "%s%s%s", shipped, name ? "/" : "", name ? name : "") < 0)
		return NULL;
	return dir;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)userdata;
	report(REPORT_NOTE, NULL, "told to end by %s; units, relay and route stay as they are",
		strsignal((int)info->ssi_signo));
	report_stopping();
	return sd_event_exit(sd_event_source_get_event(source), EXIT_SUCCESS);
}

/* Not a reload: that is a cycle, and its caller wants its result. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	renewal_ask(userdata);
	return 0;
}

/* As early as can be: one that comes in between waits until there is somebody who hears it. */
static int signals_block(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}

/* Told to end, nothing else counts: at a shutdown jobs are canceled and units go at the same
 * moment, which is not to be taken for an answer of theirs. */
static int end_follow(sd_event *event, int number)
{
	sd_event_source *source;
	int r = sd_event_add_signal(event, &source, number, on_signal, NULL);

	if (r < 0)
		return r;
	(void)sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
	(void)sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return 0;
}

static int signals_follow(sd_event *event)
{
	int r = end_follow(event, SIGTERM);

	return r < 0 ? r : end_follow(event, SIGINT);
}

/* systemd starts us again at once; an error that only a person can repair need not be told ten
 * times a second. A signal still ends us. */
static void pause_briefly(sd_event *event)
{
	if (sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, PAUSE_USEC, 0, NULL,
		    (void *)(intptr_t)EX_CONFIG) >= 0)
		(void)sd_event_loop(event);
}

/* A supervisor that this program has followed in its process has told it something. */
static void learnt_take(struct app *app)
{
	const char *learnt = getenv(RENEWAL_VARIABLE);

	if (!learnt)
		return;
	app_inherit(app, learnt);
	(void)unsetenv(RENEWAL_VARIABLE);
	report(REPORT_NOTE, NULL, "executed in place of the supervisor before, version " VERSION);
}

static int run(sd_event *event, const struct renewal_order *self, const struct dirs *dirs)
{
	const struct app_dirs app_dirs = {dirs->config, dirs->state, dirs->runtime};
	_cleanup_(cleanup_app_close) struct app *app = NULL;
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	_cleanup_(cleanup_renewal_close) struct renewal *renewal = NULL;
	const char *name = self->name;
	char error[APP_ERROR_MAX];
	int r;

	r = app_open(event, name, &app_dirs, error, &app);
	if (r < 0) {
		report(REPORT_CONFIG_BAD, NULL, "%s", error);
		report_status("%s", error);
		pause_briefly(event);
		return EX_CONFIG;
	}
	learnt_take(app);
	r = control_open(event, app, name, dirs->state, &control);
	if (r >= 0)
		r = renewal_open(event, self, app, control, &renewal);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, renewal);
	if (r < 0)
		return EXIT_FAILURE;
	r = report_watchdog_begin(event);
	if (r < 0)
		report(REPORT_WARNING, NULL, "the watchdog cannot be fed: %s", strerror(-r));
	report(REPORT_STARTED, NULL,
		"watching %s: blue on port %u, green on port %u; until both were asked, the relay "
		"keeps its route",
		name, app_config(app)->ports[COLOR_BLUE], app_config(app)->ports[COLOR_GREEN]);
	report_ready();
	r = sd_event_loop(event);
	return r < 0 ? EXIT_FAILURE : r;
}

/* This program runs, its libraries are there, and it understands the configuration. */
static int try_here(const char *name, const char *config_dir)
{
	char error[CONFIG_ERROR_MAX];
	struct config *config;

	if (config_load(config_dir, name, error, &config) < 0) {
		fprintf(stderr, "%s\n", error);
		return EX_CONFIG;
	}
	config_free(config);
	return EXIT_SUCCESS;
}

/* In our place, with what the kernel keeps of a process: its number, what systemd knows it by, and
 * the signals that wait. */
static int program_execute(char **argv)
{
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	(void)execvp(argv[0], argv);
	report(REPORT_RENEWAL_FAILED, NULL,
		"%s cannot be executed: %s; this supervisor ends, and systemd starts another",
		argv[0], strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(cleanup_dirs) struct dirs dirs = {0};
	const char *name = argc == 2 ? argv[1] : "";
	int status;

	if (argc == 4 && strcmp(argv[1], "--try") == 0 && config_app_valid(argv[2]))
		return try_here(argv[2], argv[3]);
	if (!config_app_valid(name)) {
		fprintf(stderr,
			"Usage: supervisor APP\nAPP is lower-case letters, digits and _, and "
			"begins with a letter.\n");
		return EX_USAGE;
	}
	report_open(name);
	dirs.config = dir_find(
		"CONFIGURATION_DIRECTORY", "BLUEGREEN_CONFIG_DIR", "/etc/app-bluegreen", NULL);
	dirs.state =
		dir_find("STATE_DIRECTORY", "BLUEGREEN_STATE_DIR", "/var/lib/app-bluegreen", name);
	dirs.runtime =
		dir_find("RUNTIME_DIRECTORY", "BLUEGREEN_RUNTIME_DIR", "/run/app-bluegreen", name);
	if (!dirs.config || !dirs.state || !dirs.runtime || signals_block() < 0 ||
		sd_event_default(&event) < 0 || signals_follow(event) < 0) {
		report(REPORT_WARNING, NULL, "no event loop can be had");
		return EXIT_FAILURE;
	}
	status = run(event,
		&(struct renewal_order){
			.program = argv[0], .name = name, .config_dir = dirs.config},
		&dirs);
	return status == RENEWAL_EXIT ? program_execute(argv) : status;
}
