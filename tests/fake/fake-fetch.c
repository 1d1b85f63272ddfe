/* SPDX-License-Identifier: MIT */
/*
 * fetch.h over the world: a release comes from its source, late, not at all, or as another one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-event.h"
#include "fetch.h"
#include "world.h"

#define FETCH_USEC (700 * WORLD_MSEC)
#define LATE_USEC  (40 * WORLD_SEC)

enum fetch_fate {
	FATE_WELL,
	FATE_NOT_THERE,
	FATE_FAILS,
	FATE_WRONG,
	FATE_LATE,
	FATE_KILL,
	FATE_COUNT,
};

struct fetch {
	fetch_over_fn over;
	void *owner;
	enum fetch_fate fate;
	unsigned number;
};

static struct fetch *the_fetch;
static unsigned number_next;

static enum fetch_result result_of(enum fetch_fate fate)
{
	switch (fate) {
	case FATE_NOT_THERE:
		return FETCH_NOT_THERE;
	case FATE_FAILS:
		return FETCH_FAILED;
	case FATE_WRONG:
		return FETCH_WRONG;
	case FATE_WELL:
	case FATE_LATE:
	case FATE_KILL:
	case FATE_COUNT:
		break;
	}
	return FETCH_DONE;
}

static void on_fetched(void *owner, unsigned number)
{
	struct fetch *fetch = the_fetch;
	enum fetch_result result;

	(void)owner;
	if (!fetch || fetch->number != number)
		return;
	result = result_of(fetch->fate);
	if (result == FETCH_DONE)
		world.missing = 0;
	fetch->over(fetch->owner, result, result == FETCH_DONE ? "" : "it could not be had");
}

int fetch_begin(sd_event *event, const struct fetch_order *order, fetch_over_fn over, void *owner,
	struct fetch **ret_fetch)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));

	(void)event;
	(void)order;
	if (!fetch)
		return -ENOMEM;
	*fetch = (struct fetch){.over = over, .owner = owner, .number = ++number_next};
	if (!world.dead)
		fetch->fate = (enum fetch_fate)world_choose("fetch", FATE_COUNT);
	if (fetch->fate == FATE_KILL)
		world_kill();
	the_fetch = *ret_fetch = fetch;
	fake_event_later(
		fetch->fate == FATE_LATE ? LATE_USEC : FETCH_USEC, on_fetched, NULL, fetch->number);
	return 0;
}

struct fetch *fetch_end(struct fetch *fetch)
{
	if (fetch == the_fetch)
		the_fetch = NULL;
	free(fetch);
	return NULL;
}

void fetch_describe(const struct fetch *fetch, char *buffer, size_t size)
{
	(void)fetch;
	snprintf(buffer, size, "%s", "downloading");
}
