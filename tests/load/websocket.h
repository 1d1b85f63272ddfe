/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket client: opens (a ticket of its own), then sends a text and awaits its echo, again
 * and again. A close frame between echoes is a proper end; it opens another. Anything else that
 * ends it is a failure, or a cut where --cut-ok allows that.
 */
#pragma once

#include "run.h"

struct websocket;

int websocket_open(struct run *run, struct websocket **ret_websocket);
struct websocket *websocket_close(struct websocket *websocket);
