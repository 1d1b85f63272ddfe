/* SPDX-License-Identifier: MIT */
/*
 * Knows how the service manager is asked for its units, and how a program is run for a while.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "ctl-systemd.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define SYSTEMD_PATH	"/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD_SOCKET	"org.freedesktop.systemd1.Socket"

#define WORDS_MAX 2048 /* bytes of what a program said that are shown */

extern char **environ;

static int bus_failed(const sd_bus_error *error, int r)
{
	fprintf(stderr, "bluegreenctl: systemd cannot be asked for its units: %s\n",
		error->message ? error->message : strerror(-r));
	return r;
}

/* Method of the manager that takes states (none) and patterns. */
static int units_ask(struct ctl *ctl, const char *method, const char *pattern, sd_bus_message **ret)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (ctl_connect(ctl) != CTL_OK)
		return -ECONNREFUSED;
	r = sd_bus_call_method(ctl->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method,
		&error, ret, "asas", 0, 1, pattern);
	return r < 0 ? bus_failed(&error, r) : 0;
}

static int loaded_take(sd_bus_message *reply, systemd_unit_fn take, void *owner)
{
	const char *unit, *load, *active;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &unit, NULL, &load,
				  &active, NULL, NULL, NULL, NULL, NULL, NULL)) > 0) {
		/* Another unit names it, and that is all there is of it. */
		if (strcmp(load, "not-found") == 0 && strcmp(active, "inactive") == 0)
			continue;
		r = take(owner, &(struct systemd_unit){.name = unit, .active = active});
		if (r != 0)
			return r;
	}
	return r;
}

static int installed_take(sd_bus_message *reply, systemd_unit_fn take, void *owner)
{
	const char *path, *state;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &path, &state)) > 0) {
		const char *unit = strrchr(path, '/');

		r = take(owner,
			&(struct systemd_unit){.name = unit ? unit + 1 : path, .path = path});
		if (r != 0)
			return r;
	}
	return r;
}

int systemd_units(struct ctl *ctl, const char *pattern, systemd_unit_fn take, void *owner)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *loaded = NULL, *installed = NULL;
	int r;

	r = units_ask(ctl, "ListUnitFilesByPatterns", pattern, &installed);
	if (r >= 0)
		r = installed_take(installed, take, owner);
	if (r != 0)
		return r;
	r = units_ask(ctl, "ListUnitsByPatterns", pattern, &loaded);
	return r < 0 ? r : loaded_take(loaded, take, owner);
}

static int listens_take(
	sd_bus_message *reply, const char *unit, systemd_listen_fn take, void *owner)
{
	const char *type, *address;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &type, &address)) > 0) {
		if (strcmp(type, "Stream") != 0 && strcmp(type, "SequentialPacket") != 0)
			continue;
		r = take(owner, unit, address);
		if (r != 0)
			return r;
	}
	return r;
}

int systemd_listens(struct ctl *ctl, const char *unit, systemd_listen_fn take, void *owner)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	if (ctl_connect(ctl) != CTL_OK)
		return -ECONNREFUSED;
	/* systemd loads a unit whose object is asked for. */
	r = sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path);
	if (r >= 0)
		r = sd_bus_get_property(ctl->bus, SYSTEMD_NAME, path, SYSTEMD_SOCKET, "Listen",
			&error, &reply, "a(ss)");
	return r < 0 ? bus_failed(&error, r) : listens_take(reply, unit, take, owner);
}

/* Its words are not read before it has ended, so it must not wait for a reader: a file, no pipe. */
static int program_spawn(const char *const *argv, int words, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(
			&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, words, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int program_await(pid_t pid, unsigned int seconds)
{
	_cleanup_fd_ int fd = pidfd_open(pid, 0);
	uint64_t deadline = now_usec() + seconds * USEC_PER_SEC;
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	int status, r = 0;

	while (fd >= 0 && r == 0 && now_usec() < deadline) {
		r = poll(&ended, 1, (int)((deadline - now_usec()) / USEC_PER_MSEC) + 1);
		if (r < 0 && errno == EINTR)
			r = 0;
	}
	if (fd >= 0 && r == 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (fd >= 0 && r == 0)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

int program_run(const char *const *argv, unsigned int seconds, char **ret_words)
{
	_cleanup_fd_ int words = memfd_create("words", MFD_CLOEXEC);
	_cleanup_free_ char *text = calloc(1, WORDS_MAX);
	ssize_t n;
	pid_t pid;
	int r;

	if (words < 0 || !text)
		return words < 0 ? -errno : -ENOMEM;
	r = program_spawn(argv, words, &pid);
	if (r < 0)
		return r;
	r = program_await(pid, seconds);
	n = pread(words, text, WORDS_MAX - 1, 0);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	*ret_words = take_ptr(text);
	return r;
}

int program_must(const char *const *argv, unsigned int seconds, const char *what)
{
	_cleanup_free_ char *words = NULL;
	int r;

	r = program_run(argv, seconds, &words);
	if (r == 0)
		return CTL_OK;
	if (r == -ETIMEDOUT)
		fprintf(stderr, "bluegreenctl: %s: `%s' did not end within %u s\n", what, argv[0],
			seconds);
	else
		fprintf(stderr, "bluegreenctl: %s: %s\n", what,
			r < 0		  ? strerror(-r)
			: words && *words ? words
					  : "it says no reason");
	return CTL_FAILED;
}
