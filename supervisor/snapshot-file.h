/* SPDX-License-Identifier: MIT */
/*
 * Copies the content of one file: by reflink, so that it costs no room; else through the kernel,
 * holes left out; else by reading and writing.
 */
#pragma once

#include <stdint.h>

/* What has been so copied; of all files of a copy. */
struct snapshot_file_way {
	uint64_t cloned, copied; /* files that have bytes */
};

/* `to` is empty and opened for reading and writing. -EAGAIN: it is shorter than `size` by now. */
int snapshot_file_copy(int from, int to, uint64_t size, struct snapshot_file_way *way);
/* "shared with the original (reflink)", ... */
const char *snapshot_file_told(const struct snapshot_file_way *way);
