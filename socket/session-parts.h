/* SPDX-License-Identifier: MIT */
/*
 * What the files of a session share: session.c (the life of a connection), session-client.c,
 * session-head.c, session-hold.c, session-affinity.c and session-answer.c.
 */
#pragma once

#include "session.h"

/* Sends the request whose head is in worker->head to a color, or holds it. */
void session_dispatch_parsed(struct session *session);

/* For a request whose head is in worker->head: the color that the client's place gives it, and what
 * becomes of its cookie. Only while affinity_is_active(). */
void session_place(struct session *session);

/* It waits no longer; harmless where it did not. */
void session_hold_leave(struct session *session);

/* Begins a connection whose client is known: what comes next is its own. */
void session_enter(struct session *session);

/* session-client.c: who a connection is from, when it is accepted; and the two ways on: a header is
 * waited for, or it is entered. */
void session_meet(struct session *session, const struct sockaddr_storage *address);
bool proxy_step(struct session *session);
void proxy_expired(struct session *session);
/* Writes what a connection to a color begins with, if anything; returns its length. */
size_t session_introduce(struct session *session, char out[static PROXY_HEADER_WRITE_MAX]);

/* session-head.c: what is relayed as bytes from its first one on; a head that did not come in time.
 */
void bytes_begin(struct session *session);
void head_expired(struct session *session);

/* One step each; true if another may follow at once. */
bool head_step(struct session *session);
bool held_step(struct session *session);
bool answer_step(struct session *session);
bool linger_step(struct session *session);
