/* SPDX-License-Identifier: MIT */
/*
 * For the tests of record.c: a state directory of their own, and a record with something in each
 * field.
 */
#pragma once

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "record.h"

static const struct record example = {
	.id = "0123456789abcdef0123456789abcdef",
	.step = "restart-blue",
	.outcome = RECORD_FAILED,
	.committed = true,
	.undoing = true,
	.started_realtime_usec = UINT64_C(1763716000123456),
	.ended_realtime_usec = UINT64_MAX,
	.asked_by_uid = UINT32_MAX,
	.asked_by_pid = 4711,
	.asked_by = "deploy",
	.release = "v1.2.3=rc",
	.reason = "blue did not become healthy within 90s: GET / answered 500; see \xc3\xa4",
	.strategy = STRATEGY_SWAP,
	.primary = COLOR_GREEN,
	.former = {"v1.2.2", "v1.2.1"},
	.verb = "upgrade",
	.cause = "libssl3: /usr/lib/libssl.so.3, and 2 more files",
};

static inline int setup(void **state)
{
	char *dir = strdup("/tmp/test-record-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static inline char *in(const char *dir, const char *name)
{
	static char path[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static inline int teardown(void **state)
{
	char *dir = *state;

	unlink(in(dir, "cycle"));
	unlink(in(dir, "cycle.bad"));
	/* Nothing else may be there. */
	assert_return_code(rmdir(dir), errno);
	free(dir);
	return 0;
}

static inline void put(const char *dir, const char *content, size_t size)
{
	FILE *file = fopen(in(dir, "cycle"), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* Not inlined: gcc 12 then takes the text for one that has gone (-Wdangling-pointer). */
__attribute__((noinline, unused)) static char *get(const char *dir, const char *name)
{
	char *content;

	assert_return_code(file_read(in(dir, name), 1 << 20, &content, NULL), 0);
	return content;
}

static inline void assert_record_equal(const struct record *a, const struct record *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->step, b->step);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->committed, b->committed);
	assert_int_equal(a->undoing, b->undoing);
	assert_int_equal(a->started_realtime_usec, b->started_realtime_usec);
	assert_int_equal(a->ended_realtime_usec, b->ended_realtime_usec);
	assert_int_equal(a->asked_by_uid, b->asked_by_uid);
	assert_int_equal(a->asked_by_pid, b->asked_by_pid);
	assert_string_equal(a->asked_by, b->asked_by);
	assert_string_equal(a->release, b->release);
	assert_string_equal(a->reason, b->reason);
	assert_int_equal(a->strategy, b->strategy);
	assert_int_equal(a->primary, b->primary);
	for (enum color color = 0; color < COLOR_COUNT; color++)
		assert_string_equal(a->former[color], b->former[color]);
	assert_string_equal(a->verb, b->verb);
	assert_string_equal(a->cause, b->cause);
}

static inline void assert_bad(const char *dir)
{
	struct record record = {.step = "untouched"};

	unlink(in(dir, "cycle.bad"));
	assert_int_equal(record_read(dir, &record), -EBADMSG);
	assert_string_equal(record.step, "untouched");
	assert_int_equal(access(in(dir, "cycle"), F_OK), -1);
	assert_int_equal(access(in(dir, "cycle.bad"), F_OK), 0);
	assert_int_equal(record_read(dir, &record), -ENOENT);
}
