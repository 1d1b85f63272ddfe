/* SPDX-License-Identifier: MIT */
/*
 * Knows timers and deferred calls in the order of their time, and of their making among those of
 * the same time.
 */
#include "fake-event.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define CLOCK_BEGIN UINT64_C(1000000000)

enum kind {
	KIND_TIME,
	KIND_DEFER,
	KIND_IO,
};

struct sd_event_source {
	struct sd_event *event;
	struct sd_event_source *next;
	enum kind kind;
	int enabled;
	uint64_t usec;
	uint64_t order;
	sd_event_time_handler_t on_time;
	sd_event_handler_t on_defer;
	void *userdata;
	bool gone;
};

struct later {
	struct later *next;
	uint64_t usec, order;
	fake_event_fn call;
	void *owner;
	unsigned number;
};

struct sd_event {
	unsigned refs;
	struct sd_event_source *sources;
	struct later *laters;
};

static uint64_t clock_now = CLOCK_BEGIN;
static uint64_t order_next;
static struct sd_event *the_event;

uint64_t fake_event_now(void)
{
	return clock_now;
}

sd_event *fake_event_new(void)
{
	struct sd_event *event = calloc(1, sizeof(*event));

	assert(event);
	event->refs = 1;
	the_event = event;
	clock_now = CLOCK_BEGIN;
	order_next = 0;
	return event;
}

void fake_event_later(uint64_t usec, fake_event_fn call, void *owner, unsigned number)
{
	struct later *later = calloc(1, sizeof(*later));

	assert(later);
	*later = (struct later){.usec = clock_now + usec,
		.order = order_next++,
		.call = call,
		.owner = owner,
		.number = number,
		.next = the_event->laters};
	the_event->laters = later;
}

static void sources_collect(struct sd_event *event)
{
	struct sd_event_source **p = &event->sources;

	while (*p) {
		struct sd_event_source *source = *p;

		if (!source->gone) {
			p = &source->next;
			continue;
		}
		*p = source->next;
		free(source);
	}
}

static struct sd_event_source *source_next(struct sd_event *event)
{
	struct sd_event_source *best = NULL;

	for (struct sd_event_source *source = event->sources; source; source = source->next) {
		uint64_t usec = source->kind == KIND_DEFER ? 0 : source->usec;
		uint64_t best_usec = best && best->kind != KIND_DEFER ? best->usec : 0;

		if (source->gone || source->enabled == SD_EVENT_OFF || source->kind == KIND_IO)
			continue;
		if (!best || usec < best_usec || (usec == best_usec && source->order < best->order))
			best = source;
	}
	return best;
}

static struct later **later_next(struct sd_event *event)
{
	struct later **best = NULL;

	for (struct later **p = &event->laters; *p; p = &(*p)->next)
		if (!best || (*p)->usec < (*best)->usec ||
			((*p)->usec == (*best)->usec && (*p)->order < (*best)->order))
			best = p;
	return best;
}

static void later_run(struct later **p)
{
	struct later *later = *p;

	*p = later->next;
	if (later->usec > clock_now)
		clock_now = later->usec;
	later->call(later->owner, later->number);
	free(later);
}

static void source_run(struct sd_event_source *source)
{
	if (source->enabled == SD_EVENT_ONESHOT)
		source->enabled = SD_EVENT_OFF;
	if (source->kind == KIND_DEFER) {
		source->on_defer(source, source->userdata);
		return;
	}
	if (source->usec > clock_now)
		clock_now = source->usec;
	source->on_time(source, source->usec, source->userdata);
}

bool fake_event_step(sd_event *event, uint64_t until)
{
	struct sd_event_source *source = source_next(event);
	struct later **later = later_next(event);
	uint64_t source_usec = source && source->kind != KIND_DEFER ? source->usec : 0;

	if (later && (!source || (*later)->usec < source_usec)) {
		if ((*later)->usec > until)
			return false;
		later_run(later);
	} else {
		if (!source || source_usec > until)
			return false;
		source_run(source);
	}
	sources_collect(event);
	return true;
}

void fake_event_run(sd_event *event, uint64_t usec)
{
	uint64_t until = clock_now + usec;

	while (fake_event_step(event, until))
		;
	clock_now = until;
}

sd_event *sd_event_ref(sd_event *event)
{
	event->refs++;
	return event;
}

sd_event *sd_event_unref(sd_event *event)
{
	if (!event || --event->refs > 0)
		return NULL;
	sources_collect(event);
	/* A source that nobody gave back is a leak of the module under test. */
	assert(!event->sources);
	while (event->laters) {
		struct later *next = event->laters->next;

		free(event->laters);
		event->laters = next;
	}
	free(event);
	return NULL;
}

int sd_event_now(sd_event *event, clockid_t clock, uint64_t *ret)
{
	(void)event;
	(void)clock;
	*ret = clock_now;
	return 0;
}

static int source_add(sd_event *event, sd_event_source **ret, struct sd_event_source source)
{
	struct sd_event_source *added = calloc(1, sizeof(*added));

	assert(added && ret);
	*added = source;
	added->event = event;
	added->order = order_next++;
	added->next = event->sources;
	event->sources = added;
	*ret = added;
	return 0;
}

int sd_event_add_time(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t usec,
	uint64_t accuracy, sd_event_time_handler_t callback, void *userdata)
{
	(void)clock;
	(void)accuracy;
	return source_add(event, ret,
		(struct sd_event_source){.kind = KIND_TIME,
			.enabled = SD_EVENT_ONESHOT,
			.usec = usec,
			.on_time = callback,
			.userdata = userdata});
}

int sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock,
	uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback, void *userdata)
{
	if (usec >= UINT64_MAX - clock_now)
		return -EOVERFLOW;
	return sd_event_add_time(event, ret, clock, clock_now + usec, accuracy, callback, userdata);
}

int sd_event_add_defer(
	sd_event *event, sd_event_source **ret, sd_event_handler_t callback, void *userdata)
{
	return source_add(event, ret,
		(struct sd_event_source){.kind = KIND_DEFER,
			.enabled = SD_EVENT_ONESHOT,
			.on_defer = callback,
			.userdata = userdata});
}

int sd_event_add_io(sd_event *event, sd_event_source **ret, int fd, uint32_t events,
	sd_event_io_handler_t callback, void *userdata)
{
	(void)fd;
	(void)events;
	(void)callback;
	return source_add(event, ret,
		(struct sd_event_source){
			.kind = KIND_IO, .enabled = SD_EVENT_ON, .userdata = userdata});
}

int sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
	source->usec = usec;
	source->order = order_next++;
	return 0;
}

int sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	if (usec >= UINT64_MAX - clock_now)
		return -EOVERFLOW;
	return sd_event_source_set_time(source, clock_now + usec);
}

int sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
	if (!source)
		return 0;
	source->enabled = enabled;
	return 0;
}

int sd_event_source_get_enabled(sd_event_source *source, int *ret)
{
	if (ret)
		*ret = source->enabled;
	return source->enabled != SD_EVENT_OFF;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *source)
{
	if (source)
		source->gone = true;
	return NULL;
}
