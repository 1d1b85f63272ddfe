/* SPDX-License-Identifier: MIT */
/*
 * What the files of an exchange share: exchange.c (the request, and why it ended),
 * exchange-response.c and tunnel.c.
 */
#pragma once

#include "exchange.h"

/* It ended or broke before its response began: again, elsewhere, or 502. */
void exchange_lost(struct session *session);

/* The one place where the end of an exchange with a color is counted. */
static inline void exchange_count_end(struct session *session, enum ending ending)
{
	struct worker_counters *counters = &session->worker->counters;

	counter_add(&counters->ended[ending][session->color], 1);
	if (session->held_since != 0)
		counter_add(&counters->waited[session->color], 1);
}

/* What has moved since it was counted last: each time that more of a message is sent, so that who
 * looks at the numbers sees a long one and a stream move, and at the end. */
static inline void exchange_count_bytes(struct session *session)
{
	struct worker_counters *counters = &session->worker->counters;

	counter_add(&counters->to_app[session->color], session->backend->peer.sent);
	counter_add(&counters->to_clients[session->color], session->client.sent);
	session->backend->peer.sent = session->client.sent = 0;
}

/* An event stream or a tunnel, which has a drain limit of its own. */
void exchange_stream_begins(struct session *session);

/* Each goes on as far as it can; true if bytes moved or the state changed. */
bool response_step(struct session *session);
bool response_send(struct session *session);

/* By the class of the status in worker->head. */
void response_count_status(struct session *session);

/* The whole response has been sent. */
void response_done(struct session *session);

/* Sends a head of the application on to the client, with what stands behind it. It is the one
 * in worker->head. */
void response_pass_head(struct session *session, enum forward_ending ending);

/* After a 101. */
void tunnel_begin(struct session *session);

/* A connection that is relayed as bytes: what is waited for is that the color accepts. */
bool tunnel_await(struct session *session, struct backend *backend); /* false: no memory */
bool tunnel_connect_step(struct session *session);
