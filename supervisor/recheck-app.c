/* SPDX-License-Identifier: MIT */
/*
 * Knows when a cycle is asked for; does not know how files are looked at (recheck-look.c).
 */
#include "recheck-app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "recheck-apt.h"
#include "recheck-asked.h"
#include "recheck-look.h"

/* A run of unattended-upgrades with its downloads, on a slow machine; an apt that waits for an
 * answer may wait for ever. */
#define APT_USEC_MAX   (6 * 60 * 60 * USEC_PER_SEC)
/* A cycle with a ramp and a window of its own. */
#define CYCLE_USEC_MAX (4 * 60 * 60 * USEC_PER_SEC)
/* A supervisor that has just been renewed, or has fallen, comes back. */
#define THERE_USEC_MAX (15 * USEC_PER_SEC)

#define APT_UNIT      "apt-daily-upgrade.service"
#define SENTENCE_MAX  (FINDING_PATH_MAX + FINDING_PACKAGE_MAX + 64)
#define LOG_FILES_MAX 10 /* named in the journal */

struct story {
	const struct recheck *recheck;
	struct bus *bus;
	const char *app;
	struct config *config;
	struct findings findings;
};

static pid_t apt_run_find(void *owner)
{
	return bus_unit_pid(owner, APT_UNIT);
}

static int quiet_wait(const struct story *story)
{
	const struct apt_run run = {apt_run_find, story->bus};
	struct apt_lock lock;
	int r;

	r = apt_wait(&run, now_usec() + APT_USEC_MAX, &lock);
	if (r < 0) {
		log_error("%s is held for %d hours, by process %d; nothing was looked at, end "
			  "that process or what it waits for",
			lock.path ? lock.path : APT_UNIT, (int)(APT_USEC_MAX / USEC_PER_SEC / 3600),
			(int)lock.holder);
		return r;
	}
	r = bus_idle_wait(story->bus, story->app, now_usec() + CYCLE_USEC_MAX);
	if (r < 0)
		log_error("%s; nothing was looked at", bus_error(story->bus));
	return r;
}

/* ---- the colors ------------------------------------------------------------------------------ */

static void outdated_log(const struct story *story)
{
	char path[FINDING_PATH_MAX];

	for (size_t i = 0; i < story->findings.count && i < LOG_FILES_MAX; i++) {
		const struct finding *finding = &story->findings.items[i];

		finding_path_show(finding->path, path);
		log_info("%s: %s runs what %s was before%s%s", story->app,
			subject_name(finding->subject), path, *finding->package ? ", of " : "",
			finding->package);
	}
}

static int tell(const struct story *story, uint64_t due, char id[static BUS_ID_MAX])
{
	int r = bus_upgrade(story->bus, story->app, &story->findings, due, id);

	if (r < 0)
		log_error("the supervisor of %s does not take what is outdated: %s", story->app,
			bus_error(story->bus));
	return r;
}

static int supervisor_wait(const struct story *story, struct bus_status *ret_status)
{
	int r = bus_there_wait(story->bus, story->app, now_usec() + THERE_USEC_MAX, ret_status);

	if (r >= 0 && ret_status->there)
		return 0;
	log_error("%s is outdated, and its supervisor does not answer: nothing was restarted; "
		  "`systemctl start %s-bluegreen', and `systemctl start app-bluegreen-recheck' "
		  "looks again",
		story->app, story->app);
	return r < 0 ? r : -EHOSTDOWN;
}

/* A cycle that came to an end of its own has had its chance; one that somebody's restart or a boot
 * has ended has not, nor has one that a full disk kept from restarting anything. */
static bool asked_before(const struct story *story, const struct asked *asked)
{
	struct bus_cycle cycle;

	if (!asked_covers(asked, &story->findings, SUBJECT_BLUE, SUBJECT_GREEN) ||
		bus_cycle(story->bus, story->app, asked->id, &cycle) < 0 || !cycle.tried)
		return false;
	log_notice("%s is outdated as before; cycle %s was for that and has %s: none begins by "
		   "itself, `systemctl reload %s-bluegreen' begins one",
		story->app, asked->id, *cycle.outcome ? cycle.outcome : "ended", story->app);
	return true;
}

static int window_await(const struct story *story, const char *sentence, time_t now)
{
	time_t opens = hours_next(&story->config->maintenance, now);
	char id[BUS_ID_MAX], when[64];
	struct tm tm;
	int r;

	strftime(when, sizeof(when), "%a %Y-%m-%d %H:%M", localtime_r(&opens, &tm));
	r = bus_timer_arm(story->bus, opens);
	if (r < 0) {
		log_error("%s is outdated (%s), and nobody will look again when its maintenance "
			  "window opens: %s",
			story->app, sentence, bus_error(story->bus));
		return r;
	}
	log_notice("%s is outdated (%s); its maintenance window opens at %s", story->app, sentence,
		when);
	return tell(story, (uint64_t)opens, id);
}

static int cycle_begin(
	const struct story *story, const struct asked_place *place, const char *sentence)
{
	char id[BUS_ID_MAX];
	int r;

	r = tell(story, 0, id);
	if (r < 0)
		return r;
	log_notice("%s is outdated (%s); cycle %s begins", story->app, sentence, id);
	r = asked_write(place, id, &story->findings, SUBJECT_BLUE, SUBJECT_GREEN);
	if (r < 0)
		log_warning("%s/%s cannot be written: %s; if the cycle fails the next recheck "
			    "begins another one",
			place->dir, place->name, strerror(-r));
	r = bus_idle_wait(story->bus, story->app, now_usec() + CYCLE_USEC_MAX);
	if (r < 0)
		log_warning("%s; it is not waited for any longer", bus_error(story->bus));
	return 0;
}

static int colors_outdated(const struct story *story, const struct asked_place *place)
{
	char sentence[SENTENCE_MAX], id[BUS_ID_MAX];
	struct bus_status status;
	time_t now = time(NULL);
	struct asked asked;
	bool before;
	int r;

	findings_sentence(
		&story->findings, SUBJECT_BLUE, SUBJECT_GREEN, sentence, sizeof(sentence));
	r = supervisor_wait(story, &status);
	if (r < 0)
		return r;
	asked_read(place, &asked);
	before = asked_before(story, &asked);
	asked_free(&asked);
	if (before)
		return tell(story, BUS_NEVER, id);
	outdated_log(story);
	if (!story->config->upgrade_restart) {
		log_notice("%s is outdated (%s); [Upgrade] Restart=no: `systemctl reload "
			   "%s-bluegreen' when it suits",
			story->app, sentence, story->app);
		return tell(story, BUS_NEVER, id);
	}
	if (!hours_open(&story->config->maintenance, now))
		return window_await(story, sentence, now);
	return cycle_begin(story, place, sentence);
}

static int colors_current(const struct story *story, const struct asked_place *place)
{
	struct bus_status status;
	char id[BUS_ID_MAX];
	int r;

	asked_forget(place);
	r = bus_status(story->bus, story->app, &status);
	if (r < 0 || !status.outdated)
		return r;
	return tell(story, 0, id);
}

/* ---- our own programs ------------------------------------------------------------------------ */

/* Both go on with all they hold, so no window is waited for. */
static int own_renew(const struct story *story, enum subject subject)
{
	char sentence[SENTENCE_MAX], name[CONFIG_APP_MAX + 16], unit[UNIT_MAX];
	const struct asked_place place = {story->recheck->asked_dir, name};
	struct asked asked;
	bool before;
	int r;

	snprintf(name, sizeof(name), "%s-%s", story->app, subject_name(subject));
	if (!findings_of(&story->findings, subject)) {
		asked_forget(&place);
		return 0;
	}
	subject_unit(story->app, subject, unit);
	findings_sentence(&story->findings, subject, subject, sentence, sizeof(sentence));
	asked_read(&place, &asked);
	before = asked_covers(&asked, &story->findings, subject, subject);
	asked_free(&asked);
	if (before) {
		log_notice("%s runs what was replaced (%s), as before; `systemctl restart %s' "
			   "restarts it",
			unit, sentence, unit);
		return 0;
	}
	r = subject == SUBJECT_RELAY ? bus_unit_restart(story->bus, unit)
				     : bus_unit_hang_up(story->bus, unit);
	if (r < 0) {
		log_error("%s runs what was replaced (%s), and cannot be renewed: %s", unit,
			sentence, bus_error(story->bus));
		return r;
	}
	log_notice("%s ran what was replaced (%s); what is installed takes over", unit, sentence);
	return asked_write(&place, "", &story->findings, subject, subject);
}

/* ---- the story ------------------------------------------------------------------------------- */

static int config_find(struct story *story)
{
	char error[CONFIG_ERROR_MAX];
	int r = config_load(story->recheck->config_dir, story->app, error, &story->config);

	if (r < 0)
		log_error("%s", error);
	return r;
}

static int recheck_tell(struct story *story)
{
	const struct asked_place place = {story->recheck->asked_dir, story->app};
	int r, failed;

	r = quiet_wait(story);
	if (r < 0)
		return r;
	failed = app_look(
		story->bus, &story->recheck->dirs, story->app, story->config, &story->findings);
	if (findings_of_colors(&story->findings))
		r = colors_outdated(story, &place);
	/* What was not looked at may be outdated. */
	else if (failed >= 0)
		r = colors_current(story, &place);
	failed = failed < 0 ? failed : r;
	for (enum subject own = SUBJECT_SUPERVISOR; own < SUBJECT_COUNT; own++) {
		r = own_renew(story, own);
		failed = failed < 0 ? failed : r;
	}
	return failed;
}

int app_recheck(const struct recheck *recheck, const char *app)
{
	struct story story = {.recheck = recheck, .bus = recheck->bus, .app = app};
	int r = config_find(&story);

	if (r >= 0)
		r = recheck_tell(&story);
	findings_clear(&story.findings);
	config_free(story.config);
	return r;
}

int app_list(const struct recheck *recheck, const char *app)
{
	struct story story = {.recheck = recheck, .bus = recheck->bus, .app = app};
	char path[FINDING_PATH_MAX];
	int r = config_find(&story);

	if (r >= 0)
		r = app_look(recheck->bus, &recheck->dirs, app, story.config, &story.findings);
	for (size_t i = 0; i < story.findings.count; i++) {
		const struct finding *finding = &story.findings.items[i];

		finding_path_show(finding->path, path);
		printf("%s %s %s %s\n", app, subject_name(finding->subject), path,
			*finding->package ? finding->package : "-");
	}
	if (story.findings.left_out)
		printf("%s: and %zu more files\n", app, story.findings.left_out);
	findings_clear(&story.findings);
	config_free(story.config);
	return r;
}
