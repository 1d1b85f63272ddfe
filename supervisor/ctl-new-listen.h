/* SPDX-License-Identifier: MIT */
/*
 * Addresses to listen on, as ListenStream= has them: how they are written, and which of them
 * exclude each other. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

#define LISTEN_TEXT_MAX 108 /* the path of a unix socket, unix(7) */

/* One ListenStream=: a path, or else a port of one address or of all of them. */
struct listen_address {
	char path[LISTEN_TEXT_MAX]; /* "": none */
	struct endpoint endpoint;
};

/* "8081", "127.0.0.1:8081", "[::1]:8081", "/run/shop.sock": -EINVAL. */
int listen_parse(const char *text, size_t length, struct listen_address *ret_address);
/* As systemd writes it: "[::]:8081" for all addresses. */
void listen_format(const struct listen_address *address, char ret_text[static LISTEN_TEXT_MAX]);
/* Only one of them can be listened on. */
bool listen_clash(const struct listen_address *a, const struct listen_address *b);
/* 127.0.0.1:PORT */
struct listen_address listen_local(uint16_t port);
