/* SPDX-License-Identifier: MIT */
/*
 * `bluegreenctl new': knows in which order an application is made, and that it is taken back
 * altogether if that cannot be done.
 */
#include "ctl-new.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "ctl-systemd.h"

#define RELOAD_SECONDS	 90
#define TMPFILES_SECONDS 30
#define START_SECONDS	 60

static int usage(const char *what)
{
	fprintf(stderr,
		"bluegreenctl: %s\nUsage: bluegreenctl new NAME --listen ADDRESS[,...] --ports "
		"BLUE,GREEN --user USER --exec 'COMMAND' [--no-start]\n",
		what);
	return CTL_USAGE;
}

static int wishes_read(const struct ctl *ctl, struct new_app *app)
{
	const char *word;
	int r;

	if (!app->name)
		return usage("what shall it be called?");
	if (!ctl->listen)
		return usage("where do clients come in? --listen is missing");
	if (!ctl->ports)
		return usage("where do its two instances listen? --ports is missing");
	if (!ctl->user)
		return usage("as whom does it run? --user is missing");
	if (!ctl->exec)
		return usage("what does it run? --exec is missing");
	r = listen_list_parse(ctl->listen, app, &word);
	if (r == -E2BIG)
		return usage("--listen: 16 addresses at most");
	if (r < 0) {
		fprintf(stderr,
			"bluegreenctl: --listen: `%.*s' is no port (8081), no address with one "
			"(127.0.0.1:8081, [::1]:8081), and no path of a socket (/run/shop.sock)\n",
			(int)strcspn(word, ","), word);
		return CTL_USAGE;
	}
	if (listen_ports_parse(ctl->ports, app) < 0)
		return usage("--ports: two ports are needed, of blue and of green: 9010,9011");
	app->user = ctl->user;
	app->exec = ctl->exec;
	return CTL_OK;
}

static int tmpfiles_create(const struct new_app *app)
{
	char path[NEW_PATH_MAX];
	const char *argv[] = {"systemd-tmpfiles", "--create", path, NULL};

	snprintf(path, sizeof(path), "/etc/tmpfiles.d/app-bluegreen-%s.conf", app->name);
	return program_must(argv, TMPFILES_SECONDS, "its directories cannot be made");
}

static int start(const struct new_app *app)
{
	char socket[NEW_PATH_MAX], service[NEW_PATH_MAX];
	const char *argv[] = {"systemctl", "start", socket, service, NULL};

	snprintf(socket, sizeof(socket), "%s-bluegreen.socket", app->name);
	snprintf(service, sizeof(service), "%s-bluegreen.service", app->name);
	return program_must(argv, START_SECONDS, "it cannot be started");
}

static int make(const struct ctl *ctl, const struct new_app *app)
{
	static const char *const reload[] = {"systemctl", "daemon-reload", NULL};
	int r;

	r = new_user_make(app);
	if (r == CTL_OK)
		r = new_files_write(app);
	if (r == CTL_OK)
		r = tmpfiles_create(app);
	if (r == CTL_OK)
		r = program_must(reload, RELOAD_SECONDS, "systemd cannot read its units anew");
	if (r == CTL_OK && !ctl->no_start)
		r = start(app);
	return r;
}

static int take_back(struct ctl *ctl, const char *name, enum remove_state state)
{
	int r = remove_app(ctl, name, state);

	if (r != CTL_OK)
		fprintf(stderr,
			"bluegreenctl: not all of it could be taken back; `bluegreenctl remove %s' "
			"tries again\n",
			name);
	return r;
}

static void tell(const struct ctl *ctl, const struct new_app *app)
{
	const char *name = app->name;

	if (app->user_made)
		printf("The user %s is made.\n", app->user);
	if (ctl->no_start)
		printf("%s is made, and begins at the next boot, or with\n"
		       "    systemctl start %s-bluegreen.socket %s-bluegreen.service\n",
			name, name, name);
	else
		printf("%s is made and starts; how it stands:\n    bluegreenctl --app %s status\n",
			name, name);
	printf("Its settings are in %s/%s.conf, what it runs is in %s/%s@.service;\nafter a "
	       "change: "
	       "systemctl reload %s-bluegreen\n",
		NEW_CONFIG_DIR, name, NEW_UNIT_DIR, name, name);
}

int verb_new(struct ctl *ctl, char **argv)
{
	struct new_app app = {.name = argv[0]};
	enum remove_state state;
	_cleanup_fd_ int lock = -EBADF;
	int r;

	r = wishes_read(ctl, &app);
	if (r == CTL_OK)
		r = new_check_word(app.name);
	if (r != CTL_OK)
		return r;
	if (geteuid() != 0) {
		fprintf(stderr, "bluegreenctl: only root may make an application\n");
		return CTL_FAILED;
	}
	lock = new_lock();
	if (lock < 0)
		return CTL_FAILED;
	if (unfinished_is(app.name, &state)) {
		printf("An earlier `new' or `remove' of %s was interrupted; what it left goes "
		       "first.\n",
			app.name);
		r = take_back(ctl, app.name, state);
	}
	if (r == CTL_OK)
		r = new_check(ctl, &app);
	if (r != CTL_OK)
		return r;
	state = state_is_there(app.name);
	if (state == KEEP_STATE)
		printf("The state of an earlier %s is there, and goes on.\n", app.name);
	r = unfinished_mark(app.name, "new", state);
	if (r != CTL_OK)
		return r;
	if (new_verify(&app) != CTL_OK) {
		(void)unfinished_clear(app.name);
		return CTL_FAILED;
	}
	r = make(ctl, &app);
	if (r != CTL_OK) {
		if (take_back(ctl, app.name, state) == CTL_OK)
			fprintf(stderr, "bluegreenctl: nothing of it is left\n");
		return r;
	}
	r = unfinished_clear(app.name);
	if (r == CTL_OK)
		tell(ctl, &app);
	return r;
}
