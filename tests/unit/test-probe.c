/* SPDX-License-Identifier: MIT */
/*
 * probe.c, probe-loop.c, probe-answer.c: against real sockets. A server is a thread that takes one
 * connection, reads a request's head, says its lines, and ends as it was told.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

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

static int listen_on_any(uint16_t *ret_port)
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
static void serve_one(struct server *server, int fd)
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

static void *serve(void *owner)
{
	struct server *server = owner;
	int fd = accept(server->fd, NULL, NULL);

	if (fd >= 0) {
		serve_one(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, const char *says, enum ending ending)
{
	*server = (struct server){.says = says, .ending = ending};
	server->fd = listen_on_any(&server->port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_join(struct server *server)
{
	/* Wakes an accept() that nobody came to. */
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

static struct probe_request request_to(uint16_t port, uint64_t timeout_usec)
{
	return (struct probe_request){
		.port = port,
		.path = "/health",
		.status_min = 200,
		.status_max = 299,
		.timeout_usec = timeout_usec,
	};
}

static void on_done(void *owner, const struct probe_result *result)
{
	struct outcome *outcome = owner;

	outcome->count++;
	outcome->result = *result;
	sd_event_exit(outcome->event, 0);
}

/* Runs one probe to its end. */
static struct probe_result probe(const struct probe_request *request)
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

static struct probe_result probe_server(
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

static void expected_status_passes(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 204 No Content\r\n\r\n", END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
	assert_int_equal(result.status, 204);
	assert_says(result, "/health answered 204 No Content");
	assert_true(result.duration_usec < LONG);
}

static void other_status_is_named_with_the_first_line_of_the_body(void **state)
{
	struct probe_result result = probe_server("HTTP/1.1 500 Internal Server Error\r\n"
						  "Content-Length: 27\r\n\r\n"
						  "\n  no such table: notes\nbye",
		END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_int_equal(result.status, 500);
	assert_says(result, "answered 500 Internal Server Error: no such table: notes");
	assert_null(strstr(result.reason, "bye"));
}

static void tags_of_a_page_are_left_out_of_the_reason(void **state)
{
	struct probe_result result = probe_server("HTTP/1.0 404 Not Found\r\n\r\n"
						  "<!doctype html>\n<html lang=en>\n"
						  "<title>404 Not Found</title>\n<h1>x</h1>",
		END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_string_equal(
		strstr(result.reason, "answered"), "answered 404 Not Found: 404 Not Found");
}

static void reason_is_printable_ascii_and_bounded(void **state)
{
	static char says[3000];
	struct probe_result result;

	(void)state;
	strcpy(says, "HTTP/1.1 500 a\tb\xc3\xa4\r\n\r\n");
	memset(says + strlen(says), '\xe4', 2000);
	result = probe_server(says, END_CLOSE, LONG, NULL);
	assert_int_equal(result.verdict, PROBE_STATUS);
	for (const char *p = result.reason; *p; p++)
		assert_in_range(*p, ' ', '~');
	assert_in_range(strlen(result.reason), 100, PROBE_REASON_MAX - 1);
}

static void redirect_is_an_answer_and_not_followed(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		END_STAY, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_STATUS);
	assert_int_equal(result.status, 302);
}

static void interim_answer_is_not_the_answer(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
			     "Content-Length: 2\r\n\r\nok",
			END_STAY, LONG, "ok");

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
	assert_int_equal(result.status, 200);
}

static void expected_body_passes_in_chunks(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "5\r\nstatu\r\n6\r\ns: wel\r\n1\r\nl\r\n0\r\n\r\n",
			END_STAY, LONG, "status: well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_PASSED);
}

static void other_body_is_named(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsick", END_STAY, LONG, "well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_BODY);
	assert_int_equal(result.status, 200);
	assert_says(result, "answered 200 OK without the expected text, but: sick");
}

static void no_body_is_not_the_expected_body(void **state)
{
	struct probe_result result =
		probe_server("HTTP/1.1 204 No Content\r\n\r\n", END_STAY, LONG, "well");

	(void)state;
	assert_int_equal(result.verdict, PROBE_BODY);
}

static void nobody_listening_is_refused(void **state)
{
	struct probe_request request;
	struct probe_result result;
	uint16_t port;
	int fd = listen_on_any(&port);

	(void)state;
	close(fd);
	request = request_to(port, LONG);
	result = probe(&request);
	assert_int_equal(result.verdict, PROBE_REFUSED);
	assert_int_equal(result.status, 0);
	assert_says(result, "was refused: nobody listens on port");
}

static void silence_ends_at_the_deadline(void **state)
{
	struct probe_result result = probe_server("", END_STAY, SHORT, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_TIMED_OUT);
	assert_int_equal(result.status, 0);
	assert_in_range(result.duration_usec, SHORT, SHORT + 2 * USEC_PER_SEC);
	assert_says(result, "was not answered within 0.3s");
}

static void answer_without_end_ends_at_the_deadline(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", END_STAY,
		SHORT, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_TIMED_OUT);
	assert_int_equal(result.status, 200);
	assert_says(result, "answered 200 OK, but the answer did not end within 0.3s");
}

static void full_accept_queue_ends_at_the_deadline(void **state)
{
	struct probe_request request;
	struct probe_result result;
	int fillers[16];
	uint16_t port;
	int fd = listen_on_any(&port);

	(void)state;
	/* Nobody accepts, and there is room for one. */
	listen(fd, 0);
	for (size_t i = 0; i < ELEMENTS(fillers); i++) {
		struct sockaddr_in name = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&name, sizeof(name));
	}
	request = request_to(port, SHORT);
	result = probe(&request);
	for (size_t i = 0; i < ELEMENTS(fillers); i++)
		close(fillers[i]);
	close(fd);
	assert_int_equal(result.verdict, PROBE_TIMED_OUT);
}

static void early_end_is_broken(void **state)
{
	struct probe_result result = probe_server(
		"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
	assert_says(result, "got no whole answer: ");
}

static void reset_is_broken(void **state)
{
	struct probe_result result = probe_server("", END_RESET, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
	assert_int_equal(result.status, 0);
}

static void end_without_an_answer_is_broken(void **state)
{
	struct probe_result result = probe_server("", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
}

static void what_is_not_http_is_broken(void **state)
{
	struct probe_result result =
		probe_server("220 mail.example ESMTP\r\n", END_CLOSE, LONG, NULL);

	(void)state;
	assert_int_equal(result.verdict, PROBE_BROKEN);
}

static void endless_body_is_looked_at_only_in_part(void **state)
{
	struct probe_request request;
	struct probe_result result;
	struct server server = {
		.says = "HTTP/1.1 200 OK\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef",
		.repeat = 1000000,
		.ending = END_STAY,
	};

	(void)state;
	server.fd = listen_on_any(&server.port);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
	request = request_to(server.port, LONG);
	request.body = "def0123";
	result = probe(&request);
	server_join(&server);
	assert_int_equal(result.verdict, PROBE_PASSED);
}

static void request_says_what_it_must_and_no_more(void **state)
{
	struct probe_request request;
	struct server server;

	(void)state;
	server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", END_STAY);
	request = request_to(server.port, LONG);
	request.path = "/a/../b/./c?d=%20&e=//";
	request.host = "notes.example";
	/* A proxy of the environment must not see it. */
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	assert_int_equal(probe(&request).verdict, PROBE_PASSED);
	unsetenv("http_proxy");
	server_join(&server);
	assert_memory_equal(server.heard, "GET /a/../b/./c?d=%20&e=// HTTP/1.1\r\n", 37);
	assert_non_null(strstr(server.heard, "\r\nHost: notes.example\r\n"));
	assert_non_null(strstr(server.heard, "\r\nConnection: close\r\n"));
	assert_null(strstr(server.heard, "127.0.0.1"));
}

static void host_is_address_and_port_if_none_is_given(void **state)
{
	struct probe_request request;
	struct server server;
	char host[64];

	(void)state;
	server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", END_STAY);
	request = request_to(server.port, LONG);
	assert_int_equal(probe(&request).verdict, PROBE_PASSED);
	server_join(&server);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", server.port);
	assert_non_null(strstr(server.heard, host));
}

static void fail_if_called(void *owner, const struct probe_result *result)
{
	(void)owner;
	fail_msg("a cancelled probe was answered: %s", result->reason);
}

/* Turns the loop n times, or until nothing happens for a while. */
static void turn(sd_event *event, int n)
{
	while (n-- > 0)
		assert_return_code(sd_event_run(event, 50 * USEC_PER_MSEC), 0);
}

/* Whatever has happened until then: nothing, the connection, the request, half of an answer, all
 * of it. */
static void cancelled_probe_is_silent_in_every_state(void **state)
{
	(void)state;
	for (int turns = 0; turns < 8; turns++) {
		_cleanup_(cleanup_prober_close) struct prober *prober = NULL;
		_cleanup_(sd_event_unrefp) sd_event *event = NULL;
		struct probe_request request;
		struct probe *begun;
		struct server server;

		server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", END_STAY);
		assert_return_code(sd_event_new(&event), 0);
		assert_return_code(prober_open(event, &prober), 0);
		request = request_to(server.port, LONG);
		assert_return_code(probe_begin(prober, &request, fail_if_called, NULL, &begun), 0);
		turn(event, turns);
		assert_null(probe_cancel(begun));
		turn(event, 2);
		server_join(&server);
	}
}

static void cancel_between_the_end_and_the_telling_is_silent(void **state)
{
	_cleanup_(cleanup_prober_close) struct prober *prober = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct probe_request request = request_to(1, 0);
	struct probe *begun;

	(void)state;
	/* Its deadline has passed when it begins. */
	assert_return_code(sd_event_new(&event), 0);
	assert_return_code(prober_open(event, &prober), 0);
	assert_return_code(probe_begin(prober, &request, fail_if_called, NULL, &begun), 0);
	assert_return_code(sd_event_prepare(event), 0);
	probe_cancel(begun);
	if (sd_event_get_state(event) == SD_EVENT_PENDING)
		assert_return_code(sd_event_dispatch(event), 0);
	else
		assert_return_code(sd_event_wait(event, 0), 0);
	assert_null(probe_cancel(NULL));
}

struct chain {
	sd_event *event;
	struct prober *prober;
	struct probe_request request;
	struct probe *other;
	int done;
};

static void begin_another(void *owner, const struct probe_result *result)
{
	struct chain *chain = owner;

	assert_int_equal(result->verdict, PROBE_REFUSED);
	if (++chain->done == 5)
		sd_event_exit(chain->event, 0);
	else
		assert_return_code(
			probe_begin(chain->prober, &chain->request, begin_another, chain, NULL), 0);
}

static void close_everything(void *owner, const struct probe_result *result)
{
	struct chain *chain = owner;

	(void)result;
	chain->prober = prober_close(chain->prober);
	sd_event_exit(chain->event, 0);
}

static void cancel_the_other(void *owner, const struct probe_result *result)
{
	struct chain *chain = owner;

	(void)result;
	chain->other = probe_cancel(chain->other);
	sd_event_exit(chain->event, 0);
}

static void chain_open(struct chain *chain)
{
	int fd;

	*chain = (struct chain){0};
	assert_return_code(sd_event_new(&chain->event), 0);
	assert_return_code(prober_open(chain->event, &chain->prober), 0);
	fd = listen_on_any(&chain->request.port);
	close(fd);
	chain->request = request_to(chain->request.port, LONG);
}

static void owner_may_begin_another_from_the_answer(void **state)
{
	struct chain chain;

	(void)state;
	chain_open(&chain);
	begin_another(&chain, &(struct probe_result){.verdict = PROBE_REFUSED});
	assert_return_code(sd_event_loop(chain.event), 0);
	assert_int_equal(chain.done, 5);
	prober_close(chain.prober);
	sd_event_unref(chain.event);
}

static void owner_may_close_the_prober_from_the_answer(void **state)
{
	struct chain chain;

	(void)state;
	chain_open(&chain);
	for (int i = 0; i < 3; i++)
		assert_return_code(
			probe_begin(chain.prober, &chain.request, close_everything, &chain, NULL),
			0);
	assert_return_code(sd_event_loop(chain.event), 0);
	assert_null(chain.prober);
	sd_event_unref(chain.event);
}

static void owner_may_cancel_another_from_the_answer(void **state)
{
	struct chain chain;
	struct server server;
	struct probe_request slow;

	(void)state;
	chain_open(&chain);
	server_start(&server, "", END_STAY);
	slow = request_to(server.port, LONG);
	assert_return_code(probe_begin(chain.prober, &slow, fail_if_called, NULL, &chain.other), 0);
	assert_return_code(
		probe_begin(chain.prober, &chain.request, cancel_the_other, &chain, NULL), 0);
	assert_return_code(sd_event_loop(chain.event), 0);
	assert_null(chain.other);
	turn(chain.event, 0);
	prober_close(chain.prober);
	sd_event_unref(chain.event);
	server_join(&server);
}

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void nothing_stays_open(void **state)
{
	int before = count_fds();

	(void)state;
	for (int i = 0; i < 10; i++) {
		probe_server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", END_STAY, LONG, NULL);
		probe_server("", END_STAY, 20 * USEC_PER_MSEC, NULL);
		probe_server("", END_RESET, LONG, NULL);
	}
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expected_status_passes),
		cmocka_unit_test(other_status_is_named_with_the_first_line_of_the_body),
		cmocka_unit_test(tags_of_a_page_are_left_out_of_the_reason),
		cmocka_unit_test(reason_is_printable_ascii_and_bounded),
		cmocka_unit_test(redirect_is_an_answer_and_not_followed),
		cmocka_unit_test(interim_answer_is_not_the_answer),
		cmocka_unit_test(expected_body_passes_in_chunks),
		cmocka_unit_test(other_body_is_named),
		cmocka_unit_test(no_body_is_not_the_expected_body),
		cmocka_unit_test(nobody_listening_is_refused),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(answer_without_end_ends_at_the_deadline),
		cmocka_unit_test(full_accept_queue_ends_at_the_deadline),
		cmocka_unit_test(early_end_is_broken),
		cmocka_unit_test(reset_is_broken),
		cmocka_unit_test(end_without_an_answer_is_broken),
		cmocka_unit_test(what_is_not_http_is_broken),
		cmocka_unit_test(endless_body_is_looked_at_only_in_part),
		cmocka_unit_test(request_says_what_it_must_and_no_more),
		cmocka_unit_test(host_is_address_and_port_if_none_is_given),
		cmocka_unit_test(cancelled_probe_is_silent_in_every_state),
		cmocka_unit_test(cancel_between_the_end_and_the_telling_is_silent),
		cmocka_unit_test(owner_may_begin_another_from_the_answer),
		cmocka_unit_test(owner_may_close_the_prober_from_the_answer),
		cmocka_unit_test(owner_may_cancel_another_from_the_answer),
		cmocka_unit_test(nothing_stays_open),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
