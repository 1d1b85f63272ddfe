/* SPDX-License-Identifier: MIT */
/*
 * A client of GET and POST: one request at a time, over a connection that it keeps, or a new one
 * each time. It never asks a second time for anything. A kept connection that the server has
 * closed before a byte of the next request was sent is opened anew; one that ends later is a
 * failure.
 */
#pragma once

#include "run.h"

struct client;

enum client_sort {
	CLIENT_KEEPS,  /* its connection */
	CLIENT_CLOSES, /* after every request */
	CLIENT_SPARE,  /* keeps; asks only when nobody else is free */
};

int client_open(struct run *run, enum client_sort sort, struct client **ret_client);
struct client *client_close(struct client *client);

/* Only for a client that schedule_ready() was told of. */
void client_begin(struct client *client, uint64_t intended);

enum client_sort client_sort(const struct client *client);

/* For the schedule: a place in its list of those who rest. */
struct client **client_link(struct client *client);
/* The client is ready (again) after that time. */
void client_rest(struct client *client, uint64_t usec);
