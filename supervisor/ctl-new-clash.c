/* SPDX-License-Identifier: MIT */
/*
 * Knows who has an address or a port on this machine: the other applications by their
 * configuration, the socket units of systemd, and whoever listens now. The first of them that is in
 * the way is named.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "config.h"
#include "ctl-new.h"
#include "ctl-systemd.h"
#include "listener-process.h"

#define WHO_MAX	     320
#define STATE_LISTEN 0x0a /* TCP_LISTEN, as /proc/net/tcp has it */

/* What is asked of everybody: is one of these yours? */
struct clash {
	struct ctl *ctl;
	const struct new_app *app;
	char who[WHO_MAX]; /* is in the way */
	struct listen_address wanted;
};

static bool overlap(struct clash *clash, const struct listen_address *wanted,
	const struct listen_address *theirs)
{
	if (!listen_clash(wanted, theirs))
		return false;
	clash->wanted = *wanted;
	return true;
}

/* Whether `theirs` is in the way of anything that the application wants. */
static bool clash_with(struct clash *clash, const struct listen_address *theirs)
{
	const struct new_app *app = clash->app;

	for (enum color c = 0; c < COLOR_COUNT; c++) {
		struct listen_address local = listen_local(app->ports[c]);

		if (overlap(clash, &local, theirs))
			return true;
	}
	for (size_t i = 0; i < app->listens_count; i++)
		if (overlap(clash, &app->listens[i], theirs))
			return true;
	return false;
}

static int found(struct clash *clash, const char *format, ...) _printf_(2, 3);
static int found(struct clash *clash, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(clash->who, sizeof(clash->who), format, arguments);
	va_end(arguments);
	return 1;
}

/* What it wants for itself must not be the same twice. */
static int clash_own(struct clash *clash)
{
	const struct new_app *app = clash->app;
	struct listen_address blue = listen_local(app->ports[COLOR_BLUE]);
	struct listen_address green = listen_local(app->ports[COLOR_GREEN]);

	if (overlap(clash, &green, &blue))
		return found(clash, "the port of blue; each color listens on one of its own");
	for (size_t i = 0; i < app->listens_count; i++) {
		if (overlap(clash, &app->listens[i], &blue) ||
			overlap(clash, &app->listens[i], &green))
			return found(clash, "in --listen and in --ports; clients come in on "
					    "another one than the application listens on");
		for (size_t j = 0; j < i; j++)
			if (overlap(clash, &app->listens[i], &app->listens[j]))
				return found(clash, "in --listen twice");
	}
	return 0;
}

static int clash_config(struct clash *clash, const char *name)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	char error[CONFIG_ERROR_MAX];

	if (config_load(NEW_CONFIG_DIR, name, error, &config) < 0) {
		fprintf(stderr,
			"bluegreenctl: which ports %s has cannot be known: %s\nRepair that "
			"first.\n",
			name, error);
		return -EBADMSG;
	}
	if (config->protocol == PROTOCOL_NONE)
		return 0;
	for (enum color c = 0; c < COLOR_COUNT; c++) {
		struct listen_address local = listen_local(config->ports[c]);

		if (clash_with(clash, &local))
			return found(clash, "%s of the application %s (%s/%s.conf)",
				c == COLOR_BLUE ? "BluePort=" : "GreenPort=", name, NEW_CONFIG_DIR,
				name);
	}
	return 0;
}

/* Each application has a file of its own there. */
static int clash_configs(struct clash *clash)
{
	struct dirent **entries;
	int count, r = 0;

	count = scandir(NEW_CONFIG_DIR, &entries, NULL, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name, *suffix = strstr(name, ".conf");

		if (r == 0 && suffix && strcmp(suffix, ".conf") == 0) {
			*suffix = '\0';
			if (config_app_valid(name) && strcmp(name, clash->app->name) != 0)
				r = clash_config(clash, name);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* An address that we cannot read, of an interface say, counts as all of them on its port. */
static int on_listen(void *owner, const char *unit, const char *address)
{
	struct clash *clash = owner;
	struct listen_address theirs;
	const char *port = strrchr(address, ':');

	if (listen_parse(address, strlen(address), &theirs) < 0 &&
		(!port || listen_parse(port + 1, strlen(port + 1), &theirs) < 0))
		return 0;
	if (!clash_with(clash, &theirs))
		return 0;
	return found(clash, "ListenStream=%s of %s", address, unit);
}

static int on_socket(void *owner, const struct systemd_unit *unit)
{
	struct clash *clash = owner;

	/* A template listens nowhere; and each comes by its file, wherever that is. */
	if (strstr(unit->name, "@.") || !unit->path)
		return 0;
	return systemd_listens(clash->ctl, unit->name, on_listen, clash);
}

/* "0100007F:1F90" or four such words: in the byte order of the machine. */
static int kernel_address_parse(const char *text, struct listen_address *ret_address)
{
	struct listen_address address = {.endpoint.known = true};
	const char *colon = strchr(text, ':');
	uint32_t words[4] = {0};
	unsigned int port;
	size_t count;

	if (!colon || sscanf(colon, ":%4X", &port) != 1)
		return -EINVAL;
	count = (size_t)(colon - text) / 8;
	if (count != 1 && count != 4)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (sscanf(text + 8 * i, "%8X", &words[count == 1 ? 3 : i]) != 1)
			return -EINVAL;
	memcpy(address.endpoint.address, words, sizeof(words));
	/* IPv4 in its mapped form, as everywhere here. */
	if (count == 1)
		memset(address.endpoint.address + 10, 0xff, 2);
	address.endpoint.port = (uint16_t)port;
	*ret_address = address;
	return 0;
}

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static int clash_kernel(struct clash *clash, const char *path)
{
	_cleanup_(cleanup_file) FILE *file = fopen(path, "re");
	char line[512], local[64], process[LISTENER_PROCESS_MAX];
	struct listen_address theirs;
	unsigned long long inode;
	unsigned int state;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %63s %*s %X %*s %*s %*s %*d %*d %llu", local, &state,
			    &inode) != 3 ||
			state != STATE_LISTEN || kernel_address_parse(local, &theirs) < 0 ||
			!clash_with(clash, &theirs))
			continue;
		listener_find_process(inode, process);
		return found(clash, "listened on now, by %s", process);
	}
	return 0;
}

/* systemd takes a path that is in the way for a socket left over, and replaces it. */
static int clash_paths(struct clash *clash)
{
	struct stat st;

	for (size_t i = 0; i < clash->app->listens_count; i++) {
		const struct listen_address *address = &clash->app->listens[i];

		if (!*address->path || lstat(address->path, &st) < 0)
			continue;
		clash->wanted = *address;
		return found(clash, "there already, %s",
			S_ISSOCK(st.st_mode) ? "a socket" : "and no socket");
	}
	return 0;
}

int clash_check(struct ctl *ctl, const struct new_app *app)
{
	struct clash clash = {.ctl = ctl, .app = app};
	char address[LISTEN_TEXT_MAX];
	int r;

	r = clash_own(&clash);
	if (r == 0)
		r = clash_configs(&clash);
	if (r == 0)
		r = systemd_units(ctl, "*.socket", on_socket, &clash);
	if (r == 0)
		r = clash_kernel(&clash, "/proc/net/tcp");
	if (r == 0)
		r = clash_kernel(&clash, "/proc/net/tcp6");
	if (r == 0)
		r = clash_paths(&clash);
	if (r < 0)
		return CTL_FAILED;
	if (r == 0)
		return CTL_OK;
	listen_format(&clash.wanted, address);
	fprintf(stderr, "bluegreenctl: %s is taken: it is %s; choose another one\n", address,
		clash.who);
	return CTL_FAILED;
}
