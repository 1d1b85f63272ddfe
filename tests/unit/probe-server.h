/* SPDX-License-Identifier: MIT */
/*
 * For the tests of probe: a server is a thread that takes one connection, reads a request's head,
 * says its lines, and ends as it was told.
 */
#pragma once

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "probe.h"

#define SHORT (300 * USEC_PER_MSEC)
#define LONG  (10 * USEC_PER_SEC)

enum ending {
	END_CLOSE, /* orderly */
	END_RESET,
	END_STAY, /* until the client has gone */
};

struct server {
	int fd;
	uint16_t port;
	const char *says;
	size_t repeat; /* of what it says; 0: once */
	enum ending ending;
	char heard[4096];
	pthread_t thread;
};

struct outcome {
	sd_event *event;
	int count;
	struct probe_result result;
};

static inline int listen_on_any(uint16_t *ret_port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	*ret_port = ntohs(name.sin_port);
	return fd;
}

/* The test's thread waits for this one, so that a hang is the client's never going away: 20 s
 * end it (SO_RCVTIMEO) and the test fails by what the probe says. */
static inline void serve_one(struct server *server, int fd)
{
	struct linger reset = {.l_onoff = 1};
	struct timeval patience = {.tv_sec = 20};
	size_t heard = 0;
	char rest[256];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (heard < sizeof(server->heard) - 1 && !strstr(server->heard, "\r\n\r\n")) {
		n = recv(fd, server->heard + heard, sizeof(server->heard) - 1 - heard, 0);
		if (n <= 0)
			return;
		heard += (size_t)n;
		server->heard[heard] = '\0';
	}
	for (size_t i = 0; i <= server->repeat; i++)
		if (send(fd, server->says, strlen(server->says), MSG_NOSIGNAL) < 0)
			break;
	if (server->ending == END_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	while (server->ending == END_STAY && recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

static inline void *serve(void *owner)
{
	struct server *server = owner;
	int fd = accept(server->fd, NULL, NULL);

	if (fd >= 0) {
		serve_one(server, fd);
		close(fd);
	}
	return NULL;
}

static inline void server_start(struct server *server, const char *says, enum ending ending)
{
	*server = (struct server){.says = says, .ending = ending};
	server->fd = listen_on_any(&server->port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static inline void server_join(struct server *server)
{
	/* Wakes an accept() that nobody came to. */
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

static inline struct probe_request request_to(uint16_t port, uint64_t timeout_usec)
{
	return (struct probe_request){
		.port = port,
		.path = "/health",
		.status_min = 200,
		.status_max = 299,
		.timeout_usec = timeout_usec,
	};
}

static inline void on_done(void *owner, const struct probe_result *result)
{
	struct outcome *outcome = owner;

	outcome->count++;
	outcome->result = *result;
	sd_event_exit(outcome->event, 0);
}

/* Runs one probe to its end. */
static inline struct probe_result probe(const struct probe_request *request)
{
	_cleanup_(cleanup_prober_close) struct prober *prober = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct outcome outcome = {0};
	struct probe *begun;

	assert_return_code(sd_event_new(&event), 0);
	outcome.event = event;
	assert_return_code(prober_open(event, &prober), 0);
	assert_return_code(probe_begin(prober, request, on_done, &outcome, &begun), 0);
	assert_int_equal(outcome.count, 0);
	assert_return_code(sd_event_loop(event), 0);
	assert_int_equal(outcome.count, 1);
	return outcome.result;
}

static inline struct probe_result probe_server(
	const char *says, enum ending ending, uint64_t timeout_usec, const char *body)
{
	struct probe_request request;
	struct probe_result result;
	struct server server;

	server_start(&server, says, ending);
	request = request_to(server.port, timeout_usec);
	request.body = body;
	result = probe(&request);
	server_join(&server);
	return result;
}

#define assert_says(result, text) assert_non_null(strstr((result).reason, text))
