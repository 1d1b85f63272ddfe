/* SPDX-License-Identifier: MIT */
/*
 * Knows which processes and which files belong to an app.
 */
#include "recheck-look.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "recheck-apart.h"
#include "recheck-package.h"
#include "recheck-process.h"
#include "recheck-watch.h"
#include "snapshot.h"

void subject_unit(const char *app, enum subject subject, char unit[static UNIT_MAX])
{
	switch (subject) {
	case SUBJECT_SUPERVISOR:
		snprintf(unit, UNIT_MAX, "%s-bluegreen.service", app);
		return;
	case SUBJECT_RELAY:
		snprintf(unit, UNIT_MAX, "%s-bluegreen-relay.service", app);
		return;
	case SUBJECT_BLUE:
	case SUBJECT_GREEN:
	case SUBJECT_COUNT:
		break;
	}
	snprintf(unit, UNIT_MAX, "%s@%s.service", app, subject_name(subject));
}

static int processes_look(
	const char *unit, const char *directory, enum subject subject, struct findings *findings)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count;
	int r;

	r = processes_list(directory, &pids, &count);
	if (r == -E2BIG)
		log_warning("%s has more processes than %d; the others are not looked at", unit,
			PROCESSES_MAX);
	else if (r < 0)
		return r;
	return count ? apart_look(unit, pids, count, subject, findings) : 0;
}

/* A unit that does not run runs nothing that is outdated. */
static int unit_look(
	struct bus *bus, const char *app, enum subject subject, struct findings *findings)
{
	_cleanup_free_ char *directory = NULL;
	char unit[UNIT_MAX];
	int r;

	subject_unit(app, subject, unit);
	r = bus_unit_group(bus, unit, &directory);
	if (r < 0) {
		log_error("systemd cannot be asked for %s", bus_error(bus));
		return r;
	}
	if (!*directory)
		return 0;
	return processes_look(unit, directory, subject, findings);
}

static int watched_look(const struct note_dirs *dirs, const char *app, const struct config *config,
	enum color color, struct findings *findings)
{
	int r = note_compare(dirs, app, config, color, findings);

	/* It was started before this program was installed, or does not run. */
	if (r == -ENOENT)
		return 0;
	if (r == -E2BIG) {
		log_warning("%s: [Upgrade] WatchPath= has more than %d files, or takes longer than "
			    "%d s to look at; name what is code and nothing else",
			app, WATCH_FILES_MAX, (int)(WATCH_USEC_MAX / USEC_PER_SEC));
		return 0;
	}
	if (r < 0)
		log_warning("%s: what %s was started on cannot be compared: %s", app,
			color_name(color), strerror(-r));
	return r;
}

/* Code that another package installs is copied before it is run: what is in place is new if it is
 * not what was copied last, and then for both colors. */
static int snapshot_look(const char *app, const struct config *config, struct findings *findings)
{
	_cleanup_free_ struct snapshot_comparison *comparison = calloc(1, sizeof(*comparison));
	struct finding finding = {.certain = true, .identity = "-"};
	char reason[RELEASE_REASON_MAX];
	struct stat st;
	int r;

	if (!comparison)
		return -ENOMEM;
	r = snapshot_compare(config->release_directory,
		(const char *const *)config->release_snapshot, comparison, reason);
	if (r < 0)
		log_warning("%s: [Release] Snapshot= cannot be compared: %s", app, reason);
	if (r < 0 || comparison->state != SNAPSHOT_DIFFERS)
		return r;
	finding.path = comparison->path;
	if (lstat(finding.path, &st) == 0)
		identity_write(&st, finding.identity);
	for (enum color color = 0; r >= 0 && color < COLOR_COUNT; color++) {
		finding.subject = (enum subject)color;
		r = findings_add(findings, &finding);
	}
	return r;
}

int app_look(struct bus *bus, const struct note_dirs *dirs, const char *app,
	const struct config *config, struct findings *findings)
{
	int r, failed = 0;

	for (enum subject subject = 0; subject < SUBJECT_COUNT; subject++) {
		r = unit_look(bus, app, subject, findings);
		failed = failed ? failed : r;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		r = watched_look(dirs, app, config, color, findings);
		failed = failed ? failed : r;
	}
	if (config->release_snapshot[0]) {
		r = snapshot_look(app, config, findings);
		failed = failed ? failed : r;
	}
	r = packages_find(findings);
	/* It is known without a package, only not by what. */
	if (r < 0)
		log_warning("%s: dpkg-query does not tell which packages these files are from: %s",
			app, strerror(-r));
	findings_settle(findings);
	return failed;
}
