/* SPDX-License-Identifier: MIT */
/*
 * Knows whether what is in place is what the newest snapshot has: one walk beside its manifest, in
 * the same order, up to the first difference. Changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot-manifest.h"

struct beside {
	const struct snapshot_manifest *manifest;
	size_t next;
	char *path; /* of the first difference */
};

/* The next one that counts, or NULL. */
static const struct snapshot_entry *peek(struct beside *beside)
{
	const struct snapshot_manifest *manifest = beside->manifest;

	while (beside->next < manifest->count &&
		snapshot_is_derived(manifest->entries[beside->next].path))
		beside->next++;
	return beside->next < manifest->count ? &manifest->entries[beside->next] : NULL;
}

static int differs(struct beside *beside, const char *path)
{
	snprintf(beside->path, PATH_MAX, "%s", path);
	return -ECANCELED;
}

/* In the order of a walk a slash comes before any other byte. */
static int walk_order(const char *one, const char *other)
{
	for (; *one && *one == *other; one++, other++)
		;
	if (*one == '/' || *other == '/')
		return (*one == '/' ? 1 : *one + 1) - (*other == '/' ? 1 : *other + 1);
	return (unsigned char)*one - (unsigned char)*other;
}

static bool is_untouched(const struct snapshot_entry *now, const struct snapshot_entry *then)
{
	return now->ino == then->ino && now->ctime_nsec == then->ctime_nsec;
}

static int visit_beside(
	void *owner, const struct snapshot_place *place, char reason[static RELEASE_REASON_MAX])
{
	const struct snapshot_entry *now = &place->entry, *then;
	struct beside *beside = owner;
	char digest[DIGEST_MAX];
	int r;

	if (snapshot_is_derived(now->path))
		return 0;
	then = peek(beside);
	if (!then || strcmp(now->path, then->path) != 0)
		/* One that has gone comes first, or one that is new. */
		return differs(beside,
			then && walk_order(then->path, now->path) < 0 ? then->path : now->path);
	beside->next++;
	if (now->type != then->type || now->mode != then->mode || now->size != then->size)
		return differs(beside, now->path);
	if (now->type == 'd' || is_untouched(now, then))
		return 0;
	r = snapshot_digest_place(place, digest, reason);
	if (r < 0)
		return r;
	return strcmp(digest, then->digest) == 0 ? 0 : differs(beside, now->path);
}

/* The walk has the order of the manifest, not of the configuration. */
static int compare(const struct snapshot_manifest *manifest, char path[static PATH_MAX],
	char reason[static RELEASE_REASON_MAX])
{
	struct beside beside = {.manifest = manifest, .path = path};
	const struct snapshot_entry *rest;
	int r;

	r = snapshot_walk((const char *const *)manifest->paths, visit_beside, &beside, reason);
	if (r < 0)
		return r;
	rest = peek(&beside);
	return rest ? differs(&beside, rest->path) : 0;
}

int snapshot_compare(const char *directory, const char *const *paths,
	struct snapshot_comparison *ret_comparison, char reason[static RELEASE_REASON_MAX])
{
	_cleanup_(cleanup_manifest_free) struct snapshot_manifest *manifest = NULL;
	struct snapshot_comparison comparison = {.state = SNAPSHOT_NONE};
	int r;

	r = manifest_find(directory, paths, comparison.tag, &manifest);
	if (r < 0 && r != -ENOENT)
		return snapshot_refuse(reason, r, "%s cannot be read: %s", directory, strerror(-r));
	if (r >= 0) {
		r = compare(manifest, comparison.path, reason);
		if (r < 0 && r != -ECANCELED)
			return r;
		comparison.state = r < 0 ? SNAPSHOT_DIFFERS : SNAPSHOT_SAME;
	}
	*ret_comparison = comparison;
	return 0;
}
