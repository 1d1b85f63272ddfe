/* SPDX-License-Identifier: MIT */
/*
 * The relay: takes its listeners from systemd, starts a worker a processor, and serves the control
 * socket until it is told to stop. See bluegreen-relay(8).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "relay-control.h"

struct listeners {
	int control;
	int public[RELAY_LISTENERS_MAX];
	size_t public_count;
};

static int listeners_sort(int count, char **names, struct listeners *ret_listeners)
{
	struct listeners listeners = {.control = -EBADF};

	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(names[i], "control") == 0) {
			listeners.control = fd;
		} else if (listeners.public_count == RELAY_LISTENERS_MAX) {
			log_error("More than %d public listeners were given.", RELAY_LISTENERS_MAX);
			return -E2BIG;
		} else if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
			log_error("The descriptor '%s' is no listening stream socket: use "
				  "ListenStream= in the socket unit.",
				names[i]);
			return -ENOTSOCK;
		} else {
			listeners.public[listeners.public_count++] = fd;
		}
	}
	if (listeners.control < 0 || listeners.public_count == 0) {
		log_error("No %s was given: start app-bluegreen.socket and "
			  "app-bluegreen-control.socket instead of this program.",
			listeners.control < 0 ? "control socket" : "public listener");
		return -ENOTCONN;
	}
	*ret_listeners = listeners;
	return 0;
}

static int listeners_take(struct listeners *ret_listeners)
{
	char **names = NULL;
	int count, r;

	count = sd_listen_fds_with_names(1, &names);
	if (count < 0) {
		log_error("The listeners of systemd could not be read: %s.", strerror(-count));
		return count;
	}
	r = listeners_sort(count, names, ret_listeners);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
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

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *signal, void *userdata)
{
	struct relay *relay = userdata;

	(void)source;
	(void)signal;
	sd_notify(0, "STOPPING=1\nSTATUS=Finishing what is in flight.");
	relay_stop(relay);
	return 0;
}

static void on_stopped(void *owner)
{
	sd_event *event = owner;

	(void)sd_event_exit(event, 0);
}

static int run(const struct listeners *listeners, sd_event *event, struct relay *relay)
{
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	int r;

	r = control_open(event, listeners->control, relay, on_stopped, event, &control);
	if (r < 0)
		return r;
	r = sd_event_add_signal(event, NULL, SIGTERM, on_stop, relay);
	if (r < 0)
		return r;
	r = sd_event_add_signal(event, NULL, SIGINT, on_stop, relay);
	if (r < 0)
		return r;
	/* Answers for the whole process: the workers' news pass through this thread. */
	r = sd_event_set_watchdog(event, true);
	if (r < 0)
		return r;
	sd_notifyf(0, "READY=1\nSTATUS=Relaying on %zu listener(s).", listeners->public_count);
	return sd_event_loop(event);
}

int main(void)
{
	struct relay_settings settings;
	struct listeners listeners;
	const char *name = NULL;
	struct relay *relay;
	sd_event *event;
	sigset_t stop;
	uint32_t workers;
	int r;

	/* Before any thread: they inherit it, and only the event loop takes these signals. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);

	if (relay_settings_load(&settings, &name) < 0) {
		log_error("%s=%s is not a positive number.", name, getenv(name));
		return EXIT_FAILURE;
	}
	if (worker_count(&workers) < 0 || listeners_take(&listeners) < 0)
		return EXIT_FAILURE;
	r = sd_event_default(&event);
	if (r >= 0)
		r = relay_start(
			&settings, workers, listeners.public, listeners.public_count, &relay);
	if (r < 0) {
		log_error("The relay could not be started: %s.", strerror(-r));
		return EXIT_FAILURE;
	}
	r = run(&listeners, event, relay);
	if (r < 0) {
		log_error("The relay failed: %s.", strerror(-r));
		relay_stop(relay);
	}
	relay_free(relay);
	sd_event_unref(event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
