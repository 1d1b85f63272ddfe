/* SPDX-License-Identifier: MIT */
/*
 * sockdiag.h over the world: nobody is connected, or somebody stays.
 */
#include <errno.h>
#include <stdlib.h>

#include "sockdiag.h"
#include "world.h"

enum table_fate {
	FATE_EMPTY,
	FATE_STAYS, /* a connection that never ends */
	FATE_UNREADABLE,
	FATE_KILL,
	FATE_COUNT,
};

struct sockdiag {
	int nothing;
};

int sockdiag_open(struct sockdiag **ret_sockdiag)
{
	*ret_sockdiag = calloc(1, sizeof(**ret_sockdiag));
	return *ret_sockdiag ? 0 : -ENOMEM;
}

struct sockdiag *sockdiag_close(struct sockdiag *sockdiag)
{
	free(sockdiag);
	return NULL;
}

int sockdiag_read_port(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	enum table_fate fate = FATE_EMPTY;

	(void)sockdiag;
	(void)port;
	if (!world.dead)
		fate = (enum table_fate)world_choose("table", FATE_COUNT);
	if (fate == FATE_STAYS)
		world.connections_stay = true;
	if (fate == FATE_KILL)
		world_kill();
	if (fate == FATE_UNREADABLE)
		return -EAGAIN;
	*ret_port = (struct sockdiag_port){
		.listening = true, .connections = world.connections_stay ? 1 : 0};
	return 0;
}

/* Nothing goes wrong here: whose listener it is is the business of test-listener. */
int sockdiag_read_listener(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	(void)sockdiag;
	(void)port;
	*ret_port = (struct sockdiag_port){.listening = true};
	return 0;
}

int sockdiag_watch_fd(struct sockdiag *sockdiag)
{
	(void)sockdiag;
	return -EPERM;
}

bool sockdiag_watch_read(struct sockdiag *sockdiag, uint16_t port)
{
	(void)sockdiag;
	(void)port;
	return false;
}

void sockdiag_watch_end(struct sockdiag *sockdiag)
{
	(void)sockdiag;
}
