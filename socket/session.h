/* SPDX-License-Identifier: MIT */
/*
 * A client connection: one request after the other, each with a life of its own.
 *
 *	(PROXY) -> HEAD -> (HELD) -> EXCHANGE -> HEAD ...        or TUNNEL, ANSWER, LINGER, DEAD
 *
 * A connection that is relayed as bytes has no head: (PROXY) -> (HELD) -> EXCHANGE until it is
 * accepted by its color, then TUNNEL.
 *
 * session.c reads heads, chooses colors, holds, and gives the relay's own answers; exchange.c moves
 * a request and its response.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "backend.h"
#include "worker.h"

enum session_state {
	SESSION_PROXY,	  /* a PROXY header comes first, or may: nobody has said yet */
	SESSION_HEAD,	  /* between requests, or a head has begun to come */
	SESSION_HELD,	  /* a whole head, and no color to send it to */
	SESSION_EXCHANGE, /* with a backend connection */
	SESSION_TUNNEL,	  /* after a 101, or without HTTP: bytes both ways */
	SESSION_ANSWER,	  /* an answer of our own is on its way */
	SESSION_LINGER, /* we said all; what the client still sends is thrown away, so that a reset
			 * does not overtake the answer (RFC 9112 section 9.6) */
	SESSION_DEAD,
	SESSION_STATE_COUNT,
};

enum session_cookie { SESSION_COOKIE_STAYS, SESSION_COOKIE_SET, SESSION_COOKIE_FORGET };

struct session {
	struct watch watch; /* first: epoll's pointer */
	struct peer client;
	struct worker *worker;
	struct link link;      /* in worker->sessions */
	struct link held;      /* in worker->held */
	struct link ready;     /* in worker->ready: it has more to do and gave way to others */
	struct link unwatched; /* in worker->unwatched, until epoll knows it */
	uint64_t begun;
	struct timer timer;
	enum session_state state;
	/* Who asks, and whom; as the PROXY header says, if there was one. The second is found out
	 * when it is asked for. */
	struct endpoint source, destination;
	struct forward_client forward;
	bool unmet; /* accepted before anybody said who is in front of us */

	struct flow request;	 /* from the client to the backend */
	struct flow answer;	 /* our own */
	struct backend *backend; /* with the response's flow */
	struct http1_body request_body, response_body;
	uint32_t seen, response_seen; /* how far the end of a head was searched */
	uint32_t head_size;
	uint64_t held_since; /* 0: this request was never held */
	uint64_t held_bytes; /* accounted in shared->held_bytes */
	enum http1_method method;
	enum route_class class;
	enum color color;
	uint32_t refused; /* colors (1 << color) that refused this request */
	uint8_t tries, informational;
	uint8_t place; /* while the traffic is shared: see affinity.h */
	bool pinned;   /* `pin` is the color that its place gives it */
	enum color pin;
	bool cookie_hidden;		/* the request carries a cookie of ours */
	enum session_cookie cookie_due; /* with its response */
	uint64_t sent_at;		/* the first byte of its last attempt was sent */
	uint64_t answered_at; /* the first byte of the present head of its response came */

	bool handed;	     /* another process accepted it */
	bool tcp;	     /* relayed as bytes, from its first to its last */
	bool unread;	     /* not a byte was taken yet: it may begin with HTTP/2's preface */
	bool keep_alive;     /* what the client wants */
	bool http10;	     /* the client knows neither chunked nor 1xx */
	bool upgrade;	     /* it asked for one that we pass on */
	bool fresh_only;     /* a pooled connection failed this request already */
	bool inflight;	     /* counted for its color */
	bool stream;	     /* counted as one */
	bool response_begun; /* its final head is on the way: no other answer can be given */
	bool response_whole; /* its last byte was received and framed */
	bool unchunk;
	bool close_after; /* the connection ends with this response */
	bool backend_keeps;
	bool progress; /* bytes moved since the timer was armed */
};

/* Takes the descriptor, also on failure. address is the client's, of any family. */
void session_begin(struct worker *worker, int fd, const struct sockaddr_storage *address);

/* One that another process had: its plain data is that of the image; flows, backend connection and
 * the place among what is held are the caller's to restore. Takes the descriptor, unless it fails:
 * -ENOMEM, -ENOSPC. */
int session_adopt(
	struct worker *worker, const struct session *image, int fd, struct session **ret_session);

/* Its request is among what is held, since session->held_since. */
void session_hold_restore(struct session *session);

/* Goes on as far as the sockets allow. */
void session_advance(struct session *session);

/* It has more to do, after others had their turn. */
void session_make_ready(struct session *session);

/* Ends it at once; the client sees a reset (cut) or an end (close). */
enum session_end { SESSION_CLOSE, SESSION_CUT };
void session_end(struct session *session, enum session_end how);

/* Chooses a color and begins the exchange, or holds the request. */
void session_dispatch(struct session *session);

/* The Set-Cookie line that is due is added to the response's head of this length; returns the new
 * one. */
size_t session_put_cookie(struct session *session, char *head, size_t length);

/* Gives the relay's own answer for this ending, then goes on or closes. session_answer() also
 * counts the ending, as one of an exchange that had no color. */
void session_answer(struct session *session, enum ending ending);
void session_give_answer(struct session *session, enum ending ending);

/* The next request of a connection that persists. */
void session_next(struct session *session);

/* Closes once all was said, to a client of which nothing more is to come. */
void session_say_end(struct session *session);

/* Nothing stands in its socket, even where nobody watches it yet. */
bool session_is_quiet(const struct session *session);

/* Nothing more is said; closes without a reset overtaking what was said. */
void session_linger(struct session *session);

/* Those who were accepted a moment ago, and go on, are watched from now on. */
void sessions_watch(struct worker *worker);

/* What is held is tried again: a color may accept now, or the route has changed. */
void sessions_retry_held(struct worker *worker);

/* ---- for the worker's story (relay.c) ---- */

/* The plan has changed: what is not sent yet is sent where the plan says. */
void sessions_follow_plan(struct worker *worker);

/* Ends what is past a drain's limits; sets worker->drain_at. */
void sessions_drain(struct worker *worker);

/* Closes what is idle, at most so many: pooled connections first, then clients, the longest idle
 * first. Descriptors ran out. */
void sessions_shed(struct worker *worker, uint32_t count);

/* SIGTERM: idle clients are closed, the others with their next response. */
void sessions_stop(struct worker *worker);
