/* SPDX-License-Identifier: MIT */
/*
 * One download over HTTP(S): into a file, going on where an earlier one broke off if the server
 * says that it is still the same (RFC 9110 §13.1.5 If-Range, §14), or into memory. TLS is verified;
 * redirects are followed, but never from https to http.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define DOWNLOAD_REASON_MAX 512

struct download_order {
	const char *url;
	/* The file's name in a directory, and for messages where that is; beside it lies NAME.etag
	 * with what the server says of it. NULL: into memory. */
	const char *name;
	int dir_fd;
	const char *directory;
	uint64_t size_max;	/* bytes */
	uint64_t patience_usec; /* without a byte */
};

enum download_end {
	DOWNLOAD_WHOLE,
	DOWNLOAD_NOT_THERE, /* 404, 410 */
	DOWNLOAD_FAILED,
	DOWNLOAD_END_COUNT,
};

struct download;

/* From the loop, once; the download may be closed from here. One sentence unless it is whole. */
typedef void (*download_over_fn)(void *owner, enum download_end end, const char *why);

/* What `order` points to must outlive it. */
int download_begin(sd_event *event, const struct download_order *order, download_over_fn over,
	void *owner, struct download **ret_download);
/* The file stays. */
struct download *download_close(struct download *download);
DEFINE_CLEANUP(struct download, download_close);

void download_progress(const struct download *download, uint64_t *ret_done, uint64_t *ret_total);
/* Part of the file is of an earlier time. */
bool download_resumed(const struct download *download);
/* What is in memory, with a NUL behind it. */
const char *download_text(const struct download *download);
/* Removes the file and what lies beside it. */
void download_forget(int dir_fd, const char *name);

/* An address as it may stand in the journal: without user, password and query. */
void download_url_shown(const char *url, char *buffer, size_t size);
