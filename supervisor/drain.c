/* SPDX-License-Identifier: MIT */
/*
 * Knows the two who can say that a color is idle, relay and kernel; knows no step and no route.
 */
#include "drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"

/* Where the kernel does not announce the end of sockets to us (no CAP_NET_ADMIN). */
#define ASK_USEC	(20 * USEC_PER_MSEC)
/* Announcements can get lost, and bytes unread are none: the table is read so often anyhow. */
#define ASK_ANYHOW_USEC (250 * USEC_PER_MSEC)

/* "infinity" in the configuration; sd-event refuses times that overflow. */
#define FOREVER_USEC (UINT64_C(365) * 24 * 3600 * USEC_PER_SEC)

enum drain_phase {
	DRAIN_RELAY, /* the relay lets exchanges end */
	DRAIN_TABLE, /* it has none left; the socket table is looked at */
	DRAIN_OVER,
};

struct drain {
	sd_event *event;
	struct sockdiag *sockdiag;
	struct drain_order order;
	struct drain_outcome outcome;
	enum drain_phase phase;
	sd_event_source *deadline, *ask, *news;
	uint64_t ask_usec;
	drain_over_fn over;
	void *owner;
};

static void drain_enter_over(struct drain *drain)
{
	drain->phase = DRAIN_OVER;
	drain->deadline = sd_event_source_disable_unref(drain->deadline);
	drain->ask = sd_event_source_disable_unref(drain->ask);
	drain->news = sd_event_source_disable_unref(drain->news);
	drain->over(drain->owner);
}

/* A table that cannot be read says nothing, and is asked again until the deadline. */
static void table_look(struct drain *drain)
{
	struct sockdiag_port port;

	if (sockdiag_read_port(drain->sockdiag, drain->order.port, &port) >= 0) {
		drain->outcome.left = port.connections;
		drain->outcome.unaccepted = port.accept_queue;
		if (port.connections == 0 && port.accept_queue == 0) {
			drain_enter_over(drain);
			return;
		}
	}
	if (sd_event_source_set_time_relative(drain->ask, drain->ask_usec) >= 0)
		(void)sd_event_source_set_enabled(drain->ask, SD_EVENT_ONESHOT);
}

static int on_ask(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	table_look(userdata);
	return 0;
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct drain *drain = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	if (sockdiag_watch_read(drain->sockdiag, drain->order.port))
		table_look(drain);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata);

static int drain_enter_table(struct drain *drain)
{
	int fd = sockdiag_watch_fd(drain->sockdiag);
	int r;

	drain->phase = DRAIN_TABLE;
	drain->ask_usec = fd < 0 ? ASK_USEC : ASK_ANYHOW_USEC;
	r = sd_event_source_set_time_relative(drain->deadline, drain->order.table_usec);
	if (r >= 0)
		r = sd_event_source_set_enabled(drain->deadline, SD_EVENT_ONESHOT);
	if (r >= 0)
		r = sd_event_add_time_relative(drain->event, &drain->ask, CLOCK_MONOTONIC, 0,
			USEC_PER_MSEC, on_ask, drain);
	if (r >= 0 && fd >= 0)
		r = sd_event_add_io(drain->event, &drain->news, fd, EPOLLIN, on_news, drain);
	return r;
}

static void relay_phase_ends(struct drain *drain)
{
	if (drain->order.limits.scope != DRAIN_ALL || drain_enter_table(drain) < 0)
		drain_enter_over(drain);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct drain *drain = userdata;

	(void)source;
	(void)usec;
	switch (drain->phase) {
	case DRAIN_RELAY:
		drain->outcome.relay_silent = true;
		relay_phase_ends(drain);
		break;
	case DRAIN_TABLE:
		drain_enter_over(drain);
		break;
	case DRAIN_OVER:
		break;
	}
	return 0;
}

void drain_relay_done(
	struct drain *drain, enum color color, enum drain_scope scope, const struct steer_cut *cut)
{
	if (!drain || drain->phase != DRAIN_RELAY || color != drain->order.color ||
		scope != drain->order.limits.scope)
		return;
	drain->outcome.cut = *cut;
	relay_phase_ends(drain);
}

bool drain_is_over(const struct drain *drain)
{
	return drain->phase == DRAIN_OVER;
}

const struct drain_outcome *drain_outcome(const struct drain *drain)
{
	return &drain->outcome;
}

void drain_describe(const struct drain *drain, char *buffer, size_t size)
{
	const struct drain_outcome *outcome = &drain->outcome;
	const char *color = color_name(drain->order.color);

	switch (drain->phase) {
	case DRAIN_RELAY:
		snprintf(buffer, size, "requests in flight on %s end", color);
		return;
	case DRAIN_TABLE:
		snprintf(buffer, size,
			"%u connections to port %u are left, %u of them not accepted",
			outcome->left + outcome->unaccepted, drain->order.port,
			outcome->unaccepted);
		return;
	case DRAIN_OVER:
		break;
	}
	if (outcome->relay_silent)
		snprintf(buffer, size,
			"the relay did not say that %s is drained; it was not "
			"waited for any longer",
			color);
	else if (outcome->left + outcome->unaccepted > 0)
		snprintf(buffer, size,
			"%u connections to port %u were left at the deadline, %u of them not "
			"accepted; %llu exchanges were cut, %llu of them streams",
			outcome->left + outcome->unaccepted, drain->order.port, outcome->unaccepted,
			(unsigned long long)outcome->cut.exchanges,
			(unsigned long long)outcome->cut.streams);
	else if (outcome->cut.exchanges > 0)
		snprintf(buffer, size, "%llu exchanges were cut by the limit, %llu of them streams",
			(unsigned long long)outcome->cut.exchanges,
			(unsigned long long)outcome->cut.streams);
	else if (size > 0)
		buffer[0] = '\0';
}

uint64_t drain_longest_usec(const struct drain_order *order)
{
	uint64_t longest = order->limits.requests_usec > order->limits.streams_usec
				   ? order->limits.requests_usec
				   : order->limits.streams_usec;

	if (longest > FOREVER_USEC)
		longest = FOREVER_USEC;
	return longest + DRAIN_GRACE_USEC + order->table_usec;
}

struct drain *drain_end(struct drain *drain)
{
	if (!drain)
		return NULL;
	sd_event_source_disable_unref(drain->deadline);
	sd_event_source_disable_unref(drain->ask);
	drain->news = sd_event_source_disable_unref(drain->news);
	/* Else every TCP socket of the host that goes would go on waking nobody. */
	if (drain->phase != DRAIN_RELAY)
		sockdiag_watch_end(drain->sockdiag);
	sd_event_unref(drain->event);
	free(drain);
	return NULL;
}

int drain_begin(sd_event *event, struct steer *steer, struct sockdiag *sockdiag,
	const struct drain_order *order, drain_over_fn over, void *owner, struct drain **ret_drain)
{
	_cleanup_(cleanup_drain_end) struct drain *drain = calloc(1, sizeof(*drain));
	int r;

	if (!drain)
		return -ENOMEM;
	drain->event = sd_event_ref(event);
	drain->sockdiag = sockdiag;
	drain->order = *order;
	drain->over = over;
	drain->owner = owner;
	r = sd_event_add_time_relative(event, &drain->deadline, CLOCK_MONOTONIC,
		drain_longest_usec(order) - order->table_usec, 0, on_deadline, drain);
	if (r < 0)
		return r;
	r = steer_drain(steer, order->color, &order->limits);
	if (r < 0)
		return r;
	*ret_drain = take_ptr(drain);
	return 0;
}
