/* SPDX-License-Identifier: MIT */
/*
 * The file that a download goes into, and the validator beside it (NAME.etag: the address and the
 * server's ETag or Last-Modified, a line each), without which nobody could say whether the part
 * that is there belongs to what the server has now.
 */
#pragma once

#include <stdint.h>

#define VALIDATOR_MAX 1024

/* Opens or makes it, for nobody else: -EBUSY if another process downloads into it. */
int file_part_open(int dir_fd, const char *name, int *ret_fd);
/* How much of it is there and may be gone on with, 0 if nothing; then also the validator. */
uint64_t file_part_size(int dir_fd, const char *name, int fd, const char *url,
	char ret_validator[static VALIDATOR_MAX]);
/* Empties it, and keeps the validator of what comes; "": none, it cannot be gone on with. */
int file_part_begin(int dir_fd, const char *name, int fd, const char *url, const char *validator);
