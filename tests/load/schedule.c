/* SPDX-License-Identifier: MIT */
/*
 * A clock, and the list of those who rest.
 */
#include <stdlib.h>

#include "schedule.h"

struct schedule {
	struct actor clock;
	struct run *run;
	double interval; /* usec between two requests; 0: a closed loop */
	uint64_t began;
	uint64_t due, begun;	     /* how many */
	struct client *first, **end; /* who rests longest asks first */
	struct client *spare;	     /* a stack, so that few of them are used */
};

static uint64_t intended(const struct schedule *schedule, uint64_t number)
{
	return schedule->began + (uint64_t)((double)number * schedule->interval);
}

static struct client *take_free(struct schedule *schedule)
{
	struct client *client = schedule->first;

	if (client) {
		schedule->first = *client_link(client);
		if (!schedule->first)
			schedule->end = &schedule->first;
	} else if (schedule->spare) {
		client = schedule->spare;
		schedule->spare = *client_link(client);
	}
	return client;
}

static void begin_due(struct schedule *schedule)
{
	struct client *client;

	while (schedule->begun < schedule->due && (client = take_free(schedule)))
		client_begin(client, intended(schedule, schedule->begun++));
}

static void on_clock(struct actor *actor)
{
	struct schedule *schedule = (struct schedule *)actor;
	uint64_t now = now_usec();

	while (intended(schedule, schedule->due) <= now)
		schedule->due++;
	(void)loop_set_deadline(
		schedule->run->loop, &schedule->clock, intended(schedule, schedule->due));
	begin_due(schedule);
}

void schedule_ready(struct schedule *schedule, struct client *client)
{
	if (schedule->interval <= 0) {
		if (!schedule->run->ending)
			client_begin(client, now_usec());
		return;
	}
	if (client_sort(client) == CLIENT_SPARE) {
		*client_link(client) = schedule->spare;
		schedule->spare = client;
	} else {
		*client_link(client) = NULL;
		*schedule->end = client;
		schedule->end = client_link(client);
	}
	begin_due(schedule);
}

void schedule_stop(struct schedule *schedule)
{
	(void)loop_set_deadline(schedule->run->loop, &schedule->clock, USEC_INFINITY);
}

uint64_t schedule_waiting(const struct schedule *schedule)
{
	return schedule->due - schedule->begun;
}

void schedule_give_up(struct schedule *schedule)
{
	struct judge *judge = schedule->run->judge;
	struct ticket ticket;

	while (schedule->begun < schedule->due) {
		if (judge_issue(judge, KIND_GET, intended(schedule, schedule->begun++), &ticket) <
			0)
			return;
		judge_settle(judge, &ticket, OUTCOME_NEVER_SENT, COLOR_COUNT,
			"no connection was free for it until the end");
	}
}

int schedule_open(struct run *run, struct schedule **ret_schedule)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		return -ENOMEM;
	schedule->clock =
		(struct actor){.fd = -EBADF, .deadline = USEC_INFINITY, .on_deadline = on_clock};
	schedule->run = run;
	schedule->end = &schedule->first;
	schedule->began = run->judge->began;
	if (run->options.rate > 0) {
		schedule->interval = (double)USEC_PER_SEC / run->options.rate;
		(void)loop_set_deadline(run->loop, &schedule->clock, schedule->began);
	}
	*ret_schedule = schedule;
	return 0;
}

struct schedule *schedule_close(struct schedule *schedule)
{
	free(schedule);
	return NULL;
}
