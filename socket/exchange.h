/* SPDX-License-Identifier: MIT */
/*
 * A request and its response, moved between a client and a backend connection.
 */
#pragma once

#include "session.h"

enum exchange_begun {
	EXCHANGE_BEGUN,
	EXCHANGE_REFUSED,  /* not a byte was sent; the color does not accept */
	EXCHANGE_NO_MEANS, /* not a byte was sent; descriptors or memory ran out */
};

/* Sends the request whose head is parsed in worker->head and kept in the request's flow. */
enum exchange_begun exchange_begin(struct session *session, enum color color);

/* Goes on with a backend connection that another process had. Takes the descriptor, unless it
 * fails: -ENOMEM, -ENOSPC. */
int exchange_adopt(struct session *session, const struct backend *image, int fd);

/* One step; true if another may follow at once. Ends or changes the session's state. */
bool exchange_step(struct session *session);

/* The same after a 101 (tunnel.c). */
bool tunnel_step(struct session *session);

/* Both sides have ended, or one of them has not in time. */
void tunnel_end(struct session *session);

/* Ends the exchange for this reason: with an answer of our own if none has begun, by cutting the
 * client otherwise. */
void exchange_fail(struct session *session, enum ending ending);

/* Sends a read that has no answer yet to the other color. False: it may not be, or the route lists
 * none. */
bool exchange_move(struct session *session);

/* Lets go of the backend connection and of what is counted. */
void exchange_release(struct session *session, bool backend_is_good);

/* The timer of a session in SESSION_EXCHANGE ran out. */
void exchange_expired(struct session *session);
