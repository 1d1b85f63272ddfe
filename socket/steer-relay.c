/* SPDX-License-Identifier: MIT */
/*
 * Knows the relay's control protocol (socket/README.md) as its client: what is wished for is kept
 * here and said again on each new connection. Knows nothing of why a route is wished for.
 *
 * Answers come in the order of requests, so that a queue of what was asked is all that is needed
 * to understand them. A relay that says something else than the protocol is left and asked again
 * on a new connection.
 */
#include "steer-relay-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define ANSWER_MAX    4096
#define BACKOFF_FIRST (20 * USEC_PER_MSEC)
#define BACKOFF_LAST  (1 * USEC_PER_SEC)

static void connection_lose(struct steer *steer, const char *why);

static void counters_answered(struct steer *steer, char **words)
{
	struct steer_counters counters;

	steer_words_counters(words, &counters);
	if (steer->events.counters)
		steer->events.counters(steer->owner, &counters);
}

/* Only the answer to the last route asked for says that the wish is true. */
static void route_answered(struct steer *steer)
{
	struct route route = steer->route;

	if (steer->routes_asked == 0 && steer->route_wished && steer->events.followed)
		steer->events.followed(steer->owner, &route);
}

/* "show reads=... writes=...", or "show nothing" */
static void show_answered(struct steer *steer, char **words)
{
	struct route route;

	if (steer->events.found && steer_words_route(words, &route) == 0)
		steer->events.found(steer->owner, &route);
}

/* `error - ...` is said of a message whose verb was not read: a long one, by an earlier relay. */
static bool is_answer_to(enum verb verb, bool ok, const char *word)
{
	return strcmp(word, steer_verb_name(verb)) == 0 || (!ok && strcmp(word, "-") == 0);
}

static void answered(struct steer *steer, bool ok, char **words)
{
	struct asked *asked = &steer->asked[steer->first];
	enum verb verb = asked->verb;

	if (steer->count == 0 || !asked->sent || !words[0] || !is_answer_to(verb, ok, words[0])) {
		connection_lose(steer, "it answered what was not asked");
		return;
	}
	steer->first = (steer->first + 1) % ASKED_MAX;
	steer->count--;
	if (verb == VERB_ROUTE)
		steer->routes_asked--;
	if (!steer->connected) {
		steer->connected = true;
		steer->backoff_usec = BACKOFF_FIRST;
		if (ok && verb == VERB_SHOW)
			show_answered(steer, words + 1);
		if (steer->events.connected)
			steer->events.connected(steer->owner, true);
	}
	if (verb == VERB_NUMBERS)
		steer_numbers_answered(steer, ok, words + 1);
	if (!ok)
		return;
	if (verb == VERB_ROUTE)
		route_answered(steer);
	else if (verb == VERB_COUNTERS)
		counters_answered(steer, words + 1);
}

static void drained(struct steer *steer, enum color color, char **words)
{
	struct wished_drain *wished = &steer->drains[color];
	enum drain_scope scope;
	struct steer_cut cut;

	/* The end of a drain that another one has replaced is no news. */
	if (steer_words_drained(words, &scope, &cut) < 0 || !wished->wished ||
		scope != wished->drain.scope)
		return;
	wished->wished = false;
	if (steer->events.drained)
		steer->events.drained(steer->owner, color, scope, &cut);
}

static void message_read(struct steer *steer, char *text)
{
	char *words[STEER_WORDS_MAX + 1];
	enum color color;

	/* An earlier relay does not know every request; it goes on as it always did. */
	if (strncmp(text, "error ", 6) == 0 && !strstr(text, " no such request"))
		log_error("the relay refused a request: %s", text + 6);
	if (steer_words_split(text, words) == 0)
		return;
	if (strcmp(words[0], "ok") == 0 || strcmp(words[0], "error") == 0)
		answered(steer, words[0][0] == 'o', words + 1);
	else if (!words[1] || color_from_name(words[1], &color) < 0)
		return; /* an event of a later relay */
	else if (strcmp(words[0], "drained") == 0)
		drained(steer, color, words + 2);
	else if (strcmp(words[0], "refused") == 0 && steer->events.refused)
		steer->events.refused(steer->owner, color);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct steer *steer = userdata;
	char text[ANSWER_MAX + 1];
	ssize_t n;

	(void)source;
	if (revents & EPOLLOUT)
		steer_send_asked(steer);
	if (!(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	n = recv(fd, text, ANSWER_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		connection_lose(steer, n < 0 ? strerror(errno) : "it closed the connection");
		return 0;
	}
	text[n] = '\0';
	message_read(steer, text);
	return 0;
}

static int connection_open(struct steer *steer)
{
	_cleanup_fd_ int fd = -EBADF;
	int r;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Without waiting: EAGAIN is a full backlog, and tried again like any other failure. */
	if (connect(fd, (struct sockaddr *)&steer->address, sizeof(steer->address)) < 0)
		return -errno;
	r = sd_event_add_io(steer->event, &steer->io, fd, EPOLLIN, on_io, steer);
	if (r < 0)
		return r;
	steer->fd = take_fd(fd);
	return 0;
}

static void retry_arm(struct steer *steer)
{
	if (sd_event_source_set_time_relative(steer->retry, steer->backoff_usec) >= 0)
		(void)sd_event_source_set_enabled(steer->retry, SD_EVENT_ONESHOT);
	steer->backoff_usec *= 2;
	if (steer->backoff_usec > BACKOFF_LAST)
		steer->backoff_usec = BACKOFF_LAST;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct steer *steer = userdata;

	(void)source;
	(void)usec;
	if (connection_open(steer) < 0)
		retry_arm(steer);
	else
		steer_say_everything(steer);
	return 0;
}

static void connection_close(struct steer *steer)
{
	steer->io = sd_event_source_disable_unref(steer->io);
	steer->fd = fd_close(steer->fd);
	steer->first = steer->count = steer->routes_asked = steer->numbers_asked = 0;
}

static void connection_lose(struct steer *steer, const char *why)
{
	bool was_connected = steer->connected;

	log_debug("the relay's control connection ended: %s", why);
	connection_close(steer);
	steer->connected = false;
	retry_arm(steer);
	if (was_connected && steer->events.connected)
		steer->events.connected(steer->owner, false);
}

bool steer_is_connected(const struct steer *steer)
{
	return steer->connected;
}

struct steer *steer_close(struct steer *steer)
{
	if (!steer)
		return NULL;
	connection_close(steer);
	sd_event_source_disable_unref(steer->retry);
	sd_event_unref(steer->event);
	free(steer);
	return NULL;
}

int steer_open(sd_event *event, const char *path, const struct steer_events *events, void *owner,
	struct steer **ret_steer)
{
	_cleanup_(cleanup_steer_close) struct steer *steer = NULL;
	int r;

	if (strlen(path) >= sizeof(steer->address.sun_path))
		return -ENAMETOOLONG;
	steer = calloc(1, sizeof(*steer));
	if (!steer)
		return -ENOMEM;
	steer->event = sd_event_ref(event);
	steer->fd = -EBADF;
	steer->address.sun_family = AF_UNIX;
	strcpy(steer->address.sun_path, path);
	steer->events = *events;
	steer->owner = owner;
	steer->backoff_usec = BACKOFF_FIRST;
	/* The first connection is made from the loop too, so that nothing is reported earlier. */
	r = sd_event_add_time_relative(
		event, &steer->retry, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_retry, steer);
	if (r < 0)
		return r;
	*ret_steer = take_ptr(steer);
	return 0;
}
