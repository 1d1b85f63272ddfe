/* SPDX-License-Identifier: MIT */
/*
 * Knows what is asked about releases, memory and disk; the colors' own matters are in preflight.c.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "memory.h"
#include "preflight-inside.h"
#include "release.h"
#include "text.h"

#define MIB UINT64_C(1048576)

/* Records, receipts and links take some kilobytes; a disk with less than this is about to be full.
 */
#define DISK_BYTES_MIN	(16 * MIB)
#define DISK_INODES_MIN 64

#define GROUPS_MAX 64

static bool id_parse(const char *text, unsigned int *ret_id)
{
	char end;

	return *text >= '0' && *text <= '9' && sscanf(text, "%u%c", ret_id, &end) == 1;
}

static bool gid_find(const char *name, gid_t *ret_gid)
{
	const struct group *entry;

	if (id_parse(name, ret_gid))
		return true;
	entry = getgrnam(name);
	if (!entry)
		return false;
	*ret_gid = entry->gr_gid;
	return true;
}

struct reader {
	struct release_reader reader;
	gid_t gids[2 * GROUPS_MAX];
};

static void reader_add_group(struct reader *reader, const char *name)
{
	gid_t gid;

	if (reader->reader.gid_count < ELEMENTS(reader->gids) && gid_find(name, &gid))
		reader->gids[reader->reader.gid_count++] = gid;
}

static void reader_add_groups(struct reader *reader, const struct unit_status *status)
{
	char names[sizeof(status->groups)], *rest = names, *name;

	memcpy(names, status->groups, sizeof(names));
	if (*status->group)
		reader_add_group(reader, status->group);
	while ((name = strsep(&rest, " ")))
		if (*name)
			reader_add_group(reader, name);
}

/* As systemd will start it: User=, his groups, Group= and SupplementaryGroups=. -ENOENT: there is
 * no such user; or another -errno, for who could not look. */
static int reader_find(struct reader *reader, const struct unit_status *status)
{
	const char *name = *status->user ? status->user : "root";
	const struct passwd *entry;
	int count = GROUPS_MAX;
	unsigned int uid;
	bool numeric = id_parse(name, &uid);

	*reader = (struct reader){.reader = {.uid = (uid_t)-1, .gids = reader->gids}};
	reader_add_groups(reader, status);
	if (status->dynamic_user)
		return 0;
	errno = 0;
	entry = numeric ? getpwuid(uid) : getpwnam(name);
	if (!entry) {
		/* systemd takes a number that nobody has. */
		if (numeric)
			reader->reader.uid = uid;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO)
			return -errno;
		return numeric ? 0 : -ENOENT;
	}
	reader->reader.uid = entry->pw_uid;
	if (getgrouplist(entry->pw_name, entry->pw_gid, reader->gids + reader->reader.gid_count,
		    &count) < 0)
		count = GROUPS_MAX;
	reader->reader.gid_count += (size_t)count;
	return 0;
}

/* False, and said why, unless the color's own user can read it. */
static bool release_is_readable(const struct stage *stage, const struct instance *instance,
	const char *release, struct preflight_finding *finding)
{
	const struct config *config = stage->config;
	char reason[RELEASE_REASON_MAX];
	struct reader reader;
	int r;

	if (!instance->known) {
		finding_say(finding, PREFLIGHT_WAITS, "systemd has not told yet which user runs %s",
			instance->unit);
		return false;
	}
	r = reader_find(&reader, &instance->status);
	if (r < 0 && r != -ENOENT) {
		finding_say(finding, PREFLIGHT_REFUSES, "user %s of %s cannot be looked up: %s",
			instance->status.user, instance->unit, strerror(-r));
		return false;
	}
	if (r < 0) {
		finding_say(finding, PREFLIGHT_REFUSES,
			"%s is to run as user %s, who does not exist; make him, or change User= "
			"with `systemctl edit %s`",
			instance->unit, instance->status.user, instance->unit);
		return false;
	}
	r = release_check(config->release_directory, release, &reader.reader, reason);
	if (r >= 0)
		return true;
	if (r == -ENOENT && config->release_source)
		finding_say(finding, PREFLIGHT_FINE, "release %s will be fetched", release);
	else
		finding_say(finding, PREFLIGHT_REFUSES, "%s", reason);
	return false;
}

/* What a release is copied from; one that is named is there already. */
void look_snapshot(
	const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct config *config = stage->config;
	char reason[RELEASE_REASON_MAX];

	if (*release)
		finding_say(
			finding, PREFLIGHT_FINE, "nothing is copied: %s was asked for", release);
	else if (snapshot_check(config->release_directory,
			 (const char *const *)config->release_snapshot, reason) < 0)
		finding_say(finding, PREFLIGHT_REFUSES, "%s", reason);
	else if (*stage->uncopied_why)
		finding_say(finding, PREFLIGHT_REFUSES,
			"the colors have no copy of the code to run: %.400s", stage->uncopied_why);
	else
		finding_say(finding, PREFLIGHT_FINE, "what Snapshot= names can be copied");
}

void look_release(const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct config *config = stage->config;
	char command[TEXT_COMMAND_MAX];

	if (!*release) {
		finding_say(finding, PREFLIGHT_FINE,
			config->release_snapshot[0] ? "each color starts on a copy of what is "
						      "installed"
			: config->release_directory ? "each color starts on the release it has"
						    : "each color starts on the code in place");
		return;
	}
	if (!release_tag_valid(release)) {
		finding_say(finding, PREFLIGHT_REFUSES,
			"this is no tag of a release: it has to begin with a letter or digit, may "
			"go on with these and . _ + -, and has at most %d characters",
			RELEASE_TAG_MAX - 1);
		return;
	}
	if (!config->release_directory) {
		finding_say(finding, PREFLIGHT_REFUSES,
			"release %s cannot be found, because there is no directory of releases; "
			"set Directory= of [Release] in %s.conf, or deploy what is in place with "
			"`%s reload`",
			release, config->app, text_command(config->app, command));
		return;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (!release_is_readable(
			    stage, instances_get(stage->instances, color), release, finding))
			return;
	finding_say(finding, PREFLIGHT_FINE, "release %s is there, and both units can read it",
		release);
}

/* The new process may need as much as the one that serves needed at most. */
void look_memory(const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const struct instance *restarted = preflight_restarted(stage);
	uint64_t peak, available, back = 0;

	(void)release;
	if (memory_learned(stage->state_dir, &peak) < 0 || memory_available(&available) < 0) {
		finding_say(finding, PREFLIGHT_FINE,
			"it is not known yet how much memory a color needs");
		return;
	}
	(void)memory_used(restarted->status.control_group, &back);
	if (available + back >= peak) {
		finding_say(finding, PREFLIGHT_FINE,
			"%" PRIu64 " MiB are available with what %s gives back, %" PRIu64
			" MiB were needed at most",
			(available + back) / MIB, color_name(restarted->color), peak / MIB);
		return;
	}
	finding_say(finding, PREFLIGHT_REFUSES,
		"a color needed up to %" PRIu64 " MiB of memory, but only %" PRIu64
		" MiB are available and %s gives back %" PRIu64
		" MiB; free some, or remove %s/memory if it will not need that much again",
		peak / MIB, available / MIB, color_name(restarted->color), back / MIB,
		stage->state_dir);
}

/* False, and said why, if there is no room. */
static bool disk_has_room(const char *path, struct preflight_finding *finding)
{
	struct statvfs disk;
	uint64_t bytes;

	if (statvfs(path, &disk) < 0) {
		/* The release's own finding says more of a directory that is not there. */
		if (errno == ENOENT)
			return true;
		finding_say(finding, PREFLIGHT_REFUSES, "the disk of %s cannot be looked at: %s",
			path, strerror(errno));
		return false;
	}
	bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	/* Some file systems make inodes as they need them, and say that they have none. */
	if (bytes >= DISK_BYTES_MIN && (disk.f_files == 0 || disk.f_favail >= DISK_INODES_MIN))
		return true;
	finding_say(finding, PREFLIGHT_REFUSES,
		"the disk of %s has only %" PRIu64 " KiB and %" PRIu64
		" inodes left; make room for %" PRIu64 " KiB and %d inodes",
		path, bytes / 1024, (uint64_t)disk.f_favail, DISK_BYTES_MIN / 1024,
		DISK_INODES_MIN);
	return false;
}

void look_disk(const struct stage *stage, const char *release, struct preflight_finding *finding)
{
	const char *releases = stage->config->release_directory;

	(void)release;
	if (!disk_has_room(stage->state_dir, finding) ||
		(releases && !disk_has_room(releases, finding)))
		return;
	finding_say(finding, PREFLIGHT_FINE, "there is room on the disk");
}
