/* SPDX-License-Identifier: MIT */
/*
 * The kernel's socket table (sock_diag(7), inet_diag_req_v2): what is connected to a port,
 * what waits in its accept queue, who owns the listener. A seam: tests/fake/fake-sockdiag.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct sockdiag;

/* What the table says of one TCP port of this host, both address families. */
struct sockdiag_port {
	bool listening;	       /* where 127.0.0.1 leads to it */
	uint32_t accept_queue; /* connections not yet accepted, over all listeners (idiag_rqueue) */
	/* Ends at the server with this local port in ESTABLISHED (those not accepted among them),
	 * SYN_RECV, or CLOSE_WAIT with bytes unread: what a drain waits for. Those whose peer is a
	 * socket of our own process (probes) are not counted. */
	uint32_t connections;
	uid_t uid;	    /* of that listener */
	uint64_t cgroup_id; /* of that listener: INET_DIAG_CGROUP_ID, the inode of its
			     * cgroup directory; 0 if the kernel does not say */
	uint64_t inode;
};

int sockdiag_open(struct sockdiag **ret_sockdiag);
struct sockdiag *sockdiag_close(struct sockdiag *sockdiag);
DEFINE_CLEANUP(struct sockdiag, sockdiag_close);

/* Reads the table now (some milliseconds: the kernel looks through all connections of the host).
 * -EAGAIN if it changed under us three times. */
int sockdiag_read_port(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port);

/* Only who listens and what waits there (some microseconds); `connections` is 0. */
int sockdiag_read_listener(
	struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port);

/*
 * A descriptor that becomes readable when a TCP socket was destroyed (SKNLGRP_INET_TCP_DESTROY): a
 * hint to read the port again. It stays the sockdiag's. It needs no capability; if it is refused
 * (-errno), ask on a timer.
 */
int sockdiag_watch_fd(struct sockdiag *sockdiag);
/* No more events: every TCP socket of the host that goes costs one, so watch only while you wait.
 * The descriptor is closed. */
void sockdiag_watch_end(struct sockdiag *sockdiag);
/* Empties it; -ENOBUFS (events were lost) is not an error. True if any event was about the port. */
bool sockdiag_watch_read(struct sockdiag *sockdiag, uint16_t port);
