/* SPDX-License-Identifier: MIT */
/*
 * The trivial application behind every proxy of the bench: five bytes, or a MiB at /large, as
 * fast as epoll gives them. Usage: backend PORT THREADS
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "message.h"

#define EVENTS_MAX  128
#define THREADS_MAX 64

struct connection {
	int fd, epoll_fd;
	bool closes; /* after this answer */
	bool wants_large;
	bool blocked;	  /* EPOLLOUT is awaited */
	size_t in_size;	  /* bytes of a request head not yet whole */
	size_t body_left; /* of the request, to be thrown away */
	const char *out;  /* of the answer, still to be sent */
	size_t out_size;
	char in[8192];
};

static const char small_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 5\r\n\r\nhello";
static char *large_answer;
static size_t large_size;
static int listener;

static void make_large_answer(void)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
		"Content-Length: %zu\r\n\r\n",
		LARGE_SIZE);

	large_size = (size_t)n + LARGE_SIZE;
	large_answer = malloc(large_size);
	if (!large_answer)
		abort();
	memset(large_answer, 'x', large_size);
	memcpy(large_answer, head, (size_t)n);
}

static void connection_close(struct connection *c)
{
	close(c->fd);
	free(c);
}

/* Takes a request from the input, if one is whole. */
static bool take_request(struct connection *c)
{
	size_t head = message_head_size(c->in, c->in_size), body, here;

	if (head == 0)
		return false;
	body = message_body_size(c->in, head);
	here = c->in_size - head < body ? c->in_size - head : body;
	c->body_left = body - here;
	c->closes = message_closes(c->in, head);
	c->wants_large = memmem(c->in, head, " /large ", 8);
	c->in_size = 0;
	return true;
}

static void lay_out_answer(struct connection *c)
{
	c->out = c->wants_large ? large_answer : small_answer;
	c->out_size = c->wants_large ? large_size : sizeof(small_answer) - 1;
}

static void watch(const struct connection *c, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = (void *)c};

	if (epoll_ctl(c->epoll_fd, operation, c->fd, &event) < 0)
		abort();
}

/* False if the connection is over. */
static bool flush(struct connection *c)
{
	ssize_t n = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		return false;
	if (n > 0) {
		c->out += n;
		c->out_size -= (size_t)n;
	}
	/* One piece an event: a client that reads as fast as this writes must not starve the
	 * others, or the tail of the times would be ours. */
	if (c->blocked != (c->out_size > 0)) {
		c->blocked = c->out_size > 0;
		watch(c, EPOLL_CTL_MOD, c->blocked ? EPOLLOUT : EPOLLIN);
	}
	return c->out_size > 0 || !c->closes;
}

/* False if the connection is over. */
static bool serve(struct connection *c)
{
	ssize_t n;

	if (c->out_size > 0)
		return flush(c);
	n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (c->body_left > 0) {
		/* Nothing follows a body here but the wait for its answer. */
		c->body_left -= (size_t)n < c->body_left ? (size_t)n : c->body_left;
	} else {
		c->in_size += (size_t)n;
		if (!take_request(c))
			return true;
	}
	if (c->body_left > 0)
		return true;
	lay_out_answer(c);
	return flush(c);
}

static void accept_all(int epoll_fd)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));

		if (!c)
			abort();
		c->fd = fd;
		c->epoll_fd = epoll_fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void *work(void *unused)
{
	struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	(void)unused;
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
		abort();
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c)
				accept_all(epoll_fd);
			else if (!serve(c))
				connection_close(c);
		}
	}
	return NULL;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -errno;
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 4096) < 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	int count = argc == 3 ? atoi(argv[2]) : 0, r;

	if (count < 1 || count > THREADS_MAX) {
		fprintf(stderr, "Usage: backend PORT THREADS\n");
		return 2;
	}
	r = listen_on((uint16_t)atoi(argv[1]));
	if (r < 0) {
		fprintf(stderr, "backend: port %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	make_large_answer();
	for (int i = 1; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 1;
	work(NULL);
	return 0;
}
