/* SPDX-License-Identifier: MIT */
/*
 * Knows when a copy may be begun, that it is begun again if the original changed meanwhile, and
 * what may be copied at all; the copying is a child's (snapshot-copy.c).
 *
 * dpkg's locks are asked for every half second while somebody holds them: who does not take a lock
 * himself is told by nobody when it is free, and to take it would make dpkg fail.
 */
#include "snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "dpkg-lock.h"
#include "release-child.h"
#include "snapshot-copy.h"
#include "snapshot-manifest.h"
#include "timer.h"

#define LOCK_USEC (500 * USEC_PER_MSEC)
#define COPY_USEC (10 * 60 * USEC_PER_SEC)

struct snapshot {
	sd_event *event;
	struct snapshot_order order;
	snapshot_over_fn over;
	void *owner;
	struct child *child;
	sd_event_source *timer;
	uint64_t wait_until_usec;
	unsigned int tries;
	struct dpkg_holder holder;	  /* who is waited for, if no child is at work */
	char changed[RELEASE_REASON_MAX]; /* what did, the last time */
};

static bool is_in(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int check_path(const char *path, char reason[static RELEASE_REASON_MAX])
{
	struct stat st;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return snapshot_refuse(reason, -ENOENT,
			"there is no %s to copy; install the package that brings it, or correct "
			"Snapshot= in the configuration's [Release]",
			path);
	if (lstat(path, &st) < 0)
		return snapshot_refuse(
			reason, -errno, "%s cannot be looked at: %s", path, strerror(errno));
	/* dpkg puts a new file in the place of the old one, and a mount that is on it goes; into
	 * directories it only writes. */
	if (!S_ISDIR(st.st_mode))
		return snapshot_refuse(reason, -ENOTDIR,
			"%s is not a directory, and Snapshot= copies only those; name the one that "
			"it %s",
			path, S_ISLNK(st.st_mode) ? "leads to" : "lies in");
	if (access(path, R_OK | X_OK) < 0)
		return snapshot_refuse(reason, -errno,
			"the supervisor's user cannot read %s, which it has to copy: %s; `chmod "
			"a+rX %s`",
			path, strerror(errno), path);
	return 0;
}

int snapshot_check(
	const char *directory, const char *const *paths, char reason[static RELEASE_REASON_MAX])
{
	for (size_t i = 0; paths[i]; i++) {
		int r = check_path(paths[i], reason);

		if (r < 0)
			return r;
		if (is_in(directory, paths[i]))
			return snapshot_refuse(reason, -EINVAL,
				"the releases of Directory=%s lie in %s, and would be copied into "
				"each other; move Directory= elsewhere",
				directory, paths[i]);
		for (size_t other = 0; paths[other]; other++)
			if (other != i && is_in(paths[i], paths[other]))
				return snapshot_refuse(reason, -EINVAL,
					"Snapshot= names %s, which %s has already; leave it out",
					paths[i], paths[other]);
	}
	return 0;
}

static bool is_named(const char *const *tags, const char *tag)
{
	for (; *tags; tags++)
		if (strcmp(*tags, tag) == 0)
			return true;
	return false;
}

void snapshot_forget(const char *directory, uint64_t since_usec, const char *const *used)
{
	_cleanup_free_ struct release *releases = NULL;
	char path[PATH_MAX + RELEASE_TAG_MAX + 32];
	size_t count = 0;

	if (release_list(directory, &releases, &count) < 0)
		return;
	for (size_t i = 0; i < count && releases[i].since_usec >= since_usec; i++) {
		if (is_named(used, releases[i].tag))
			continue;
		snprintf(
			path, sizeof(path), "%s/%s/" SNAPSHOT_MANIFEST, directory, releases[i].tag);
		(void)unlink(path);
	}
}

static void snapshot_over(
	struct snapshot *snapshot, enum snapshot_result result, const char *tag, const char *text)
{
	snapshot->over(snapshot->owner, result, tag, text);
}

/* True, and split, if the child has said the word: "WORD TAG\nTEXT\n". */
static bool answer_is(const char *said, const char *word, char ret_tag[static RELEASE_TAG_MAX],
	char ret_text[static RELEASE_REASON_MAX])
{
	size_t n = strlen(word), tag;

	if (strncmp(said, word, n) != 0 || said[n] != ' ')
		return false;
	said += n + 1;
	tag = strcspn(said, "\n");
	snprintf(ret_tag, RELEASE_TAG_MAX, "%.*s", (int)tag, said);
	said += tag + (said[tag] == '\n');
	snprintf(ret_text, RELEASE_REASON_MAX, "%.*s", (int)strcspn(said, "\n"), said);
	return true;
}

static int copy_when_free(struct snapshot *snapshot);

static void on_copied(void *owner, enum child_end end, int status, const char *words)
{
	struct snapshot *snapshot = owner;
	char tag[RELEASE_TAG_MAX] = "", text[RELEASE_REASON_MAX] = "";

	snapshot->child = child_end(snapshot->child);
	if (end != CHILD_EXITED || status != 0) {
		if (end == CHILD_EXITED && *words)
			snprintf(text, sizeof(text), "%.*s", (int)strcspn(words, "\n"), words);
		else
			child_describe(
				"the copying of the code", end, status, words, text, sizeof(text));
		snapshot_over(snapshot, SNAPSHOT_FAILED, "", text);
	} else if (answer_is(words, SNAPSHOT_SAYS_MADE, tag, text)) {
		snapshot_over(snapshot, SNAPSHOT_MADE, tag, text);
	} else if (answer_is(words, SNAPSHOT_SAYS_UNCHANGED, tag, text)) {
		snapshot_over(snapshot, SNAPSHOT_UNCHANGED, tag, text);
	} else {
		(void)answer_is(words, SNAPSHOT_SAYS_CHANGED, tag, snapshot->changed);
		if (snapshot->tries < SNAPSHOT_TRIES_MAX && copy_when_free(snapshot) >= 0)
			return;
		snprintf(text, sizeof(text),
			"the code was changed while it was copied, %u times: %.300s; reload when "
			"nobody writes there",
			snapshot->tries, snapshot->changed);
		snapshot_over(snapshot, SNAPSHOT_FAILED, "", text);
	}
}

static int copy_begin(struct snapshot *snapshot)
{
	const struct child_order order = {
		.work = snapshot_copy,
		.work_owner = &snapshot->order,
		.stdin_fd = -EBADF,
		.limit_usec = COPY_USEC,
	};

	snapshot->tries++;
	snapshot->holder = (struct dpkg_holder){0};
	return child_begin(snapshot->event, &order, on_copied, snapshot, &snapshot->child);
}

static void wait_over(struct snapshot *snapshot)
{
	char text[RELEASE_REASON_MAX];

	snprintf(text, sizeof(text),
		"%s (pid %d) is still at work on packages after %d s, and code is not copied "
		"meanwhile; reload when it has ended, and not from the script of a package",
		*snapshot->holder.name ? snapshot->holder.name : "somebody",
		(int)snapshot->holder.pid, (int)(snapshot->order.wait_usec / USEC_PER_SEC));
	snapshot_over(snapshot, SNAPSHOT_FAILED, "", text);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct snapshot *snapshot = userdata;
	char text[RELEASE_REASON_MAX];
	int r;

	(void)source;
	(void)usec;
	r = copy_when_free(snapshot);
	if (r == -ETIMEDOUT) {
		wait_over(snapshot);
	} else if (r < 0) {
		snprintf(text, sizeof(text), "the copying of the code cannot be begun: %s",
			strerror(-r));
		snapshot_over(snapshot, SNAPSHOT_FAILED, "", text);
	}
	return 0;
}

static int copy_when_free(struct snapshot *snapshot)
{
	if (!dpkg_is_locked(&snapshot->holder))
		return copy_begin(snapshot);
	if (now_usec() >= snapshot->wait_until_usec)
		return -ETIMEDOUT;
	return timer_arm(snapshot->event, &snapshot->timer, LOCK_USEC, on_timer, snapshot);
}

int snapshot_begin(sd_event *event, const struct snapshot_order *order, snapshot_over_fn over,
	void *owner, struct snapshot **ret_snapshot)
{
	_cleanup_(cleanup_snapshot_end) struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return -ENOMEM;
	snapshot->event = sd_event_ref(event);
	snapshot->order = *order;
	snapshot->over = over;
	snapshot->owner = owner;
	snapshot->wait_until_usec = now_usec() + order->wait_usec;
	r = copy_when_free(snapshot);
	if (r < 0)
		return r;
	*ret_snapshot = take_ptr(snapshot);
	return 0;
}

void snapshot_describe(const struct snapshot *snapshot, char *buffer, size_t size)
{
	const struct dpkg_holder *holder = &snapshot->holder;

	if (!snapshot->child && holder->pid != 0)
		snprintf(buffer, size,
			"%s (pid %d) is at work on packages, and is waited for; a script of a "
			"package must not reload and wait",
			*holder->name ? holder->name : "somebody", (int)holder->pid);
	else if (snapshot->tries > 1)
		snprintf(buffer, size, "the code is copied again: %.300s", snapshot->changed);
	else
		snprintf(buffer, size, "the code is being copied");
}

struct snapshot *snapshot_end(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	child_end(snapshot->child);
	sd_event_source_disable_unref(snapshot->timer);
	sd_event_unref(snapshot->event);
	free(snapshot);
	return NULL;
}
