/* SPDX-License-Identifier: MIT */
/*
 * Which connections to a port are our own process's: probes, that a drain must not wait for. They
 * are told by their addresses: we ask our own sockets for theirs, which needs neither a second dump
 * nor anybody's permission. The supervisor has one thread and reads the table from it, so that no
 * socket of its own comes or goes meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/inet_diag.h>
#include <netinet/in.h>

/* Connections of ours to one port; a prober has a few. Those beyond count as others'. */
#define SOCKDIAG_OWN_MAX 64

/* One end: an IPv4 address is kept as the IPv6 address that maps it, because a connection from
 * an IPv4 socket to a dual-stack listener has an IPv6 socket at its other end. */
struct sockdiag_end {
	struct in6_addr address;
	in_port_t port; /* network order */
};

struct sockdiag_own {
	size_t count;
	struct sockdiag_end ends[SOCKDIAG_OWN_MAX];
};

/* The local ends of our sockets that are connected to the port. 0 or -errno. */
int sockdiag_own_find(uint16_t port, struct sockdiag_own *own);

/* True if the peer of this end is one of them. */
bool sockdiag_own_has_peer(const struct sockdiag_own *own, const struct inet_diag_msg *message);
