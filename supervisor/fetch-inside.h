/* SPDX-License-Identifier: MIT */
/*
 * What the parts of fetch share: fetch.c tells its story, fetch-sums.c finds out what the archive
 * must be, fetch-unpack.c makes a directory of it, fetch-source.c knows addresses.
 */
#pragma once

#include <limits.h>

#include <systemd/sd-event.h>

#include "fetch-download.h"
#include "fetch.h"
#include "release-child.h"

#define FETCH_REASON_MAX 1024
#define FETCH_NAME_MAX	 (RELEASE_TAG_MAX + 32) /* ".TAG.download" and the like */
#define FETCH_URL_MAX	 4096

#define FETCH_ARCHIVE_MAX (UINT64_C(16) << 30) /* bytes; more is a mistake of the build */
#define FETCH_SUMS_MAX	  (UINT64_C(1) << 20)  /* bytes: about 10,000 names */

enum fetch_state {
	FETCH_CLEANING,	   /* what an earlier attempt had unpacked goes */
	FETCH_DOWNLOADING, /* the archive; from a file: URL it is copied */
	FETCH_ASKING,	   /* for SHA256SUMS */
	FETCH_CHECKING,	   /* sha256sum(1) */
	FETCH_UNPACKING,   /* tar(1) */
	FETCH_SETTLING,	   /* until the disk has it */
	FETCH_GIVING_UP,   /* what was unpacked goes */
	FETCH_OVER,	   /* the owner is told next */
	FETCH_STATE_COUNT,
};

struct fetch {
	sd_event *event;
	fetch_over_fn over;
	void *owner;
	char tag[RELEASE_TAG_MAX];
	char directory[PATH_MAX];
	char sum[FETCH_SHA256_MAX]; /* expected; "": not known yet */
	bool sum_given;		    /* by whoever wants it, not by SHA256SUMS */
	uint64_t patience_usec;
	int dir_fd;

	char url[FETCH_URL_MAX], sums_url[FETCH_URL_MAX];
	char local[PATH_MAX];	/* of a file: URL; "" else */
	char archive[PATH_MAX]; /* its name there, as SHA256SUMS has it */
	char shown[256];	/* its address for sentences */
	char part[FETCH_NAME_MAX], unpacking[FETCH_NAME_MAX]; /* in the directory */

	enum fetch_state state;
	struct download *download, *asking; /* of the archive, of SHA256SUMS */
	struct child *child;
	bool anew; /* a resumed download had another sum: it was tried from its beginning */
	sd_event_source *told;
	enum fetch_result result;
	char why[FETCH_REASON_MAX];
};

/* The URL, where SHA256SUMS is, and the archive's name. -EINVAL for what is no source. */
int fetch_source_set(struct fetch *fetch, const char *source);
/* In a child: copies the local archive into the part. */
int fetch_source_copy(const void *owner);

/* Asks for SHA256SUMS; goes on to check, or says that there is no sum. */
int fetch_sums_begin(struct fetch *fetch);

/* In a child: removes what was unpacked. */
int fetch_unpack_remove(const void *owner);
/* Makes the empty directory and begins tar. */
int fetch_unpack_begin(struct fetch *fetch, child_over_fn over);
/* Tar's verdict: 0, or -EIO and why. */
int fetch_unpack_judge(struct fetch *fetch, enum child_end end, int status, const char *said);
/* In a child: everything is on the disk. */
int fetch_unpack_sync(const void *owner);
/* Gives it its name. */
int fetch_unpack_settle(struct fetch *fetch);

/* Ends what was, and begins what is next. */
void fetch_enter(struct fetch *fetch, enum fetch_state state);
/* With the sentence that was said. */
void fetch_over(struct fetch *fetch, enum fetch_result result);
/* A sentence for the end. */
void fetch_say(struct fetch *fetch, const char *format, ...) _printf_(2, 3);
