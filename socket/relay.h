/* SPDX-License-Identifier: MIT */
/*
 * The workers as one thing: started, told a plan, counted, stopped. All functions are for the one
 * thread that started it.
 */
#pragma once

#include <stddef.h>

#include "worker.h"

#define RELAY_LISTENERS_MAX 64
#define RELAY_WORKERS_MAX   64

struct relay;

struct relay_totals {
	uint64_t answered[ROUTE_CLASS_COUNT][COLOR_COUNT];
	uint64_t inflight[ROUTE_CLASS_COUNT][COLOR_COUNT];
	uint64_t streams[COLOR_COUNT], failed[COLOR_COUNT];
	uint64_t cut[COLOR_COUNT], cut_streams[COLOR_COUNT]; /* by the drain under way */
	uint64_t errors[COLOR_COUNT], latency[COLOR_COUNT][LATENCY_BUCKETS];
	uint64_t cut_ever, cut_streams_ever, held_ever, hold_expired, holding, hold_longest_usec,
		clients;
	uint64_t endings[ENDING_COUNT], ended[COLOR_COUNT][ENDING_COUNT];
	uint64_t status[COLOR_COUNT][STATUS_CLASSES], latency_usec[COLOR_COUNT];
	uint64_t waited[COLOR_COUNT], again[COLOR_COUNT], refused[COLOR_COUNT], reset[COLOR_COUNT];
	uint64_t to_app[COLOR_COUNT], to_clients[COLOR_COUNT];
	uint64_t connects[COLOR_COUNT], connections[COLOR_COUNT], streams_ever[COLOR_COUNT];
	uint64_t begun, clients_ever, clients_refused, idle_closed, shed;
};

/* Defaults, from the environment where it says otherwise (RELAY_*: bluegreen-relay(8)).
 * -EINVAL for a value that is no number; *ret_name then says which. */
int relay_settings_load(struct relay_settings *ret_settings, const char **ret_name);

/* What is followed before anybody spoke: no color is known, everything is held. */
struct plan plan_initial(void);

/* Everything but the threads. The listeners stay the caller's and must outlive the relay; they are
 * made non-blocking. */
int relay_new(const struct relay_settings *settings, uint32_t workers, const int *listeners,
	size_t listener_count, struct relay **ret_relay);

/* Starts the threads, on the plan published last; again after relay_freeze(). */
int relay_run(struct relay *relay);

/* Ends the threads between two batches of events, with everything they hold as it is: until
 * relay_run() the workers are the caller's. */
void relay_freeze(struct relay *relay);
uint32_t relay_worker_count(const struct relay *relay);
struct worker *relay_worker(struct relay *relay, uint32_t index);

/* Asks every worker for a sign of life. */
void relay_call_all(struct relay *relay);
/* A worker that has not answered the last call, or -1. */
int relay_find_silent(const struct relay *relay);

/* Readable when something of what follows may have changed; relay_read_news() empties it. */
int relay_news_fd(const struct relay *relay);
void relay_read_news(struct relay *relay);

/* Every worker is told; plan->serial must grow. */
void relay_publish(struct relay *relay, const struct plan *plan);
/* The serial that every worker follows. */
uint64_t relay_followed(const struct relay *relay);
/* True once after a color refused a connection. */
bool relay_take_refused(struct relay *relay, enum color color);
struct relay_totals relay_count(const struct relay *relay);

/* Begins to stop; the news tell when relay_is_stopped(). */
void relay_stop(struct relay *relay);
bool relay_is_stopped(const struct relay *relay);
/* Waits for the threads; takes NULL, returns NULL. */
struct relay *relay_free(struct relay *relay);
