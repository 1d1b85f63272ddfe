/* SPDX-License-Identifier: MIT */
/*
 * What must be true before anything is changed, as a list: each finding has a subject and one
 * sentence, and one that refuses names the fix. Looks, and changes nothing; the cycle's first rows
 * and `bluegreenctl plan` ask the same questions.
 */
#pragma once

#include "steps.h"

#define PREFLIGHT_MAX 16

enum preflight_answer {
	PREFLIGHT_FINE,
	PREFLIGHT_WAITS,   /* not known yet, or can be put right by the cycle itself */
	PREFLIGHT_REFUSES, /* the cycle would do harm, or could not end well */
	PREFLIGHT_ANSWER_COUNT,
};

/* "fine", "waits", "refuses". */
const char *preflight_answer_name(enum preflight_answer answer);

struct preflight_finding {
	const char *subject; /* "snapshot" (with Snapshot=), "release", "units", "ports", "relay"
			      * (not with Protocol=none), "fallback" or, under strategy swap,
			      * "primary"; "memory", "disk", "hooks" */
	const char *unit;    /* a color's that it is about; NULL: none, or both */
	enum preflight_answer answer;
	char text[STEP_TEXT_MAX];
};

/* release: as stage->release; "": what is in place, or what each color runs. Returns how many
 * findings. A hook's unit is not known at the first look; stage->told() is called when it is. */
size_t preflight_look(const struct stage *stage, const char *release,
	struct preflight_finding findings[static PREFLIGHT_MAX]);
