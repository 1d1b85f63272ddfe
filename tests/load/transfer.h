/* SPDX-License-Identifier: MIT */
/*
 * One large body, down (GET /bytes/N) or up (POST /count), checked as it passes, in constant
 * memory. --timeout bounds every pause in which no byte moves.
 */
#pragma once

#include "run.h"

struct transfer;

/* kind: KIND_DOWNLOAD or KIND_UPLOAD. */
int transfer_open(struct run *run, enum kind kind, struct transfer **ret_transfer);
struct transfer *transfer_close(struct transfer *transfer);

bool transfer_is_over(const struct transfer *transfer);
