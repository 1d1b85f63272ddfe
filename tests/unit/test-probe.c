/* SPDX-License-Identifier: MIT */
/*
 * probe.c and transfer.c against real sockets: what is asked, when it ends, and that an owner may
 * do what he likes in every state. What is made of an answer has test-probe-answer.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/resource.h>

#include "probe-server.h"

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

static void who_has_no_socket_to_ask_with_says_nothing_of_the_color(void **state)
{
	const struct probe_request request = request_to(9, LONG);
	struct rlimit before, none;
	struct prober *prober;
	struct probe *begun = NULL;
	sd_event *event;

	(void)state;
	assert_return_code(sd_event_new(&event), 0);
	assert_return_code(prober_open(event, &prober), 0);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(probe_begin(prober, &request, NULL, NULL, &begun), -EMFILE);
	assert_null(begun);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), 0);
	prober_close(prober);
	sd_event_unref(event);
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

/* It passes, says nothing, and leaves nothing open. */
static void a_connection_is_enough_where_that_was_asked_for(void **state)
{
	struct probe_request request;
	struct probe_result result;
	struct server server;

	(void)state;
	server_start(&server, "never said", END_CLOSE);
	request = request_to(server.port, LONG);
	request.kind = PROBE_CONNECT;
	request.path = NULL;
	result = probe(&request);
	assert_int_equal(result.verdict, PROBE_PASSED);
	assert_int_equal(result.status, 0);
	assert_says(result, "was accepted");
	/* The server reads until its client has gone. */
	server_join(&server);
	assert_string_equal(server.heard, "");
}

static void a_connection_that_nobody_takes_fails_as_a_request_does(void **state)
{
	struct probe_request request;
	struct probe_result result;
	uint16_t port;
	int fd = listen_on_any(&port);

	(void)state;
	close(fd);
	request = request_to(port, LONG);
	request.kind = PROBE_CONNECT;
	result = probe(&request);
	assert_int_equal(result.verdict, PROBE_REFUSED);
	assert_says(result, "a connection to port ");
	assert_says(result, "was refused: nobody listens");
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

static void an_application_that_wants_a_proxy_header_gets_one(void **state)
{
	struct probe_request request;
	struct server server;
	unsigned int from, to;
	int length = 0;

	(void)state;
	server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", END_STAY);
	request = request_to(server.port, LONG);
	request.proxy_header = true;
	assert_int_equal(probe(&request).verdict, PROBE_PASSED);
	server_join(&server);
	assert_int_equal(sscanf(server.heard, "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n%n", &from,
				 &to, &length),
		2);
	assert_int_equal(to, server.port);
	assert_memory_equal(server.heard + length, "GET ", 4);
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
		cmocka_unit_test(nobody_listening_is_refused),
		cmocka_unit_test(who_has_no_socket_to_ask_with_says_nothing_of_the_color),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(full_accept_queue_ends_at_the_deadline),
		cmocka_unit_test(a_connection_is_enough_where_that_was_asked_for),
		cmocka_unit_test(a_connection_that_nobody_takes_fails_as_a_request_does),
		cmocka_unit_test(request_says_what_it_must_and_no_more),
		cmocka_unit_test(an_application_that_wants_a_proxy_header_gets_one),
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
