/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 sums as sha256sum(1) writes them. No I/O.
 */
#pragma once

#include <stdbool.h>

#include "fetch.h"

/* 64 hexadecimal digits, and nothing behind them. */
bool sum_valid(const char *sum);
bool sum_equal(const char *one, const char *other);

/* The sum of the file called `name` in a text of lines "HEX  NAME" or "HEX *NAME"; a directory
 * before the name does not matter ("./NAME"). -ENOENT. */
int sum_find(const char *text, const char *name, char ret_sum[static FETCH_SHA256_MAX]);
