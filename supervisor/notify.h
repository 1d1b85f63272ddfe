/* SPDX-License-Identifier: MIT */
/*
 * Tells somebody's web address what has happened ([Notify] Url=): a POST with a JSON body, on
 * libcurl, beside everything else. Nothing waits for it; what cannot be delivered is tried a few
 * times, then dropped, and the journal says so. A seam: tests/fake/fake-notify.c.
 */
#pragma once

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define NOTIFY_QUEUE_MAX 16 /* messages that wait; a newer one takes the place of the oldest */
#define NOTIFY_TRIES	 3
#define NOTIFY_BODY_MAX	 65536

struct notify;

int notify_open(sd_event *event, struct notify **ret_notify);
struct notify *notify_close(struct notify *notify);
DEFINE_CLEANUP(struct notify, notify_close);

/* Nothing is being told, and nothing waits. */
bool notify_is_idle(const struct notify *notify);

/* Queues the body (copied) for the URL (copied); NULL URL: nothing happens. */
void notify_send(struct notify *notify, const char *url, const char *body);
