/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface, turned by sd-event: transfers that wait for nobody. It sets no
 * deadline; whoever adds a transfer removes it when he has waited long enough.
 */
#pragma once

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

struct probe_loop;

/* The transfer has ended. Called in the middle of libcurl: keep what it says, and remove the
 * transfer later, from the event loop. */
typedef void (*probe_loop_ended_fn)(CURL *easy, CURLcode code);

int probe_loop_open(sd_event *event, probe_loop_ended_fn ended, struct probe_loop **ret_loop);
/* Every transfer must have been removed. */
struct probe_loop *probe_loop_close(struct probe_loop *loop);
DEFINE_CLEANUP(struct probe_loop, probe_loop_close);

/* Nothing happens before the event loop turns. The handle stays the caller's. */
int probe_loop_add(struct probe_loop *loop, CURL *easy);
void probe_loop_remove(struct probe_loop *loop, CURL *easy);
