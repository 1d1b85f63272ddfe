/* SPDX-License-Identifier: MIT */
/*
 * A supervisor over the fakes: the real one but for its seams, with its configuration in a
 * directory of its own. When it is killed it comes back after a moment, as systemd sees to it.
 */
#pragma once

#include <stdint.h>

#include "app.h"
#include "world.h"

/* Makes the directory and begins a world; config: the text of app.conf. */
void stand_begin(const char *config);
/* Opens the supervisor; between the two a test may change the world. */
void stand_open(void);
void stand_end(void);

/* Lets time pass. */
void stand_run(uint64_t usec);
/* The same, at most until the cycle that runs has ended. */
void stand_run_cycle(uint64_t usec);

void stand_configure(const char *config); /* changes the file */
struct app *stand_app(void);		  /* NULL while it is dead */
void stand_view(struct app_view *ret_view);
/* Both colors run this release ("v1") from the beginning; before stand_open(). */
void stand_release(const char *tag);
/* As root does; returns the id in a static buffer. "": a reload. */
const char *stand_deploy_release(const char *tag);
const char *stand_deploy(void);
/* 0 or -errno, and the sentence that root was told. */
int stand_abort(void);
int stand_rollback(const char *tag);
const char *stand_error(void);
/* What the last cycle that ended was called, and how many have ended. */
const char *stand_outcome(void);
unsigned stand_finished(void);
