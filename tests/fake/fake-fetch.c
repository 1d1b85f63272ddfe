/* SPDX-License-Identifier: MIT */
/*
 * fetch.h: what is to be fetched is never missing in this world, so that nobody is asked to.
 */
#include <errno.h>
#include <stdio.h>

#include "fetch.h"

int fetch_begin(sd_event *event, const struct fetch_order *order, fetch_over_fn over, void *owner,
	struct fetch **ret_fetch)
{
	(void)event;
	(void)order;
	(void)over;
	(void)owner;
	(void)ret_fetch;
	return -ENOTSUP;
}

struct fetch *fetch_end(struct fetch *fetch)
{
	(void)fetch;
	return NULL;
}

void fetch_describe(const struct fetch *fetch, char *buffer, size_t size)
{
	(void)fetch;
	snprintf(buffer, size, "%s", "");
}
