/* SPDX-License-Identifier: MIT */
/*
 * recheck: whether the apps of this machine run what is installed, and what follows from it. One
 * process for all apps; it runs as root, because only root may look into the processes of others.
 *
 *	recheck			waits for apt, looks, asks the supervisors for cycles
 *	recheck --list		prints what is outdated
 *	recheck --note APP COLOR	keeps what a color is started on
 *
 * Knows which apps there are, and the process. The supervisor runs the cycle; this knows nothing of
 * steps and routes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/fd.h"
#include "base/log.h"
#include "config.h"
#include "recheck-app.h"
#include "recheck-apt.h"

#define CONFIG_DIR "/etc/app-bluegreen"
#define STATE_DIR  "/var/lib/app-bluegreen"
#define ASKED_DIR  STATE_DIR "/recheck"
#define NOTES_DIR  "/run/app-bluegreen/recheck"

#define APPS_MAX   256
/* Something was installed while it looked: it looks again, but not for ever. */
#define ROUNDS_MAX 5

#define SUFFIX ".conf"

static void usage(FILE *file)
{
	fputs("Usage: recheck [--list | --note APP COLOR]\n"
	      "Looks whether the instances run what is installed, and asks for a cycle if not.\n"
	      "  --list            only print what is outdated: app, whose, file, package\n"
	      "  --note APP COLOR  keep what the color is started on ([Upgrade] WatchPath=)\n",
		file);
}

/* ---- apps ------------------------------------------------------------------------------------ */

struct apps {
	char names[APPS_MAX][CONFIG_APP_MAX];
	size_t count;
};

static void app_take(struct apps *apps, const char *file)
{
	size_t length = strlen(file), end = strlen(SUFFIX);
	char *name = apps->names[apps->count];

	if (length <= end || strcmp(file + length - end, SUFFIX) != 0 ||
		length - end >= CONFIG_APP_MAX)
		return;
	memcpy(name, file, length - end);
	name[length - end] = '\0';
	if (config_app_valid(name))
		apps->count++;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int apps_find(struct apps *apps)
{
	DIR *dir = opendir(CONFIG_DIR);
	const struct dirent *entry;

	if (!dir) {
		log_error(CONFIG_DIR " cannot be read: %s", strerror(errno));
		return -errno;
	}
	while ((entry = readdir(dir)) && apps->count < APPS_MAX)
		app_take(apps, entry->d_name);
	closedir(dir);
	qsort(apps->names, apps->count, sizeof(apps->names[0]), compare);
	return 0;
}

/* ---- what it is called for ------------------------------------------------------------------- */

typedef int (*each_fn)(const struct recheck *recheck, const char *app);

static int each(const struct recheck *recheck, const struct apps *apps, each_fn act)
{
	int failed = 0;

	for (size_t i = 0; i < apps->count; i++) {
		int r = act(recheck, apps->names[i]);

		failed = failed < 0 ? failed : r;
	}
	return failed;
}

/* As often as dpkg has done something meanwhile: a timer that fires while we run is lost. */
static int look_again(const struct recheck *recheck, const struct apps *apps)
{
	int r = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		uint64_t stamp = apt_stamp();

		r = each(recheck, apps, app_recheck);
		if (apt_stamp() == stamp)
			break;
	}
	return r;
}

static int run(bool list)
{
	_cleanup_(cleanup_bus_close) struct bus *bus = NULL;
	_cleanup_free_ struct apps *apps = calloc(1, sizeof(*apps));
	struct recheck recheck = {.config_dir = CONFIG_DIR,
		.asked_dir = ASKED_DIR,
		.dirs = {.notes = NOTES_DIR, .state = STATE_DIR}};
	int r;

	if (!apps)
		return EXIT_FAILURE;
	r = bus_open(&bus);
	if (r < 0) {
		log_error("the system bus cannot be reached: %s; nothing was looked at",
			strerror(-r));
		return EXIT_FAILURE;
	}
	recheck.bus = bus;
	r = apps_find(apps);
	if (r >= 0)
		r = list ? each(&recheck, apps, app_list) : look_again(&recheck, apps);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A start waits for this and goes on whatever comes of it. */
static int note(const char *app, const char *word)
{
	const struct note_dirs dirs = {.notes = NOTES_DIR, .state = STATE_DIR};
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	char error[CONFIG_ERROR_MAX];
	enum color color;
	int r;

	if (!config_app_valid(app) || color_from_name(word, &color) < 0) {
		usage(stderr);
		return EX_USAGE;
	}
	r = config_load(CONFIG_DIR, app, error, &config);
	if (r < 0)
		log_warning("%s; what %s@%s is started on is not noted", error, app, word);
	else
		r = note_take(&dirs, app, config, color);
	if (r == -E2BIG)
		log_warning("[Upgrade] WatchPath= has too many files; only a part is watched. Name "
			    "what is code and nothing else");
	else if (r < 0 && config)
		log_warning(
			"what %s@%s is started on cannot be noted: %s", app, word, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run(false);
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return run(true);
	if (argc == 4 && strcmp(argv[1], "--note") == 0)
		return note(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	usage(stderr);
	return EX_USAGE;
}
