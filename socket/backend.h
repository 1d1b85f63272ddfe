/* SPDX-License-Identifier: MIT */
/*
 * Connections to the two colors, and a worker's pool of those without a request.
 *
 * A write never travels on a pooled connection: the application may be closing it at this
 * moment, and then nobody could say whether the write was executed (RFC 9112 section 9.3.1 forbids
 * to repeat it). A fresh connection that carried a write goes into the pool for reads.
 */
#pragma once

#include <stdbool.h>

#include "worker.h"

/* Idle connections kept a worker and color; the coldest go first. An application that was good for
 * so many requests at once is good for as many idle connections, and who closes them between two
 * waves of requests opens them again in the next. One for each POOL_SHARE clients that there may
 * be at most, so that descriptors for fresh ones are left where there are few of them. */
#define POOL_MAX   4096
#define POOL_SHARE 16

struct backend {
	struct watch watch; /* first: epoll's pointer */
	struct peer peer;
	struct worker *worker;
	enum color color;
	in_port_t port;	  /* where the color listened when it was connected */
	bool handed;	  /* another process connected it */
	bool pooled;	  /* it came from the pool */
	bool introduced;  /* it began with a PROXY header: it is its client's, and no other's */
	bool sent;	  /* bytes of the present request were given to the kernel */
	bool deaf;	  /* it takes no more of the request; its answer may still come */
	struct flow flow; /* its responses */
	struct timer timer;
	struct link link; /* in the pool */
	void *session;	  /* whose it is, or NULL */
	void (*woken)(void *session);
};

enum backend_kind {
	BACKEND_FRESH,
	BACKEND_POOLED_IF_ANY,
};

/*
 * Takes one for a session. -ECONNREFUSED and the like: the color refuses; -EMFILE, -ENOBUFS,
 * -EADDRNOTAVAIL: we have no means. The connection may still be under way; sending tells.
 */
int backend_take(struct worker *worker, enum color color, enum backend_kind kind, void *session,
	void (*woken)(void *session), struct backend **ret_backend);

/* One that another process had, as it was there; takes the descriptor, unless it fails. */
int backend_adopt(struct worker *worker, const struct backend *image, int fd, void *session,
	void (*woken)(void *session), struct backend **ret_backend);

/* The exchange is over and the connection is good for another: into the pool, or closed where
 * the route does not use the color (any more). */
void backend_give_back(struct backend *backend);

/* Closes; takes NULL, returns NULL. */
struct backend *backend_drop(struct backend *backend);

/* Closes what is pooled to the color. */
void backend_pool_clear(struct worker *worker, enum color color);

/* Errors of connect() after which nothing was sent for certain. */
bool backend_error_is_refusal(int error);
