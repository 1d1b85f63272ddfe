/* SPDX-License-Identifier: MIT */
/*
 * What a head looks like when it is passed on: the fields of one connection are taken out
 * (RFC 9110 section 7.6.1), those that tell the application who asked are put in, order and
 * spelling of the rest stay. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "endpoint.h"
#include "http1.h"

/* The most that a head grows by: the fields added here, X-Forwarded-* with their values twice
 * over (a forwarded host is as long as the Host it repeats, which may fill the head). */
#define FORWARD_SIZE_MAX (2 * HTTP1_HEAD_MAX + 512)

/* "X-Forwarded-For: ADDRESS", "X-Forwarded-Proto: http", "Via: 1.1 app-bluegreen" and the name
 * X-Forwarded-Host. */
#define FORWARD_LINES_MAX (17 + ENDPOINT_TEXT_MAX + 2 + 25 + 24 + 18)

/* What each request of a client is told the application with. Made once a connection; plain. */
struct forward_client {
	bool trusted; /* what it says in X-Forwarded-*, Forwarded and X-Real-IP is kept */
	uint8_t address_size, lines_size;
	char lines[FORWARD_LINES_MAX];
};

struct forward_client forward_client_of(const struct endpoint *endpoint, bool trusted);

/*
 * True if the request may turn its connection into a tunnel. An h2c upgrade may not: its requests
 * would be routed by nobody (and it is a well-known way to smuggle); HTTP/1.1 lets a server ignore
 * Upgrade, so we do it for it (RFC 9110 section 7.8).
 */
bool forward_upgrades(const char *bytes, const struct http1_head *head);

/* Whether a request may go on, by Max-Forwards, which counts for OPTIONS and TRACE (RFC 9110
 * section 7.6.2). */
enum forward_reach {
	FORWARD_ON,
	FORWARD_HERE,	/* it is for us to answer */
	FORWARD_ASTRAY, /* 400: no number, or several */
};
enum forward_reach forward_reach(const char *bytes, const struct http1_head *head);

/*
 * bytes: those that head was parsed from. Both return the length written, at most FORWARD_SIZE_MAX.
 * hidden: a cookie of ours that the application is not shown, or NULL; the Cookie fields that it is
 * in are marked hop_by_hop.
 */
size_t forward_request_head(const char *bytes, const struct http1_head *head,
	const struct forward_client *client, const char *hidden, char out[static FORWARD_SIZE_MAX]);

enum forward_ending {
	FORWARD_PLAIN,	    /* HTTP/1.1: persists without saying so */
	FORWARD_KEEP_ALIVE, /* said to an HTTP/1.0 client that asked for it */
	FORWARD_CLOSE,	    /* the client connection ends with this response */
	FORWARD_ENDING_COUNT,
};

/* Adds lines of our own (CRLF included) to a response's head; returns the new length. */
size_t forward_add_lines(char *head, size_t length, const char *lines, size_t size);

/* unchunk: the receiver does not know chunked (HTTP/1.0); the fields that announce it go, also
 * where no body follows. */
size_t forward_response_head(const char *bytes, const struct http1_head *head,
	enum forward_ending ending, bool unchunk, char out[static FORWARD_SIZE_MAX]);
