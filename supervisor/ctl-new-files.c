/* SPDX-License-Identifier: MIT */
/*
 * Knows the files of an application besides its state: which there are, what stands in them, and
 * where an administrator or systemctl(1) may have put more of them.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "config.h"
#include "ctl-new.h"
#include "generator-unit.h"
#include "release-tree.h"

/* The first line of each file: by it debian/postrm knows what `new' has made. */
#define MADE "# Made by `bluegreenctl new %s'"

#define NEEDRESTART_DIR "/etc/needrestart/restart.d"

static const char *const shipped_templates[] = {
	"/usr/lib/systemd/system/app@.service", "/lib/systemd/system/app@.service"};

/* Where the units of an application can be changed: by hand, by `systemctl edit', by
 * `systemctl set-property'; until the next boot, and for good. */
static const char *const unit_directories[] = {
	NEW_UNIT_DIR,
	"/run/systemd/system",
	"/etc/systemd/system.control",
	"/run/systemd/system.control",
};

static const char *const unit_suffixes[] = {
	"@.service",
	"@blue.service",
	"@green.service",
	"-bluegreen.service",
	"-bluegreen.socket",
	"-bluegreen-relay.service",
	"-bluegreen-control.socket",
	"-bluegreen-shutdown.service",
	"-bluegreen-instances.target",
	"-bluegreen-shutdown.service",
	"-primary.target",
};

int new_file_write(const char *directory, const char *name, const char *content)
{
	int r;

	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		fprintf(stderr, "bluegreenctl: %s cannot be made: %s\n", directory,
			strerror(errno));
		return CTL_FAILED;
	}
	r = file_write_atomic(directory, name, content, 0644);
	if (r < 0) {
		fprintf(stderr, "bluegreenctl: %s/%s cannot be written: %s\n", directory, name,
			strerror(-r));
		return CTL_FAILED;
	}
	return CTL_OK;
}

/* What the shipped template says of the example is left out with the comment above it. */
struct template
{
	const struct new_app *app;
	FILE *file;
	const char *comment; /* the first of the comment lines in front of the next line */
	bool command_written;
};

static void template_flush(struct template *template, const char *end)
{
	if (template->comment)
		unit_names_replace(template->comment, (size_t)(end - template->comment),
			template->app->name, template->file);
	template->comment = NULL;
}

static bool line_begins(const char *line, const char *key)
{
	return strncmp(line, key, strlen(key)) == 0;
}

static void template_line(struct template *template, const char *line, size_t size)
{
	const struct new_app *app = template->app;

	if (*line == '#') {
		if (!template->comment)
			template->comment = line;
		return;
	}
	if (line_begins(line, "User=")) {
		template->comment = NULL;
		fprintf(template->file, "User=%s\n", app->user);
	} else if (line_begins(line, "ExecStart=")) {
		template->comment = NULL;
		if (!template->command_written)
			fprintf(template->file,
				"# It must listen on 127.0.0.1:$PORT.\nExecStart=%s\n", app->exec);
		template->command_written = true;
	} else {
		template_flush(template, line);
		unit_names_replace(line, size, app->name, template->file);
	}
}

static void template_write(struct template *template, const char *text)
{
	const char *name = template->app->name;

	fprintf(template->file,
		MADE
		"; from then on it is yours.\n"
		"# One color of the application %s: %s@blue.service and %s@green.service. The\n"
		"# supervisor starts, stops and restarts them; nobody enables them.\n",
		name, name, name, name);
	/* What the head of the shipped one says is about the example. */
	text = strstr(text, "[Unit]");
	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		size_t size = (size_t)(end - text) + (*end ? 1 : 0);

		template_line(template, text, size);
		text += size;
	}
	template_flush(template, text ? text : template->comment);
}

char *new_template(const struct new_app *app)
{
	_cleanup_free_ char *shipped = NULL, *text = NULL;
	struct template template = {.app = app};
	size_t size;
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ELEMENTS(shipped_templates); i++)
		r = file_read(shipped_templates[i], UNIT_TEXT_MAX, &shipped, NULL);
	if (r < 0) {
		fprintf(stderr,
			"bluegreenctl: %s cannot be read: %s; install app-bluegreen again\n",
			shipped_templates[0], strerror(-r));
		return NULL;
	}
	template.file = open_memstream(&text, &size);
	if (template.file)
		template_write(&template, shipped);
	if (!template.file || fclose(template.file) != 0) {
		fprintf(stderr, "bluegreenctl: no memory is left\n");
		return NULL;
	}
	return take_ptr(text);
}

static int template_file_write(const struct new_app *app)
{
	_cleanup_free_ char *text = new_template(app);
	char name[CONFIG_APP_MAX + 16];

	if (!text)
		return CTL_FAILED;
	snprintf(name, sizeof(name), "%s@.service", app->name);
	return new_file_write(NEW_UNIT_DIR, name, text);
}

static int listen_file_write(const struct new_app *app)
{
	char directory[NEW_PATH_MAX], text[4096], address[LISTEN_TEXT_MAX];
	bool any_path = false;
	int length;

	length = snprintf(text, sizeof(text),
		MADE
		".\n# Where clients come in; after a change: systemctl daemon-reload && systemctl "
		"restart %s-bluegreen.socket\n[Socket]\n",
		app->name, app->name);
	/* NEW_LISTEN_MAX of them fit. */
	for (size_t i = 0; i < app->listens_count; i++) {
		size_t all = strlen("[::]:");

		any_path |= *app->listens[i].path != '\0';
		listen_format(&app->listens[i], address);
		/* A port alone: where there is no IPv6, systemd takes all addresses of IPv4. */
		if (strncmp(address, "[::]:", all) != 0)
			all = 0;
		length += snprintf(text + length, sizeof(text) - (size_t)length,
			"ListenStream=%s\n", address + all);
	}
	if (any_path)
		snprintf(text + length, sizeof(text) - (size_t)length,
			"# A path without a listener behind it only misleads.\nRemoveOnStop=yes\n");
	snprintf(directory, sizeof(directory), "%s/%s-bluegreen.socket.d", NEW_UNIT_DIR, app->name);
	return new_file_write(directory, "listen.conf", text);
}

static int tmpfiles_file_write(const struct new_app *app)
{
	char name[CONFIG_APP_MAX + 32], text[1024];

	snprintf(name, sizeof(name), "app-bluegreen-%s.conf", app->name);
	snprintf(text, sizeof(text),
		MADE
		".\n# Environment files and the control socket, as tmpfiles.d/app-bluegreen.conf "
		"explains it.\n"
		"d /run/app-bluegreen/%s 1775 root app-bluegreen -\n"
		"f /run/app-bluegreen/%s/blue.env 0660 root app-bluegreen -\n"
		"f /run/app-bluegreen/%s/green.env 0660 root app-bluegreen -\n"
		"f /run/app-bluegreen/%s/hook.env 0664 root app-bluegreen -\n"
		"# The record of cycles.\n"
		"d /var/lib/app-bluegreen/%s 0755 app-bluegreen app-bluegreen -\n",
		app->name, app->name, app->name, app->name, app->name, app->name);
	return new_file_write("/etc/tmpfiles.d", name, text);
}

static int config_file_write(const struct new_app *app)
{
	char name[CONFIG_APP_MAX + 16], text[1024];

	snprintf(name, sizeof(name), "%s.conf", app->name);
	snprintf(text, sizeof(text),
		MADE
		". app-bluegreen.conf(5) explains every key,\n"
		"# and app.conf beside this file has all of them with their defaults. Read anew "
		"at the start of every\n# cycle, that is at `systemctl reload %s-bluegreen'.\n\n"
		"[App]\n# Where blue and green listen, on 127.0.0.1. The app gets its port as "
		"$PORT.\nBluePort=%u\nGreenPort=%u\n",
		app->name, app->name, (unsigned int)app->ports[COLOR_BLUE],
		(unsigned int)app->ports[COLOR_GREEN]);
	return new_file_write(NEW_CONFIG_DIR, name, text);
}

/* What needrestart(1) runs in place of a restart of this instance: the same for all of them. Where
 * it is not installed the package has put it there all the same. */
static int needrestart_link(const struct new_app *app)
{
	char path[NEW_PATH_MAX], shipped[NEW_PATH_MAX];

	for (enum color c = 0; c < COLOR_COUNT; c++) {
		snprintf(shipped, sizeof(shipped), "%s/app@%s.service", NEEDRESTART_DIR,
			color_name(c));
		snprintf(path, sizeof(path), "%s/%s@%s.service", NEEDRESTART_DIR, app->name,
			color_name(c));
		if (access(shipped, F_OK) < 0 || symlink(strrchr(shipped, '/') + 1, path) == 0)
			continue;
		fprintf(stderr, "bluegreenctl: %s cannot be made: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	return CTL_OK;
}

/* The configuration comes last: from then on the generator makes units. */
int new_files_write(const struct new_app *app)
{
	int r;

	r = template_file_write(app);
	if (r == CTL_OK)
		r = listen_file_write(app);
	if (r == CTL_OK)
		r = tmpfiles_file_write(app);
	if (r == CTL_OK)
		r = needrestart_link(app);
	if (r == CTL_OK)
		r = config_file_write(app);
	return r;
}

int new_tree_remove(const char *directory, const char *name)
{
	_cleanup_fd_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char where[NEW_PATH_MAX] = "", unwritten[NEW_PATH_MAX];
	int r;

	if (fd < 0)
		return errno == ENOENT ? CTL_OK : CTL_FAILED;
	/* What file_write_atomic() leaves if it is killed. */
	snprintf(unwritten, sizeof(unwritten), ".%.400s.new", name);
	r = tree_remove(fd, unwritten, where, sizeof(where));
	if (r == 0)
		r = tree_remove(fd, name, where, sizeof(where));
	if (r == 0)
		return CTL_OK;
	fprintf(stderr, "bluegreenctl: %s/%s cannot be removed: %s\n", directory,
		*where ? where : name, strerror(-r));
	return CTL_FAILED;
}

static int units_remove(const char *directory, const char *name)
{
	static const char *const forms[] = {"", ".d", ".wants", ".requires", ".upholds"};
	char file[NEW_PATH_MAX];
	int r = CTL_OK;

	for (size_t i = 0; i < ELEMENTS(unit_suffixes); i++)
		for (size_t j = 0; j < ELEMENTS(forms); j++) {
			snprintf(file, sizeof(file), "%s%s%s", name, unit_suffixes[i], forms[j]);
			if (new_tree_remove(directory, file) != CTL_OK)
				r = CTL_FAILED;
		}
	return r;
}

/* The configuration goes first: without it the generator makes no units any more. */
int new_files_remove(const char *name)
{
	char file[NEW_PATH_MAX];
	int r;

	snprintf(file, sizeof(file), "%s.conf", name);
	r = new_tree_remove(NEW_CONFIG_DIR, file);
	snprintf(file, sizeof(file), "%s.conf.d", name);
	if (new_tree_remove(NEW_CONFIG_DIR, file) != CTL_OK)
		r = CTL_FAILED;
	snprintf(file, sizeof(file), "app-bluegreen-%s.conf", name);
	if (new_tree_remove("/etc/tmpfiles.d", file) != CTL_OK)
		r = CTL_FAILED;
	for (enum color c = 0; c < COLOR_COUNT; c++) {
		snprintf(file, sizeof(file), "%s@%s.service", name, color_name(c));
		if (new_tree_remove(NEEDRESTART_DIR, file) != CTL_OK)
			r = CTL_FAILED;
	}
	for (size_t i = 0; i < ELEMENTS(unit_directories); i++)
		if (units_remove(unit_directories[i], name) != CTL_OK)
			r = CTL_FAILED;
	return r;
}
