/* SPDX-License-Identifier: MIT */
/*
 * Small things; no state of its own.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "run.h"

uint64_t run_random(struct run *run, uint64_t below)
{
	/* xorshift64*: think times need no better one. */
	run->random ^= run->random >> 12;
	run->random ^= run->random << 25;
	run->random ^= run->random >> 27;
	return (run->random * UINT64_C(2685821657736338717) >> 11) % below;
}

uint64_t run_think(struct run *run)
{
	uint64_t mean = run->options.think_usec;

	return mean ? run_random(run, 2 * mean) + 1 : 0;
}

int wire_connect(struct run *run, struct actor *actor)
{
	const struct options *o = &run->options;
	_cleanup_fd_ int fd = socket(
		o->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int one = 1;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&o->address, o->address_size) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	run->judge->connections.opened++;
	return loop_adopt(run->loop, actor, take_fd(fd), EPOLLIN | EPOLLOUT);
}

int wire_connected(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

ssize_t wire_send(int fd, const void *bytes, size_t size)
{
	ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

ssize_t wire_receive(int fd, void *bytes, size_t size)
{
	ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return n;
}

enum outcome wire_outcome(int error)
{
	switch (-error) {
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_RESET;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	default:
		return OUTCOME_REFUSED;
	}
}

int request_send(struct request *request, int fd)
{
	ssize_t n = wire_send(fd, request->bytes + request->sent, request->size - request->sent);

	if (n < 0)
		return (int)n;
	request->sent += (size_t)n;
	return request->sent == request->size;
}

void request_write(struct request *request, const struct run *run, const struct ticket *ticket,
	const char *path, const char *fields, const char *body)
{
	int n = snprintf(request->bytes, sizeof(request->bytes),
		"%s %s HTTP/1.1\r\nHost: %s\r\nX-Request-Id: %s\r\n%s\r\n%s",
		kind_is_write(ticket->kind) ? "POST" : "GET", path, run->options.host, ticket->id,
		fields, body);

	request->size = (size_t)n < sizeof(request->bytes) ? (size_t)n : sizeof(request->bytes);
	request->sent = 0;
}

enum outcome run_status_outcome(
	const struct run *run, const struct answer *answer, unsigned int wanted)
{
	if (answer->status == wanted || (wanted == 200 && answer->status / 100 == 2))
		return OUTCOME_ANSWERED;
	if (run->options.no_receipt && answer->status / 100 == 3)
		return OUTCOME_ANSWERED;
	if (answer->status == 503 && answer->retry_after && run->options.hold_ok)
		return OUTCOME_HELD_REFUSED;
	return answer->status / 100 == 5 ? OUTCOME_5XX : OUTCOME_STATUS;
}
