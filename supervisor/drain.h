/* SPDX-License-Identifier: MIT */
/*
 * Waits until a color has nothing to do any more: first the relay, which lets what is in flight
 * end within limits, then the kernel's socket table, which also knows who came past the relay.
 * Always ends: what is left at a deadline is counted and told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "sockdiag.h"
#include "steer.h"

/* The relay says itself when its limits have passed; this much later it is not waited for. */
#define DRAIN_GRACE_USEC UINT64_C(5000000)

struct drain_order {
	enum color color;
	uint16_t port;
	struct steer_drain limits;
	uint64_t table_usec; /* how long connections may be left in the table; only for DRAIN_ALL */
};

struct drain_outcome {
	bool relay_silent; /* the relay did not say that it is done */
	struct steer_cut cut;
	uint32_t left;	     /* connections in the table at the end */
	uint32_t unaccepted; /* and those that the app had not accepted */
};

struct drain;

/* `over` is called from the loop, once; the drain stays until drain_end(). */
typedef void (*drain_over_fn)(void *owner);

int drain_begin(sd_event *event, struct steer *steer, struct sockdiag *sockdiag,
	const struct drain_order *order, drain_over_fn over, void *owner, struct drain **ret_drain);
struct drain *drain_end(struct drain *drain);
DEFINE_CLEANUP(struct drain, drain_end);

/* The relay's event. */
void drain_relay_done(
	struct drain *drain, enum color color, enum drain_scope scope, const struct steer_cut *cut);

bool drain_is_over(const struct drain *drain);
const struct drain_outcome *drain_outcome(const struct drain *drain);

/* What it waits for, or how it ended, in words. */
void drain_describe(const struct drain *drain, char *buffer, size_t size);
/* When the last of its deadlines has passed, from now. */
uint64_t drain_longest_usec(const struct drain_order *order);
