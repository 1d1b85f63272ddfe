/* SPDX-License-Identifier: MIT */
/*
 * What a relay holds, for the relay that takes its place: the route and all else that was said to
 * it, its counters, its clients with their requests and the bytes that are under way. The
 * descriptors go with it, by inheritance where the program is executed anew in its process
 * (execve(2)), through the service manager's store where another process follows. So nobody has to
 * be finished, ended or waited for: both sides of every connection see a pause of some
 * milliseconds.
 *
 * As text in a memfd, a line each, in this order: `bluegreen-relay handover VERSION`; `said`,
 * `counters`, `control`; for each client `session`, `backend`, and `request`, `answer` or
 * `response` with bytes behind them; `end`. Words are NAME=VALUE; what a reader does not know it
 * passes over, what is missing is 0. The version counts what is not compatible in this way: a field
 * that means something else than before, or without which a session cannot go on.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "relay-control.h"
#include "session.h"

#define HANDOVER_VERSION 1

/* The same for both sides. */
#define HANDOVER_FIRST_LINE "bluegreen-relay handover "

/* ---- to write; the relay is frozen, and stays as it is ---- */

/* 0, or what writing to the file said. */
int handover_write(struct relay *relay, const struct control *control, FILE *file);

/* Every descriptor that goes with it. The caller frees the array. -ENOMEM. */
int handover_list_fds(
	struct relay *relay, const struct control *control, int **ret_fds, size_t *ret_count);

/* Ends clients until not more than so many descriptors are left to go: the longest idle first. */
void handover_trim(struct relay *relay, size_t fds_max);

/* ---- to read ---- */

/* A descriptor as it was in the process before; `inode` (fstat(2)) says which file it is wherever
 * it has gone since. */
struct handover_fd {
	int number; /* -EBADF: none */
	uint64_t inode;
	uint32_t access; /* O_ACCMODE's bits: the ends of a pipe have one inode */
};

struct handover_flow {
	struct flow flow;	    /* offsets; no memory of its own */
	struct handover_fd pipe[2]; /* if flow.piped is not 0 */
	const char *bytes, *front;
	uint32_t front_size;
};

/* One client. Only what is plain data is set in session and backend. */
struct handover_session {
	struct session session;
	struct backend backend;
	enum timer_kind timer;
	uint64_t timer_since;
	struct handover_fd client_fd, backend_fd;
	struct handover_flow request, answer, response;
};

/* What is found; each is optional, and owns nothing of what it is given. */
struct handover_finds {
	void (*said)(void *owner, uint64_t at, char *message);
	void (*counters)(void *owner, const uint64_t *values, size_t count);
	void (*numbers)(void *owner, const char *hex);
	void (*control)(void *owner, const struct handover_fd *fd, const char *owed);
	void (*session)(void *owner, const struct handover_session *image);
};

/*
 * Pure: reads text[0..size), writes into it, and checks all that memory depends on. -EPROTO: of
 * a version that we do not know. -EINVAL: it breaks off, or a line is none of ours; what was
 * found before it was told.
 */
int handover_read(char *text, size_t size, const struct handover_finds *finds, void *owner);

/* ---- to take over; before the relay runs ---- */

/* Descriptors of the store; NULL where they were inherited under their numbers. Sorts them. */
struct handover_store {
	struct handover_fd *fds;
	size_t count;
};

struct handover_result {
	uint32_t sessions, lost;
};

/* Reads the memfd and fills relay and control. Closes what is in the store and was not asked for.
 */
int handover_take(int fd, struct relay *relay, struct control *control,
	struct handover_store *store, struct handover_result *ret_result);

/* " NAME=…" of a descriptor. */
void handover_put_fd(FILE *file, const char *name, int fd);

/* Which file a descriptor is; false if it is not open. */
bool handover_fd_look(int fd, struct handover_fd *ret_fd);
