/* SPDX-License-Identifier: MIT */
/*
 * Knows who is connected, what is owed to whom, and what the workers have to tell; does not know
 * what is asked (relay-control-requests.c).
 */
#include "relay-control-parts.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay-words.h"

/* `refused` is said at most so often a color. */
#define REFUSED_EVERY_USEC USEC_PER_SEC

/* How long the listener rests when descriptors have run out: who waits goes on waiting, and would
 * wake us for it again and again. */
#define ACCEPT_REST_USEC (50 * USEC_PER_MSEC)

static void client_drop(struct control_client *client)
{
	/* What the manager keeps a copy of would not leave by being closed. */
	if (client->fd >= 0)
		(void)epoll_ctl(client->control->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
	client->fd = fd_close(client->fd);
	client->owed = OWED_NOTHING;
}

void control_say(struct control_client *client, const char *format, ...)
{
	char text[CONTROL_ANSWER_MAX];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (n < 0 || client->fd < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	/* Who does not read its answers is not waited for. */
	if (send(client->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		client_drop(client);
}

/* Says what is owed if it is true by now. */
static void client_pay(struct control_client *client)
{
	const struct control *control = client->control;
	enum owed owed = client->owed;
	char text[ROUTE_TEXT_MAX];

	if (owed == OWED_NOTHING || owed == OWED_RENEW ||
		relay_followed(control->relay) < client->owed_serial)
		return;
	client->owed = OWED_NOTHING;
	switch (owed) {
	case OWED_ROUTE:
		control_say(client, "ok route %s", route_format(&control->plan.route, text));
		break;
	case OWED_SHOW:
		control_say(client, "ok show %s",
			control->routed ? route_format(&control->plan.route, text) : "nothing");
		break;
	case OWED_PROTOCOL:
		control_say(client, "ok protocol");
		break;
	case OWED_CLIENTS:
		control_say(client, "ok clients");
		break;
	case OWED_AFFINITY:
		control_say(client, "ok affinity");
		break;
	case OWED_NOTHING:
	case OWED_RENEW:
	case OWED_COUNT:
		break;
	}
}

void control_owe(struct control_client *client, enum owed owed)
{
	client->owed = owed;
	client->owed_serial = client->control->plan.serial;
	client_pay(client);
}

void control_publish(struct control *control)
{
	control->plan.serial++;
	relay_publish(control->relay, &control->plan);
}

/* ---- news from the workers ---- */

static void tell_followed(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_pay(&control->clients[i]);
}

static void tell_all(struct control *control, const char *text)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control_say(&control->clients[i], "%s", text);
}

static void tell_drained(struct control *control, enum color color)
{
	const struct plan_drain *drain = &control->plan.drain[color];
	struct relay_totals totals;
	char text[128];
	uint64_t left;

	if (drain->extent == DRAIN_NONE || control->drain_announced[color] ||
		relay_followed(control->relay) < drain->serial)
		return;
	totals = relay_count(control->relay);
	left = totals.inflight[ROUTE_READS][color];
	if (drain->extent == DRAIN_OF_ALL)
		left += totals.inflight[ROUTE_WRITES][color];
	if (left > 0)
		return;
	control->drain_announced[color] = true;
	control_forget_drain(control, color);
	(void)snprintf(text, sizeof(text), "drained %s scope=%s cut=%llu streams=%llu",
		color_name(color), words_scope(drain->extent),
		(unsigned long long)totals.cut[color],
		(unsigned long long)totals.cut_streams[color]);
	log_info("Drained %s (%s), %llu cut, %llu of them streams.", color_name(color),
		words_scope(drain->extent), (unsigned long long)totals.cut[color],
		(unsigned long long)totals.cut_streams[color]);
	tell_all(control, text);
}

static void tell_refused(struct control *control, enum color color)
{
	uint64_t now = now_usec();
	char text[64];

	if (!relay_take_refused(control->relay, color) ||
		(control->refused_at[color] != 0 &&
			now - control->refused_at[color] < REFUSED_EVERY_USEC))
		return;
	control->refused_at[color] = now;
	(void)snprintf(text, sizeof(text), "refused %s", color_name(color));
	tell_all(control, text);
}

static void on_news(struct control *control)
{
	relay_read_news(control->relay);
	tell_followed(control);
	for (int color = 0; color < COLOR_COUNT; color++) {
		tell_drained(control, (enum color)color);
		tell_refused(control, (enum color)color);
	}
}

/* ---- signs of life ---- */

/*
 * The manager's watchdog is told that all of us live, or nothing: a worker that hangs holds its
 * clients, and the manager replaces who says nothing.
 */
static void beat(struct control *control)
{
	uint64_t every = control->service->watchdog_usec / 2;
	int silent;

	if (every == 0 || now_usec() < control->beat_at)
		return;
	silent = relay_find_silent(control->relay);
	if (silent < 0)
		service_notify(control->service, "WATCHDOG=1");
	else if (!control->silence_told)
		log_error("Worker %d has not moved for %llu s.", silent,
			(unsigned long long)(every / USEC_PER_SEC));
	control->silence_told = silent >= 0;
	relay_call_all(control->relay);
	control->beat_at = now_usec() + every;
}

/* ---- clients ---- */

static void on_client(struct control_client *client)
{
	char message[CONTROL_MESSAGE_MAX + 1];
	ssize_t n;

	n = recv(client->fd, message, sizeof(message), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(client);
		return;
	}
	if ((size_t)n == sizeof(message) || memchr(message, '\0', (size_t)n)) {
		control_say(client, "error - a message is text of at most %d bytes",
			CONTROL_MESSAGE_MAX);
		return;
	}
	message[n] = '\0';
	control_serve(client, message);
}

struct control_client *control_client_free(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

static void on_listener(struct control *control)
{
	struct control_client *client;
	int fd;

	fd = accept4(control->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		control->listener_rests_until = now_usec() + ACCEPT_REST_USEC;
		return;
	}
	client = control_client_free(control);
	if (client) {
		client->fd = fd;
		return;
	}
	log_warning("More than %d control connections: one was refused.", CONTROL_CLIENTS_MAX);
	(void)fd_close(fd);
}

/* ---- the loop ---- */

void control_stop(struct control *control)
{
	control->stopping = true;
	service_notify(control->service, "STOPPING=1\nSTATUS=Finishing what is in flight.");
	relay_stop(control->relay);
}

static void on_signal(struct control *control)
{
	struct signalfd_siginfo signal;

	if (read(control->signal_fd, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
		return;
	if (signal.ssi_signo == SIGUSR2 && !control->stopping)
		control->succeed_asked = true;
	else
		control_stop(control);
}

static int wait_msec(const struct control *control)
{
	uint64_t now = now_usec(), next = USEC_INFINITY;

	if (control->listener_rests_until)
		next = control->listener_rests_until;
	if (control->service->watchdog_usec && control->beat_at < next)
		next = control->beat_at;
	if (next == USEC_INFINITY)
		return -1;
	return next <= now ? 0 : (int)((next - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static int turn(struct control *control)
{
	struct control_ready ready;
	int r;

	r = control_wait(control, wait_msec(control), &ready);
	if (r < 0)
		return r;
	if (control->listener_rests_until && now_usec() >= control->listener_rests_until)
		control->listener_rests_until = 0;
	beat(control);
	if (ready.signal)
		on_signal(control);
	if (ready.news)
		on_news(control);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (ready.clients[i])
			on_client(&control->clients[i]);
	/* Who has left has made room before somebody new is let in. */
	if (ready.listener)
		on_listener(control);
	return 0;
}

int control_run(struct control *control, enum control_outcome *ret_outcome)
{
	int r;

	for (;;) {
		if (relay_is_stopped(control->relay)) {
			*ret_outcome = CONTROL_STOPPED;
			return 0;
		}
		if (control->renew_asked || control->succeed_asked) {
			*ret_outcome = control->succeed_asked ? CONTROL_SUCCEED : CONTROL_RENEW;
			control->renew_asked = control->succeed_asked = false;
			return 0;
		}
		r = turn(control);
		if (r < 0)
			return r;
	}
}

void control_renewed(struct control *control, const char *failure)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];

		if (client->owed != OWED_RENEW)
			continue;
		client->owed = OWED_NOTHING;
		if (failure)
			control_say(client, "error renew %s", failure);
		else
			control_say(client, "ok renew %s", VERSION);
	}
}

/* ---- its life ---- */

int control_open(int listener_fd, struct relay *relay, const struct service *service,
	struct control **ret_control)
{
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	sigset_t signals;
	int r;

	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->relay = relay;
	control->service = service;
	control->listener_fd = listener_fd;
	control->signal_fd = control->epoll_fd = -EBADF;
	control->plan = plan_initial();
	numbers_begin(&control->numbers, now_usec());
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i] = (struct control_client){.control = control, .fd = -EBADF};
	r = fd_set_nonblocking(listener_fd);
	if (r < 0)
		return r;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR2);
	control->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (control->signal_fd < 0 || control->epoll_fd < 0)
		return -errno;
	control_publish(control);
	*ret_control = take_ptr(control);
	return 0;
}

struct control *control_close(struct control *control)
{
	if (!control)
		return NULL;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_drop(&control->clients[i]);
	control->signal_fd = fd_close(control->signal_fd);
	control->epoll_fd = fd_close(control->epoll_fd);
	free(control);
	return NULL;
}
