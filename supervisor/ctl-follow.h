/* SPDX-License-Identifier: MIT */
/*
 * A cycle that is waited for: what ctl-follow.c collects and ctl-outcome.c tells.
 */
#pragma once

#include <stdint.h>

#include "ctl.h"

struct follow {
	struct ctl *ctl;
	char id[CTL_ID_MAX];
	uint64_t began;	 /* the call, CLOCK_MONOTONIC */
	bool takes_back; /* the call takes back a cycle of somebody else's: `aborted` is success */
	json_t *cycle;	 /* as it was told last; NULL: not yet */
	char step[64];	 /* the step under way */
	uint64_t step_began;
	size_t lines;	  /* that the live display has on the screen */
	bool ended, lost; /* lost: the supervisor went. Neither: we were interrupted */
	char outcome[32];
	char reason[1024];
	/* The route has gone back, so long after the call; and what the supervisor needed for it.
	 */
	bool switched;
	double switched_after, switch_seconds;
};

/* Says how it ended, or that this is not known. Returns an enum ctl_exit. */
int follow_tell(const struct follow *follow);
