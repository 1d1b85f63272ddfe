/* SPDX-License-Identifier: MIT */
/*
 * One application under our care: its two instances, its route, its cycles. At its start it reads
 * the record and what is really there, takes back or finishes a cycle that was cut, and sees that
 * both colors run. After that it watches, and runs a cycle when it is asked to.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "deploy.h"
#include "instance.h"
#include "manager.h"
#include "preflight.h"
#include "receipt.h"
#include "record.h"
#include "release.h"
#include "steer.h"
#include "watch.h"

#define APP_ERROR_MAX 1024

struct app_dirs {
	const char *config;  /* /etc/app-bluegreen */
	const char *state;   /* /var/lib/app-bluegreen/APP */
	const char *runtime; /* /run/app-bluegreen/APP */
};

enum app_state {
	APP_STARTING, /* it is not known yet who can serve, or nobody can because all start */
	APP_STEADY,   /* blue serves, green can stand in */
	APP_DEGRADED, /* not so */
	APP_CYCLE,    /* a cycle runs */
	APP_STATE_COUNT,
};

/* "starting", "steady", "degraded", "cycle". */
const char *app_state_name(enum app_state state);

/* Who asked for a cycle. */
struct app_asker {
	uid_t uid;
	pid_t pid;
	char name[RECORD_WORD_MAX]; /* the user, and the command if it is known: "root (ansible)" */
};

struct app;

/* From the loop. */
struct app_events {
	/* A row of the cycle has entered a state. */
	void (*progress)(void *owner, const char *id, const struct step *step,
		const struct step_story *story);
	/* A cycle has ended; its stories can still be read from the view. `outcome` is the
	 * record's, or "superseded" for one that never began. */
	void (*finished)(void *owner, const struct record *record, const char *outcome);
	/* The relay has answered app_count(). */
	void (*counted)(void *owner);
	/* It has answered app_ask_numbers(); NULL: it is of an earlier version and has none. Good
	 * until it returns. */
	void (*numbered)(void *owner, const struct steer_numbers *numbers);
	/* News of the steady state, for those who are not at the journal: "degraded", "restored" or
	 * "nobody-healthy", and the sentence that the journal has. */
	void (*turned)(void *owner, const char *event, const char *sentence);
};

/* Strings of `dirs` must outlive it. On failure -errno and one sentence. */
int app_open(sd_event *event, const char *name, const struct app_dirs *dirs,
	char error[static APP_ERROR_MAX], struct app **ret_app);
struct app *app_close(struct app *app);
DEFINE_CLEANUP(struct app, app_close);

void app_on_event(struct app *app, const struct app_events *events, void *owner);
struct manager *app_manager(struct app *app);
const struct config *app_config(const struct app *app);

/* What keeps this supervisor from being replaced without a loss, for a sentence; NULL: nothing. */
const char *app_what_is_under_way(const struct app *app);
/* What it has learnt that neither the record nor the world tells, as words; the caller frees. NULL
 * without memory. */
char *app_bequeath(const struct app *app);
/* The same, said by the one before; right after app_open(). */
void app_inherit(struct app *app, const char *learnt);

/* What a cycle is to do. */
struct app_order {
	const char *verb;    /* "reload", "deploy", "rollback", "upgrade" */
	const char *release; /* a valid tag; "": what the primary runs now, or what is in place */
	const char *sha256;  /* of the archive, for [Release] Source=; "": see SHA256SUMS */
	const char *cause;   /* one sentence for the record; NULL: somebody wanted it */
	const char *causes;  /* a text that is kept with the cycle, and told with it; NULL: none */
};

/*
 * Begins a cycle, or queues it behind the one that runs; a third takes the queued one's place,
 * which ends as `superseded`. *ret_id is its id. -errno and one sentence for what cannot be.
 */
int app_deploy(struct app *app, const struct app_asker *asker, const struct app_order *order,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX]);

/* A cycle because installed files were replaced. One that waits for its turn comes after that
 * anyway: then *ret_id is the one that waits, and nothing is begun. */
int app_upgrade(struct app *app, const struct app_asker *asker, const struct app_order *order,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX]);

/* Takes back the cycle that runs, and drops the one that is queued. *ret_id is the cycle that is
 * taken back: it ends as `aborted`. -ESRCH: none runs; -EBUSY: there is no way back any more. */
int app_abort(struct app *app, const struct app_asker *asker, char ret_id[static RECORD_ID_MAX],
	char error[static APP_ERROR_MAX]);

/* Back to `release`, or with "" to the release before: inside the window of a swap that is one
 * route change (*ret_id is then the cycle that is taken back, as it is with "" before its release
 * is accepted), else a cycle of its own. */
int app_rollback(struct app *app, const struct app_asker *asker, const char *release,
	char ret_id[static RECORD_ID_MAX], char error[static APP_ERROR_MAX]);

/* The releases that are there, newest first; the caller frees. -ENOENT if the app has none: its
 * code is in place. */
int app_releases(struct app *app, struct release **ret_releases, size_t *ret_count);

/* What a cycle would do if it began now, by the configuration as the file has it now. */
struct app_forecast {
	struct config *config; /* for the stage; app_forecast_clear() frees it */
	struct stage stage;    /* for the rows' limits */
	const struct step *steps;
	size_t step_count;
	char release[RECORD_WORD_MAX];
	struct preflight_finding findings[PREFLIGHT_MAX + 1]; /* the first may be the file's */
	size_t count;
};

/* release "": what the primary runs, or what is in place. Looks, and changes nothing. */
void app_foresee(struct app *app, const char *release, struct app_forecast *ret_forecast);
struct app_forecast *app_forecast_clear(struct app_forecast *forecast);

/* What is true now, for those who show it. Good until the loop goes on. */
struct app_view {
	const char *name;
	enum app_state state;
	char reason[APP_ERROR_MAX]; /* why it is not steady; "" if it is */
	const struct config *config;
	const struct instance *instances[COLOR_COUNT];
	const struct route *route; /* NULL: none said yet */
	bool relay_connected;
	bool counted; /* counters are there */
	struct steer_counters counters;
	bool recorded; /* there is a cycle, running or ended */
	struct record record;
	const struct step_story
		*stories; /* of the record's cycle; NULL if another supervisor ran it */
	const struct step *steps;
	size_t step_count;
	const struct stage *stage;     /* for the rows' limits */
	const struct receipt *receipt; /* of the cycle that runs or ran last; NULL: none is kept */
	const char *causes;	       /* as its order had them; NULL: none are kept */
	bool queued;
	struct record queue;
	const char *queue_causes;
};
/* Asks the relay for fresh counters; -ENOTCONN without one. */
int app_count(struct app *app);
/* The same for its numbers by release. */
int app_ask_numbers(struct app *app);
void app_look(struct app *app, struct app_view *ret_view);
