/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor shows, as JSON: status, cycles, releases, the plan, an event. The keys are a
 * contract (supervisor/README.md): later versions add some and take none away.
 */
#pragma once

#include <jansson.h>

#include "app.h"

/* Seconds as people write them: 0.1, not 0.10000000000000001. */
#define SHOW_REAL JSON_REAL_PRECISION(16)

/* What a webhook is told. */
struct show_news {
	const char *event;   /* "cycle", "degraded", "restored", "nobody-healthy" */
	const char *outcome; /* of the cycle; NULL for the other events */
	const char *id, *release;
	const char *reason; /* one sentence, or "" */
	const char *cause;  /* of a cycle: what was replaced, or "" */
};

/* New references, NULL without memory. */
json_t *show_text(const char *sentence); /* whatever bytes are in it */
json_t *show_status(const struct app_view *view);
json_t *show_steps(const struct app_forecast *forecast);
json_t *show_forecast(const struct app_forecast *forecast);
json_t *show_releases(const struct app_view *view, const struct release *releases, size_t count);
json_t *show_progress(const char *id, const struct step *step, const struct step_story *story);
json_t *show_news(const struct app_view *view, const struct show_news *news);

/* control-show-numbers.c */
json_t *show_numbers(const char *app, const struct steer_numbers *numbers);
/* The time that `permille` of the counted ones did not exceed, in seconds, as well as the buckets
 * know it: at most 19 % too high. Of the last bucket, which has no end, it is where that begins; 0
 * if nothing was counted. */
double show_percentile(const uint64_t counts[static STEER_LATENCY_BUCKETS], unsigned int permille);

/* control-receipt.c: a cycle, with its steps and its receipt if the view has them. */
json_t *show_cycle(const struct app_view *view, const struct record *record, const char *outcome);
/* The same in one sentence. */
void show_sentence(const json_t *cycle, char *buffer, size_t size);
