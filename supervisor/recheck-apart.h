/* SPDX-License-Identifier: MIT */
/*
 * Looks into the processes of a unit, in a process apart and with a limit. Whose they are decides
 * how many there are, how much they have mapped, and what file systems they see: one that does not
 * answer holds up who asks it, beyond any signal. The next app is looked at all the same.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "recheck-findings.h"

/* As many processes as may be looked at, with some ten thousand mappings altogether, take seconds.
 */
#define APART_USEC_MAX (60 * USEC_PER_SEC)

/* -ETIME: not in time; what was found until then is among the findings. Else the first failure. */
int apart_look(const char *unit, const pid_t *pids, size_t count, enum subject subject,
	struct findings *findings);

/* For tests: another limit, if it is not 0. */
extern uint64_t apart_usec_given;
