/* SPDX-License-Identifier: MIT */
/*
 * The cheapest way that still looks at every byte: a blocking socket, since on loopback a connect
 * is done when it returns; one send and one recv a small answer; events by their edges.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../load/pattern.h"
#include "base/fd.h"
#include "connection.h"
#include "message.h"

/* What stays in a processor's cache, so that looking at it costs little. */
#define RECEIVE_SIZE (128 * 1024)

/* One source address has ports for so many, with room for those of the proxy. */
#define CONNECTIONS_PER_ADDRESS 16384

/* The last small answer that was found whole: the same bytes again need not be taken apart. */
static struct {
	size_t size;
	bool closes;
	char bytes[1024];
} known;

static enum outcome broken(struct connection *c)
{
	c->fd = fd_close(c->fd);
	c->under_way = false;
	return OUTCOME_BROKEN;
}

static int bind_source(const struct connection *c)
{
	size_t nth = c->number / CONNECTIONS_PER_ADDRESS;
	struct sockaddr_in source = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)nth)};
	int one = 1;

	if (nth == 0)
		return 0;
	/* The port is chosen at the connect, when the whole quadruple is known: ip(7). */
	if (setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) < 0)
		return -errno;
	return bind(c->fd, (struct sockaddr *)&source, sizeof(source)) < 0 ? -errno : 0;
}

static bool open_connection(const struct traffic *traffic, struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind_source(c) < 0 ||
		connect(c->fd, (const struct sockaddr *)&traffic->address,
			sizeof(traffic->address)) < 0)
		return false;
	if (traffic->keep)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return epoll_ctl(traffic->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

bool connection_ask(const struct traffic *traffic, struct connection *c)
{
	c->head_size = c->body_done = 0;
	c->in_body = false;
	c->under_way = true;
	if ((c->fd >= 0 || open_connection(traffic, c)) &&
		send(c->fd, traffic->request, traffic->request_size, MSG_NOSIGNAL) ==
			(ssize_t)traffic->request_size)
		return true;
	(void)broken(c);
	return false;
}

/* Takes a head that is whole, or bytes of it. Returns how many were its own, -EBADMSG if it is no
 * 200 with the length that was asked for. */
static ssize_t take_head(
	const struct traffic *traffic, struct connection *c, const char *bytes, size_t size)
{
	size_t before = c->head_size, room = sizeof(c->head) - before, head;

	if (size > room)
		size = room;
	memcpy(c->head + before, bytes, size);
	c->head_size += size;
	head = message_head_size(c->head, c->head_size);
	if (head == 0)
		return size == room ? -EBADMSG : (ssize_t)size;
	if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 ||
		message_body_size(c->head, head) !=
			(traffic->large ? LARGE_SIZE : strlen(SMALL_BODY)))
		return -EBADMSG;
	c->in_body = true;
	c->closes = message_closes(c->head, head);
	return (ssize_t)(head - before);
}

static enum outcome take_body(
	const struct traffic *traffic, struct connection *c, const char *bytes, size_t size)
{
	size_t whole = traffic->large ? LARGE_SIZE : strlen(SMALL_BODY);

	if (size > whole - c->body_done)
		return broken(c);
	if (traffic->large ? !pattern_matches(c->body_done, bytes, size)
			   : memcmp(&SMALL_BODY[c->body_done], bytes, size) != 0)
		return broken(c);
	c->body_done += size;
	return c->body_done == whole ? OUTCOME_WHOLE : OUTCOME_PENDING;
}

static enum outcome take(
	const struct traffic *traffic, struct connection *c, const char *bytes, size_t size)
{
	bool at_once = !c->in_body && c->head_size == 0;
	enum outcome outcome;
	ssize_t head = 0;

	if (!c->under_way)
		return broken(c);
	if (at_once && size == known.size && memcmp(bytes, known.bytes, size) == 0) {
		c->closes = known.closes;
		return OUTCOME_WHOLE;
	}
	if (!c->in_body) {
		head = take_head(traffic, c, bytes, size);
		if (head < 0)
			return broken(c);
		if (!c->in_body)
			return OUTCOME_PENDING;
	}
	outcome = take_body(traffic, c, bytes + head, size - (size_t)head);
	if (outcome == OUTCOME_WHOLE && at_once && size <= sizeof(known.bytes)) {
		memcpy(known.bytes, bytes, size);
		known.size = size;
		known.closes = c->closes;
	}
	return outcome;
}

enum outcome connection_receive(
	const struct traffic *traffic, struct connection *c, uint32_t events)
{
	static char bytes[RECEIVE_SIZE];
	bool ended = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	enum outcome outcome = OUTCOME_PENDING;
	ssize_t n;

	do {
		n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return OUTCOME_PENDING;
		if (n <= 0)
			return broken(c);
		outcome = take(traffic, c, bytes, (size_t)n);
		/* Less than asked for is all there was, epoll(7); an end has no edge of its own. */
	} while (outcome == OUTCOME_PENDING && (n == sizeof(bytes) || ended));
	if (outcome == OUTCOME_WHOLE) {
		c->under_way = false;
		if (!traffic->keep || c->closes)
			c->fd = fd_close(c->fd);
	}
	return outcome;
}
