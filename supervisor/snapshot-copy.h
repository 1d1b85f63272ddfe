/* SPDX-License-Identifier: MIT */
/*
 * Copies the directories of a snapshot. Takes as long as there are files; a child's work
 * (release-child.h).
 */
#pragma once

#include "snapshot.h"

/* What the child says first, on a line of its own; the sentence is on the next. */
#define SNAPSHOT_SAYS_MADE	"made"
#define SNAPSHOT_SAYS_UNCHANGED "unchanged"
#define SNAPSHOT_SAYS_CHANGED	"changed" /* meanwhile: again */

/* owner: a struct snapshot_order. Prints WORD TAG, and a sentence, to stdout; or, and returns -1, a
 * sentence to stderr. */
int snapshot_copy(const void *owner);
