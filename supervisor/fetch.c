/* SPDX-License-Identifier: MIT */
/*
 * Knows the way of a release from its source to its tag, a state after the other; does not know
 * HTTP (fetch-download.c), addresses (fetch-source.c), checksums (fetch-sums.c) nor archives
 * (fetch-unpack.c).
 *
 * Whatever ends a state, fetch_enter() begins the next one; what cannot begin goes to its end. An
 * owner hears from the source `told`, never from the middle of something.
 */
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fetch-inside.h"
#include "fetch-sum.h"
#include "release-tree.h"

#define PATIENCE_USEC (30 * USEC_PER_SEC)
/* Of a child that reads or writes the archive once: 16 GiB at 10 MiB a second. */
#define WORK_USEC     (30 * 60 * USEC_PER_SEC)
#define MIB(bytes)    ((double)(bytes) / (1024 * 1024))

void fetch_say(struct fetch *fetch, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fetch->why, sizeof(fetch->why), format, arguments);
	va_end(arguments);
}

void fetch_over(struct fetch *fetch, enum fetch_result result)
{
	fetch->result = result;
	fetch_enter(fetch, FETCH_OVER);
}

/* After tar: half a release must not lie about until somebody comes again. */
static void fetch_give_up(struct fetch *fetch)
{
	fetch->result = FETCH_FAILED;
	fetch_enter(fetch, FETCH_GIVING_UP);
}

static void fetch_trouble(struct fetch *fetch, const char *doing, int r)
{
	const char *hint = "";

	if (r == -EROFS)
		hint = "; mount it writable, or, if only the supervisor's unit sees it so, give it "
		       "ReadWritePaths= in a drop-in";
	else if (r == -EACCES || r == -EPERM)
		hint = "; make it writable for the supervisor's user";
	else if (r == -ENOSPC || r == -EDQUOT)
		hint = "; remove old releases, or lower Keep=";
	else if (r == -EBUSY)
		hint = "; somebody else is fetching the same release there";
	fetch_say(fetch, "%s in %s is not possible: %s%s", doing, fetch->directory, strerror(-r),
		hint);
}

static int on_told(sd_event_source *source, uint64_t usec, void *owner)
{
	struct fetch *fetch = owner;

	(void)source;
	(void)usec;
	fetch->over(fetch->owner, fetch->result, fetch->why);
	return 0;
}

/* ---- what ends a state ------------------------------------------------------------------------
 */

static void child_gone(struct fetch *fetch)
{
	fetch->child = child_end(fetch->child);
}

static bool child_did(enum child_end end, int status)
{
	return end == CHILD_EXITED && status == 0;
}

/* False, and it is over, if the child has failed. */
static bool child_went_well(
	struct fetch *fetch, const char *what, enum child_end end, int status, const char *said)
{
	child_gone(fetch);
	if (child_did(end, status))
		return true;
	child_describe(what, end, status, said, fetch->why, sizeof(fetch->why));
	fetch_over(fetch, FETCH_FAILED);
	return false;
}

static void on_cleaned(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;

	if (child_went_well(fetch, "the removal of an earlier attempt", end, status, said))
		fetch_enter(fetch, FETCH_DOWNLOADING);
}

static void archive_is_here(struct fetch *fetch)
{
	fetch_enter(fetch, *fetch->sum ? FETCH_CHECKING : FETCH_ASKING);
}

static void on_downloaded(void *owner, enum download_end end, const char *why)
{
	struct fetch *fetch = owner;

	switch (end) {
	case DOWNLOAD_WHOLE:
		archive_is_here(fetch);
		break;
	case DOWNLOAD_NOT_THERE:
		fetch->download = download_close(fetch->download);
		download_forget(fetch->dir_fd, fetch->part);
		fetch_say(fetch, "there is no release %s: %s", fetch->tag, why);
		fetch_over(fetch, FETCH_NOT_THERE);
		break;
	case DOWNLOAD_FAILED:
		fetch_say(fetch, "%s", why);
		fetch_over(fetch, FETCH_FAILED);
		break;
	case DOWNLOAD_END_COUNT:
		break;
	}
}

static void on_copied(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;

	if (child_went_well(fetch, "the copy", end, status, said))
		archive_is_here(fetch);
}

/* A part that was gone on with may be of another archive after all: once it gets a second try. */
static void judge_sum(struct fetch *fetch, const char *sum)
{
	bool resumed = fetch->download && download_resumed(fetch->download);

	fetch->download = download_close(fetch->download);
	if (sum_equal(sum, fetch->sum)) {
		fetch_enter(fetch, FETCH_UNPACKING);
		return;
	}
	download_forget(fetch->dir_fd, fetch->part);
	if (resumed && !fetch->anew) {
		fetch->anew = true;
		if (!fetch->sum_given)
			fetch->sum[0] = '\0';
		fetch_enter(fetch, FETCH_DOWNLOADING);
		return;
	}
	fetch_say(fetch,
		"%s has the SHA-256 %.64s, and it should be %s: it is not what was published",
		fetch->shown, sum, fetch->sum);
	fetch_over(fetch, FETCH_WRONG);
}

static void on_checked(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;
	char sum[FETCH_SHA256_MAX];

	child_gone(fetch);
	snprintf(sum, sizeof(sum), "%.64s", said);
	if (child_did(end, status) && sum_valid(sum)) {
		judge_sum(fetch, sum);
		return;
	}
	child_describe("sha256sum", end, status, said, fetch->why, sizeof(fetch->why));
	fetch_over(fetch, FETCH_FAILED);
}

static void on_unpacked(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;

	child_gone(fetch);
	if (fetch_unpack_judge(fetch, end, status, said) < 0)
		fetch_give_up(fetch);
	else
		fetch_enter(fetch, FETCH_SETTLING);
}

static void on_synced(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;
	int r;

	child_gone(fetch);
	if (!child_did(end, status)) {
		child_describe(
			"writing to the disk", end, status, said, fetch->why, sizeof(fetch->why));
		fetch_give_up(fetch);
		return;
	}
	r = fetch_unpack_settle(fetch);
	if (r < 0) {
		fetch_trouble(fetch, "naming the release", r);
		fetch_give_up(fetch);
		return;
	}
	download_forget(fetch->dir_fd, fetch->part);
	fetch_over(fetch, FETCH_DONE);
}

/* What cannot be removed now is left over for the next fetch or prune. */
static void on_given_up(void *owner, enum child_end end, int status, const char *said)
{
	struct fetch *fetch = owner;

	(void)end;
	(void)status;
	(void)said;
	child_gone(fetch);
	fetch_enter(fetch, FETCH_OVER);
}

/* ---- what begins a state ----------------------------------------------------------------------
 */

static int begin_work(struct fetch *fetch, int (*work)(const void *), child_over_fn over)
{
	struct child_order order = {
		.work = work, .work_owner = fetch, .stdin_fd = -EBADF, .limit_usec = WORK_USEC};

	return child_begin(fetch->event, &order, over, fetch, &fetch->child);
}

static int begin_download(struct fetch *fetch)
{
	struct download_order order = {
		.url = fetch->url,
		.name = fetch->part,
		.dir_fd = fetch->dir_fd,
		.directory = fetch->directory,
		.size_max = FETCH_ARCHIVE_MAX,
		.patience_usec = fetch->patience_usec,
	};

	fetch->asking = download_close(fetch->asking);
	if (!*fetch->local)
		return download_begin(fetch->event, &order, on_downloaded, fetch, &fetch->download);
	if (access(fetch->local, F_OK) == 0)
		return begin_work(fetch, fetch_source_copy, on_copied);
	fetch_say(
		fetch, "there is no release %s: %s: %s", fetch->tag, fetch->local, strerror(errno));
	fetch_over(fetch, errno == ENOENT ? FETCH_NOT_THERE : FETCH_FAILED);
	return 0;
}

static int begin_checking(struct fetch *fetch)
{
	static const char *const argv[] = {"sha256sum", NULL};
	_cleanup_fd_ int fd = openat(fetch->dir_fd, fetch->part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct child_order order = {.argv = argv, .stdin_fd = fd, .limit_usec = WORK_USEC};
	struct stat st;

	if (fd < 0)
		return -errno;
	/* Whom it is read by is of no consequence: it has it from us. */
	if (fstat(fetch->dir_fd, &st) < 0)
		return -errno;
	order.uid = st.st_uid;
	order.gid = st.st_gid;
	return child_begin(fetch->event, &order, on_checked, fetch, &fetch->child);
}

static int fetch_act(struct fetch *fetch)
{
	switch (fetch->state) {
	case FETCH_CLEANING:
		return begin_work(fetch, fetch_unpack_remove, on_cleaned);
	case FETCH_DOWNLOADING:
		return begin_download(fetch);
	case FETCH_ASKING:
		return fetch_sums_begin(fetch);
	case FETCH_CHECKING:
		return begin_checking(fetch);
	case FETCH_UNPACKING:
		return fetch_unpack_begin(fetch, on_unpacked);
	case FETCH_SETTLING:
		return begin_work(fetch, fetch_unpack_sync, on_synced);
	case FETCH_GIVING_UP:
		return begin_work(fetch, fetch_unpack_remove, on_given_up);
	case FETCH_OVER:
		fetch->asking = download_close(fetch->asking);
		fetch->download = download_close(fetch->download);
		return sd_event_source_set_enabled(fetch->told, SD_EVENT_ONESHOT);
	case FETCH_STATE_COUNT:
		break;
	}
	return 0;
}

static const char *const state_names[FETCH_STATE_COUNT] = {
	[FETCH_CLEANING] = "cleaning up",
	[FETCH_DOWNLOADING] = "downloading",
	[FETCH_ASKING] = "asking for SHA256SUMS",
	[FETCH_CHECKING] = "checking",
	[FETCH_UNPACKING] = "unpacking",
	[FETCH_SETTLING] = "writing to the disk",
	[FETCH_GIVING_UP] = "cleaning up",
	[FETCH_OVER] = "over",
};

void fetch_enter(struct fetch *fetch, enum fetch_state state)
{
	int r;

	fetch->state = state;
	r = fetch_act(fetch);
	if (r >= 0 || state == FETCH_OVER)
		return;
	/* The first trouble is the one to tell. */
	if (state != FETCH_GIVING_UP)
		fetch_trouble(fetch, state_names[state], r);
	fetch_over(fetch, FETCH_FAILED);
}

/* ---- for its owner ----------------------------------------------------------------------------
 */

static int directory_open(struct fetch *fetch)
{
	/* The first release of all makes it, if what it lies in is there. */
	if (mkdir(fetch->directory, 0755) < 0 && errno != EEXIST && errno != EROFS &&
		errno != EACCES && errno != EPERM)
		return -errno;
	fetch->dir_fd = open(fetch->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fetch->dir_fd < 0 ? -errno : 0;
}

static void fetch_start(struct fetch *fetch)
{
	struct stat st;
	int r = directory_open(fetch);

	if (r < 0) {
		fetch_trouble(fetch, "fetching", r);
		fetch_over(fetch, FETCH_FAILED);
	} else if (fstatat(fetch->dir_fd, fetch->tag, &st, 0) == 0)
		fetch_over(fetch, FETCH_DONE);
	else if (fstatat(fetch->dir_fd, fetch->unpacking, &st, AT_SYMLINK_NOFOLLOW) == 0)
		fetch_enter(fetch, FETCH_CLEANING);
	else
		fetch_enter(fetch, FETCH_DOWNLOADING);
}

static int fetch_set(struct fetch *fetch, const struct fetch_order *order)
{
	if (!release_tag_valid(order->tag) || strlen(order->directory) >= sizeof(fetch->directory))
		return -EINVAL;
	strcpy(fetch->tag, order->tag);
	strcpy(fetch->directory, order->directory);
	snprintf(fetch->part, sizeof(fetch->part), ".%s" TREE_DOWNLOAD, order->tag);
	snprintf(fetch->unpacking, sizeof(fetch->unpacking), ".%s" TREE_UNPACKING, order->tag);
	fetch->patience_usec = order->patience_usec ? order->patience_usec : PATIENCE_USEC;
	if (order->sha256 && *order->sha256) {
		if (!sum_valid(order->sha256))
			return -EINVAL;
		strcpy(fetch->sum, order->sha256);
		fetch->sum_given = true;
	}
	return fetch_source_set(fetch, order->source);
}

int fetch_begin(sd_event *event, const struct fetch_order *order, fetch_over_fn over, void *owner,
	struct fetch **ret_fetch)
{
	_cleanup_(cleanup_fetch_end) struct fetch *fetch = calloc(1, sizeof(*fetch));
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->dir_fd = -EBADF;
	fetch->over = over;
	fetch->owner = owner;
	fetch->event = sd_event_ref(event);
	r = fetch_set(fetch, order);
	if (r >= 0)
		r = sd_event_add_time(event, &fetch->told, CLOCK_MONOTONIC, 0, 0, on_told, fetch);
	if (r >= 0)
		r = sd_event_source_set_enabled(fetch->told, SD_EVENT_OFF);
	if (r < 0)
		return r;
	fetch_start(fetch);
	*ret_fetch = take_ptr(fetch);
	return 0;
}

struct fetch *fetch_end(struct fetch *fetch)
{
	if (!fetch)
		return NULL;
	child_end(fetch->child);
	download_close(fetch->asking);
	download_close(fetch->download);
	sd_event_source_disable_unref(fetch->told);
	sd_event_unref(fetch->event);
	fd_close(fetch->dir_fd);
	free(fetch);
	return NULL;
}

void fetch_describe(const struct fetch *fetch, char *buffer, size_t size)
{
	uint64_t done, total;

	if (fetch->state != FETCH_DOWNLOADING || !fetch->download) {
		snprintf(buffer, size, "%s", state_names[fetch->state]);
		return;
	}
	download_progress(fetch->download, &done, &total);
	if (total > 0)
		snprintf(buffer, size, "downloading: %.1f of %.1f MiB", MIB(done), MIB(total));
	else
		snprintf(buffer, size, "downloading: %.1f MiB", MIB(done));
}
