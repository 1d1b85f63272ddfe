/* SPDX-License-Identifier: MIT */
/*
 * Knows our own sockets; does not know netlink.
 */
#include "sockdiag-own.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct in6_addr mapped(const void *ipv4)
{
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(&address.s6_addr[12], ipv4, sizeof(struct in_addr));
	return address;
}

static bool end_of_sockaddr(const struct sockaddr_storage *name, struct sockdiag_end *ret_end)
{
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)name;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)name;

	if (name->ss_family == AF_INET)
		*ret_end = (struct sockdiag_end){mapped(&ipv4->sin_addr), ipv4->sin_port};
	else if (name->ss_family == AF_INET6)
		*ret_end = (struct sockdiag_end){ipv6->sin6_addr, ipv6->sin6_port};
	else
		return false;
	return true;
}

static void add_if_connected(struct sockdiag_own *own, int fd, in_port_t port)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	struct sockdiag_end peer;

	if (own->count == SOCKDIAG_OWN_MAX)
		return;
	if (getpeername(fd, (struct sockaddr *)&name, &size) < 0)
		return;
	if (!end_of_sockaddr(&name, &peer) || peer.port != port)
		return;
	size = sizeof(name);
	if (getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return;
	if (end_of_sockaddr(&name, &own->ends[own->count]))
		own->count++;
}

int sockdiag_own_find(uint16_t port, struct sockdiag_own *own)
{
	struct dirent *entry;
	DIR *dir;

	own->count = 0;
	dir = opendir("/proc/self/fd");
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_if_connected(own, atoi(entry->d_name), htons(port));
	closedir(dir);
	return 0;
}

bool sockdiag_own_has_peer(const struct sockdiag_own *own, const struct inet_diag_msg *message)
{
	struct sockdiag_end peer = {.port = message->id.idiag_dport};

	if (message->idiag_family == AF_INET)
		peer.address = mapped(message->id.idiag_dst);
	else
		memcpy(&peer.address, message->id.idiag_dst, sizeof(peer.address));
	for (size_t i = 0; i < own->count; i++)
		if (own->ends[i].port == peer.port &&
			memcmp(&own->ends[i].address, &peer.address, sizeof(peer.address)) == 0)
			return true;
	return false;
}
