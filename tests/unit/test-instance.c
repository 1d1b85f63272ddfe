/* SPDX-License-Identifier: MIT */
/*
 * instance.c and its parts: health from units and probes, who flaps, who answers for whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instance-stand.h"

static int fresh(void **state)
{
	(void)state;
	return open_with(PROTOCOL_HTTP);
}

static int steady(void **state)
{
	(void)state;
	return steady_with(PROTOCOL_HTTP);
}

static void two_good_answers_in_quick_succession_make_a_color_healthy(void **state)
{
	(void)state;
	assert_int_equal(health(COLOR_BLUE), HEALTH_UNKNOWN);
	unit_starts(COLOR_BLUE);
	run(50 * MSEC);
	assert_int_equal(units[COLOR_BLUE].probes, 1);
	assert_int_equal(health(COLOR_BLUE), HEALTH_UNKNOWN);
	run(100 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	assert_int_equal(units[COLOR_BLUE].answers, 2);
	assert_non_null(strstr(reported[REPORT_COLOR_HEALTHY], "is healthy: "));
}

static void an_http_probe_asks_for_what_is_configured(void **state)
{
	const struct probe_request *request = &units[COLOR_BLUE].probe.request;

	(void)state;
	assert_int_equal(request->kind, PROBE_HTTP);
	assert_string_equal(request->path, "/health");
	assert_int_equal(request->port, 9000);
	assert_true(request->timeout_usec == 5 * SEC);
	assert_false(request->proxy_header);
}

static void an_http_probe_introduces_itself_where_the_relay_does(void **state)
{
	(void)state;
	config.send_proxy = PROXY_VERSION_2;
	run(2 * SEC);
	assert_true(units[COLOR_BLUE].probe.request.proxy_header);
}

static void a_unit_that_is_activating_is_not_asked_and_is_starting(void **state)
{
	(void)state;
	units[COLOR_BLUE].invocation++;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "start");
	run(19 * SEC);
	assert_int_equal(units[COLOR_BLUE].probes, 0);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	/* READY=1 */
	unit_is(COLOR_BLUE, UNIT_ACTIVE, "running");
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	run(200 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void ready_is_not_healthy(void **state)
{
	(void)state;
	units[COLOR_BLUE].answer = PROBE_STATUS;
	units[COLOR_BLUE].invocation++;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "start");
	run(1 * SEC);
	unit_is(COLOR_BLUE, UNIT_ACTIVE, "running");
	run(18 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	run(2 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

static void a_unit_that_never_becomes_active_is_sick_at_the_deadline(void **state)
{
	(void)state;
	units[COLOR_BLUE].invocation++;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "start");
	run(19900 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	run(200 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
	assert_non_null(strstr(reported[REPORT_COLOR_SICK], "app@blue.service is activating"));
	/* Late is better than never. */
	unit_is(COLOR_BLUE, UNIT_ACTIVE, "running");
	run(2 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void a_process_that_dies_is_sick_at_once(void **state)
{
	(void)state;
	unit_is(COLOR_BLUE, UNIT_ACTIVATING, "auto-restart");
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
	assert_non_null(strstr(why(COLOR_BLUE), "app@blue.service ended (exit-code"));
	assert_int_equal(health(COLOR_GREEN), HEALTH_HEALTHY);
}

static void a_crash_between_two_probes_is_seen_by_the_new_invocation(void **state)
{
	(void)state;
	units[COLOR_BLUE].status.restarts++;
	unit_starts(COLOR_BLUE);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	assert_int_equal(reports[REPORT_UNIT_CHANGED], 0);
	run(1 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void an_answer_of_the_process_before_is_forgotten(void **state)
{
	(void)state;
	run(1 * SEC);
	while (!units[COLOR_BLUE].probe.under_way)
		run(1 * MSEC);
	units[COLOR_BLUE].answers = 0;
	unit_starts(COLOR_BLUE);
	assert_false(units[COLOR_BLUE].probe.under_way);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
}

static void a_restart_that_is_expected_is_no_fall_and_no_news(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		instances_expect_start(instances, COLOR_BLUE);
		assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
		/* The old process may still answer. */
		unit_is(COLOR_BLUE, UNIT_DEACTIVATING, "stop-sigterm");
		run(100 * MSEC);
		assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
		unit_starts(COLOR_BLUE);
		run(1 * SEC);
		assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	}
	assert_false(get(COLOR_BLUE)->flapping);
	assert_int_equal(reports[REPORT_UNIT_CHANGED], 0);
	assert_int_equal(reports[REPORT_COLOR_SICK], 0);
}

static void an_administrators_stop_is_told_and_is_no_fall(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		unit_is(COLOR_BLUE, UNIT_INACTIVE, "dead");
		run(1 * SEC);
		unit_starts(COLOR_BLUE);
		run(1 * SEC);
	}
	assert_false(get(COLOR_BLUE)->flapping);
	assert_int_equal(reports[REPORT_UNIT_CHANGED], 10);
}

static void three_crashes_within_a_minute_are_flapping(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		unit_crashes(COLOR_BLUE, 1 * SEC);
		run(1 * SEC);
	}
	assert_false(get(COLOR_BLUE)->flapping);
	unit_crashes(COLOR_BLUE, 1 * SEC);
	assert_true(get(COLOR_BLUE)->flapping);
	assert_non_null(strstr(reported[REPORT_WARNING], "blue fell 3 times"));
	run(1 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	assert_true(get(COLOR_BLUE)->flapping);
	assert_false(get(COLOR_GREEN)->flapping);
	run(1500 * MSEC);
	assert_false(get(COLOR_BLUE)->flapping);
	assert_int_equal(reports[REPORT_WARNING], 1);
}

static void the_end_of_flapping_is_told_though_no_probe_is_due(void **state)
{
	unsigned changes;

	(void)state;
	for (int i = 0; i < 3; i++) {
		unit_crashes(COLOR_BLUE, 1 * SEC);
		run(1 * SEC);
	}
	config.probe.interval_usec = 60 * SEC;
	run(500 * MSEC);
	changes = units[COLOR_BLUE].changes;
	assert_true(get(COLOR_BLUE)->flapping);
	run(2 * SEC);
	assert_false(get(COLOR_BLUE)->flapping);
	assert_true(units[COLOR_BLUE].changes > changes);
	assert_non_null(strstr(reported[REPORT_NOTE], "relied on again"));
}

static void a_crash_loop_earns_less_and_less_trust(void **state)
{
	unsigned trusted = 0;

	(void)state;
	/* It lives for five seconds, each time. */
	for (int i = 0; i < 12; i++) {
		unit_crashes(COLOR_BLUE, 1 * SEC);
		for (int tenth = 0; tenth < 50; tenth++) {
			run(100 * MSEC);
			if (i >= 4 && health(COLOR_BLUE) == HEALTH_HEALTHY &&
				!get(COLOR_BLUE)->flapping)
				trusted++;
		}
		assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	}
	assert_int_equal(trusted, 0);
	run(31 * SEC);
	assert_false(get(COLOR_BLUE)->flapping);
}

static void probes_that_fail_again_and_again_are_flapping_too(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_false(get(COLOR_BLUE)->flapping);
		units[COLOR_BLUE].answer = PROBE_STATUS;
		run(4 * SEC);
		assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
		units[COLOR_BLUE].answer = PROBE_PASSED;
		run(2500 * MSEC);
		assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	}
	assert_true(get(COLOR_BLUE)->flapping);
}

static void a_sick_process_that_dies_has_fallen_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		units[COLOR_BLUE].answer = PROBE_TIMED_OUT;
		run(5 * SEC);
		assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
		units[COLOR_BLUE].answer = PROBE_PASSED;
		unit_crashes(COLOR_BLUE, 1 * SEC);
		run(1 * SEC);
	}
	assert_false(get(COLOR_BLUE)->flapping);
}

static void a_new_release_is_not_mistrusted_for_the_old_one(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		unit_crashes(COLOR_BLUE, 1 * SEC);
	assert_true(get(COLOR_BLUE)->flapping);
	instances_expect_start(instances, COLOR_BLUE);
	unit_starts(COLOR_BLUE);
	run(1 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
	assert_false(get(COLOR_BLUE)->flapping);
}

static void a_stranger_never_makes_a_color_healthy(void **state)
{
	(void)state;
	listener = LISTENER_STRANGER;
	unit_starts(COLOR_BLUE);
	run(19 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_STARTING);
	run(3 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
	assert_string_equal(why(COLOR_BLUE),
		"port 9000 is held by pid 1234 (nginx), not by app@blue.service; stop it, or "
		"change BluePort= in app.conf");
}

static void a_stranger_who_takes_the_port_later_makes_it_sick(void **state)
{
	(void)state;
	listener = LISTENER_STRANGER;
	run(4 * SEC);
	assert_int_equal(health(COLOR_GREEN), HEALTH_SICK);
	assert_non_null(strstr(reported[REPORT_COLOR_SICK], "GreenPort="));
	listener = LISTENER_OURS;
	run(3 * SEC);
	assert_int_equal(health(COLOR_GREEN), HEALTH_HEALTHY);
}

static void a_listener_that_is_not_told_is_no_reason(void **state)
{
	(void)state;
	listener = LISTENER_UNTOLD;
	run(10 * SEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void without_a_bus_the_probes_alone_decide(void **state)
{
	(void)state;
	run(1 * SEC);
	assert_false(get(COLOR_BLUE)->known);
	assert_int_equal(health(COLOR_BLUE), HEALTH_HEALTHY);
}

static void who_refuses_is_asked_often(void **state)
{
	(void)state;
	units[COLOR_BLUE].answer = PROBE_REFUSED;
	instances_probe_now(instances, COLOR_BLUE);
	run(600 * MSEC);
	assert_int_equal(health(COLOR_BLUE), HEALTH_SICK);
}

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(two_good_answers_in_quick_succession_make_a_color_healthy, fresh),
		story(an_http_probe_asks_for_what_is_configured, steady),
		story(an_http_probe_introduces_itself_where_the_relay_does, steady),
		story(a_unit_that_is_activating_is_not_asked_and_is_starting, fresh),
		story(ready_is_not_healthy, fresh),
		story(a_unit_that_never_becomes_active_is_sick_at_the_deadline, fresh),
		story(a_process_that_dies_is_sick_at_once, steady),
		story(a_crash_between_two_probes_is_seen_by_the_new_invocation, steady),
		story(an_answer_of_the_process_before_is_forgotten, steady),
		story(a_restart_that_is_expected_is_no_fall_and_no_news, steady),
		story(an_administrators_stop_is_told_and_is_no_fall, steady),
		story(three_crashes_within_a_minute_are_flapping, steady),
		story(the_end_of_flapping_is_told_though_no_probe_is_due, steady),
		story(a_crash_loop_earns_less_and_less_trust, steady),
		story(probes_that_fail_again_and_again_are_flapping_too, steady),
		story(a_sick_process_that_dies_has_fallen_once, steady),
		story(a_new_release_is_not_mistrusted_for_the_old_one, steady),
		story(a_stranger_never_makes_a_color_healthy, fresh),
		story(a_stranger_who_takes_the_port_later_makes_it_sick, steady),
		story(a_listener_that_is_not_told_is_no_reason, steady),
		story(without_a_bus_the_probes_alone_decide, fresh),
		story(who_refuses_is_asked_often, steady),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
