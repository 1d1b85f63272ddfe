/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface, turned by sd-event: transfers that wait for nobody. It sets no
 * deadline; whoever adds a transfer removes it when he has waited long enough.
 */
#pragma once

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

struct transfer_loop;

/* The transfer has ended. Called in the middle of libcurl: keep what it says, and remove the
 * transfer later, from the event loop. */
typedef void (*transfer_ended_fn)(CURL *easy, CURLcode code);

int transfer_loop_open(sd_event *event, transfer_ended_fn ended, struct transfer_loop **ret_loop);
/* Every transfer must have been removed. */
struct transfer_loop *transfer_loop_close(struct transfer_loop *loop);
DEFINE_CLEANUP(struct transfer_loop, transfer_loop_close);

/* Nothing happens before the event loop turns. The handle stays the caller's. */
int transfer_loop_add(struct transfer_loop *loop, CURL *easy);
void transfer_loop_remove(struct transfer_loop *loop, CURL *easy);
