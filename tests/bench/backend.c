/* SPDX-License-Identifier: MIT */
/*
 * The trivial application behind every proxy of the bench: five bytes, or a MiB at /large, as
 * fast as epoll gives them. A body that is not the client's is answered by 400: a proxy that
 * loses or changes one shall not look fast. Usage: backend PORT THREADS
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

#include "../load/pattern.h"
#include "base/cleanup.h"
#include "message.h"

#define EVENTS_MAX  128
#define THREADS_MAX 64
#define BACKLOG	    65535

struct answer {
	char *bytes;
	size_t size;
};

static struct answer small_answer, large_answer, bad_answer;
static int listener;

/* What follows from a request; the next one is most often the same, byte by byte. */
struct request {
	const struct answer *answer;
	bool closes;
	size_t size;
	char bytes[2048];
};

struct thread {
	pthread_t id;
	int epoll_fd;
	struct request known;
};

struct connection {
	int fd;
	bool closes;	/* after this answer */
	bool wants_out; /* has blocked once: EPOLLOUT is watched for */
	size_t in_size; /* bytes of a request not yet whole */
	const char *out;
	size_t out_size; /* of the answer, still to be sent */
	char in[2048];
};

static struct answer make_answer(const char *status, size_t body_size)
{
	struct answer answer;
	char head[128];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\n"
		"Content-Length: %zu\r\n\r\n",
		status, body_size);

	answer.size = (size_t)n + body_size;
	answer.bytes = malloc(answer.size);
	if (!answer.bytes)
		abort();
	memcpy(answer.bytes, head, (size_t)n);
	return answer;
}

static void make_answers(void)
{
	size_t pattern_size;

	bad_answer = make_answer("400 Bad Request", 0);
	small_answer = make_answer("200 OK", strlen(SMALL_BODY));
	memcpy(small_answer.bytes + small_answer.size - strlen(SMALL_BODY), SMALL_BODY,
		strlen(SMALL_BODY));
	large_answer = make_answer("200 OK", LARGE_SIZE);
	for (size_t done = 0; done < LARGE_SIZE; done += pattern_size) {
		const unsigned char *pattern = pattern_at(done, &pattern_size);

		if (pattern_size > LARGE_SIZE - done)
			pattern_size = LARGE_SIZE - done;
		memcpy(large_answer.bytes + large_answer.size - LARGE_SIZE + done, pattern,
			pattern_size);
	}
}

/* False if the request is not whole yet. */
static bool read_request(const char *bytes, size_t size, struct request *request)
{
	size_t head = message_head_size(bytes, size), body;

	if (head == 0)
		return false;
	body = message_body_size(bytes, head);
	if (size - head < body)
		return false;
	request->closes = message_closes(bytes, head);
	if (size - head != body || (body > 0 && body != strlen(SMALL_BODY)) ||
		memcmp(bytes + head, SMALL_BODY, body) != 0)
		request->answer = &bad_answer;
	else if (memmem(bytes, head, " /large ", 8))
		request->answer = &large_answer;
	else
		request->answer = &small_answer;
	memcpy(request->bytes, bytes, size);
	request->size = size;
	return true;
}

static void connection_close(struct connection *c)
{
	close(c->fd);
	free(c);
}

/* Takes the request from the input and lays out its answer, if it is whole. */
static bool take_request(struct thread *thread, struct connection *c)
{
	struct request *known = &thread->known;

	if ((c->in_size != known->size || memcmp(c->in, known->bytes, known->size) != 0) &&
		!read_request(c->in, c->in_size, known))
		return false;
	c->closes = known->closes;
	c->out = known->answer->bytes;
	c->out_size = known->answer->size;
	c->in_size = 0;
	return true;
}

static void watch(const struct thread *thread, int operation, const struct connection *c)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (c->wants_out ? EPOLLOUT : 0),
		.data.ptr = (void *)c};

	if (epoll_ctl(thread->epoll_fd, operation, c->fd, &event) < 0)
		abort();
}

/* False if the connection is over. A send that takes less than it was given has found the
 * buffer full, and its edge follows. One piece an event: a client that reads as fast as this
 * writes must not starve the others, or the tail of the times would be ours. */
static bool flush(const struct thread *thread, struct connection *c)
{
	ssize_t n = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN;
	c->out += n;
	c->out_size -= (size_t)n;
	if (c->out_size > 0 && !c->wants_out) {
		c->wants_out = true;
		watch(thread, EPOLL_CTL_MOD, c);
	}
	return c->out_size > 0 || !c->closes;
}

/* False if the connection is over. */
static bool serve(struct thread *thread, struct connection *c, uint32_t events)
{
	ssize_t n;

	if (c->out_size > 0)
		return flush(thread, c);
	n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->in_size += (size_t)n;
	if (!take_request(thread, c))
		return c->in_size < sizeof(c->in);
	/* An end that came with the request has no edge of its own. */
	if (events & (EPOLLRDHUP | EPOLLHUP))
		c->closes = true;
	return flush(thread, c);
}

static void accept_all(const struct thread *thread)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));

		if (!c)
			abort();
		c->fd = fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(thread, EPOLL_CTL_ADD, c);
	}
}

static void *work(void *argument)
{
	struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	struct thread *thread = argument;

	thread->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (thread->epoll_fd < 0 ||
		epoll_ctl(thread->epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
		abort();
	for (;;) {
		int n = epoll_wait(thread->epoll_fd, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c)
				accept_all(thread);
			else if (!serve(thread, c, events[i].events))
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
		listen(listener, BACKLOG) < 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS_MAX];
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
	make_answers();
	for (int i = 1; i < count; i++)
		if (pthread_create(&threads[i].id, NULL, work, &threads[i]) != 0)
			return 1;
	work(&threads[0]);
	return 0;
}
