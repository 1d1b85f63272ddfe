/* SPDX-License-Identifier: MIT */
/*
 * For the tests that live cycles with releases above the fakes: a configuration in force, and what
 * they all ask.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../fake/fake-event.h"
#include "../fake/stand.h"

#define FIXED                                                                                      \
	"[Probe]\nInterval=500ms\nTimeout=1s\nStartTimeout=20s\nSoak=1s\n"                         \
	"[Hold]\nLimit=8s\n[Drain]\nRequests=2s\nStreams=4s\n"                                     \
	"[Release]\nDirectory=/srv/releases\nWindow=5s\n[Gate]\nProbation=1s\n"
#define SWAP "[App]\nStrategy=swap\n" FIXED

/* No cycle takes longer. */
#define HORIZON_USEC (250 * WORLD_SEC)

static inline int end(void **state)
{
	(void)state;
	stand_end();
	return 0;
}

/* Runs until the row is recorded. */
static inline void run_to_step(const char *name)
{
	for (int i = 0; i < 100000 && strcmp(world.record.step, name) != 0; i++)
		stand_run(WORLD_MSEC);
	assert_string_equal(world.record.step, name);
}

static inline void runs(enum color color, int code, enum role role)
{
	assert_true(world_is_well(color));
	assert_int_equal(world.processes[color].code, code);
	assert_int_equal(world.processes[color].role, role);
}
