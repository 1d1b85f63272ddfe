/* SPDX-License-Identifier: MIT */
/*
 * The relay's control socket: the protocol of README.md over the workers.
 */
#pragma once

#include <stdio.h>

#include "base/cleanup.h"
#include "relay.h"
#include "service.h"

#define CONTROL_MESSAGE_MAX 2048 /* of a request, or an event; TRUST_MAX prefixes fit */
#define CONTROL_ANSWER_MAX  4096 /* the largest counters fit */
/* The supervisor, its successor, and a person with a test. */
#define CONTROL_CLIENTS_MAX 8

struct control;

/* What control_run() came back for. */
enum control_outcome {
	CONTROL_STOPPED, /* the relay's threads have ended after SIGTERM or SIGINT */
	CONTROL_RENEW,	 /* somebody asks that the program be executed anew, in place */
	CONTROL_SUCCEED, /* SIGUSR2: another process is about to take this one's place */
};

/*
 * Serves on the listening SOCK_SEQPACKET descriptor, which stays the caller's, as do relay and
 * service. The signals are blocked by the caller before any thread is there. control_run() may
 * be called again after CONTROL_RENEW or CONTROL_SUCCEED; errors are those of poll(2).
 */
int control_open(int listener_fd, struct relay *relay, const struct service *service,
	struct control **ret_control);
int control_run(struct control *control, enum control_outcome *ret_outcome);
struct control *control_close(struct control *control);
DEFINE_CLEANUP(struct control, control_close);

/* Answers whoever asked to renew: `failure` is why it was not done, NULL that it was. */
void control_renewed(struct control *control, const char *failure);

/* Begins to stop as SIGTERM does. */
void control_stop(struct control *control);

/* ---- for a handover (handover.h) ---- */

/* What was said and still holds, a line each, and who is connected. */
void control_write(const struct control *control, FILE *file);
size_t control_list_fds(const struct control *control, int fds[static CONTROL_CLIENTS_MAX]);
/* One line of that in a successor, before its relay runs. -EINVAL: it is none of ours. */
int control_said(struct control *control, uint64_t said_at, char *message);
/* The numbers of each release, as control_write() put them down. -EINVAL: of another version. */
int control_adopt_numbers(struct control *control, const char *hex);
/* The counters behind them could not be taken, and begin at 0. */
void control_count_anew(struct control *control);
/* A connection of before; takes the descriptor, also on failure. */
int control_adopt(struct control *control, int fd, const char *owed);
