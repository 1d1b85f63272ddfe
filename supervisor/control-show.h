/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor shows, as JSON: status, cycles, the plan, an event. The keys are a contract
 * (supervisor/README.md): later versions add some and take none away.
 */
#pragma once

#include <jansson.h>

#include "app.h"

#define SHOW_HISTORY_MAX 20 /* cycles that are kept for people to look at */

/* New references, NULL without memory. */
json_t *show_status(const struct app_view *view);
json_t *show_cycle(const struct app_view *view, const struct record *record, const char *outcome);
json_t *show_plan(const struct app_view *view);
json_t *show_progress(const char *id, const struct step *step, const struct step_story *story);

/* The last cycles, newest last, in STATE/history.json. For people only: what a supervisor that
 * comes back must know is in the record. A file that cannot be read is begun anew. */
json_t *history_load(const char *state_dir);
/* Replaces the entry of the same id, or adds it. */
int history_add(json_t *history, const char *state_dir, json_t *cycle);
/* A borrowed reference; NULL if it is not known. id "": the last one. */
json_t *history_find(const json_t *history, const char *id);
