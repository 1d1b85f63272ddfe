/* SPDX-License-Identifier: MIT */
/*
 * A client of an event stream (text/event-stream): its exchange is settled with the first event,
 * which must carry the receipt; the later ones are counted. When the server ends the stream
 * properly it opens another, as a browser would.
 */
#pragma once

#include "run.h"

struct events;

int events_open(struct run *run, struct events **ret_events);
struct events *events_close(struct events *events);
