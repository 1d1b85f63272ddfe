/* SPDX-License-Identifier: MIT */
/*
 * Knows where the file SHA256SUMS is, beside the archive, and what it means that it is not there or
 * says nothing of it; does not know its lines (fetch-sum.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "fetch-inside.h"
#include "fetch-sum.h"

static void take_sums(struct fetch *fetch, const char *text)
{
	char sum[FETCH_SHA256_MAX];

	if (sum_find(text, fetch->archive, sum) >= 0) {
		memcpy(fetch->sum, sum, sizeof(sum));
		fetch_enter(fetch, FETCH_CHECKING);
		return;
	}
	fetch_say(fetch,
		"SHA256SUMS beside %s says nothing of %.255s; publish it with a line for each "
		"archive, or give the sum to `bluegreenctl deploy`",
		fetch->shown, fetch->archive);
	fetch_over(fetch, FETCH_WRONG);
}

static void no_sums(struct fetch *fetch, const char *why)
{
	fetch_say(fetch,
		"there is no checksum for %s (%s); publish SHA256SUMS beside it, or give the sum "
		"to `bluegreenctl deploy`",
		fetch->shown, why);
	fetch_over(fetch, FETCH_WRONG);
}

static void on_sums(void *owner, enum download_end end, const char *why)
{
	struct fetch *fetch = owner;

	switch (end) {
	case DOWNLOAD_WHOLE:
		take_sums(fetch, download_text(fetch->asking));
		break;
	case DOWNLOAD_NOT_THERE:
		no_sums(fetch, why);
		break;
	case DOWNLOAD_FAILED:
		fetch_say(fetch, "%s", why);
		fetch_over(fetch, FETCH_FAILED);
		break;
	case DOWNLOAD_END_COUNT:
		break;
	}
}

static int ask_sums_here(struct fetch *fetch)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX + 16];
	int r;

	snprintf(path, sizeof(path), "%.*sSHA256SUMS",
		(int)(strlen(fetch->local) - strlen(fetch->archive)), fetch->local);
	r = file_read(path, FETCH_SUMS_MAX, &text, NULL);
	if (r < 0)
		no_sums(fetch, strerror(-r));
	else
		take_sums(fetch, text);
	return 0;
}

/* The download's file stays open and locked until it is checked. */
int fetch_sums_begin(struct fetch *fetch)
{
	struct download_order order = {
		.url = fetch->sums_url,
		.size_max = FETCH_SUMS_MAX,
		.patience_usec = fetch->patience_usec,
	};

	if (*fetch->local)
		return ask_sums_here(fetch);
	return download_begin(fetch->event, &order, on_sums, fetch, &fetch->asking);
}
