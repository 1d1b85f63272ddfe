/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

#define WORKERS 3

static struct relay *relay_of(int *ret_listener)
{
	struct relay_settings settings;
	struct relay *relay;
	const char *name;

	*ret_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(listen(*ret_listener, 1), 0);
	assert_int_equal(relay_settings_load(&settings, &name), 0);
	assert_int_equal(relay_new(&settings, WORKERS, ret_listener, 1, &relay), 0);
	return relay;
}

/* Its workers tell when they have followed something. */
static void await_answers(struct relay *relay)
{
	struct plan plan = plan_initial();

	plan.serial = 1;
	relay_publish(relay, &plan);
	while (relay_followed(relay) < plan.serial) {
		struct pollfd news = {.fd = relay_news_fd(relay), .events = POLLIN};

		assert_int_equal(poll(&news, 1, 10000), 1);
		relay_read_news(relay);
	}
}

static void a_worker_that_does_not_move_is_found(void **state)
{
	int listener;
	struct relay *relay = relay_of(&listener);

	(void)state;
	assert_int_equal(relay_find_silent(relay), -1); /* nobody was called */
	relay_call_all(relay);
	assert_int_equal(relay_find_silent(relay), 0); /* none of them runs */
	assert_int_equal(relay_run(relay), 0);
	await_answers(relay);
	assert_int_equal(relay_find_silent(relay), -1);
	relay_freeze(relay);
	relay_call_all(relay);
	assert_int_equal(relay_find_silent(relay), 0);
	relay_stop(relay);
	relay_free(relay);
	close(listener);
}

static void frozen_workers_go_on(void **state)
{
	int listener;
	struct relay *relay = relay_of(&listener);
	struct plan plan = plan_initial();

	(void)state;
	assert_int_equal(relay_run(relay), 0);
	await_answers(relay);
	relay_freeze(relay);
	plan.serial = 2;
	relay_publish(relay, &plan);
	assert_int_equal(relay_followed(relay), 1);
	assert_int_equal(relay_run(relay), 0);
	while (relay_followed(relay) < plan.serial) {
		struct pollfd news = {.fd = relay_news_fd(relay), .events = POLLIN};

		assert_int_equal(poll(&news, 1, 10000), 1);
		relay_read_news(relay);
	}
	relay_stop(relay);
	relay_free(relay);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_does_not_move_is_found),
		cmocka_unit_test(frozen_workers_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
