/* SPDX-License-Identifier: MIT */
/*
 * The relay: takes its listeners from systemd, starts a worker a processor, and serves the control
 * socket until it is told to stop. See bluegreen-relay(8).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "succession.h"

struct listeners {
	int control;
	int public[RELAY_LISTENERS_MAX];
	size_t public_count;
	int count; /* of all descriptors up to the last of them */
};

static bool socket_has(int fd, int option, int value)
{
	int found;
	socklen_t size = sizeof(found);

	return getsockopt(fd, SOL_SOCKET, option, &found, &size) == 0 && found == value;
}

/* Behind the listeners stands what the manager kept of the relay before (succession.h). */
static int listeners_take(const struct service *service, struct listeners *ret_listeners)
{
	struct listeners listeners = {.control = -EBADF};
	char name[256];

	for (; listeners.count < service->fd_count; listeners.count++) {
		int fd = SERVICE_FDS_START + listeners.count;

		service_fd_name(service, fd, name, sizeof(name));
		if (strcmp(name, SUCCESSION_FD_NAME) == 0 ||
			strcmp(name, SUCCESSION_STATE_NAME) == 0)
			break;
		if (strcmp(name, "control") == 0) {
			listeners.control = fd;
		} else if (listeners.public_count == RELAY_LISTENERS_MAX) {
			log_error("More than %d public listeners were given.", RELAY_LISTENERS_MAX);
			return -E2BIG;
		} else if (!socket_has(fd, SO_TYPE, SOCK_STREAM) ||
			   !socket_has(fd, SO_ACCEPTCONN, 1)) {
			log_error("The descriptor '%s' is no listening stream socket: use "
				  "ListenStream= in the socket unit.",
				name);
			return -ENOTSOCK;
		} else {
			listeners.public[listeners.public_count++] = fd;
		}
	}
	if (listeners.control < 0 || listeners.public_count == 0) {
		log_error("No %s was given: start NAME-bluegreen.socket and "
			  "NAME-bluegreen-control.socket instead of this program, NAME being the "
			  "application (app).",
			listeners.control < 0 ? "control socket" : "public listener");
		return -ENOTCONN;
	}
	*ret_listeners = listeners;
	return 0;
}

/* One a processor that we may use, unless RELAY_WORKERS says otherwise. */
static int worker_count(uint32_t *ret_count)
{
	const char *text = getenv("RELAY_WORKERS");
	cpu_set_t set;
	char *end;
	unsigned long count;

	if (text && *text) {
		count = strtoul(text, &end, 10);
		if (*end != '\0' || count < 1 || count > RELAY_WORKERS_MAX) {
			log_error("RELAY_WORKERS=%s is not a number from 1 to %d.", text,
				RELAY_WORKERS_MAX);
			return -EINVAL;
		}
	} else if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		count = (unsigned long)CPU_COUNT(&set);
	} else {
		count = 1;
	}
	*ret_count = count > RELAY_WORKERS_MAX ? RELAY_WORKERS_MAX : (uint32_t)count;
	return 0;
}

static int serve(const struct succession *succession)
{
	const char *failure = NULL;
	enum control_outcome outcome;
	int r;

	for (;;) {
		r = control_run(succession->control, &outcome);
		if (r < 0)
			return r;
		switch (outcome) {
		case CONTROL_STOPPED:
			return 0;
		case CONTROL_RENEW:
			succession_renew(succession, &failure);
			control_renewed(succession->control, failure);
			break;
		case CONTROL_SUCCEED:
			/* Everything is the successor's now; there is nothing to be freed. */
			if (succession_store(succession) == 0)
				_exit(EXIT_SUCCESS);
			control_stop(succession->control);
			break;
		}
	}
}

static int run(const struct service *service, const struct listeners *listeners,
	struct relay *relay, const char *program)
{
	struct succession succession = {service, relay, NULL, program, listeners->count};
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	char text[128];
	int r;

	r = control_open(listeners->control, relay, service, &control);
	if (r < 0)
		return r;
	succession.control = control;
	succession_take(&succession);
	r = relay_run(relay);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "READY=1\nSTATUS=Relaying on %zu listener(s).",
		listeners->public_count);
	service_notify(service, text);
	control_renewed(control, NULL);
	r = serve(&succession);
	if (r < 0)
		relay_stop(relay);
	return r;
}

/* Before any thread: they inherit it, and only the control thread takes these signals. What came
 * while the program was executed anew is still pending. */
static void signals_block(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGUSR2);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static int start_and_run(const struct service *service, const char *program)
{
	struct relay_settings settings;
	struct listeners listeners;
	const char *name = NULL;
	struct relay *relay;
	uint32_t workers;
	int r;

	if (relay_settings_load(&settings, &name) < 0) {
		log_error("%s=%s is not a positive number.", name, getenv(name));
		return EXIT_FAILURE;
	}
	if (worker_count(&workers) < 0 || listeners_take(service, &listeners) < 0)
		return EXIT_FAILURE;
	r = relay_new(&settings, workers, listeners.public, listeners.public_count, &relay);
	if (r < 0) {
		log_error("The relay could not be started: %s.", strerror(-r));
		return EXIT_FAILURE;
	}
	r = run(service, &listeners, relay, program);
	if (r < 0)
		log_error("The relay failed: %s.", strerror(-r));
	relay_free(relay);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct service service;
	int r;

	if (argc == 3 && strcmp(argv[1], "--takes") == 0)
		return succession_takes(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--renew") == 0)
		return succession_ask(argv[2]);
	if (argc != 1) {
		log_error("usage: relay, by systemd; relay --renew CONTROL-SOCKET");
		return EXIT_FAILURE;
	}
	signals_block();
	r = service_open(&service);
	if (r < 0) {
		log_error("The environment of the service manager could not be read: %s.",
			strerror(-r));
		return EXIT_FAILURE;
	}
	r = start_and_run(&service, argv[0]);
	service_close(&service);
	return r;
}
