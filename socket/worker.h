/* SPDX-License-Identifier: MIT */
/*
 * One thread's world: its event loop, its deadlines, what it holds, what it counts, and the
 * plan it follows. Nothing in here is touched by another thread, except `mailbox` and
 * the counters (written here alone, read by anybody: relaxed atomics).
 */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "affinity.h"
#include "base/fd.h"
#include "base/list.h"
#include "color.h"
#include "date.h"
#include "ending.h"
#include "flow.h"
#include "forward.h"
#include "http1.h"
#include "latency.h"
#include "proxy-header.h"
#include "route.h"
#include "trust.h"

/* ---- limits and times, from the environment, the same for all workers ---- */
struct relay_settings {
	uint64_t head_usec;	/* from the first byte of a head to its last: 408 */
	uint64_t idle_usec;	/* between requests */
	uint64_t connect_usec;	/* then the color counts as refusing */
	uint64_t response_usec; /* to the first byte of a response, and between its bytes: 504 */
	uint64_t stall_usec; /* a client that neither sends nor reads in the middle of a message */
	uint64_t pool_usec;  /* a pooled connection without a request */
	uint64_t shutdown_usec;	  /* for requests in flight at SIGTERM */
	uint32_t connections_max; /* clients, all workers: 503 */
};

/* ---- what the supervisor said ---- */
enum drain_extent {
	DRAIN_NONE,
	DRAIN_OF_READS,
	DRAIN_OF_ALL,
};

struct plan_drain {
	enum drain_extent extent;
	uint64_t serial; /* of the drain; a new one begins its counts anew */
	uint64_t begun_usec, requests_usec, streams_usec; /* the limits as times of the clock */
};

/* What clients' bytes are taken for. */
enum protocol {
	PROTOCOL_HTTP, /* HTTP/1.x, relayed by request */
	PROTOCOL_TCP,  /* anything, relayed by connection */
	PROTOCOL_COUNT,
};

/* Whom connections come from, accepted from now on, and how the colors are told. */
struct plan_clients {
	bool said;	   /* false: neither this nor a route was said; what follows is a guess */
	bool accept_proxy; /* who is trusted begins with a PROXY header */
	enum proxy_version send_proxy; /* so does each connection to a color */
	struct trust trust;
};

struct plan {
	uint64_t serial;
	enum protocol protocol; /* of connections accepted from now on */
	struct plan_clients clients;
	struct route route;
	bool backend_known[COLOR_COUNT];
	struct sockaddr_in backend[COLOR_COUNT];
	uint64_t hold_usec, hold_bytes;
	uint32_t hold_requests;
	struct affinity_plan affinity;
	struct plan_drain drain[COLOR_COUNT];
};

/* ---- shared by all workers ---- */
struct relay;

struct shared {
	struct relay_settings settings;
	const struct relay *relay;
	int news_fd; /* eventfd: a worker followed a plan, a drained color is empty, a color refused
		      */
	_Atomic uint32_t clients;
	_Atomic uint32_t holding;
	_Atomic uint64_t held_bytes;
	_Atomic bool refused[COLOR_COUNT]; /* set by a worker, taken by the control thread */
	_Atomic uint64_t hold_longest_usec;
};

/* ---- deadlines: one list a kind, in order of time, because a kind has one length ---- */
enum timer_kind {
	TIMER_NONE,
	TIMER_IDLE,
	TIMER_HEAD,
	TIMER_HOLD,
	TIMER_CONNECT,
	TIMER_RESPONSE,
	TIMER_STALL,
	TIMER_LINGER,
	TIMER_POOL,
	TIMER_KIND_COUNT,
};

struct timer {
	struct link link;
	enum timer_kind kind;
	uint64_t since;
	void (*expired)(struct timer *timer);
};

/*
 * ---- what epoll wakes; its memory outlives the batch of events it is in ----
 *
 * A whole batch is noted before anybody in it goes on, so that who goes on knows what the kernel
 * has said of all the others.
 */
struct watch {
	struct link dead;				    /* in worker->dead once given up */
	void (*note)(struct watch *watch, uint32_t events); /* NULL: there is nothing to note */
	void (*wake)(struct watch *watch);
	void (*bury)(struct watch *watch); /* frees it, after the batch */
};

/* A counter that one thread writes and others read. */
struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t n)
{
	atomic_store_explicit(&counter->value,
		atomic_load_explicit(&counter->value, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *counter)
{
	return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Responses are counted by the first digit of their status: 1xx to 5xx. */
#define STATUS_CLASSES 5

/* Nothing but counters, so that it can be summed and handed over as one row of numbers. What is of
 * a color is charged to the one whose connection the exchange was on at that moment. */
struct worker_counters {
	struct counter answered[ROUTE_CLASS_COUNT][COLOR_COUNT];
	struct counter inflight[ROUTE_CLASS_COUNT][COLOR_COUNT];
	struct counter streams[COLOR_COUNT];
	struct counter failed[COLOR_COUNT];
	struct counter errors[COLOR_COUNT]; /* responses of its own that say it went wrong */
	struct counter latency[COLOR_COUNT][LATENCY_BUCKETS];
	struct counter cut[COLOR_COUNT];	 /* by the drain under way */
	struct counter cut_streams[COLOR_COUNT]; /* of these */
	struct counter cut_ever, cut_streams_ever, held_ever, hold_expired;
	struct counter endings[ENDING_COUNT]; /* of exchanges that had no color */
	struct counter ended[ENDING_COUNT][COLOR_COUNT];
	struct counter status[STATUS_CLASSES][COLOR_COUNT]; /* final, interim and 101 */
	struct counter latency_usec[COLOR_COUNT];	    /* the sum of what `latency` counts */
	struct counter waited[COLOR_COUNT];  /* exchanges that ended there and had been held */
	struct counter again[COLOR_COUNT];   /* exchanges that it failed and that were sent again */
	struct counter refused[COLOR_COUNT]; /* connects */
	struct counter reset[COLOR_COUNT];   /* ended before, or in the middle of, its response */
	struct counter to_app[COLOR_COUNT], to_clients[COLOR_COUNT];	/* bytes, heads included */
	struct counter connects[COLOR_COUNT], connections[COLOR_COUNT]; /* tried; now open */
	struct counter streams_ever[COLOR_COUNT];
	struct counter begun; /* exchanges; each has one ending in the end */
	struct counter clients_ever, clients_refused, idle_closed, shed;
};

/* Idle connections, pooled ones first, closed at once where descriptors ran out. */
#define SHED_COUNT 16

struct worker {
	struct shared *shared;
	uint32_t index;
	pthread_t thread;
	int epoll_fd, mailbox_fd;
	uint64_t now;
	struct plan plan;
	struct route_turn turn[ROUTE_CLASS_COUNT];
	struct affinity_deck deck;	 /* places for clients that have none */
	uint32_t down;			 /* colors (1 << color) that refused a moment ago */
	uint32_t silent;		 /* colors whose last connect was not answered in time */
	const void *prober[COLOR_COUNT]; /* the session that tries a silent color, alone: others go
					  * elsewhere or wait, without losing that time */
	uint64_t retry_at; /* when `down` is forgotten and what is held is tried again */
	uint64_t
		accept_at; /* when a listener that had no descriptors left is asked again; 0: now */
	uint64_t trim_at;  /* when what lies spare is given back; 0: nothing does */
	uint64_t watch_at; /* when the oldest of `unwatched` is watched; 0: there is none */
	uint64_t drain_at; /* when a drain's limits are looked at again */
	uint32_t shed;	   /* idle clients to be closed after this batch: descriptors ran out */
	bool crowded;	   /* the batch of events was full: more may be waiting */
	uint64_t began_usec; /* when the worker did */
	bool stopping;
	uint64_t stop_at; /* then what is still in flight is cut */

	struct link timers[TIMER_KIND_COUNT];
	struct link sessions, held, ready, dead;
	struct link unwatched;	       /* sessions that epoll does not know yet, the oldest first */
	struct link pool[COLOR_COUNT]; /* idle backend connections, the warmest first */
	uint32_t pool_size[COLOR_COUNT];
	struct buffer_pool buffers;
	struct worker_counters counters;

	/* One at a time is in use: heads are parsed and passed on in one go. */
	struct http1_head head;
	char scratch[PROXY_HEADER_WRITE_MAX + FORWARD_SIZE_MAX];
	time_t dated_at; /* when `date` was true */
	char date[DATE_LINE_SIZE];

	struct watch mailbox_watch;
	pthread_mutex_t mailbox_lock;
	struct plan mailbox; /* under the lock */
	_Atomic bool stop_asked, freeze_asked;
	_Atomic uint32_t calls, answers; /* signs of life that were asked for, and given */
	_Atomic uint64_t followed;	 /* serial of the plan that is true here */
};

/* What is there now, as opposed to what ever was. */
void worker_clear_gauges(struct worker_counters *counters);

int worker_init(struct worker *worker, struct shared *shared, uint32_t index);
void worker_clear(struct worker *worker);

/* The clock, read once a batch of events. */
void worker_tick(struct worker *worker);

/* The line `Date: ...` of this second, CRLF included; DATE_LINE_SIZE - 1 bytes and NUL. */
const char *worker_date(struct worker *worker);

int worker_watch(struct worker *worker, int fd, uint32_t events, struct watch *watch);
/* Before a descriptor is closed that came from another process: where its file is still open in a
 * third one, epoll would go on reporting it (epoll(7), question 6), to memory that is gone. */
void worker_forget_fd(struct worker *worker, int fd);
/* No event reaches it any more; bury() is called after the batch. The descriptor was closed by the
 * caller. */
void worker_unwatch(struct worker *worker, struct watch *watch);
void worker_bury(struct worker *worker);

/* Gives memory and pipes back that a load has left behind. */
void worker_trim(struct worker *worker);

void timer_init(struct timer *timer, void (*expired)(struct timer *timer));
/* Begins anew, whatever it was before. */
void timer_arm(struct worker *worker, struct timer *timer, enum timer_kind kind);
/* The same, as if begun earlier. */
void timer_arm_since(
	struct worker *worker, struct timer *timer, enum timer_kind kind, uint64_t since);
void timer_stop(struct timer *timer);
void worker_expire(struct worker *worker);
/* Until the next deadline, for epoll_wait: -1 is for ever. */
int worker_timeout_msec(const struct worker *worker);

/* The control thread wants to know. */
void worker_tell(struct worker *worker);

/* A color refused: others are preferred for a moment, the supervisor is told. */
void worker_color_down(struct worker *worker, enum color color);

/* It answered a connect, if only to refuse it: everybody may try it again. */
void worker_color_reached(struct worker *worker, enum color color);

/* Colors (1 << color) that are not tried now: they refused, or somebody finds out for all (what
 * is pooled needs no connect). */
uint32_t worker_unreachable(const struct worker *worker, enum route_class class);

/* What is held is tried again in a moment. */
void worker_retry_soon(struct worker *worker);

/* Events of a socket, into its flags. */
void peer_note(struct peer *peer, uint32_t events);

/* A new connected or connecting socket. */
struct peer peer_of(int fd);

/* The kernel asks it for a sign of life while nothing is said; harmless on a unix socket. */
void peer_keep_alive(const struct peer *peer);

/* Its other side will see a reset when it is closed, not an end. */
void peer_cut(const struct peer *peer);
