/* SPDX-License-Identifier: MIT */
/*
 * manager-unit.c and manager-watch.c: what a unit is, and when that is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager-stand.h"

static void tell_changed(void)
{
	assert_true(sd_bus_emit_signal(server, UNIT_PATH, "org.freedesktop.DBus.Properties",
			    "PropertiesChanged", "sa{sv}as", SYSTEMD ".Unit", 0, 0) >= 0);
}

static void a_unit_is_told_once_with_what_is_and_then_when_it_changes(void **state)
{
	(void)state;
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	assert_int_equal(heard.status.activity, UNIT_ACTIVE);
	assert_true(heard.status.loaded);
	assert_int_equal(heard.status.main_pid, 42);
	assert_string_equal(heard.status.sub_state, "running");
	assert_string_equal(heard.status.control_group, "/system.slice/" UNIT);
	assert_string_equal(heard.status.invocation_id, "61616161616161616161616161616161");
	assert_true(heard.status.active_since_usec == 123456);
	/* A signal without a difference is no news. */
	tell_changed();
	a_while();
	assert_int_equal(heard.changed, 1);
	unit_is("activating", "auto-restart", 'b');
	tell_changed();
	until(&heard.changed, 2);
	assert_int_equal(heard.status.activity, UNIT_ACTIVATING);
	assert_true(heard.status.restarting);
}

static void many_signals_are_few_reads_and_the_last_state_is_told(void **state)
{
	(void)state;
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	fake.reads = 0;
	for (int i = 0; i < 50; i++)
		tell_changed();
	unit_is("failed", "failed", 'a');
	a_while();
	assert_int_equal(heard.status.activity, UNIT_FAILED);
	assert_true(fake.reads < 50);
}

static void a_unit_that_cannot_be_loaded_says_so(void **state)
{
	(void)state;
	snprintf(fake.load, sizeof(fake.load), "masked");
	unit_is("inactive", "dead", 'a');
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	assert_false(heard.status.loaded);
	assert_non_null(strstr(heard.status.load_error, "masked"));
}

/* "app-migrate.service cannot be loaded: Unit app-migrate.service not found; install it and ..." */
static void what_systemd_says_of_it_fits_into_a_sentence(void **state)
{
	(void)state;
	snprintf(fake.load, sizeof(fake.load), "not-found");
	snprintf(fake.load_error, sizeof(fake.load_error), "Unit " UNIT " not found.");
	unit_is("inactive", "dead", 'a');
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	assert_string_equal(heard.status.load_error, "Unit " UNIT " not found");
}

static void a_units_user_and_groups_are_told(void **state)
{
	(void)state;
	snprintf(fake.user, sizeof(fake.user), "www-data");
	snprintf(fake.group, sizeof(fake.group), "web");
	snprintf(fake.group_too, sizeof(fake.group_too), "audio");
	assert_int_equal(manager_unit_watch(manager, UNIT, on_changed, NULL), 0);
	until(&heard.changed, 1);
	assert_string_equal(heard.status.user, "www-data");
	assert_string_equal(heard.status.group, "web");
	assert_string_equal(heard.status.groups, "video audio");
	assert_false(heard.status.dynamic_user);
	/* A name that has no room is left out, and the others stay. */
	memset(fake.group_too, 'x', sizeof(fake.group_too) - 1);
	fake.dynamic = 1;
	tell_changed();
	until(&heard.changed, 2);
	assert_string_equal(heard.status.groups, "video");
	assert_true(heard.status.dynamic_user);
}

static void a_unit_that_is_looked_at_is_known_later(void **state)
{
	const struct unit_status *status;

	(void)state;
	snprintf(fake.load, sizeof(fake.load), "not-found");
	assert_null(manager_unit_look(manager, UNIT, on_changed, NULL));
	assert_null(manager_unit_look(manager, UNIT, on_changed, NULL));
	until(&heard.changed, 1);
	status = manager_unit_look(manager, UNIT, on_changed, NULL);
	assert_non_null(status);
	assert_false(status->loaded);
	/* It was installed meanwhile. */
	snprintf(fake.load, sizeof(fake.load), "loaded");
	tell_changed();
	until(&heard.changed, 2);
	assert_true(manager_unit_look(manager, UNIT, on_changed, NULL)->loaded);
}

int main(void)
{
#define story(name) cmocka_unit_test_setup_teardown(name, with_bus, end)
	const struct CMUnitTest tests[] = {
		story(a_unit_is_told_once_with_what_is_and_then_when_it_changes),
		story(many_signals_are_few_reads_and_the_last_state_is_told),
		story(a_unit_that_cannot_be_loaded_says_so),
		story(what_systemd_says_of_it_fits_into_a_sentence),
		story(a_units_user_and_groups_are_told),
		story(a_unit_that_is_looked_at_is_known_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
