/* SPDX-License-Identifier: MIT */
/*
 * What the two sides of a relay share: relay.c (the thread that started it) and relay-loop.c (each
 * worker's own).
 */
#pragma once

#include "relay.h"

struct listener {
	struct watch watch;
	struct worker *worker;
	int fd;
};

struct relay {
	struct shared shared;
	uint32_t worker_count;
	size_t listener_count;
	_Atomic uint32_t running;
	struct worker *workers;
	struct listener *listeners; /* a row a worker */
};

/* The thread of a worker; its argument is that. Ends when it is stopped or frozen. */
void *worker_run(void *argument);

/* What its listeners and its mailbox are watched with. */
void listener_wake(struct watch *watch);
void mailbox_wake(struct watch *watch);
