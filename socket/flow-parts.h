/* SPDX-License-Identifier: MIT */
/*
 * What flow.c (buffers) and flow-splice.c (pipes) share, and nobody else includes.
 */
#pragma once

#include <string.h>

#include "flow.h"

/* Sends what is in the flow's pipe. */
enum flow_result flow_splice_out(struct flow *flow, struct peer *peer, struct buffer_pool *pool);

/* What is in the flow's pipe is thrown away. */
void flow_drop_piped(struct flow *flow, struct buffer_pool *pool);

/* Closes so many pipes that nobody uses. */
void pipe_pool_trim(struct buffer_pool *pool, uint32_t count);
