/* SPDX-License-Identifier: MIT */
/*
 * Knows what is wished for, and the requests that say it (socket/README.md); does not know what is
 * answered.
 */
#include "steer-relay-parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *const verb_names[VERB_COUNT] = {
	[VERB_SHOW] = "show",
	[VERB_PROTOCOL] = "protocol",
	[VERB_CLIENTS] = "clients",
	[VERB_BACKENDS] = "backends",
	[VERB_LIMITS] = "limits",
	[VERB_AFFINITY] = "affinity",
	[VERB_ROUTE] = "route",
	[VERB_DRAIN] = "drain",
	[VERB_COUNTERS] = "counters",
	[VERB_RELEASE] = "release",
	[VERB_NUMBERS] = "numbers",
};

const char *steer_verb_name(enum verb verb)
{
	return verb_names[verb];
}

void steer_send_asked(struct steer *steer)
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

int steer_ask(struct steer *steer, enum verb verb, const char *words)
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
	steer_send_asked(steer);
	return 0;
}

/* What is kept while the relay is away is no failure. */
static int wish(struct steer *steer, enum verb verb, const char *words)
{
	int r = steer_ask(steer, verb, words);

	return r == -ENOTCONN ? 0 : r;
}

static int protocol_say(struct steer *steer)
{
	return wish(steer, VERB_PROTOCOL, steer_protocol_name(steer->protocol));
}

static int clients_say(struct steer *steer)
{
	char words[STEER_WORDS_CLIENTS_MAX];

	return wish(steer, VERB_CLIENTS, steer_words_clients(&steer->clients, words));
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

static int releases_say(struct steer *steer)
{
	char words[2 * STEER_RELEASE_MAX + 16];

	snprintf(words, sizeof(words), "%s=%s %s=%s", color_name(COLOR_BLUE),
		steer->releases[COLOR_BLUE], color_name(COLOR_GREEN), steer->releases[COLOR_GREEN]);
	return wish(steer, VERB_RELEASE, words);
}

void steer_say_everything(struct steer *steer)
{
	/* First, what it follows so far. Its answer also says that the relay is there. */
	(void)steer_ask(steer, VERB_SHOW, "");
	if (steer->protocol_wished)
		(void)protocol_say(steer);
	if (steer->clients_wished)
		(void)clients_say(steer);
	if (steer->backends_wished)
		(void)backends_say(steer);
	if (steer->limits_wished)
		(void)limits_say(steer);
	/* Before the route: what is counted is counted for a release. */
	if (steer->releases_wished)
		(void)releases_say(steer);
	/* Before the route: no request of a ramp goes without it. */
	if (steer->affinity_wished)
		(void)affinity_say(steer);
	if (steer->route_wished)
		(void)route_say(steer);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (steer->drains[color].wished)
			(void)drain_say(steer, color);
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

int steer_set_clients(struct steer *steer, const struct steer_clients *clients)
{
	steer->clients = *clients;
	steer->clients_wished = true;
	return clients_say(steer);
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

int steer_set_releases(
	struct steer *steer, const char releases[static COLOR_COUNT][STEER_RELEASE_MAX])
{
	bool known = steer->releases_wished;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (!steer_release_is_sayable(releases[color]))
			return -EINVAL;
		known = known && strcmp(steer->releases[color], releases[color]) == 0;
	}
	if (known)
		return 0;
	memcpy(steer->releases, releases, sizeof(steer->releases));
	steer->releases_wished = true;
	return releases_say(steer);
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
	return steer_ask(steer, VERB_COUNTERS, "");
}
