/* SPDX-License-Identifier: MIT */
/*
 * The relay's control socket: the protocol of README.md over the workers.
 */
#pragma once

#include <systemd/sd-event.h>

#include "relay.h"

#define CONTROL_MESSAGE_MAX 2048 /* of a request, or an event; TRUST_MAX prefixes fit */
#define CONTROL_ANSWER_MAX  4096 /* the largest counters fit */
/* The supervisor, its successor, and a person with a test. */
#define CONTROL_CLIENTS_MAX 8

struct control;

/* Serves on the listening SOCK_SEQPACKET descriptor, which stays the caller's. `stopped` is called
 * when the relay's threads have ended after relay_stop(). */
int control_open(sd_event *event, int listener_fd, struct relay *relay,
	void (*stopped)(void *owner), void *owner, struct control **ret_control);
struct control *control_close(struct control *control);
DEFINE_CLEANUP(struct control, control_close);
