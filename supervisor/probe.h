/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request, or one connection, to an instance and what comes of it (libcurl's multi
 * interface on sd-event). A seam: tests/fake/fake-probe.c stands in for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define PROBE_REASON_MAX 256

enum probe_verdict {
	PROBE_PASSED,
	PROBE_REFUSED, /* nobody listens */
	PROBE_TIMED_OUT,
	PROBE_BROKEN, /* reset, early end, not HTTP */
	PROBE_STATUS, /* an answer, but not the expected status */
	PROBE_BODY,   /* the expected status, but not the expected body */
	PROBE_VERDICT_COUNT,
};

enum probe_kind {
	PROBE_HTTP,
	PROBE_CONNECT, /* passed when the connection stands; of the rest only port and timeout count
			*/
	PROBE_KIND_COUNT,
};

struct probe_request {
	enum probe_kind kind;
	uint16_t port;		 /* on 127.0.0.1 */
	const char *path, *host; /* host NULL: 127.0.0.1:PORT */
	bool proxy_header;	 /* it wants to be told who connects: a line of the PROXY protocol,
				  * version 1, with our own two ends comes first */
	uint16_t status_min, status_max;
	const char *body; /* substring; NULL: any. Only the first 64 KiB are looked at */
	uint64_t timeout_usec;
};

struct probe_result {
	enum probe_verdict verdict;
	unsigned int status; /* 0 if there was no answer */
	uint64_t duration_usec;
	char reason[PROBE_REASON_MAX]; /* "GET http://127.0.0.1:9000/ answered 500 Internal Server
					* Error: <first line of the body>", "a connection to port
					* 9000 was accepted"; printable ASCII only */
};

const char *probe_verdict_name(enum probe_verdict verdict);

struct prober;
struct probe;

/* The answer; the probe is gone when this returns. Never called from within probe_begin(). */
typedef void (*probe_done_fn)(void *owner, const struct probe_result *result);

int prober_open(sd_event *event, struct prober **ret_prober);
struct prober *prober_close(struct prober *prober); /* cancels what is under way */
DEFINE_CLEANUP(struct prober, prober_close);

/* The strings of the request are copied. Each probe uses a new connection, closed afterwards
 * (so that a probe never counts as a connection that a drain waits for), follows no redirect, uses
 * no proxy. -EMFILE and the like if we have no socket to ask with: that says nothing of the color.
 */
int probe_begin(struct prober *prober, const struct probe_request *request, probe_done_fn done,
	void *owner, struct probe **ret_probe);
struct probe *probe_cancel(struct probe *probe); /* done is not called any more; takes NULL */
