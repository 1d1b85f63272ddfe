/* SPDX-License-Identifier: MIT */
/*
 * Knows what an application may be called, who it may run as, and what it may run; says before
 * anything is made what systemd would say when it is too late.
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config.h"
#include "ctl-new.h"
#include "ctl-systemd.h"

#define COMMAND_MAX    4096 /* of a line in a unit that a person still reads */
#define USER_MAX       31   /* useradd(8) */
#define VERIFY_SECONDS 30

/* The package's own names below /var/lib/app-bluegreen and /run/app-bluegreen, and in units. */
static const struct {
	const char *name, *reason;
} reserved[] = {
	{"app", "is the application that the package brings; `systemctl edit app@.service' says "
		"what it runs"},
	{"bluegreen", "is what all of this is called"},
	{"example", "is the example application's place for its notes"},
	{"recheck", "is the place of what looks for upgraded files"},
};

static int refuse(const char *format, ...) _printf_(1, 2);
static int refuse(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "bluegreenctl: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	return CTL_FAILED;
}

int new_check_word(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(reserved); i++)
		if (strcmp(name, reserved[i].name) == 0)
			return refuse("`%s' cannot be an application's name: it %s", name,
				reserved[i].reason);
	if (!config_app_valid(name))
		return refuse("`%s' cannot be an application's name: it is lower-case letters, "
			      "digits and _, begins with a letter, and has fewer than %d of them",
			name, CONFIG_APP_MAX);
	return CTL_OK;
}

/* Its supervisor may start what is called NAME-*.service, which are its hooks; what a package calls
 * so is none of them. The administrator's own may be there already. */
static int on_unit(void *owner, const struct systemd_unit *unit)
{
	const struct new_app *app = owner;
	size_t length = strlen(app->name);
	const char *rest = unit->name + length;
	bool packaged = unit->path && strncmp(unit->path, "/etc/", strlen("/etc/")) != 0;

	if (strncmp(unit->name, app->name, length) != 0)
		return 0;
	if (*rest == '@' || strncmp(rest, "-bluegreen", strlen("-bluegreen")) == 0 ||
		strcmp(rest, "-primary.target") == 0 || (*rest == '-' && packaged)) {
		(void)refuse("the name %s is taken: there is a unit %s; choose another one",
			app->name, unit->path ? unit->path : unit->name);
		return -EEXIST;
	}
	return 0;
}

static int name_check(struct ctl *ctl, const struct new_app *app)
{
	char path[NEW_PATH_MAX], pattern[CONFIG_APP_MAX + 2];
	int r;

	r = new_check_word(app->name);
	if (r != CTL_OK)
		return r;
	snprintf(path, sizeof(path), "%s/%s.conf", NEW_CONFIG_DIR, app->name);
	if (access(path, F_OK) == 0)
		return refuse("there is an application %s already (%s); `bluegreenctl remove %s' "
			      "removes it",
			app->name, path, app->name);
	snprintf(pattern, sizeof(pattern), "%s*", app->name);
	return systemd_units(ctl, pattern, on_unit, (void *)app) < 0 ? CTL_FAILED : CTL_OK;
}

static bool user_word_valid(const char *user)
{
	size_t length = strspn(user, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return (islower((unsigned char)*user) || *user == '_') && !user[length] &&
	       length <= USER_MAX;
}

static int user_check(struct new_app *app)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(app->user);
	app->user_made = !entry;
	if (entry && entry->pw_uid == 0)
		return refuse("--user: an application that runs as root could change everything "
			      "here; give it a user of its own, one that is not there yet is made");
	if (entry && strcmp(app->user, "app-bluegreen") == 0)
		return refuse("--user: app-bluegreen is the supervisors' own user, who may restart "
			      "every application; give %s one of its own",
			app->name);
	if (entry)
		return CTL_OK;
	if (!user_word_valid(app->user))
		return refuse("--user: there is no user `%s', and none can be made: such a name is "
			      "lower-case letters, digits, _ and -, %d at most",
			app->user, USER_MAX);
	if (getgrnam(app->user))
		return refuse(
			"--user: there is no user %s, but a group of that name; make the user "
			"yourself, or choose another one",
			app->user);
	return CTL_OK;
}

/* Where a program without its directory may be, for a hint. */
static int relative_refuse(const char *exec)
{
	static const char *const directories[] = {
		"/usr/local/bin", "/usr/bin", "/usr/sbin", "/opt/bin"};
	int length = (int)strcspn(exec, " \t");
	char path[NEW_PATH_MAX];

	for (size_t i = 0; length > 0 && i < ELEMENTS(directories); i++) {
		snprintf(path, sizeof(path), "%s/%.*s", directories[i], length, exec);
		if (!memchr(exec, '/', (size_t)length) && access(path, X_OK) == 0)
			return refuse("--exec: it must begin with the whole path of a program; it "
				      "is %s, probably",
				path);
	}
	return refuse("--exec: it must begin with the whole path of a program, `%.*s' does not",
		length, exec);
}

static int exec_check(const char *exec)
{
	char path[NEW_PATH_MAX];
	size_t length = strcspn(exec, " \t");
	struct stat st;

	if (strlen(exec) >= COMMAND_MAX)
		return refuse("--exec: it is longer than %d bytes; make it a script", COMMAND_MAX);
	for (const char *p = exec; *p; p++)
		if (iscntrl((unsigned char)*p) && *p != '\t')
			return refuse("--exec: it must be one line, without control characters");
	if (*exec != '/')
		return relative_refuse(exec);
	if (length >= sizeof(path))
		return refuse("--exec: the path of the program is too long");
	memcpy(path, exec, length);
	path[length] = '\0';
	if (stat(path, &st) < 0)
		return refuse("--exec: %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return refuse("--exec: %s is no program that can be executed", path);
	return CTL_OK;
}

const char *new_verify_name(const char *app)
{
	static char name[CONFIG_APP_MAX + 16];

	snprintf(name, sizeof(name), "%s.verify", app);
	return name;
}

/* systemd's own words about the template, but not what it says of other units meanwhile. */
static int verify_tell(const struct new_app *app, char *words, int status)
{
	char needle[CONFIG_APP_MAX + 2], *rest;
	int r = CTL_OK;

	snprintf(needle, sizeof(needle), "%s@", app->name);
	for (char *line = strtok_r(words, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, needle))
			r = refuse("systemd says of it: %s", line);
	if (r == CTL_OK && status != 0)
		return refuse(
			"`systemd-analyze verify' does not like what would be made; it says no "
			"reason");
	return r;
}

/* In a directory of its own, because nothing is to be found by systemd yet. */
int new_verify(const struct new_app *app)
{
	char directory[NEW_PATH_MAX], path[NEW_PATH_MAX + 80], name[CONFIG_APP_MAX + 16];
	const char *argv[] = {"systemd-analyze", "verify", "--man=no", path, NULL};
	_cleanup_free_ char *words = NULL, *text = new_template(app);
	int r;

	if (!text)
		return CTL_FAILED;
	snprintf(
		directory, sizeof(directory), "%s/%s", NEW_RUNTIME_DIR, new_verify_name(app->name));
	snprintf(name, sizeof(name), "%s@.service", app->name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	r = new_file_write(directory, name, text);
	if (r == CTL_OK) {
		r = program_run(argv, VERIFY_SECONDS, &words);
		if (r < 0)
			r = refuse("`systemd-analyze verify' cannot be run: %s", strerror(-r));
		else
			r = verify_tell(app, words, r);
	}
	if (new_tree_remove(NEW_RUNTIME_DIR, new_verify_name(app->name)) != CTL_OK)
		r = CTL_FAILED;
	return r;
}

static int ports_check(const struct new_app *app)
{
	for (enum color c = 0; c < COLOR_COUNT; c++)
		if (app->ports[c] < 1024)
			return refuse("--ports: %u: only root may listen on a port below 1024; "
				      "choose another one",
				(unsigned int)app->ports[c]);
	return CTL_OK;
}

int new_check(struct ctl *ctl, struct new_app *app)
{
	int r;

	r = name_check(ctl, app);
	if (r == CTL_OK)
		r = user_check(app);
	if (r == CTL_OK)
		r = exec_check(app->exec);
	if (r == CTL_OK)
		r = ports_check(app);
	if (r == CTL_OK)
		r = clash_check(ctl, app);
	return r;
}
