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
};

struct control_client {
	struct control *control;
	int fd;
	sd_event_source *source;
	enum owed owed;
	uint64_t owed_serial; /* of the plan */
};

struct control {
	sd_event *event;
	struct relay *relay;
	struct plan plan;
	bool routed; /* somebody has said a route */
	struct numbers_book numbers;
	sd_event_source *listener, *listener_rest, *news;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	bool drain_announced[COLOR_COUNT];
	uint64_t refused_at[COLOR_COUNT];
	void (*stopped)(void *owner);
	void *owner;
};

void control_say(struct control_client *client, const char *format, ...) _printf_(2, 3);

/* Says it as soon as every worker follows the present plan; what is asked behind it waits. */
void control_owe(struct control_client *client, enum owed owed);

/* The workers are told control->plan. */
void control_publish(struct control *control);

/* Carries out a request, and answers it; writes into the message. */
void control_serve(struct control_client *client, char *message);
