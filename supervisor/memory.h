/* SPDX-License-Identifier: MIT */
/*
 * How much memory a color needs, learned from the one that serves: what its control group had at
 * most (memory.peak, cgroups(7)), kept in STATE/memory, and what the machine has to give. Pages of
 * files do not count on either side: the kernel takes them back when it needs them.
 */
#pragma once

#include <stdint.h>

#include "color.h"

/* Looks at what the color had at most until now, and keeps it if it can be told: to be called
 * before its process is replaced, for a new one has not shown yet what it needs. -ENOENT: the
 * kernel does not count the memory of this group. */
int memory_learn(const char *state_dir, enum color color, const char *control_group);

/* What was learned last, in bytes; -ENODATA: nothing, or it cannot be read. */
int memory_learned(const char *state_dir, uint64_t *ret_peak);

/* What the group has now, and gives back when it ends. -ENOENT as above. */
int memory_used(const char *control_group, uint64_t *ret_bytes);

/* What a new process can have (MemAvailable, proc_meminfo(5)). */
int memory_available(uint64_t *ret_bytes);
