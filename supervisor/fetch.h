/* SPDX-License-Identifier: MIT */
/*
 * Brings a release from where it was published: downloads it (libcurl; goes on where an earlier
 * download broke off), checks its SHA-256 (sha256sum(1)), unpacks it with GNU tar into a directory
 * of its own, and renames that to its tag: a release is there as a whole or not at all. A seam:
 * tests/fake/fake-fetch.c.
 */
#pragma once

#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "release.h"

#define FETCH_SHA256_MAX 65 /* 64 hexadecimal digits and NUL */

struct fetch_order {
	const char *source;    /* "https://build.example/app-{tag}.tar.gz"; http, https or file */
	const char *tag;       /* valid */
	const char *directory; /* where releases are */
	/* What the archive must have; NULL or "": what the file SHA256SUMS beside it says, which
	 * must then be there. */
	const char *sha256;
	uint64_t patience_usec; /* without a byte from the server; 0: 30 s */
};

enum fetch_result {
	FETCH_DONE,	 /* the release is in the directory */
	FETCH_NOT_THERE, /* the source has none of this tag (404, 410) */
	FETCH_FAILED,	 /* network, disk, tar: try again */
	FETCH_WRONG,	 /* the checksum is another one, or there is none */
	FETCH_RESULT_COUNT,
};

struct fetch;

/* One sentence for all but done, which says what to do. From the loop, once; the fetch stays until
 * fetch_end(). */
typedef void (*fetch_over_fn)(void *owner, enum fetch_result result, const char *why);

/* Strings are copied. -EINVAL for a source without {tag} or with another scheme. */
int fetch_begin(sd_event *event, const struct fetch_order *order, fetch_over_fn over, void *owner,
	struct fetch **ret_fetch);
/* Gives up what is under way; what was downloaded stays for the next attempt, what was unpacked
 * goes with the next fetch or prune. */
struct fetch *fetch_end(struct fetch *fetch);
DEFINE_CLEANUP(struct fetch, fetch_end);

/* "downloading: 12.3 of 45.6 MiB", "checking", "unpacking". */
void fetch_describe(const struct fetch *fetch, char *buffer, size_t size);
