/* SPDX-License-Identifier: MIT */
/*
 * record.h over the world's disk.
 */
#include <errno.h>

#include "record.h"
#include "world.h"

enum write_fate {
	FATE_WELL,
	FATE_FAILS, /* this once */
	FATE_FULL,  /* from now on */
	FATE_KILL_BEFORE,
	FATE_KILL_AFTER,
	FATE_COUNT,
};

int record_write(const char *dir, const struct record *record)
{
	enum write_fate fate;

	(void)dir;
	if (world.dead)
		return -EIO;
	fate = (enum write_fate)world_choose("record", FATE_COUNT);
	if (fate == FATE_FULL)
		world.disk_full = true;
	if (fate == FATE_KILL_BEFORE)
		world_kill();
	if (fate == FATE_FAILS || world.disk_full || world.dead)
		return -ENOSPC;
	world.recorded = true;
	world.record = *record;
	if (fate == FATE_KILL_AFTER)
		world_kill();
	world_visit();
	return 0;
}

int record_read(const char *dir, struct record *ret_record)
{
	(void)dir;
	if (!world.recorded)
		return -ENOENT;
	*ret_record = world.record;
	return 0;
}

const char *record_outcome_name(enum record_outcome outcome)
{
	static const char *const names[RECORD_OUTCOME_COUNT] = {
		"running", "succeeded", "failed", "interrupted", "aborted"};

	return names[outcome];
}
