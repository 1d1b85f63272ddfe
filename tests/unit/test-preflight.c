/* SPDX-License-Identifier: MIT */
/*
 * preflight.c: units, ports, relay, health and hooks. Each finding that refuses names what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "preflight-stand.h"

static void where_all_is_well_each_subject_is_fine(void **state)
{
	static const char *const subjects[] = {
		"release", "units", "ports", "relay", "fallback", "memory", "disk", "hooks"};

	(void)state;
	look("");
	assert_int_equal(count, ELEMENTS(subjects));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(findings[i].subject, subjects[i]);
		assert_int_equal(findings[i].answer, PREFLIGHT_FINE);
		assert_true(*findings[i].text);
	}
}

static void a_unit_that_cannot_be_loaded_is_named(void **state)
{
	(void)state;
	instances.of[COLOR_GREEN].status.loaded = false;
	snprintf(instances.of[COLOR_GREEN].status.load_error, 64, "it is masked");
	look("");
	assert_refuses("units", "app@green.service cannot be loaded: it is masked", "unmask");
	instances.of[COLOR_BLUE].known = false;
	assert_int_equal(answer_of("units"), PREFLIGHT_WAITS);
}

static void a_squatter_is_named_on_the_port_of_now_and_on_that_to_come(void **state)
{
	(void)state;
	squatted = 9000;
	look("");
	assert_refuses("ports", "port 9000 is held by pid 1234 (nginx), not by app@blue.service",
		"stop it, or change BluePort= in app.conf");
	assert_string_equal(finding("ports")->unit, "app@blue.service");
	squatted = config.ports[COLOR_GREEN] = 9101;
	look("");
	assert_refuses("ports", "9101", "GreenPort=");
}

static void a_relay_that_is_away_is_waited_for(void **state)
{
	(void)state;
	relay_answers = false;
	assert_int_equal(answer_of("relay"), PREFLIGHT_WAITS);
	assert_non_null(strstr(finding("relay")->text, "app-bluegreen-relay.service"));
}

static void without_a_listener_neither_ports_nor_relay_matter(void **state)
{
	(void)state;
	config.protocol = PROTOCOL_NONE;
	squatted = 9000;
	relay_answers = false;
	look("");
	assert_null(finding("ports"));
	assert_null(finding("relay"));
}

static void a_fallback_is_waited_for_and_may_be_started_anew(void **state)
{
	(void)state;
	set_health(COLOR_GREEN, HEALTH_STARTING);
	assert_int_equal(answer_of("fallback"), PREFLIGHT_WAITS);
	set_health(COLOR_GREEN, HEALTH_SICK);
	assert_int_equal(answer_of("fallback"), PREFLIGHT_WAITS);
	assert_non_null(strstr(finding("fallback")->text, "green answered so"));
	set_health(COLOR_BLUE, HEALTH_SICK);
	assert_int_equal(answer_of("fallback"), PREFLIGHT_FINE);
	/* The roles may be the other way round. */
	set_health(COLOR_BLUE, HEALTH_SICK);
	set_health(COLOR_GREEN, HEALTH_HEALTHY);
	assert_int_equal(answer_of("fallback"), PREFLIGHT_FINE);
	stage.primary = COLOR_GREEN;
	assert_int_equal(answer_of("fallback"), PREFLIGHT_WAITS);
}

static void a_swap_asks_for_the_one_that_serves(void **state)
{
	(void)state;
	stage.strategy = STRATEGY_SWAP;
	set_health(COLOR_GREEN, HEALTH_SICK);
	assert_int_equal(answer_of("primary"), PREFLIGHT_FINE);
	assert_null(finding("fallback"));
	set_health(COLOR_BLUE, HEALTH_STARTING);
	assert_int_equal(answer_of("primary"), PREFLIGHT_WAITS);
	set_health(COLOR_BLUE, HEALTH_SICK);
	assert_int_equal(answer_of("primary"), PREFLIGHT_FINE);
	set_health(COLOR_GREEN, HEALTH_STARTING);
	assert_int_equal(answer_of("primary"), PREFLIGHT_WAITS);
	set_health(COLOR_GREEN, HEALTH_HEALTHY);
	look("");
	assert_refuses(
		"primary", "green is the only healthy color", "systemctl restart app@blue.service");
}

static void a_hook_that_is_not_there_is_named_with_its_key(void **state)
{
	(void)state;
	config.hook_after = (char *)"app-mail.service";
	assert_int_equal(answer_of("hooks"), PREFLIGHT_FINE);
	hook.loaded = false;
	snprintf(hook.load_error, sizeof(hook.load_error), "it is not-found");
	look("");
	assert_refuses("hooks", "app-mail.service cannot be loaded: it is not-found",
		"AfterDeploy= in app.conf");
	config.hook_before = (char *)"app-migrate.service";
	look("");
	assert_refuses("hooks", "app-migrate.service", "BeforeRestart=");
}

static void a_hook_that_is_not_known_yet_is_waited_for(void **state)
{
	(void)state;
	config.hook_before = (char *)"app-migrate.service";
	hook_known = false;
	assert_int_equal(answer_of("hooks"), PREFLIGHT_WAITS);
	hook_changed(hook_owner, "app-migrate.service", &hook);
	assert_int_equal(pokes, 1);
}

/* As `bluegreenctl plan` does, with a stage of its own: systemd answers when that is gone. */
static void a_hook_may_be_told_when_the_plan_that_asked_is_forgotten(void **state)
{
	struct stage *plan = malloc(sizeof(*plan));

	(void)state;
	assert_non_null(plan);
	config.hook_before = (char *)"app-migrate.service";
	hook_known = false;
	*plan = stage;
	(void)preflight_look(plan, "", findings);
	memset(plan, 0xff, sizeof(*plan));
	free(plan);
	hook_changed(hook_owner, "app-migrate.service", &hook);
	assert_int_equal(pokes, 1);
}

static void answers_have_names(void **state)
{
	(void)state;
	assert_string_equal(preflight_answer_name(PREFLIGHT_FINE), "fine");
	assert_string_equal(preflight_answer_name(PREFLIGHT_WAITS), "waits");
	assert_string_equal(preflight_answer_name(PREFLIGHT_REFUSES), "refuses");
}

int main(void)
{
#define story(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		story(where_all_is_well_each_subject_is_fine),
		story(a_unit_that_cannot_be_loaded_is_named),
		story(a_squatter_is_named_on_the_port_of_now_and_on_that_to_come),
		story(a_relay_that_is_away_is_waited_for),
		story(without_a_listener_neither_ports_nor_relay_matter),
		story(a_fallback_is_waited_for_and_may_be_started_anew),
		story(a_swap_asks_for_the_one_that_serves),
		story(a_hook_that_is_not_there_is_named_with_its_key),
		story(a_hook_that_is_not_known_yet_is_waited_for),
		story(a_hook_may_be_told_when_the_plan_that_asked_is_forgotten),
		story(answers_have_names),
	};

	return cmocka_run_group_tests(tests, make, end);
}
