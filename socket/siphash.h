/* SPDX-License-Identifier: MIT */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits that nobody without the key
 * can compute or steer. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

struct siphash_key {
	uint64_t low, high;
};

struct siphash_key siphash_key_of(const uint8_t bytes[static SIPHASH_KEY_SIZE]);

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size);
