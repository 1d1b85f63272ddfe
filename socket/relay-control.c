/* SPDX-License-Identifier: MIT */
/*
 * Knows who is connected, what is owed to whom, and what the workers have to tell; does not know
 * what is asked (relay-control-requests.c).
 */
#include "relay-control-parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "relay-words.h"

/* `refused` is said at most so often a color. */
#define REFUSED_EVERY_USEC USEC_PER_SEC

/* How long the listener rests when descriptors have run out. */
#define ACCEPT_REST_USEC (50 * USEC_PER_MSEC)

static void client_drop(struct control_client *client)
{
	client->source = sd_event_source_disable_unref(client->source);
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

	if (owed == OWED_NOTHING || relay_followed(control->relay) < client->owed_serial)
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
		break;
	}
	if (client->source)
		(void)sd_event_source_set_enabled(client->source, SD_EVENT_ON);
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

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)fd;
	(void)events;
	relay_read_news(control->relay);
	tell_followed(control);
	for (int color = 0; color < COLOR_COUNT; color++) {
		tell_drained(control, (enum color)color);
		tell_refused(control, (enum color)color);
	}
	if (relay_is_stopped(control->relay))
		control->stopped(control->owner);
	return 0;
}

/* ---- clients ---- */

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control_client *client = userdata;
	char message[CONTROL_MESSAGE_MAX + 1];
	ssize_t n;

	(void)source;
	(void)events;
	n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		client_drop(client);
		return 0;
	}
	if ((size_t)n == sizeof(message) || memchr(message, '\0', (size_t)n)) {
		control_say(client, "error - a message is text of at most %d bytes",
			CONTROL_MESSAGE_MAX);
		return 0;
	}
	message[n] = '\0';
	control_serve(client, message);
	/* Answers come in order: what was asked behind a route waits until it is followed. */
	if (client->owed != OWED_NOTHING)
		(void)sd_event_source_set_enabled(client->source, SD_EVENT_OFF);
	return 0;
}

static int on_listener_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
}

/* Who waits goes on waiting: without a rest we would be woken for it again and again. */
static int listener_rest(struct control *control)
{
	int r;

	r = sd_event_source_set_time(control->listener_rest, now_usec() + ACCEPT_REST_USEC);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(control->listener_rest, SD_EVENT_ONESHOT);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(control->listener, SD_EVENT_OFF);
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	struct control_client *client = NULL;
	_cleanup_fd_ int accepted = -EBADF;

	(void)source;
	(void)events;
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (accepted < 0)
		return listener_rest(control);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !client; i++)
		if (control->clients[i].fd < 0)
			client = &control->clients[i];
	if (!client) {
		log_warning(
			"More than %d control connections: one was refused.", CONTROL_CLIENTS_MAX);
		return 0;
	}
	if (sd_event_add_io(control->event, &client->source, accepted, EPOLLIN, on_client, client) <
		0)
		return 0;
	client->fd = take_fd(accepted);
	return 0;
}

int control_open(sd_event *event, int listener_fd, struct relay *relay,
	void (*stopped)(void *owner), void *owner, struct control **ret_control)
{
	_cleanup_(cleanup_control_close) struct control *control = NULL;
	int r;

	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->event = event;
	control->relay = relay;
	control->stopped = stopped;
	control->owner = owner;
	control->plan = plan_initial();
	numbers_begin(&control->numbers, now_usec());
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i] = (struct control_client){.control = control, .fd = -EBADF};

	r = sd_event_add_io(event, &control->news, relay_news_fd(relay), EPOLLIN, on_news, control);
	if (r < 0)
		return r;
	r = fd_set_nonblocking(listener_fd);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &control->listener, listener_fd, EPOLLIN, on_listener, control);
	if (r < 0)
		return r;
	/* Made now, because it needs a descriptor. */
	r = sd_event_add_time(
		event, &control->listener_rest, CLOCK_MONOTONIC, 0, 0, on_listener_rested, control);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(control->listener_rest, SD_EVENT_OFF);
	if (r < 0)
		return r;
	/* Who has left makes room before somebody new is let in. */
	r = sd_event_source_set_priority(control->listener, SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		return r;
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
	sd_event_source_disable_unref(control->listener);
	sd_event_source_disable_unref(control->listener_rest);
	sd_event_source_disable_unref(control->news);
	free(control);
	return NULL;
}
