/* SPDX-License-Identifier: MIT */
/*
 * What the files of this steer share: steer-relay.c (the connection, answers and events) and
 * steer-relay-wishes.c (what is wished for, and how it is asked).
 */
#pragma once

#include <sys/un.h>

#include "base/fd.h"
#include "steer-relay-words.h"

#define MESSAGE_MAX 2048 /* of what is asked; an earlier relay reads 1024 bytes */
#define ASKED_MAX   48	 /* requests without an answer; more means that the relay hangs */

enum verb {
	VERB_SHOW,
	VERB_PROTOCOL,
	VERB_CLIENTS,
	VERB_BACKENDS,
	VERB_LIMITS,
	VERB_AFFINITY,
	VERB_ROUTE,
	VERB_DRAIN,
	VERB_COUNTERS,
	VERB_RELEASE,
	VERB_NUMBERS,
	VERB_COUNT,
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
	bool clients_wished;
	struct steer_clients clients;
	bool affinity_wished;
	struct steer_affinity affinity;
	uint64_t affinity_since_usec; /* its cookie's life counts from here */
	uint16_t ports[COLOR_COUNT];
	struct steer_limits limits;
	struct route route;
	struct wished_drain drains[COLOR_COUNT];
	bool releases_wished;
	char releases[COLOR_COUNT][STEER_RELEASE_MAX];

	size_t numbers_asked; /* of what is asked, numbers */
	bool numbers_refused;
	struct steer_numbers numbers; /* as far as they are answered */
};

/* "route", "counters" ... */
const char *steer_verb_name(enum verb verb);

/* Sends what is asked and not sent yet, as far as the socket takes it. */
void steer_send_asked(struct steer *steer);

/* -ENOTCONN; the words are sent as soon as the socket takes them. */
int steer_ask(struct steer *steer, enum verb verb, const char *words);

/* steer-relay-numbers.c: one of several answers; the last one is told to the owner. */
void steer_numbers_answered(struct steer *steer, bool ok, char **words);

/* All that is wished for, to a relay that knows nothing of it. */
void steer_say_everything(struct steer *steer);
