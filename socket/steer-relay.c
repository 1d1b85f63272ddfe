/* SPDX-License-Identifier: MIT */
/*
 * Knows the relay's control protocol (socket/README.md) as its client: what is wished for is kept
 * here and said again on each new connection. Knows nothing of why a route is wished for.
 *
 * Answers come in the order of requests, so that a queue of what was asked is all that is needed
 * to understand them. A relay that says something else than the protocol is left and asked again
 * on a new connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "steer-relay-words.h"

#define MESSAGE_MAX   1024 /* of what is asked */
#define ANSWER_MAX    4096
#define ASKED_MAX     32 /* requests without an answer; more means that the relay hangs */
#define BACKOFF_FIRST (20 * USEC_PER_MSEC)
#define BACKOFF_LAST  (1 * USEC_PER_SEC)
#define WORDS_MAX     32

enum verb {
	VERB_SHOW,
	VERB_PROTOCOL,
	VERB_BACKENDS,
	VERB_LIMITS,
	VERB_AFFINITY,
	VERB_ROUTE,
	VERB_DRAIN,
	VERB_COUNTERS,
	VERB_COUNT,
};

static const char *const verb_names[VERB_COUNT] = {
	[VERB_SHOW] = "show",
	[VERB_PROTOCOL] = "protocol",
	[VERB_BACKENDS] = "backends",
	[VERB_LIMITS] = "limits",
	[VERB_AFFINITY] = "affinity",
	[VERB_ROUTE] = "route",
	[VERB_DRAIN] = "drain",
	[VERB_COUNTERS] = "counters",
};

struct asked {
	enum verb verb;
	bool sent;
	char text[MESSAGE_MAX];
};

struct wished_drain {
	bool wished;
	struct steer_drain drain;
	uint64_t since_usec; /* its limits count from here */
};

struct steer {
	sd_event *event;
	struct sockaddr_un address;
	struct steer_events events;
	void *owner;

	int fd;
	bool connected; /* the relay has answered on this connection */
	sd_event_source *io, *retry;
	uint64_t backoff_usec;
	struct asked asked[ASKED_MAX]; /* a ring */
	size_t first, count;
	size_t routes_asked; /* of these, routes: only the answer to the last one is news */

	bool protocol_wished, backends_wished, limits_wished, route_wished;
	enum steer_protocol protocol;
	bool affinity_wished;
	struct steer_affinity affinity;
	uint64_t affinity_since_usec; /* its cookie's life counts from here */
	uint16_t ports[COLOR_COUNT];
	struct steer_limits limits;
	struct route route;
	struct wished_drain drains[COLOR_COUNT];
};

static void connection_lose(struct steer *steer, const char *why);

/* Sends what is not sent yet, as far as the socket takes it. */
static void asked_send(struct steer *steer)
{
	uint32_t wanted = EPOLLIN;

	for (size_t i = 0; i < steer->count; i++) {
		struct asked *asked = &steer->asked[(steer->first + i) % ASKED_MAX];

		if (asked->sent)
			continue;
		if (send(steer->fd, asked->text, strlen(asked->text), MSG_NOSIGNAL) < 0) {
			/* Any other error shows as a hang-up in the event loop. */
			if (errno == EAGAIN)
				wanted |= EPOLLOUT;
			break;
		}
		asked->sent = true;
	}
	(void)sd_event_source_set_io_events(steer->io, wanted);
}

static int ask(struct steer *steer, enum verb verb, const char *words)
{
	struct asked *asked;

	if (steer->fd < 0)
		return -ENOTCONN;
	if (steer->count == ASKED_MAX) {
		/* The event loop sees the hang-up and connects anew. */
		(void)shutdown(steer->fd, SHUT_RDWR);
		return -ENOTCONN;
	}
	asked = &steer->asked[(steer->first + steer->count++) % ASKED_MAX];
	asked->verb = verb;
	asked->sent = false;
	snprintf(asked->text, sizeof(asked->text), "%s%s%s", verb_names[verb], *words ? " " : "",
		words);
	if (verb == VERB_ROUTE)
		steer->routes_asked++;
	asked_send(steer);
	return 0;
}

/* What is kept while the relay is away is no failure. */
static int wish(struct steer *steer, enum verb verb, const char *words)
{
	int r = ask(steer, verb, words);

	return r == -ENOTCONN ? 0 : r;
}

static int protocol_say(struct steer *steer)
{
	return wish(steer, VERB_PROTOCOL, steer_protocol_name(steer->protocol));
}

static int backends_say(struct steer *steer)
{
	char words[128];

	snprintf(words, sizeof(words), "%s=127.0.0.1:%u %s=127.0.0.1:%u", color_name(COLOR_BLUE),
		steer->ports[COLOR_BLUE], color_name(COLOR_GREEN), steer->ports[COLOR_GREEN]);
	return wish(steer, VERB_BACKENDS, words);
}

static int limits_say(struct steer *steer)
{
	char words[160];

	snprintf(words, sizeof(words),
		"hold-usec=%" PRIu64 " hold-requests=%" PRIu32 " hold-bytes=%" PRIu64,
		steer->limits.hold_usec, steer->limits.hold_requests, steer->limits.hold_bytes);
	return wish(steer, VERB_LIMITS, words);
}

static uint64_t remaining(uint64_t limit, uint64_t elapsed)
{
	return limit > elapsed ? limit - elapsed : 0;
}

/* Said again after a reconnection, its cookies have only what is left of their life. */
static int affinity_say(struct steer *steer)
{
	struct steer_affinity affinity = steer->affinity;
	uint64_t now = 0;
	char words[STEER_WORDS_AFFINITY_MAX];

	(void)sd_event_now(steer->event, CLOCK_MONOTONIC, &now);
	affinity.life_usec =
		remaining(affinity.life_usec, remaining(now, steer->affinity_since_usec));
	return wish(steer, VERB_AFFINITY, steer_words_affinity(&affinity, words));
}

static int route_say(struct steer *steer)
{
	char text[ROUTE_TEXT_MAX];

	return wish(steer, VERB_ROUTE, route_format(&steer->route, text));
}

/* Said again after a reconnection, a drain has only what is left of its limits. */
static int drain_say(struct steer *steer, enum color color)
{
	const struct wished_drain *wished = &steer->drains[color];
	uint64_t now = 0;
	char words[160];

	(void)sd_event_now(steer->event, CLOCK_MONOTONIC, &now);
	now = remaining(now, wished->since_usec);
	snprintf(words, sizeof(words),
		"%s scope=%s requests-usec=%" PRIu64 " streams-usec=%" PRIu64, color_name(color),
		drain_scope_name(wished->drain.scope), remaining(wished->drain.requests_usec, now),
		remaining(wished->drain.streams_usec, now));
	return wish(steer, VERB_DRAIN, words);
}

static void everything_say(struct steer *steer)
{
	/* First, what it follows so far. Its answer also says that the relay is there. */
	(void)ask(steer, VERB_SHOW, "");
	if (steer->protocol_wished)
		(void)protocol_say(steer);
	if (steer->backends_wished)
		(void)backends_say(steer);
	if (steer->limits_wished)
		(void)limits_say(steer);
	/* Before the route: no request of a ramp goes without it. */
	if (steer->affinity_wished)
		(void)affinity_say(steer);
	if (steer->route_wished)
		(void)route_say(steer);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (steer->drains[color].wished)
			(void)drain_say(steer, color);
}

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

static void answered(struct steer *steer, bool ok, char **words)
{
	struct asked *asked = &steer->asked[steer->first];
	enum verb verb = asked->verb;

	if (steer->count == 0 || !asked->sent || !words[0] ||
		strcmp(words[0], verb_names[verb]) != 0) {
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
	uint64_t cut;

	/* The end of a drain that another one has replaced is no news. */
	if (steer_words_drained(words, &scope, &cut) < 0 || !wished->wished ||
		scope != wished->drain.scope)
		return;
	wished->wished = false;
	if (steer->events.drained)
		steer->events.drained(steer->owner, color, scope, cut);
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
		asked_send(steer);
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
		everything_say(steer);
	return 0;
}

static void connection_close(struct steer *steer)
{
	steer->io = sd_event_source_disable_unref(steer->io);
	steer->fd = fd_close(steer->fd);
	steer->first = steer->count = steer->routes_asked = 0;
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

int steer_backends(struct steer *steer, const uint16_t ports[static COLOR_COUNT])
{
	memcpy(steer->ports, ports, sizeof(steer->ports));
	steer->backends_wished = true;
	return backends_say(steer);
}

int steer_set_limits(struct steer *steer, const struct steer_limits *limits)
{
	steer->limits = *limits;
	steer->limits_wished = true;
	return limits_say(steer);
}

int steer_set_protocol(struct steer *steer, enum steer_protocol protocol)
{
	steer->protocol = protocol;
	steer->protocol_wished = true;
	return protocol_say(steer);
}

int steer_set_affinity(struct steer *steer, const struct steer_affinity *affinity)
{
	if (!steer_affinity_is_sayable(affinity))
		return -EINVAL;
	steer->affinity = *affinity;
	steer->affinity_wished = true;
	(void)sd_event_now(steer->event, CLOCK_MONOTONIC, &steer->affinity_since_usec);
	return affinity_say(steer);
}

/* The relay ends a drain when a route gives the color weight in its scope again; so do we. */
static void drains_end(struct steer *steer)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct wished_drain *wished = &steer->drains[color];
		bool used = wished->drain.scope == DRAIN_READS
				    ? steer->route.weight[ROUTE_READS][color] != ROUTE_NEVER
				    : route_uses(&steer->route, color);

		if (used)
			wished->wished = false;
	}
}

int steer_route(struct steer *steer, const struct route *route)
{
	steer->route = *route;
	steer->route_wished = true;
	drains_end(steer);
	return route_say(steer);
}

int steer_drain(struct steer *steer, enum color color, const struct steer_drain *drain)
{
	struct wished_drain *wished = &steer->drains[color];

	wished->wished = true;
	wished->drain = *drain;
	(void)sd_event_now(steer->event, CLOCK_MONOTONIC, &wished->since_usec);
	return drain_say(steer, color);
}

int steer_ask_counters(struct steer *steer)
{
	return ask(steer, VERB_COUNTERS, "");
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
