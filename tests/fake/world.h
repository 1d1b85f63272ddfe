/* SPDX-License-Identifier: MIT */
/*
 * The world that the fakes stand in for: two units with their processes, a relay, a disk, and a
 * clock that jumps from one event to the next. What a seam is asked for happens here, after a
 * while, or happens wrongly where a test chose so.
 *
 * A choice is a place where something can go wrong. The first alternative (0) is that all goes
 * well. A test says which alternative is taken at which place (world_deviate()); that is how every
 * place is tried with everything that can happen there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "color.h"
#include "environment.h"
#include "record.h"
#include "route.h"

#define WORLD_MSEC UINT64_C(1000)
#define WORLD_SEC  UINT64_C(1000000)

/* What a process makes of the requests that it gets. */
enum mood {
	MOOD_WELL,
	MOOD_ERRORS, /* 500 */
	MOOD_HANGS,
	MOOD_EXITS, /* soon after its start, again and again */
	MOOD_COUNT,
};

struct world_process {
	bool running;	     /* there is a process */
	bool listening;	     /* it has come up */
	bool stopped;	     /* by somebody who does not want it to run */
	int code;	     /* the version it was started with */
	enum role role;	     /* what it was told to be */
	enum mood mood;	     /* as it is now */
	unsigned invocation; /* counts starts */
	uint64_t started_usec;
	unsigned restarts;	  /* by systemd itself */
	uint64_t well_since_usec; /* listening and well; 0: it is not */
	unsigned generation;	  /* outdates what was planned for it */
};

struct world {
	struct world_process processes[COLOR_COUNT];
	int code;	     /* the version in place */
	enum mood code_mood; /* what is started from now on will be */
	uint64_t start_usec; /* from a start until it listens */

	bool relay_up;	    /* its control connection stands */
	bool relay_deaf;    /* it does not answer any more, until it is restarted */
	struct route route; /* what it follows */

	char links[COLOR_COUNT][64]; /* which release a start takes, "vN"; "": the code in place */
	bool told[COLOR_COUNT];	     /* there is an environment file: */
	struct environment_part parts[COLOR_COUNT];
	int copied;	 /* the newest version that was copied into a release; 0: none counts */
	bool copy_fails; /* for the time being */
	unsigned copies_begun;
	int missing;	      /* this version is not in the directory until it is fetched */
	bool pruned_in_use;   /* a release was not spared that a link leads to */
	char spared[16][64];  /* the last time that old releases went */
	unsigned bad_percent; /* of the requests, that code 2 answers with an error */
	bool target_active;   /* app-primary.target */
	unsigned target_restarts;
	unsigned hooks_run;

	bool disk_full;
	unsigned writes_failed; /* of links and environment files */
	unsigned slow_seconds;	/* of traffic, in which code 2 is slow */
	bool recorded;
	struct record record;
	bool connections_stay; /* the socket table never empties */

	bool dead; /* the supervisor is: nothing that it does has an effect any more */
	unsigned crashes;

	/* Told after each event. */
	void (*watch)(void);
	/* What a process that starts is told of its part. */
	enum role (*role)(enum color color);
	/* A unit is about to be restarted by the supervisor. */
	void (*restarting)(enum color color);
	/* A hook is about to run. */
	void (*hook)(const char *unit);
	/* Somebody comes by; without it nobody does, and there is no place for it. */
	void (*visit)(unsigned visitor);
	unsigned visitors; /* how many can, and the nobody of alternative 0 */
	/* What the places are told apart by, beside their names. */
	uint64_t (*state)(void);
};
extern struct world world;

/* Both colors run and are well, on code 1; the relay holds everything. The clock goes on. */
void world_begin(void);
void world_end(void);

/* A place where something can go wrong; returns the alternative taken. `what` is a literal. */
unsigned world_choose(const char *what, unsigned alternatives);
/* Takes `alternative` at the place with this number (counted from 0 since world_begin()); so many
 * places at most. */
#define WORLD_DEVIATIONS_MAX 8
void world_deviate(size_t place, unsigned alternative);
/* A place where somebody may come by: an administrator, a deployment script. */
void world_visit(void);
size_t world_places(void);
const char *world_place_name(size_t place);
unsigned world_place_alternatives(size_t place);
uint64_t world_place_state(size_t place);

/* As a kill -9 does: whatever the supervisor does until it is freed has no effect. */
void world_kill(void);

/* What happens to processes by themselves. Units are told of it. */
void world_start(enum color color);
void world_stop(enum color color);  /* and it stays so */
void world_crash(enum color color); /* systemd starts it again after a second */
void world_close(enum color color); /* it listens no more */
void world_set_mood(enum color color, enum mood mood);
bool world_is_well(enum color color);

/* The fakes' own, each in the file of its seam. */
void fake_manager_tell(enum color color);
void fake_steer_route(const struct route *route);
void fake_steer_restart(void); /* the relay comes back and holds everything */
void fake_steer_refuse(enum color color);
unsigned fake_report_count(int message);
const char *fake_report_last(int message);
void fake_report_reset(void);
