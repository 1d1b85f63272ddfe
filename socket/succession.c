/* SPDX-License-Identifier: MIT */
/*
 * Knows processes and their descriptors; not what is written about them.
 */
#include "succession.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define MEMFD_VARIABLE "RELAY_HANDOVER"

/* A new program that does not even say its version by then does not run here. */
#define TRY_MSEC 5000

/* What `relay --renew` waits for its answer. */
#define ASK_SECONDS 30

/* How long the manager may take to store what it was sent. */
#define STORE_USEC (10 * USEC_PER_SEC)

/* ---- what is handed over ---- */

/* The memfd with everything in it, or -errno. */
static int state_write(const struct succession *succession)
{
	_cleanup_fd_ int fd = memfd_create("relay-handover", MFD_CLOEXEC);
	FILE *file;
	int copy, r;

	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	file = copy < 0 ? NULL : fdopen(copy, "w");
	if (!file) {
		r = -errno;
		(void)fd_close(copy);
		return r;
	}
	r = handover_write(succession->relay, succession->control, file);
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	return r < 0 ? r : take_fd(fd);
}

static int inherit(int fd, int flags)
{
	return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

/* Whether the next program gets them, and the listeners: 0 or FD_CLOEXEC. */
static int inherit_all(const struct succession *succession, const int *fds, size_t count, int flags)
{
	int r = 0;

	for (size_t i = 0; i < count && r >= 0; i++)
		r = inherit(fds[i], flags);
	for (int i = 0; i < succession->listener_count && r >= 0; i++)
		r = inherit(SERVICE_FDS_START + i, flags);
	return r;
}

/* ---- in the same process ---- */

/* pidfd_open(2), Linux 5.3: a wait with a deadline. */
static int wait_for(pid_t pid)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status;

	if (ended.fd < 0 || poll(&ended, 1, TRY_MSEC) <= 0)
		(void)kill(pid, SIGKILL);
	(void)fd_close(ended.fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -ENOEXEC;
}

/* A process of its own finds out, while this one goes on serving. */
static int program_try(const char *program)
{
	char version[16];
	char *arguments[] = {(char *)(uintptr_t)program, "--takes", version, NULL};
	pid_t pid;
	int r;

	(void)snprintf(version, sizeof(version), "%d", HANDOVER_VERSION);
	r = posix_spawn(&pid, program, NULL, NULL, arguments, environ);
	return r != 0 ? -r : wait_for(pid);
}

static int execute(const struct succession *succession, int state)
{
	char *arguments[] = {(char *)(uintptr_t)succession->program, NULL};
	char number[16];
	size_t count;
	int *fds, r;

	r = handover_list_fds(succession->relay, succession->control, &fds, &count);
	if (r < 0)
		return r;
	fds[count++] = state; /* there is room for one more */
	r = inherit_all(succession, fds, count, 0);
	(void)snprintf(number, sizeof(number), "%d", state);
	if (r >= 0)
		r = service_keep_fds(succession->service, succession->listener_count);
	if (r >= 0 && setenv(MEMFD_VARIABLE, number, 1) < 0)
		r = -errno;
	if (r >= 0) {
		(void)execve(succession->program, arguments, environ);
		r = -errno;
	}
	unsetenv(MEMFD_VARIABLE);
	(void)inherit_all(succession, fds, count, FD_CLOEXEC);
	free(fds);
	return r;
}

void succession_renew(const struct succession *succession, const char **ret_failure)
{
	int state, r;

	r = program_try(succession->program);
	if (r < 0) {
		log_warning("%s was not executed anew: it does not run here, or does not "
			    "understand what this relay would hand it (%s).",
			succession->program, strerror(-r));
		*ret_failure = "the program that is installed now does not run or does not "
			       "understand what it would be handed: restart the relay instead, "
			       "and see the journal";
		return;
	}
	relay_freeze(succession->relay);
	state = state_write(succession);
	r = state < 0 ? state : execute(succession, state);
	(void)fd_close(state);
	log_error(
		"The relay could not execute itself anew: %s. It goes on as it is.", strerror(-r));
	*ret_failure = "the relay could not execute itself anew, and goes on as it is: see the "
		       "journal";
	r = relay_run(succession->relay);
	if (r < 0) {
		log_error("The workers could not go on: %s.", strerror(-r));
		abort();
	}
}

/* ---- in the next process ---- */

static int store(const struct succession *succession)
{
	const struct service *service = succession->service;
	_cleanup_free_ int *fds = NULL;
	_cleanup_fd_ int state = -EBADF;
	size_t count;
	int r;

	handover_trim(succession->relay, SUCCESSION_FDS_MAX - 1);
	state = state_write(succession);
	if (state < 0)
		return state;
	r = handover_list_fds(succession->relay, succession->control, &fds, &count);
	if (r < 0)
		return r;
	r = service_store(service, SUCCESSION_FD_NAME, fds, count);
	if (r >= 0)
		r = service_store(service, SUCCESSION_STATE_NAME, &state, 1);
	if (r >= 0)
		r = service_barrier(service, STORE_USEC);
	if (r < 0) {
		service_unstore(service, SUCCESSION_FD_NAME);
		service_unstore(service, SUCCESSION_STATE_NAME);
	}
	return r;
}

int succession_store(const struct succession *succession)
{
	int r;

	relay_freeze(succession->relay);
	r = store(succession);
	if (r == 0)
		return 0;
	log_error("What is under way could not be stored for the next relay (%s): it is finished "
		  "here first.",
		strerror(-r));
	if (relay_run(succession->relay) < 0)
		abort();
	return r;
}

/* ---- the successor ---- */

/* Descriptors behind the listeners are those of the store. */
static int store_collect(
	const struct succession *succession, struct handover_store *ret_store, int *ret_state)
{
	const struct service *service = succession->service;
	int first = SERVICE_FDS_START + succession->listener_count;
	int end = SERVICE_FDS_START + service->fd_count;
	struct handover_store found = {0};
	char name[sizeof(SUCCESSION_STATE_NAME)];

	*ret_state = -EBADF;
	found.fds = calloc((size_t)(end - first) + 1, sizeof(*found.fds));
	if (!found.fds)
		return -ENOMEM;
	for (int fd = first; fd < end; fd++) {
		service_fd_name(service, fd, name, sizeof(name));
		if (strcmp(name, SUCCESSION_STATE_NAME) == 0)
			*ret_state = fd;
		else if (handover_fd_look(fd, &found.fds[found.count]))
			found.count++;
	}
	*ret_store = found;
	return 0;
}

/* Nothing of it is anybody's but ours from now on: what the manager still had would stay open
 * behind our back, and come again after a crash when it is long over. */
static void store_empty(const struct service *service)
{
	service_unstore(service, SUCCESSION_FD_NAME);
	service_unstore(service, SUCCESSION_STATE_NAME);
	(void)service_barrier(service, STORE_USEC);
}

static void say_result(int r, const struct handover_result *result)
{
	if (r == -EPROTO)
		log_error("The relay before wrote what this version does not understand: its "
			  "connections are lost.");
	else if (r < 0)
		log_error("What the relay before handed over could not be read: %s.", strerror(-r));
	if (r == 0 || result->sessions > 0)
		log_info("Took over %u connections of the relay before.", result->sessions);
	if (result->lost > 0)
		log_warning("%u connections of the relay before were lost.", result->lost);
}

void succession_take(const struct succession *succession)
{
	const char *inherited = getenv(MEMFD_VARIABLE);
	struct handover_result result = {0};
	struct handover_store found = {0};
	bool stored = succession->service->fd_count > succession->listener_count;
	int state = -EBADF, r = 0;

	if (inherited) {
		state = (int)strtol(inherited, NULL, 10);
		unsetenv(MEMFD_VARIABLE);
	} else if (stored) {
		r = store_collect(succession, &found, &state);
		store_empty(succession->service);
	}
	if (state < 0 && !stored)
		return;
	if (r >= 0)
		r = handover_take(state, succession->relay, succession->control,
			inherited ? NULL : &found, &result);
	say_result(r, &result);
	(void)fd_close(state);
	free(found.fds);
}

int succession_takes(const char *version)
{
	return version && strtol(version, NULL, 10) == HANDOVER_VERSION ? EXIT_SUCCESS
									: EXIT_FAILURE;
}

int succession_ask(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ASK_SECONDS};
	char answer[CONTROL_ANSWER_MAX + 1];
	_cleanup_fd_ int fd = -EBADF;
	ssize_t n;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("The path %s is too long for a socket.", path);
		return EXIT_FAILURE;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		send(fd, "renew", strlen("renew"), MSG_NOSIGNAL) < 0) {
		log_error("The relay cannot be asked at %s: %m.", path);
		return EXIT_FAILURE;
	}
	do {
		n = recv(fd, answer, sizeof(answer) - 1, 0);
		if (n <= 0) {
			log_error("The relay did not answer: %s. Whether it was renewed, "
				  "`systemctl status` of it tells.",
				n == 0 ? "it closed the connection" : strerror(errno));
			return EXIT_FAILURE;
		}
		answer[n] = '\0';
	} while (strncmp(answer, "ok ", 3) != 0 && strncmp(answer, "error ", 6) != 0);
	if (strncmp(answer, "ok ", 3) == 0)
		return EXIT_SUCCESS;
	log_error("The relay was not renewed: %s.", answer + strlen("error renew "));
	return EXIT_FAILURE;
}
