/* SPDX-License-Identifier: MIT */
/*
 * manager.c and manager-job.c: jobs, and a bus that comes and goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager-stand.h"

static void tell_removed(const char *path, const char *result)
{
	fake.job_exists = false;
	assert_true(sd_bus_emit_signal(server, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
			    "JobRemoved", "uoss", 7, path, UNIT, result) >= 0);
}

static void on_ended(void *owner, enum job_result result, const char *why)
{
	assert_ptr_equal(owner, &heard);
	assert_false(heard.within);
	heard.ended++;
	heard.result = result;
	snprintf(heard.why, sizeof(heard.why), "%s", why);
}

static void on_connected(void *owner, sd_bus *bus)
{
	(void)owner;
	assert_non_null(bus);
	heard.connected++;
}

static struct manager_job *job_begin(enum job_verb verb, uint64_t limit)
{
	struct manager_job *job = NULL;

	heard.within = true;
	assert_int_equal(
		manager_job_begin(manager, verb, UNIT, now_usec() + limit, on_ended, &heard, &job),
		0);
	heard.within = false;
	return job;
}

static void a_job_is_done_when_it_is_removed_and_the_unit_is_well(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 5 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	/* The failure count never stands in the way. */
	assert_int_equal(fake.resets, 1);
	/* An administrator's stop that is queued goes first. */
	assert_string_equal(fake.mode, "fail");
	tell_removed("/org/freedesktop/systemd1/job/8", "done");
	a_while();
	assert_int_equal(heard.ended, 0);
	tell_removed(JOB_PATH, "done");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
	assert_string_equal(heard.why, "");
}

static void a_start_takes_the_place_of_a_stop(void **state)
{
	(void)state;
	job_begin(JOB_START, 5 * USEC_PER_SEC);
	until(&fake.starts, 1);
	assert_string_equal(fake.mode, "replace");
}

static void a_stop_resets_nothing_and_is_done_when_no_process_is_left(void **state)
{
	(void)state;
	job_begin(JOB_STOP, 5 * USEC_PER_SEC);
	until(&fake.stops, 1);
	assert_int_equal(fake.resets, 0);
	unit_is("inactive", "dead", 'a');
	tell_removed(JOB_PATH, "done");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
}

static void the_unit_is_the_truth_whatever_the_job_says(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 5 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	unit_is("activating", "auto-restart", 'b');
	snprintf(fake.result, sizeof(fake.result), "exit-code");
	fake.exit_status = 3;
	tell_removed(JOB_PATH, "done");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_FAILED);
	assert_non_null(strstr(heard.why, "exit-code, exit status 3"));
	assert_non_null(strstr(heard.why, "journalctl -u " UNIT));
}

static void a_job_that_is_canceled_was_somebody_elses_doing(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 5 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	tell_removed(JOB_PATH, "canceled");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_CANCELED);
}

static void a_job_that_is_in_the_way_cancels(void **state)
{
	(void)state;
	fake.refuses = SYSTEMD ".TransactionIsDestructive";
	job_begin(JOB_RESTART, 5 * USEC_PER_SEC);
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_CANCELED);
}

static void a_refusal_names_polkit(void **state)
{
	(void)state;
	fake.refuses = SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED;
	job_begin(JOB_RESTART, 5 * USEC_PER_SEC);
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_FAILED);
	assert_non_null(strstr(heard.why, "polkit"));
	assert_non_null(strstr(heard.why, "no, thank you"));
}

static void a_lost_signal_is_made_up_for(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 7 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	a_while();
	fake.job_exists = false; /* and nobody tells */
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
}

static void a_job_that_does_not_end_times_out(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 300 * USEC_PER_MSEC);
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_TIMED_OUT);
	assert_int_equal(fake.stops, 0);
}

static void a_job_that_is_forgotten_is_not_told(void **state)
{
	struct manager_job *job = job_begin(JOB_RESTART, 5 * USEC_PER_SEC);

	(void)state;
	until(&fake.restarts_asked, 1);
	assert_null(manager_job_forget(job));
	assert_null(manager_job_forget(NULL));
	tell_removed(JOB_PATH, "done");
	a_while();
	assert_int_equal(heard.ended, 0);
}

static void a_bus_that_goes_is_opened_again_and_everything_is_read_again(void **state)
{
	(void)state;
	manager_on_reconnect(manager, on_connected, NULL);
	assert_int_equal(heard.connected, 1);
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	job_begin(JOB_RESTART, 7 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	a_while();
	bus_go();
	a_while();
	assert_null(manager_bus(manager));
	/* Meanwhile it was restarted. */
	unit_is("active", "running", 'c');
	fake.job_exists = false;
	bus_listen();
	until(&heard.connected, 2);
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
	until(&heard.changed, 2);
	assert_string_equal(heard.status.invocation_id, "63636363636363636363636363636363");
	assert_int_equal(fake.subscribes, 2);
}

static void a_call_without_an_answer_is_made_again_on_the_next_bus(void **state)
{
	(void)state;
	fake.silent = true;
	job_begin(JOB_RESTART, 7 * USEC_PER_SEC);
	until(&fake.restarts_asked, 1);
	bus_go();
	a_while();
	fake.silent = false;
	bus_listen();
	until(&fake.restarts_asked, 2);
	a_while();
	tell_removed(JOB_PATH, "done");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
}

static void a_bus_that_does_not_come_back_in_time_loses_the_job(void **state)
{
	(void)state;
	job_begin(JOB_RESTART, 400 * USEC_PER_MSEC);
	until(&fake.restarts_asked, 1);
	bus_go();
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_LOST);
}

static void a_bus_that_is_not_there_yet_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(manager_open(event, &manager), 0);
	assert_null(manager_bus(manager));
	manager_on_reconnect(manager, on_connected, NULL);
	assert_int_equal(heard.connected, 0);
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	job_begin(JOB_START, 7 * USEC_PER_SEC);
	a_while();
	bus_listen();
	until(&heard.connected, 1);
	until(&heard.changed, 1);
	until(&fake.starts, 1);
	a_while();
	tell_removed(JOB_PATH, "done");
	until(&heard.ended, 1);
	assert_int_equal(heard.result, JOB_DONE);
}

int main(void)
{
#define story(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)
	const struct CMUnitTest tests[] = {
		story(a_job_is_done_when_it_is_removed_and_the_unit_is_well, with_bus),
		story(a_start_takes_the_place_of_a_stop, with_bus),
		story(a_stop_resets_nothing_and_is_done_when_no_process_is_left, with_bus),
		story(the_unit_is_the_truth_whatever_the_job_says, with_bus),
		story(a_job_that_is_canceled_was_somebody_elses_doing, with_bus),
		story(a_job_that_is_in_the_way_cancels, with_bus),
		story(a_refusal_names_polkit, with_bus),
		story(a_lost_signal_is_made_up_for, with_bus),
		story(a_job_that_does_not_end_times_out, with_bus),
		story(a_job_that_is_forgotten_is_not_told, with_bus),
		story(a_bus_that_goes_is_opened_again_and_everything_is_read_again, with_bus),
		story(a_call_without_an_answer_is_made_again_on_the_next_bus, with_bus),
		story(a_bus_that_does_not_come_back_in_time_loses_the_job, with_bus),
		story(a_bus_that_is_not_there_yet_is_waited_for, no_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
