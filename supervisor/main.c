/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: `supervisor APP`. Knows the process: where its directories are, which signals
 * end it, what systemd is told of it. It can be ended at any moment; what must be known
 * afterwards is in the record.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <systemd/sd-event.h>

#include "app.h"
#include "base/fd.h"
#include "control.h"
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

/* SIGHUP is not a reload: that is a cycle, and its caller wants its result. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	(void)userdata;
	report(REPORT_NOTE, NULL,
		"SIGHUP does nothing here; `systemctl reload' or `bluegreenctl reload' begins a "
		"cycle");
	return 0;
}

static int signals_follow(sd_event *event)
{
	static const struct {
		int signal;
		sd_event_signal_handler_t handler;
	} signals[] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_hangup}};
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ELEMENTS(signals); i++)
		sigaddset(&mask, signals[i].signal);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTS(signals); i++) {
		int r = sd_event_add_signal(
			event, NULL, signals[i].signal, signals[i].handler, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

/* systemd starts us again at once; an error that only a person can repair need not be told ten
 * times a second. A signal still ends us. */
static void pause_briefly(sd_event *event)
{
	if (sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, PAUSE_USEC, 0, NULL,
		    (void *)(intptr_t)EX_CONFIG) >= 0)
		(void)sd_event_loop(event);
}

static int run(sd_event *event, const char *name, const struct dirs *dirs)
{
	const struct app_dirs app_dirs = {dirs->config, dirs->state, dirs->runtime};
	_cleanup_(cleanup_app_close) struct app *app = NULL;
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	char error[APP_ERROR_MAX];
	int r;

	r = app_open(event, name, &app_dirs, error, &app);
	if (r < 0) {
		report(REPORT_CONFIG_BAD, NULL, "%s", error);
		report_status("%s", error);
		pause_briefly(event);
		return EX_CONFIG;
	}
	r = control_open(event, app, name, dirs->state, &control);
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

int main(int argc, char **argv)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(cleanup_dirs) struct dirs dirs = {0};
	const char *name = argc == 2 ? argv[1] : "";

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
	if (!dirs.config || !dirs.state || !dirs.runtime || sd_event_default(&event) < 0 ||
		signals_follow(event) < 0) {
		report(REPORT_WARNING, NULL, "no event loop can be had");
		return EXIT_FAILURE;
	}
	return run(event, name, &dirs);
}
