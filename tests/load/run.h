/* SPDX-License-Identifier: MIT */
/*
 * What all clients of a run share, and the system calls on their connections.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "judge.h"
#include "loop.h"
#include "options.h"

/* A client whose exchange failed rests this long, or a closed port would be asked a hundred
 * thousand times a second. */
#define PAUSE_AFTER_FAILURE (10 * USEC_PER_MSEC)

/* How long a server that announced a close may take for it. */
#define LINGER_USEC USEC_PER_SEC

struct schedule;

struct run {
	struct options options;
	struct loop *loop;
	struct judge *judge;
	struct schedule *schedule;
	bool ending; /* nothing new is begun */
	uint64_t random;
};

/* 0 <= value < below; the run's own sequence. */
uint64_t run_random(struct run *run, uint64_t below);

/* A pause, spread evenly around the mean of --think; 0 if there is none. */
uint64_t run_think(struct run *run);

/* Begins a connection; the actor hears EPOLLOUT when it stands or failed: wire_connected(). */
int wire_connect(struct run *run, struct actor *actor);
int wire_connected(int fd);

/* Bytes moved; 0 if none can be now; -errno. */
ssize_t wire_send(int fd, const void *bytes, size_t size);

/* Bytes read; 0 at the end of the stream; -EAGAIN; -errno. */
ssize_t wire_receive(int fd, void *bytes, size_t size);

/* What -errno from the above means for the exchange. */
enum outcome wire_outcome(int error);

/* A request, or frame, on its way out. */
struct request {
	size_t size, sent;
	char bytes[2048];
};

/* 1: all sent. 0: not yet. -errno. */
int request_send(struct request *request, int fd);

/* Writes the head common to all: request line, Host, X-Request-Id; `fields` ends with CRLF each,
 * and the body follows. */
void request_write(struct request *request, const struct run *run, const struct ticket *ticket,
	const char *path, const char *fields, const char *body);

/* Outcome of a status, when the answer is otherwise sound: ANSWERED, HELD_REFUSED or a failure. */
enum outcome run_status_outcome(
	const struct run *run, const struct answer *answer, unsigned int wanted);
