/* SPDX-License-Identifier: MIT */
/*
 * sd-event with a clock of its own, that stands while a callback runs and jumps to the next timer
 * when nothing else is to be done: a cycle of a minute takes a millisecond, and is the same each
 * time. Only what the supervisor's middle floors use.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

/* Begins a clock at an odd time, so that nobody takes 0 for now. */
sd_event *fake_event_new(void);

/* Runs one event; the clock may jump, but not beyond `until`. False if there was none. */
bool fake_event_step(sd_event *event, uint64_t until);

/* Runs what happens in this time, and leaves the clock at its end. */
void fake_event_run(sd_event *event, uint64_t usec);

uint64_t fake_event_now(void);

/* For the world: calls back once after a while. It goes on when a supervisor dies. */
typedef void (*fake_event_fn)(void *owner, unsigned number);
void fake_event_later(uint64_t usec, fake_event_fn call, void *owner, unsigned number);
