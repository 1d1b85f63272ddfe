/* SPDX-License-Identifier: MIT */
/*
 * Knows dpkg-query; does not know what is asked for.
 */
#include "recheck-package.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define OUTPUT_MAX  (1 << 20)
#define PATTERN_MAX 1024 /* bytes; a longer path is not asked for */

/* Its words are for us, in no other language; nothing else of who called us is its affair. */
static char *const environment[] = {
	(char *)"LC_ALL=C", (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* ---- words ----------------------------------------------------------------------------------- */

/* /usr/lib/x was /lib/x, and is still called so in dpkg's lists. */
static const char *unmerged(const char *path)
{
	static const char *const merged[] = {"/usr/bin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/",
		"/usr/libx32/", "/usr/sbin/"};

	for (size_t i = 0; i < ELEMENTS(merged); i++)
		if (strncmp(path, merged[i], strlen(merged[i])) == 0)
			return path + strlen("/usr");
	return NULL;
}

/* libx.so.1.2.3 went when libx.so.1.2.4 came; libx.so.1 is there before and after. */
static size_t soname_length(const char *path)
{
	const char *so = strstr(strrchr(path, '/'), ".so.");
	size_t length = strlen(path);

	if (!so || strspn(so + 4, ".0123456789") != strlen(so + 4))
		return length;
	so += 4;
	return (size_t)(so - path) + strcspn(so, ".");
}

/* A name under which dpkg may have it: a part of the path. */
static bool name_find(const char *path, unsigned which, const char **ret_name, size_t *ret_length)
{
	size_t length = which < 2 ? strlen(path) : soname_length(path);
	const char *name = which % 2 ? unmerged(path) : path;

	if (!name || (which >= 2 && !path[length]))
		return false;
	*ret_name = name;
	*ret_length = length - (size_t)(name - path);
	return true;
}

bool package_pattern(const char *path, unsigned which, char *pattern, size_t size)
{
	size_t length, used = 0;
	const char *name;

	if (which >= PACKAGE_PATTERNS || !name_find(path, which, &name, &length))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (used + 3 > size)
			return false;
		if (strchr("\\*?[", name[i]))
			pattern[used++] = '\\';
		pattern[used++] = name[i];
	}
	pattern[used] = '\0';
	return true;
}

bool package_line(char *line, const char **ret_package, const char **ret_path)
{
	char *colon = strstr(line, ": /");

	if (!colon)
		return false;
	*colon = '\0';
	line[strcspn(line, ":,")] = '\0';
	/* "diversion by x from: /usr/..." */
	if (!*line || strchr(line, ' '))
		return false;
	*ret_package = line;
	*ret_path = colon + 2;
	return true;
}

static bool package_has(const char *told, const char *path)
{
	const char *name;
	size_t length;

	for (unsigned which = 0; which < PACKAGE_PATTERNS; which++)
		if (name_find(path, which, &name, &length) && strlen(told) == length &&
			strncmp(told, name, length) == 0)
			return true;
	return false;
}

/* ---- the process ----------------------------------------------------------------------------- */

static void cleanup_strings(char ***strings)
{
	for (size_t i = 0; *strings && (*strings)[i]; i++)
		free((*strings)[i]);
	free(*strings);
}

static bool argument_add(char **arguments, size_t *used, const char *text)
{
	if (asprintf(&arguments[*used], "%s", text) < 0) {
		arguments[*used] = NULL;
		return false;
	}
	(*used)++;
	return true;
}

/* What is asked for, behind the words of the command. NULL: no memory. */
static char **arguments_make(const struct findings *findings)
{
	static const char *const command[] = {"dpkg-query", "--search", "--"};
	_cleanup_(cleanup_strings) char **arguments = calloc(
		ELEMENTS(command) + findings->count * PACKAGE_PATTERNS + 1, sizeof(*arguments));
	char pattern[PATTERN_MAX];
	size_t used = 0;

	if (!arguments)
		return NULL;
	for (size_t i = 0; i < ELEMENTS(command); i++)
		if (!argument_add(arguments, &used, command[i]))
			return NULL;
	for (size_t i = 0; i < findings->count * PACKAGE_PATTERNS; i++) {
		const char *path = findings->items[i / PACKAGE_PATTERNS].path;

		if (package_pattern(path, i % PACKAGE_PATTERNS, pattern, sizeof(pattern)) &&
			!argument_add(arguments, &used, pattern))
			return NULL;
	}
	return take_ptr(arguments);
}

static int child_start(char *const *arguments, pid_t *ret_pid, int *ret_fd)
{
	_cleanup_fd_ int from = -EBADF, to = -EBADF;
	posix_spawn_file_actions_t actions;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	/* It tells of each that no package has. */
	if (r == 0)
		r = posix_spawn_file_actions_addopen(
			&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(ret_pid, arguments[0], &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;
	*ret_fd = take_fd(from);
	return 0;
}

/* Until it closes its output; what is beyond the limit is not read. */
static int output_read(int fd, char output[static OUTPUT_MAX])
{
	uint64_t deadline = now_usec() + PACKAGE_USEC_MAX;
	size_t used = 0;

	for (;;) {
		uint64_t now = now_usec();
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now >= deadline)
			return -ETIME;
		if (poll(&pollfd, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1) < 0 &&
			errno != EINTR)
			return -errno;
		if (!pollfd.revents)
			continue;
		n = read(fd, output + used, OUTPUT_MAX - 1 - used);
		if (n < 0)
			return -errno;
		used += (size_t)n;
		if (n == 0 || used == OUTPUT_MAX - 1)
			break;
	}
	output[used] = '\0';
	return 0;
}

static void child_end(pid_t pid)
{
	/* It has closed its output, or is late. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int packages_find(struct findings *findings)
{
	_cleanup_(cleanup_strings) char **arguments = NULL;
	_cleanup_free_ char *output = NULL;
	_cleanup_fd_ int fd = -EBADF;
	const char *package, *path;
	char *rest, *line;
	pid_t pid;
	int r;

	if (findings->count == 0)
		return 0;
	arguments = arguments_make(findings);
	output = malloc(OUTPUT_MAX);
	if (!arguments || !output)
		return -ENOMEM;
	r = child_start(arguments, &pid, &fd);
	if (r < 0)
		return r;
	r = output_read(fd, output);
	child_end(pid);
	if (r < 0)
		return r;
	rest = output;
	while ((line = strsep(&rest, "\n"))) {
		if (!package_line(line, &package, &path))
			continue;
		for (size_t i = 0; i < findings->count; i++)
			if (!*findings->items[i].package &&
				package_has(path, findings->items[i].path))
				snprintf(findings->items[i].package, FINDING_PACKAGE_MAX, "%s",
					package);
	}
	return 0;
}
