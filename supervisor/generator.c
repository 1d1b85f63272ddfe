/* SPDX-License-Identifier: MIT */
/*
 * The generator (systemd.generator(7)): gives each application of this machine but `app`, whose
 * units are shipped, units of its own at every boot and daemon-reload, so that an upgrade of the
 * package is one of theirs too. An application is a /etc/app-bluegreen/NAME.conf with a template
 * NAME@.service; what stands in either is not looked at. Runs before /var is there, before D-Bus
 * and the journal: it reads /etc and the units that are installed, writes into the directory it is
 * given, and what it cannot do costs the application concerned its units and nobody else.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "config.h"
#include "generator-unit.h"

#define SHIPPED_MAX 16	/* rows of the table of units */
#define APPS_MAX    256 /* applications of one machine; each is two processes and six units */
#define MESSAGE_MAX 512

/* Where tests put what systemd and the package have elsewhere. */
#define CONFIG_VARIABLE	 "BLUEGREEN_CONFIG_DIR"
#define SHIPPED_VARIABLE "BLUEGREEN_UNIT_DIR"

struct generator {
	const char *config; /* /etc/app-bluegreen */
	int out;	    /* the directory for units of ordinary priority */
	char *shipped[SHIPPED_MAX];
	char paths[SHIPPED_MAX][PATH_MAX];
};

/* Where an administrator or a package may have put a template. */
static const char *const template_directories[] = {
	"/etc/systemd/system",
	"/run/systemd/system",
	"/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
	"/lib/systemd/system",
};

/* Where the package's own are: /lib is the same directory on a merged /usr. */
static const char *const shipped_directories[] = {"/usr/lib/systemd/system", "/lib/systemd/system"};

/* The kernel's log is the only one at this time of a boot; by hand there is a terminal. */
static void say(const char *format, ...) _printf_(1, 2);
static void say(const char *format, ...)
{
	_cleanup_fd_ int fd = -EBADF;
	char message[MESSAGE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (getppid() == 1)
		fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	dprintf(fd >= 0 ? fd : STDERR_FILENO, "%sbluegreen-generator[%d]: %s\n",
		fd >= 0 ? "<4>" : "", (int)getpid(), message);
}

static bool exists_in(const char *directory, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

static bool has_template(const char *app)
{
	const char *given = getenv(SHIPPED_VARIABLE);
	char name[UNIT_NAME_MAX];

	snprintf(name, sizeof(name), "%s@.service", app);
	if (given)
		return exists_in(given, name);
	for (size_t i = 0; i < ELEMENTS(template_directories); i++)
		if (exists_in(template_directories[i], name))
			return true;
	return false;
}

static int shipped_read(struct generator *generator, size_t index, const char *directory)
{
	char name[UNIT_NAME_MAX], *path = generator->paths[index];

	unit_name(&units_shipped[index], "app", name);
	if (snprintf(path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_read(path, UNIT_TEXT_MAX, &generator->shipped[index], NULL);
}

static int shipped_read_all(struct generator *generator)
{
	const char *given = getenv(SHIPPED_VARIABLE);
	int r;

	for (size_t i = 0; i < units_shipped_count; i++) {
		if (given) {
			r = shipped_read(generator, i, given);
		} else {
			r = -ENOENT;
			for (size_t j = 0; r == -ENOENT && j < ELEMENTS(shipped_directories); j++)
				r = shipped_read(generator, i, shipped_directories[j]);
		}
		if (r < 0) {
			say("%s cannot be read: %s; no application but `app' gets units, install "
			    "app-bluegreen again",
				generator->paths[i], strerror(-r));
			return r;
		}
	}
	return 0;
}

static int unit_write(int out, const char *name, const char *text)
{
	_cleanup_fd_ int fd = -EBADF;
	size_t size = strlen(text);

	/* A unit that another generator wrote is not ours to replace. */
	fd = openat(out, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = -errno;

			(void)unlinkat(out, name, 0);
			return r;
		}
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static int wants_path(char path[static PATH_MAX], const char *target, const char *name)
{
	if (strchr(target, '/') ||
		snprintf(path, PATH_MAX, "%s.wants/%s", target, name) >= PATH_MAX)
		return -EINVAL;
	return 0;
}

/* What `systemctl enable' would have made. wanted_by is taken apart. */
static int unit_enable(int out, const char *name, char *wanted_by)
{
	char path[PATH_MAX], link[UNIT_NAME_MAX + sizeof("../")], *rest;
	int r;

	snprintf(link, sizeof(link), "../%s", name);
	for (char *target = strtok_r(wanted_by, " ", &rest); target;
		target = strtok_r(NULL, " ", &rest)) {
		r = wants_path(path, target, "");
		if (r < 0)
			return r;
		if (mkdirat(out, path, 0755) < 0 && errno != EEXIST)
			return -errno;
		r = wants_path(path, target, name);
		if (r < 0)
			return r;
		if (symlinkat(link, out, path) < 0)
			return -errno;
	}
	return 0;
}

static int app_unit_make(const struct generator *generator, size_t index, const char *app)
{
	_cleanup_free_ char *text = NULL, *wanted_by = NULL;
	char name[UNIT_NAME_MAX];
	int r;

	unit_name(&units_shipped[index], app, name);
	r = unit_derive(&units_shipped[index], app, generator->paths[index],
		generator->shipped[index], &text, &wanted_by);
	if (r >= 0)
		r = unit_write(generator->out, name, text);
	if (r >= 0)
		r = unit_enable(generator->out, name, wanted_by);
	if (r < 0)
		say("%s cannot be written: %s; %s has not all of its units, `systemctl "
		    "daemon-reload' tries again",
			name, strerror(-r), app);
	return r;
}

/* bluegreenctl(1) leaves it while it is at work, and where it was interrupted. */
static void unfinished_tell(const struct generator *generator, const char *app)
{
	char name[NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s.unfinished", app);
	if (exists_in(generator->config, name) && getppid() == 1)
		say("%s/%s: `bluegreenctl new %s' or `remove %s' is at work, or was interrupted; "
		    "then run it again",
			generator->config, name, app, app);
}

static void app_make(const struct generator *generator, const char *app)
{
	unfinished_tell(generator, app);
	if (!has_template(app)) {
		say("%s/%s.conf: there is no %s@.service, so %s gets no units; write it, or remove "
		    "the file",
			generator->config, app, app, app);
		return;
	}
	for (size_t i = 0; i < units_shipped_count; i++)
		if (app_unit_make(generator, i, app) < 0)
			return;
}

/* NAME.conf, and NAME may be the name of an application other than `app'. */
static bool app_of_file(const char *file, char ret_app[static CONFIG_APP_MAX])
{
	size_t length = strlen(file), suffix = strlen(".conf");

	if (length <= suffix || length - suffix >= CONFIG_APP_MAX ||
		strcmp(file + length - suffix, ".conf") != 0)
		return false;
	memcpy(ret_app, file, length - suffix);
	ret_app[length - suffix] = '\0';
	return config_app_valid(ret_app) && strcmp(ret_app, "app") != 0;
}

static void apps_make(struct generator *generator)
{
	DIR *directory = opendir(generator->config);
	char app[CONFIG_APP_MAX];
	struct dirent *entry;
	size_t count = 0;

	if (!directory) {
		/* Without it there are no applications, which is nothing to tell. */
		if (errno != ENOENT)
			say("%s cannot be read: %s", generator->config, strerror(errno));
		return;
	}
	while ((entry = readdir(directory))) {
		if (!app_of_file(entry->d_name, app))
			continue;
		if (count == 0 && shipped_read_all(generator) < 0)
			break;
		if (count++ == APPS_MAX) {
			say("%s: more than %d applications; the others get no units",
				generator->config, APPS_MAX);
			break;
		}
		app_make(generator, app);
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	struct generator generator = {.config = getenv(CONFIG_VARIABLE), .out = -EBADF};

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "Usage: app-bluegreen NORMAL-DIRECTORY [EARLY-DIRECTORY "
				"LATE-DIRECTORY]\nsystemd runs it; see bluegreen-generator(8).\n");
		return EX_USAGE;
	}
	if (!generator.config)
		generator.config = "/etc/app-bluegreen";
	generator.out = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (generator.out < 0) {
		say("%s cannot be opened: %s; no application but `app' gets units", argv[1],
			strerror(errno));
		return EX_CANTCREAT;
	}
	umask(0022);
	apps_make(&generator);
	for (size_t i = 0; i < SHIPPED_MAX; i++)
		free(generator.shipped[i]);
	(void)fd_close(generator.out);
	/* systemd only logs another status; that was done. */
	return EXIT_SUCCESS;
}
