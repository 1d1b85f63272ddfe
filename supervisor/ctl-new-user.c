/* SPDX-License-Identifier: MIT */
/*
 * Knows the user that was made for an application: /etc/sysusers.d/app-bluegreen-NAME.conf says
 * which, and is there only if one was.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "config.h"
#include "ctl-new.h"
#include "ctl-systemd.h"
#include "generator-unit.h"

#define SYSUSERS_DIR "/etc/sysusers.d"
#define SYSUSERS_MAX 4096
#define USER_MAX     64
#define USER_SECONDS 30

static void sysusers_name(const char *app, char ret_name[static NEW_PATH_MAX])
{
	snprintf(ret_name, NEW_PATH_MAX, "app-bluegreen-%s.conf", app);
}

int new_user_make(const struct new_app *app)
{
	char name[NEW_PATH_MAX], path[NEW_PATH_MAX + sizeof(SYSUSERS_DIR)], text[1024];
	const char *argv[] = {"systemd-sysusers", path, NULL};
	int r;

	if (!app->user_made)
		return CTL_OK;
	sysusers_name(app->name, name);
	snprintf(path, sizeof(path), "%s/%s", SYSUSERS_DIR, name);
	snprintf(text, sizeof(text),
		"# Made by `bluegreenctl new %s'.\n# The user was not there before; `bluegreenctl "
		"remove %s' removes it.\nu %s - \"application %s\" - -\n",
		app->name, app->name, app->user, app->name);
	r = new_file_write(SYSUSERS_DIR, name, text);
	if (r == CTL_OK)
		r = program_must(argv, USER_SECONDS, "the user cannot be made");
	if (r == CTL_OK && !getpwnam(app->user)) {
		fprintf(stderr, "bluegreenctl: systemd-sysusers did not make the user %s\n",
			app->user);
		r = CTL_FAILED;
	}
	return r;
}

/* The file's one line begins with "u NAME ". False: no such file. */
static bool user_read(const char *app, char ret_user[static USER_MAX])
{
	char name[NEW_PATH_MAX], path[NEW_PATH_MAX + sizeof(SYSUSERS_DIR)];
	_cleanup_free_ char *text = NULL;
	const char *line;

	sysusers_name(app, name);
	snprintf(path, sizeof(path), "%s/%s", SYSUSERS_DIR, name);
	if (file_read(path, SYSUSERS_MAX, &text, NULL) < 0)
		return false;
	line = strstr(text, "\nu ");
	return line && sscanf(line, "\nu %63s", ret_user) == 1;
}

static bool runs_as(const char *app, const char *user)
{
	char path[NEW_PATH_MAX], line[USER_MAX + 16];
	_cleanup_free_ char *text = NULL;

	snprintf(path, sizeof(path), "%s/%s@.service", NEW_UNIT_DIR, app);
	snprintf(line, sizeof(line), "\nUser=%s\n", user);
	return file_read(path, UNIT_TEXT_MAX, &text, NULL) >= 0 && strstr(text, line);
}

/* Another application of this machine that runs as the user, by its template. */
static bool other_find(const char *app, const char *user, char ret_other[static CONFIG_APP_MAX])
{
	DIR *directory = opendir(NEW_CONFIG_DIR);
	struct dirent *entry;
	bool found = false;

	while (!found && directory && (entry = readdir(directory))) {
		size_t length = strcspn(entry->d_name, ".");

		if (strcmp(entry->d_name + length, ".conf") != 0 || length >= CONFIG_APP_MAX)
			continue;
		memcpy(ret_other, entry->d_name, length);
		ret_other[length] = '\0';
		found = strcmp(ret_other, app) != 0 && runs_as(ret_other, user);
	}
	if (directory)
		closedir(directory);
	return found;
}

/* Whoever is removed last removes it. */
static int user_hand_on(const char *app, const char *other, const char *user)
{
	char from[NEW_PATH_MAX], to[NEW_PATH_MAX];
	_cleanup_fd_ int fd = open(SYSUSERS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	sysusers_name(app, from);
	sysusers_name(other, to);
	if (fd < 0 || renameat(fd, from, fd, to) < 0) {
		fprintf(stderr, "bluegreenctl: %s/%s cannot be renamed: %s\n", SYSUSERS_DIR, from,
			strerror(errno));
		return CTL_FAILED;
	}
	printf("The user %s stays: %s runs as it.\n", user, other);
	return CTL_OK;
}

static int sysusers_remove(const char *name)
{
	char file[NEW_PATH_MAX];

	sysusers_name(name, file);
	if (new_tree_remove(SYSUSERS_DIR, file) != CTL_OK)
		return CTL_FAILED;
	/* Debian has no such directory before somebody makes one; with other files it stays. */
	(void)rmdir(SYSUSERS_DIR);
	return CTL_OK;
}

int new_user_remove(const char *name)
{
	char user[USER_MAX], other[CONFIG_APP_MAX];
	const char *argv[] = {"userdel", user, NULL};

	if (!user_read(name, user))
		return sysusers_remove(name);
	if (other_find(name, user, other))
		return user_hand_on(name, other, user);
	if (getpwnam(user) && program_must(argv, USER_SECONDS,
				      "the user that was made for it cannot be removed") != CTL_OK)
		return CTL_FAILED;
	return sysusers_remove(name);
}
