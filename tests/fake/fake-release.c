/* SPDX-License-Identifier: MIT */
/*
 * release.h over the world: links are there, and so is every release
 * but the one that is to be fetched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "fake-event.h"
#include "release.h"
#include "world.h"

#define PRUNE_USEC (5 * WORLD_MSEC)

enum link_fate {
	FATE_WELL,
	FATE_FAILS,
	FATE_KILL_BEFORE,
	FATE_KILL_AFTER,
	FATE_COUNT,
};

bool release_tag_valid(const char *tag)
{
	return *tag == 'v';
}

int release_check(const char *directory, const char *tag, const struct release_reader *reader,
	char reason[static RELEASE_REASON_MAX])
{
	(void)directory;
	(void)reader;
	if (release_tag_valid(tag) && (!world.missing || atoi(tag + 1) != world.missing))
		return 0;
	snprintf(reason, RELEASE_REASON_MAX, "%s is not there", tag);
	return -ENOENT;
}

int release_link(const char *state_dir, enum color color, const char *directory, const char *tag)
{
	enum link_fate fate;

	(void)state_dir;
	if (world.dead)
		return -EIO;
	if (!directory) {
		world.links[color][0] = '\0';
		return 0;
	}
	if (strcmp(world.links[color], tag) == 0)
		return 0;
	fate = (enum link_fate)world_choose("link", FATE_COUNT);
	world.writes_failed += fate == FATE_FAILS;
	if (fate == FATE_KILL_BEFORE)
		world_kill();
	if (fate == FATE_FAILS || world.disk_full || world.dead)
		return -ENOSPC;
	snprintf(world.links[color], sizeof(world.links[color]), "%s", tag);
	if (fate == FATE_KILL_AFTER)
		world_kill();
	return 0;
}

int release_linked(const char *state_dir, enum color color, char ret_tag[static RELEASE_TAG_MAX])
{
	(void)state_dir;
	if (!*world.links[color])
		return -ENOENT;
	snprintf(ret_tag, RELEASE_TAG_MAX, "%s", world.links[color]);
	return 0;
}

int release_link_primary(const char *state_dir, enum color color)
{
	(void)state_dir;
	(void)color;
	return 0;
}

int release_list(const char *directory, struct release **ret_releases, size_t *ret_count)
{
	(void)directory;
	*ret_releases = NULL;
	*ret_count = 0;
	return 0;
}

struct release_prune {
	release_prune_over_fn over;
	void *owner;
};

static struct release_prune *the_prune;

static void on_pruned(void *owner, unsigned number)
{
	(void)number;
	if (the_prune && the_prune == owner)
		the_prune->over(the_prune->owner, 0, "");
}

int release_prune_begin(sd_event *event, const char *directory, uint32_t keep,
	const char *const *spared, release_prune_over_fn over, void *owner,
	struct release_prune **ret_prune)
{
	struct release_prune *prune = calloc(1, sizeof(*prune));

	(void)event;
	(void)directory;
	(void)keep;
	if (!prune)
		return -ENOMEM;
	memset(world.spared, 0, sizeof(world.spared));
	for (size_t i = 0; spared[i] && i < ELEMENTS(world.spared); i++)
		snprintf(world.spared[i], sizeof(world.spared[i]), "%s", spared[i]);
	/* What runs must never be removed. */
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		bool found = !*world.links[color];

		for (size_t i = 0; spared[i]; i++)
			found |= strcmp(spared[i], world.links[color]) == 0;
		world.pruned_in_use |= !found;
	}
	*prune = (struct release_prune){.over = over, .owner = owner};
	the_prune = prune;
	fake_event_later(PRUNE_USEC, on_pruned, prune, 0);
	*ret_prune = prune;
	return 0;
}

struct release_prune *release_prune_end(struct release_prune *prune)
{
	if (prune == the_prune)
		the_prune = NULL;
	free(prune);
	return NULL;
}
