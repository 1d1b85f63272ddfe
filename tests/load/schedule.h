/* SPDX-License-Identifier: MIT */
/*
 * When the next request is due. Without --rate each client asks as soon as it has its answer and
 * has thought (a closed loop: a server that stalls is asked less, so percentiles flatter it).
 * With --rate requests are due by the clock, whoever is free; one for which nobody is free waits,
 * and its time counts.
 */
#pragma once

#include "client.h"

int schedule_open(struct run *run, struct schedule **ret_schedule);
struct schedule *schedule_close(struct schedule *schedule);

/* A client has nothing to do. */
void schedule_ready(struct schedule *schedule, struct client *client);

/* Nothing becomes due any more. */
void schedule_stop(struct schedule *schedule);
/* Due, and not begun yet. */
uint64_t schedule_waiting(const struct schedule *schedule);
/* Settles what is still waiting as never sent. */
void schedule_give_up(struct schedule *schedule);
