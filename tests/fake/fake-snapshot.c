/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h over the world: the code in place, of version N, is copied into release vN; late, or
 * not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-event.h"
#include "snapshot.h"
#include "world.h"

#define COPY_USEC (300 * WORLD_MSEC)
#define LATE_USEC (30 * WORLD_SEC)

enum snapshot_fate {
	FATE_WELL,
	FATE_FAILS,
	FATE_LATE, /* dpkg is at work */
	FATE_KILL,
	FATE_KILL_AFTER,
	FATE_COUNT,
};

struct snapshot {
	snapshot_over_fn over;
	void *owner;
	enum snapshot_fate fate;
	unsigned number;
};

static struct snapshot *the_snapshot;
static unsigned number_next;

static void on_copied(void *owner, unsigned number)
{
	struct snapshot *snapshot = the_snapshot;
	bool same = world.copied == world.code;
	char tag[RELEASE_TAG_MAX];

	(void)owner;
	if (!snapshot || snapshot->number != number)
		return;
	if (snapshot->fate == FATE_FAILS) {
		snapshot->over(snapshot->owner, SNAPSHOT_FAILED, "", "there is no room");
		return;
	}
	snprintf(tag, sizeof(tag), "v%d", world.code);
	world.copied = world.code;
	if (snapshot->fate == FATE_KILL_AFTER)
		world_kill();
	else
		snapshot->over(snapshot->owner, same ? SNAPSHOT_UNCHANGED : SNAPSHOT_MADE, tag,
			"all of it");
}

int snapshot_begin(sd_event *event, const struct snapshot_order *order, snapshot_over_fn over,
	void *owner, struct snapshot **ret_snapshot)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	(void)event;
	(void)order;
	if (!snapshot)
		return -ENOMEM;
	*snapshot = (struct snapshot){.over = over, .owner = owner, .number = ++number_next};
	world.copies_begun++;
	if (world.copy_fails)
		snapshot->fate = FATE_FAILS;
	else if (!world.dead)
		snapshot->fate = (enum snapshot_fate)world_choose("snapshot", FATE_COUNT);
	if (snapshot->fate == FATE_KILL)
		world_kill();
	the_snapshot = *ret_snapshot = snapshot;
	fake_event_later(snapshot->fate == FATE_LATE ? LATE_USEC : COPY_USEC, on_copied, NULL,
		snapshot->number);
	return 0;
}

struct snapshot *snapshot_end(struct snapshot *snapshot)
{
	if (snapshot == the_snapshot)
		the_snapshot = NULL;
	free(snapshot);
	return NULL;
}

void snapshot_describe(const struct snapshot *snapshot, char *buffer, size_t size)
{
	(void)snapshot;
	snprintf(buffer, size, "%s", "the code is being copied");
}

int snapshot_check(
	const char *directory, const char *const *paths, char reason[static RELEASE_REASON_MAX])
{
	(void)directory;
	(void)paths;
	(void)reason;
	return 0;
}

void snapshot_forget(const char *directory, uint64_t since_usec, const char *const *used)
{
	(void)directory;
	(void)since_usec;
	(void)used;
	if (!world.dead)
		world.copied = 0;
}
