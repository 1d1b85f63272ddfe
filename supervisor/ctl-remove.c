/* SPDX-License-Identifier: MIT */
/*
 * `bluegreenctl remove': knows in which order an application is taken away, whether all of it is
 * there or only what an interrupted `new' or `remove' left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "config.h"
#include "ctl-new.h"
#include "ctl-systemd.h"

/* Stops wait for what is in flight: TimeoutStopSec= of the instance, then of the relay. */
#define STOP_SECONDS   180
#define RELOAD_SECONDS 90
#define UNITS_MAX      32 /* units of one application: ten, and instances by other names */
#define STATE_DIR      "/var/lib/app-bluegreen"

#define UNFINISHED_MAX	 4096
#define UNFINISHED_KEEPS "state is kept\n"

static bool is_there(const char *directory, const char *name, const char *suffix)
{
	char path[NEW_PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s%s", directory, name, suffix) < NEW_PATH_MAX &&
	       access(path, F_OK) == 0;
}

static void unfinished_name(const char *app, char ret_name[static NEW_PATH_MAX])
{
	snprintf(ret_name, NEW_PATH_MAX, "%s.unfinished", app);
}

int unfinished_mark(const char *name, const char *verb, enum remove_state state)
{
	char file[NEW_PATH_MAX], text[512];

	unfinished_name(name, file);
	snprintf(text, sizeof(text),
		"# `bluegreenctl %s %s' is at work here, or was interrupted. If it is not running, "
		"run it again, or\n# `bluegreenctl remove %s'.\n%s",
		verb, name, name, state == KEEP_STATE ? UNFINISHED_KEEPS : "");
	return new_file_write(NEW_CONFIG_DIR, file, text);
}

enum remove_state state_is_there(const char *name)
{
	return is_there(STATE_DIR, name, "") ? KEEP_STATE : REMOVE_STATE;
}

int unfinished_clear(const char *name)
{
	char file[NEW_PATH_MAX];

	unfinished_name(name, file);
	return new_tree_remove(NEW_CONFIG_DIR, file);
}

bool unfinished_is(const char *name, enum remove_state *ret_state)
{
	char file[NEW_PATH_MAX], path[NEW_PATH_MAX + sizeof(NEW_CONFIG_DIR)];
	_cleanup_free_ char *text = NULL;
	int r;

	unfinished_name(name, file);
	snprintf(path, sizeof(path), "%s/%s", NEW_CONFIG_DIR, file);
	r = file_read(path, UNFINISHED_MAX, &text, NULL);
	if (r == -ENOENT)
		return false;
	/* What cannot be read does not say that a state may go. */
	*ret_state = r < 0 || strstr(text, UNFINISHED_KEEPS) ? KEEP_STATE : REMOVE_STATE;
	return true;
}

int new_lock(void)
{
	_cleanup_fd_ int fd = open(NEW_CONFIG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "bluegreenctl: %s: %s; install app-bluegreen again\n",
			NEW_CONFIG_DIR, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fprintf(stderr, "bluegreenctl: another `bluegreenctl new' or `remove' is at work; "
				"wait until it has ended\n");
		return -1;
	}
	return take_fd(fd);
}

/* What becomes of units that are in certain states: `systemctl VERB`. */
struct order {
	const char *app, *verb;
	bool (*concerns)(const struct systemd_unit *unit);
	const char *argv[UNITS_MAX + 3]; /* NULL behind the last */
	size_t count;
};

static bool is_up(const struct systemd_unit *unit)
{
	return strcmp(unit->active, "inactive") != 0 && strcmp(unit->active, "failed") != 0;
}

/* That target stops by itself as soon as the supervisor has, and refuses to be stopped otherwise.
 */
static bool is_up_and_can_be_stopped(const struct systemd_unit *unit)
{
	return is_up(unit) && !strstr(unit->name, "-bluegreen-instances.target");
}

static bool has_failed(const struct systemd_unit *unit)
{
	return strcmp(unit->active, "failed") == 0;
}

/* What `new' made has one of these behind its name; other units may begin like it. */
static bool is_its_unit(const char *unit, const char *app)
{
	size_t length = strlen(app);

	if (strncmp(unit, app, length) != 0)
		return false;
	unit += length;
	return *unit == '@' || strncmp(unit, "-bluegreen", strlen("-bluegreen")) == 0 ||
	       strcmp(unit, "-primary.target") == 0;
}

static int on_unit(void *owner, const struct systemd_unit *unit)
{
	struct order *order = owner;
	char *copy;

	if (!unit->active || !is_its_unit(unit->name, order->app) || !order->concerns(unit) ||
		order->count == UNITS_MAX)
		return 0;
	copy = strdup(unit->name);
	if (!copy)
		return -ENOMEM;
	order->argv[2 + order->count++] = copy;
	return 0;
}

/* systemctl(1) asks for one unit after the other. The ports come first, or a connection, or the
 * supervisor's next word, would start again what is being stopped; the instances come last, because
 * requests in flight are theirs to answer. */
static int rank(const char *unit)
{
	static const char *const first[] = {
		"-bluegreen.socket",
		"-bluegreen-control.socket",
		"-bluegreen-relay.service",
		"-bluegreen-shutdown.service",
		"-bluegreen.service",
	};
	size_t i = 0;

	while (i < ELEMENTS(first) && !strstr(unit, first[i]))
		i++;
	return (int)i;
}

static int by_rank(const void *a, const void *b)
{
	return rank(*(const char *const *)a) - rank(*(const char *const *)b);
}

static int units_order(struct ctl *ctl, struct order *order, const char *what)
{
	char pattern[CONFIG_APP_MAX + 2];
	int r;

	order->argv[0] = "systemctl";
	order->argv[1] = order->verb;
	snprintf(pattern, sizeof(pattern), "%s*", order->app);
	r = systemd_units(ctl, pattern, on_unit, order) < 0 ? CTL_FAILED : CTL_OK;
	qsort(order->argv + 2, order->count, sizeof(order->argv[0]), by_rank);
	if (r == CTL_OK && order->count > 0)
		r = program_must(order->argv, STOP_SECONDS, what);
	for (size_t i = 0; i < order->count; i++)
		free((char *)order->argv[2 + i]);
	return r;
}

static int manager_reload(void)
{
	static const char *const argv[] = {"systemctl", "daemon-reload", NULL};

	return program_must(argv, RELOAD_SECONDS, "systemd cannot read its units anew");
}

/* What recheck has noted of it: on what each color was started, and what was asked for. */
static int recheck_notes_remove(const char *name)
{
	static const struct {
		const char *directory, *suffix;
	} notes[] = {
		{NEW_RUNTIME_DIR "/recheck", "-blue"},
		{NEW_RUNTIME_DIR "/recheck", "-green"},
		{STATE_DIR "/recheck", ""},
		{STATE_DIR "/recheck", "-relay"},
		{STATE_DIR "/recheck", "-supervisor"},
	};
	char file[NEW_PATH_MAX];
	int r = CTL_OK;

	for (size_t i = 0; i < ELEMENTS(notes); i++) {
		snprintf(file, sizeof(file), "%s%s", name, notes[i].suffix);
		if (new_tree_remove(notes[i].directory, file) != CTL_OK)
			r = CTL_FAILED;
	}
	return r;
}

static int state_remove(const char *name, enum remove_state state)
{
	int r;

	r = recheck_notes_remove(name);
	if (new_tree_remove(NEW_RUNTIME_DIR, name) != CTL_OK ||
		new_tree_remove(NEW_RUNTIME_DIR, new_verify_name(name)) != CTL_OK)
		r = CTL_FAILED;
	if (state == REMOVE_STATE && new_tree_remove(STATE_DIR, name) != CTL_OK)
		r = CTL_FAILED;
	return r;
}

/* What was started while it was stopped, what stops by itself and has not yet, and what had failed:
 * without their files, systemd lets them go. */
static int units_forget(struct ctl *ctl, const char *name)
{
	struct order stop = {.app = name, .verb = "stop", .concerns = is_up};
	struct order forget = {.app = name, .verb = "reset-failed", .concerns = has_failed};
	int r;

	r = manager_reload();
	if (r == CTL_OK)
		r = units_order(ctl, &stop, "not all of it can be stopped");
	if (r == CTL_OK)
		r = units_order(ctl, &forget, "systemd does not forget its units");
	return r;
}

/* Each thing is tried, whatever became of the one before, but for the first: a process that runs on
 * must not lose its files. */
int remove_app(struct ctl *ctl, const char *name, enum remove_state state)
{
	struct order stop = {.app = name, .verb = "stop", .concerns = is_up_and_can_be_stopped};
	int r;

	r = units_order(ctl, &stop, "it cannot be stopped, and nothing was removed");
	if (r != CTL_OK)
		return r;
	r = new_files_remove(name);
	if (units_forget(ctl, name) != CTL_OK)
		r = CTL_FAILED;
	if (state_remove(name, state) != CTL_OK)
		r = CTL_FAILED;
	if (new_user_remove(name) != CTL_OK)
		r = CTL_FAILED;
	return r == CTL_OK ? unfinished_clear(name) : r;
}

/* The application of a package goes with it. */
static int remove_check(const char *name)
{
	char tmpfiles[NEW_PATH_MAX], unwritten[NEW_PATH_MAX];
	int r;

	if (strcmp(name, "app") == 0) {
		fprintf(stderr, "bluegreenctl: `app' is the application that the package "
				"app-bluegreen brings; `apt remove app-bluegreen' removes it\n");
		return CTL_FAILED;
	}
	r = new_check_word(name);
	if (r != CTL_OK)
		return r;
	if (is_there("/usr/lib/systemd/system", name, "@.service") &&
		!is_there(NEW_UNIT_DIR, name, "@.service")) {
		fprintf(stderr,
			"bluegreenctl: %s is the application of a package, which has "
			"/usr/lib/systemd/system/%s@.service; remove that package\n",
			name, name);
		return CTL_FAILED;
	}
	snprintf(tmpfiles, sizeof(tmpfiles), "app-bluegreen-%s", name);
	snprintf(unwritten, sizeof(unwritten), ".%.64s.unfinished", name);
	/* Somebody may have removed the first by hand; the last is what a `new' leaves that was
	 * killed in its first step. */
	if (is_there(NEW_CONFIG_DIR, name, ".conf") ||
		is_there(NEW_CONFIG_DIR, name, ".unfinished") ||
		is_there("/etc/tmpfiles.d", tmpfiles, ".conf") ||
		is_there(NEW_CONFIG_DIR, unwritten, ".new"))
		return CTL_OK;
	fprintf(stderr,
		"bluegreenctl: there is no application %s; `bluegreenctl apps' shows those "
		"that are there\n",
		name);
	return CTL_FAILED;
}

/* Its releases, if they lie elsewhere, are somebody's work. */
static void elsewhere_tell(const char *name)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	char error[CONFIG_ERROR_MAX], own[NEW_PATH_MAX];

	snprintf(own, sizeof(own), "%s/%s/", STATE_DIR, name);
	if (config_load(NEW_CONFIG_DIR, name, error, &config) == 0 && config->release_directory &&
		strncmp(config->release_directory, own, strlen(own)) != 0)
		printf("Its releases stay in %s.\n", config->release_directory);
}

int verb_remove(struct ctl *ctl, char **argv)
{
	enum remove_state state = ctl->keep_data ? KEEP_STATE : REMOVE_STATE;
	const char *name = argv[0];
	_cleanup_fd_ int lock = -EBADF;
	int r;

	if (!name) {
		fprintf(stderr, "bluegreenctl: which application? `bluegreenctl remove NAME'\n");
		return CTL_USAGE;
	}
	r = remove_check(name);
	if (r != CTL_OK)
		return r;
	if (geteuid() != 0) {
		fprintf(stderr, "bluegreenctl: only root may remove an application\n");
		return CTL_FAILED;
	}
	lock = new_lock();
	if (lock < 0)
		return CTL_FAILED;
	elsewhere_tell(name);
	r = unfinished_mark(name, "remove", state);
	if (r == CTL_OK)
		r = remove_app(ctl, name, state);
	if (r != CTL_OK) {
		fprintf(stderr,
			"bluegreenctl: %s is not removed altogether; run `bluegreenctl remove %s' "
			"again\n",
			name, name);
		return r;
	}
	printf("%s is removed%s.\n", name,
		ctl->keep_data ? ", but for its state in " STATE_DIR : " with its state");
	return CTL_OK;
}
