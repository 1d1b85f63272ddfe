/* SPDX-License-Identifier: MIT */
/*
 * What preflight.c (the list, and what concerns the two colors) and preflight-host.c (what concerns
 * releases and the machine) share. Nobody else includes this.
 */
#pragma once

#include "preflight.h"

/* The finding's answer and sentence. */
void finding_say(struct preflight_finding *finding, enum preflight_answer answer,
	const char *format, ...) _printf_(3, 4);

/* Whose process is replaced first: nobody is healthy without the other one meanwhile. */
const struct instance *preflight_restarted(const struct stage *stage);

void look_release(
	const struct stage *stage, const char *release, struct preflight_finding *finding);
void look_snapshot(
	const struct stage *stage, const char *release, struct preflight_finding *finding);
void look_memory(const struct stage *stage, const char *release, struct preflight_finding *finding);
void look_disk(const struct stage *stage, const char *release, struct preflight_finding *finding);
