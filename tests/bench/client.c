/* SPDX-License-Identifier: MIT */
/*
 * The bench's other end: N connections, each with one request under way, as fast as answers come.
 * What comes before the warm-up is over is not counted. Anything but a whole 200 is an error.
 * Usage: client PORT PATH METHOD CONNECTIONS keep|close WARMUP-SEC SEC
 * Prints one JSON object.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../load/histogram.h"
#include "base/fd.h"
#include "message.h"

#define CONNECTIONS_MAX 10000
#define EVENTS_MAX	128
#define RECEIVE_SIZE	(256 * 1024)

struct connection {
	int fd;
	uint64_t asked;	  /* when */
	size_t head_size; /* of the answer's head, so far */
	size_t body_left;
	bool in_body;
	char head[2048];
};

static struct {
	struct sockaddr_in address;
	char request[512];
	size_t request_size;
	bool keep;
	int epoll_fd;
	bool counting;
	uint64_t errors;
	struct histogram times;
} bench;

/* A refused or broken connection is an error, and the next one is tried a little later: by then
 * this turn of the loop is over. */
static void fail(struct connection *c)
{
	bench.errors += bench.counting;
	c->fd = fd_close(c->fd);
}

static void open_connection(struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	/* A blocking connect: on loopback it is done when the call returns. */
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
		connect(c->fd, (struct sockaddr *)&bench.address, sizeof(bench.address)) < 0 ||
		fd_set_nonblocking(c->fd) < 0 ||
		epoll_ctl(bench.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) {
		fail(c);
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void ask(struct connection *c)
{
	c->asked = now_usec();
	c->head_size = c->body_left = 0;
	c->in_body = false;
	if (c->fd < 0)
		open_connection(c);
	if (c->fd >= 0 && send(c->fd, bench.request, bench.request_size, MSG_NOSIGNAL) !=
				  (ssize_t)bench.request_size)
		fail(c);
}

static void finish(struct connection *c)
{
	if (bench.counting)
		histogram_add(&bench.times, now_usec() - c->asked);
	if (!bench.keep || message_closes(c->head, c->head_size))
		c->fd = fd_close(c->fd);
	ask(c);
}

/* Takes bytes of the head; returns how many of them were its own. */
static size_t take_head(struct connection *c, const char *bytes, size_t size)
{
	size_t before = c->head_size, room = sizeof(c->head) - before, head;

	if (size > room)
		size = room;
	memcpy(c->head + before, bytes, size);
	c->head_size += size;
	head = message_head_size(c->head, c->head_size);
	if (head == 0)
		return size;
	c->in_body = true;
	c->head_size = head;
	c->body_left = message_body_size(c->head, head);
	return head - before;
}

static void receive(struct connection *c)
{
	static char bytes[RECEIVE_SIZE];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	size_t left, taken = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fail(c);
		return;
	}
	left = (size_t)n;
	if (!c->in_body) {
		taken = take_head(c, bytes, left);
		if (c->in_body && memcmp(c->head, "HTTP/1.1 200", 12) != 0) {
			fail(c);
			return;
		}
	}
	left -= taken;
	if (!c->in_body)
		return;
	c->body_left -= left < c->body_left ? left : c->body_left;
	if (c->body_left == 0)
		finish(c);
}

static void run_until(struct connection *connections, size_t count, uint64_t end)
{
	struct epoll_event events[EVENTS_MAX];

	for (uint64_t now = now_usec(); now < end; now = now_usec()) {
		int wait = (int)((end - now) / USEC_PER_MSEC) + 1;
		int n = epoll_wait(bench.epoll_fd, events, EVENTS_MAX, wait > 10 ? 10 : wait);

		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
		for (size_t i = 0; n <= 0 && i < count; i++)
			if (connections[i].fd < 0)
				ask(&connections[i]);
	}
}

static void report(double seconds)
{
	printf("{\"requests\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"seconds\": %.6f, \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
	       ", \"max_us\": %" PRIu64 "}\n",
		bench.times.total, bench.errors, seconds, histogram_percentile(&bench.times, 0.5),
		histogram_percentile(&bench.times, 0.99), bench.times.max);
}

int main(int argc, char **argv)
{
	_cleanup_free_ struct connection *connections = NULL;
	uint64_t began, ended;
	size_t count;
	bool post;

	count = argc == 8 ? strtoul(argv[4], NULL, 10) : 0;
	if (count < 1 || count > CONNECTIONS_MAX) {
		fprintf(stderr, "Usage: client PORT PATH METHOD CONNECTIONS keep|close WARMUP-SEC "
				"SEC\n");
		return 2;
	}
	bench.address = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bench.keep = strcmp(argv[5], "keep") == 0;
	post = strcmp(argv[3], "POST") == 0;
	bench.request_size = (size_t)snprintf(bench.request, sizeof(bench.request),
		"%s %s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n%s", argv[3], argv[2],
		bench.keep ? "" : "Connection: close\r\n", post ? "Content-Length: 5\r\n" : "",
		post ? "hello" : "");
	bench.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	connections = calloc(count, sizeof(*connections));
	if (bench.epoll_fd < 0 || !connections)
		return 1;
	for (size_t i = 0; i < count; i++) {
		connections[i].fd = -EBADF;
		ask(&connections[i]);
	}
	run_until(connections, count,
		now_usec() + (uint64_t)(strtod(argv[6], NULL) * (double)USEC_PER_SEC));
	/* For whoever samples the proxy's CPU time: counting starts with this line. */
	printf("counting\n");
	fflush(stdout);
	bench.counting = true;
	began = now_usec();
	run_until(connections, count,
		began + (uint64_t)(strtod(argv[7], NULL) * (double)USEC_PER_SEC));
	ended = now_usec();
	report((double)(ended - began) / (double)USEC_PER_SEC);
	return 0;
}
