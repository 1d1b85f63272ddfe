/* SPDX-License-Identifier: MIT */
/*
 * instance-probe.c: Protocol=tcp is asked by a connection, Protocol=none is not asked at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instance-stand.h"

static int tcp(void **state)
{
	(void)state;
	return steady_with(PROTOCOL_TCP);
}

static int none(void **state)
{
	(void)state;
	return steady_with(PROTOCOL_NONE);
}

static int none_fresh(void **state)
{
	(void)state;
	return open_with(PROTOCOL_NONE);
}

static void tcp_is_asked_by_a_connection(void **state)
{
	(void)state;
	assert_int_equal(units[COLOR_BLUE].probe.request.kind, PROBE_CONNECT);
	config.send_proxy = PROXY_VERSION_1;
	run(2 * SEC);
	assert_false(units[COLOR_BLUE].probe.request.proxy_header);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	units[COLOR_BLUE].answer = PROBE_REFUSED;
	run(4 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

static void a_stranger_is_found_on_a_tcp_port_too(void **state)
{
	(void)state;
	listener = LISTENER_STRANGER;
	run(4 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

static void without_a_listener_the_unit_is_the_answer(void **state)
{
	(void)state;
	assert_int_equal(units[COLOR_BLUE].probes, 0);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	assert_string_equal(why(COLOR_BLUE), "app@blue.service is active (running)");
	assert_int_equal(units[COLOR_BLUE].answers, 1);
	assert_string_equal(reported[REPORT_COLOR_HEALTHY],
		"green is healthy: app@green.service is active (running)");
}

static void nobody_is_woken_while_nothing_happens(void **state)
{
	unsigned changes = units[COLOR_BLUE].changes;

	(void)state;
	run(3600 * SEC);
	assert_int_equal(units[COLOR_BLUE].changes, changes);
}

static void one_ready_is_enough(void **state)
{
	(void)state;
	units[COLOR_BLUE].invocation++;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "start");
	run(10 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	unit_is(COLOR_BLUE, UNIT_ACTIVE, "running");
	run(10 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void a_worker_that_never_becomes_ready_is_sick_at_the_deadline(void **state)
{
	(void)state;
	units[COLOR_BLUE].invocation++;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "start");
	run(21 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

static void a_worker_that_ends_is_sick_at_once_and_back_when_it_is_active(void **state)
{
	(void)state;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "auto-restart");
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
	units[COLOR_BLUE].status.restarts++;
	unit_starts(COLOR_BLUE);
	run(10 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	unit_is(COLOR_BLUE, UNIT_FAILED, "failed");
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

static void a_worker_that_ends_again_and_again_flaps(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		unit_crashes(COLOR_BLUE, 1 * SEC);
		run(10 * MSEC);
	}
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	assert_true(get(COLOR_BLUE)->flapping);
	run(2 * SEC);
	assert_false(get(COLOR_BLUE)->flapping);
}

static void an_active_unit_that_is_about_to_be_restarted_does_not_count(void **state)
{
	(void)state;
	instances_expect_start(instances, COLOR_BLUE);
	instances_probe_now(instances, COLOR_BLUE);
	run(1 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	assert_true(instances_expect_nothing(instances, COLOR_BLUE));
	run(10 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void what_systemd_has_not_told_is_not_known(void **state)
{
	(void)state;
	run(10 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_UNKNOWN);
}

static void a_protocol_that_changes_is_followed(void **state)
{
	struct config after = config;

	(void)state;
	after.protocol = PROTOCOL_HTTP;
	units[COLOR_BLUE].answer = PROBE_STATUS;
	instances_configure(instances, &after);
	run(4 * SEC);
	assert_int_equal(units[COLOR_BLUE].probe.request.kind, PROBE_HTTP);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
	instances_configure(instances, &config);
	run(1 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(tcp_is_asked_by_a_connection, tcp),
		story(a_stranger_is_found_on_a_tcp_port_too, tcp),
		story(without_a_listener_the_unit_is_the_answer, none),
		story(nobody_is_woken_while_nothing_happens, none),
		story(one_ready_is_enough, none_fresh),
		story(a_worker_that_never_becomes_ready_is_sick_at_the_deadline, none_fresh),
		story(a_worker_that_ends_is_sick_at_once_and_back_when_it_is_active, none),
		story(a_worker_that_ends_again_and_again_flaps, none),
		story(an_active_unit_that_is_about_to_be_restarted_does_not_count, none),
		story(what_systemd_has_not_told_is_not_known, none_fresh),
		story(a_protocol_that_changes_is_followed, none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
