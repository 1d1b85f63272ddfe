/* SPDX-License-Identifier: MIT */
/*
 * listener.h: no stranger comes to the ports of this world.
 */
#include "listener.h"

enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size)
{
	(void)sockdiag;
	(void)port;
	(void)control_group;
	(void)sentence;
	(void)size;
	return LISTENER_OURS;
}
