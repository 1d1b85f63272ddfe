/* SPDX-License-Identifier: MIT */
/*
 * One connection of the bench's client: asks, and takes the answer apart. An answer is whole only
 * if it is a 200 of exactly the body that was asked for, byte by byte, and nothing behind it.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all connections ask, and of whom. */
struct traffic {
	struct sockaddr_in address;
	char request[512];
	size_t request_size;
	bool large; /* the body is LARGE_SIZE of the pattern, SMALL_BODY otherwise */
	bool keep;
	int epoll_fd;
};

struct connection {
	int fd;		       /* -EBADF: there is none */
	size_t number;	       /* tells its source address */
	uint64_t since;	       /* when the request was made, or was to be made; the caller's */
	bool answered, broken; /* the caller's */
	bool under_way;
	bool in_body, closes;
	size_t head_size; /* of a head that came in pieces */
	size_t body_done;
	char head[1024];
};

enum outcome {
	OUTCOME_PENDING,
	OUTCOME_WHOLE,
	OUTCOME_BROKEN, /* and the connection is gone */
};

/* Opens the connection if there is none and sends the request. False: it is broken and closed. */
bool connection_ask(const struct traffic *traffic, struct connection *c);

/* Reads what epoll announced. After OUTCOME_WHOLE the next request may be made; the connection is
 * closed if either side wants it so. */
enum outcome connection_receive(
	const struct traffic *traffic, struct connection *c, uint32_t events);
