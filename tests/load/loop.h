/* SPDX-License-Identifier: MIT */
/*
 * One epoll loop and the deadlines of those who live in it. An actor has one descriptor at most
 * and one deadline at most; both are given back by loop_drop(). Callbacks come from loop_turn()
 * only, and may change any actor.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fd.h"

struct loop;

struct actor {
	int fd;		   /* -EBADF: none; the loop closes it */
	uint64_t deadline; /* USEC_INFINITY: none */
	size_t place;	   /* private to loop.c: in the heap of deadlines */
	void (*on_ready)(struct actor *actor, uint32_t events);
	void (*on_deadline)(struct actor *actor);
};

int loop_open(struct loop **ret_loop);
struct loop *loop_close(struct loop *loop);
DEFINE_CLEANUP(struct loop, loop_close);

/* The descriptor becomes the actor's, who must have none, and is watched (EPOLL* bits). */
int loop_adopt(struct loop *loop, struct actor *actor, int fd, uint32_t events);
int loop_watch(struct loop *loop, struct actor *actor, uint32_t events);
/* Closes the descriptor, if there is one; the deadline stays. */
void loop_drop(struct loop *loop, struct actor *actor);

/* USEC_INFINITY takes it back. It is over when on_deadline() is called. */
int loop_set_deadline(struct loop *loop, struct actor *actor, uint64_t usec);

/* Waits for the next event or deadline, and serves all that are due. */
int loop_turn(struct loop *loop);
