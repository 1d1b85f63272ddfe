/* SPDX-License-Identifier: MIT */
/*
 * The seam between who decides the route (the supervisor) and who carries it out (the relay, by
 * steer-relay.c). What is wanted is kept here: the steer connects by itself, reconnects when the
 * relay was restarted, says everything again, and reports when it is true.
 *
 * The relay's control protocol, for those who want to speak it: socket/README.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "color.h"
#include "proxy-header.h"
#include "route.h"
#include "steer-numbers.h"
#include "trust.h"

struct steer;

/* Bounds of the hold queue. */
struct steer_limits {
	uint64_t hold_usec;	/* how long one request waits before its 503 */
	uint32_t hold_requests; /* how many wait at once */
	uint64_t hold_bytes;	/* how many of their bytes are kept in memory */
};

enum drain_scope {
	DRAIN_READS, /* requests in flight of safe methods, streams among them */
	DRAIN_ALL,   /* everything, and the pooled connections */
	DRAIN_SCOPE_COUNT,
};

/* A drain of what is in flight on a color. Past its limit an exchange is ended. */
struct steer_drain {
	enum drain_scope scope;
	uint64_t requests_usec; /* limit of plain requests, from now */
	uint64_t streams_usec;	/* limit of event streams and upgraded connections, spread over the
				 * last half of it */
};

/* What the relay takes its clients' bytes for. */
enum steer_protocol {
	STEER_HTTP, /* HTTP/1.x, by request */
	STEER_TCP,  /* anything, by connection; a connection counts as a write */
	STEER_PROTOCOL_COUNT,
};

/* Who stands in front of the relay and is believed, and how the colors are told who asks. */
struct steer_clients {
	struct trust trust;
	bool accept_proxy;	       /* who is trusted begins with a PROXY header */
	enum proxy_version send_proxy; /* connections to the colors do */
};

#define STEER_KEY_SIZE 16

/*
 * While reads or writes are shared between the colors, a client stays where it is. Each client
 * has a place from 0 to 99, told by its address or by a cookie of ours, and is on `fresh` if its
 * place is below the share of `fresh`: so whoever came to it stays there while the share grows.
 */
struct steer_affinity {
	enum affinity kind;
	enum color fresh;
	uint8_t key[STEER_KEY_SIZE]; /* random, anew for each ramp: authenticates the cookie
				      * (SipHash-2-4) and spreads the addresses */
	char release[COLOR_COUNT][STEER_RELEASE_MAX]; /* what the cookie names: [A-Za-z0-9._+-]* */
	uint64_t life_usec;			      /* the cookie's Max-Age=, from now */
	char cookie[STEER_RELEASE_MAX]; /* its name, of the same letters; "" is `bluegreen`.
					 * Browsers know no ports: each app of a host needs its own
					 */
};

/* What a drain's limits have ended. */
struct steer_cut {
	uint64_t exchanges;
	uint64_t streams; /* of these, streams and tunnels; 0 from an earlier relay */
};

struct steer_counters {
	uint64_t reads[COLOR_COUNT], writes[COLOR_COUNT]; /* requests answered by the color */
	uint64_t failed[COLOR_COUNT];			  /* answered 502/504, or cut, by us */
	uint64_t errors[COLOR_COUNT]; /* the color's own 5xx responses, but for 501 and 505 */
	/* Requests by the time from their last attempt's first byte sent to the color until the
	 * first byte of its final response. */
	uint64_t latency[COLOR_COUNT][STEER_LATENCY_BUCKETS];
	uint64_t inflight[COLOR_COUNT]; /* exchanges now under way */
	uint64_t streams[COLOR_COUNT];	/* of these, streams and tunnels */
	uint64_t held;			/* requests ever held */
	uint64_t holding;		/* waiting now */
	uint64_t hold_longest_usec;
	uint64_t hold_expired; /* answered 503 because a limit of the hold queue was reached */
	struct steer_cut cut;
	uint64_t connections; /* client connections now open */
};

/* All optional. Called from the event loop, never from within a steer_*() call. */
struct steer_events {
	/* Every worker follows `route`, the last one given to steer_route(). */
	void (*followed)(void *owner, const struct route *route);
	/* No exchange in the scope is left on the color. */
	void (*drained)(
		void *owner, enum color color, enum drain_scope scope, const struct steer_cut *cut);
	/* The color refused a connection (at most once a second a color). */
	void (*refused)(void *owner, enum color color);
	/* The relay came (true) or went (false). */
	void (*connected)(void *owner, bool connected);
	/* What a relay that came followed before anything was said on this connection: the route of
	 * an earlier supervisor, or our own. Comes right before connected(true); if it does not,
	 * nobody had said a route to that relay, or it is of an earlier version. */
	void (*found)(void *owner, const struct route *route);
	void (*counters)(void *owner, const struct steer_counters *counters);
	/* NULL: the relay is of an earlier version and has none. Good until it returns. */
	void (*numbers)(void *owner, const struct steer_numbers *numbers);
};

/* path: the relay's control socket. Connects now and, with back-off, again and again.
 * Nothing is reported before the event loop runs. */
int steer_open(sd_event *event, const char *path, const struct steer_events *events, void *owner,
	struct steer **ret_steer);
struct steer *steer_close(struct steer *steer);
DEFINE_CLEANUP(struct steer, steer_close);

/* Where the colors listen, on 127.0.0.1; replaces what was said before. */
int steer_backends(struct steer *steer, const uint16_t ports[static COLOR_COUNT]);
int steer_set_limits(struct steer *steer, const struct steer_limits *limits);

/* Kept and said again like the limits. */
int steer_set_protocol(struct steer *steer, enum steer_protocol protocol);
int steer_set_clients(struct steer *steer, const struct steer_clients *clients);
/* -EINVAL: a release or a name that no cookie can carry. A relay keeps what an earlier supervisor
 * said: say AFFINITY_NONE too. */
int steer_set_affinity(struct steer *steer, const struct steer_affinity *affinity);

/* What the colors run; a word of [A-Za-z0-9._+@:-] each, "" says nothing of the color. Numbers
 * begin anew where it is another one than before. Kept and said again; the same again is not.
 * -EINVAL. */
int steer_set_releases(
	struct steer *steer, const char releases[static COLOR_COUNT][STEER_RELEASE_MAX]);

/* The upper end of a bucket in microseconds; USEC_INFINITY for the last. Pure. */
uint64_t steer_latency_bound(unsigned int bucket);

/* Replaces the route; `followed` comes when it is true, also if it was true before. Until the
 * relay is reachable the wish is kept. */
int steer_route(struct steer *steer, const struct route *route);

/* Replaces the color's drain, if any. Ends with `drained`, or when a route gives the color
 * weight (a standby's too) in the scope again. */
int steer_drain(struct steer *steer, enum color color, const struct steer_drain *drain);

/* Asks; the answer comes as `counters`, or -ENOTCONN at once. */
int steer_ask_counters(struct steer *steer);

/* The same, as `numbers`. */
int steer_ask_numbers(struct steer *steer);

bool steer_is_connected(const struct steer *steer);
