/* SPDX-License-Identifier: MIT */
/*
 * The last cycles, each in a file of its own: STATE/history/ID.json. For people and scripts only:
 * what a supervisor that comes back must know is in the record. In memory are the summaries; a
 * whole receipt is read when somebody asks for it.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/cleanup.h"

#define HISTORY_MAX	   100
/* A receipt with all its spans has some 40 KiB; a file that is longer is not ours. */
#define HISTORY_FILE_MAX   (1024 * 1024)
/* The shortest beginning of an id that stands for it. */
#define HISTORY_PREFIX_MIN 6

struct history;

/* Takes over STATE/history.json, where the version before this one kept them. A file that cannot be
 * read is told and passed over: nothing depends on it. */
int history_open(const char *state_dir, struct history **ret_history);
struct history *history_close(struct history *history);
DEFINE_CLEANUP(struct history, history_close);

/*
 * Adds the cycle as the latest, in place of an entry of the same id, and drops the oldest beyond
 * HISTORY_MAX. If it cannot be written (-errno) it is known all the same, and is written together
 * with the next one.
 */
int history_add(struct history *history, json_t *cycle);

/* True if the cycle of this whole id is known. */
bool history_has(const struct history *history, const char *id);

/* An array, newest first, of cycles without what is long. A new reference. */
json_t *history_list(const struct history *history);

/* The whole of one: id is the beginning of its id; "" the latest. A new reference. -ENOENT: none is
 * known; -ENOTUNIQ: several begin so; -EINVAL: too short to say. */
int history_find(const struct history *history, const char *id, json_t **ret_cycle);
