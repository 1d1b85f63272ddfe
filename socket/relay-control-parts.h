/* SPDX-License-Identifier: MIT */
/*
 * What the files of the control socket share: relay-control.c (connections, answers and events) and
 * relay-control-requests.c (what is asked, and what it changes).
 */
#pragma once

#include "base/log.h"
#include "relay-control.h"
#include "relay-numbers.h"

/* An answer that waits until every worker follows the plan. */
enum owed {
	OWED_NOTHING,
	OWED_ROUTE,
	OWED_SHOW,
	OWED_PROTOCOL,
	OWED_CLIENTS,
	OWED_AFFINITY,
	OWED_RENEW, /* until the new program has everything */
	OWED_COUNT,
};

struct control_client {
	struct control *control;
	int fd; /* -EBADF: free */
	enum owed owed;
	uint64_t owed_serial; /* of the plan */
};

/* More than there are requests. */
#define CONTROL_REQUESTS_MAX 16
#define CONTROL_SAID_MAX     (CONTROL_REQUESTS_MAX * COLOR_COUNT)

/* A request that was carried out and still holds, for a successor. */
struct control_said {
	uint64_t at;
	char message[CONTROL_MESSAGE_MAX + 1]; /* "": nothing */
};

struct control {
	struct relay *relay;
	const struct service *service;
	int listener_fd, signal_fd, epoll_fd;
	uint64_t listener_rests_until; /* 0: it does not */
	uint64_t now;		       /* what times in a request are counted from */
	uint64_t beat_at;	       /* when the workers are asked again whether they live */
	bool silence_told;	       /* that one of them does not was logged */
	struct plan plan;
	bool routed; /* somebody has said a route */
	struct numbers_book numbers;
	bool stopping, renew_asked, succeed_asked;
	struct control_said said[CONTROL_SAID_MAX]; /* COLOR_COUNT a request */
	struct control_client clients[CONTROL_CLIENTS_MAX];
	bool drain_announced[COLOR_COUNT];
	uint64_t refused_at[COLOR_COUNT];
};

/* What there is to do. */
struct control_ready {
	bool signal, news, listener, clients[CONTROL_CLIENTS_MAX];
};

/* Waits for any of it; -1: for ever. 0 or -errno. */
int control_wait(struct control *control, int msec, struct control_ready *ret_ready);

void control_say(struct control_client *client, const char *format, ...) _printf_(2, 3);

/* Says it as soon as every worker follows the present plan; what is asked behind it waits. */
void control_owe(struct control_client *client, enum owed owed);

/* The workers are told control->plan. */
void control_publish(struct control *control);

/* Carries out a request, and answers it; writes into the message. */
void control_serve(struct control_client *client, char *message);

/* A drain that has ended is nothing to be said to a successor. */
void control_forget_drain(struct control *control, enum color color);

/* A connection that is not in use; NULL if all are. */
struct control_client *control_client_free(struct control *control);
