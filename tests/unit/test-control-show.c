/* SPDX-License-Identifier: MIT */
/*
 * control-show.c and control-receipt.c: the keys that scripts rely on, what is left out when it is
 * not known, and that the text is one that jansson reads back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "control-show.h"

static uint64_t limit_of_drain(const struct stage *stage)
{
	return stage->config->drain_requests_usec;
}

static void undo_of_drain(struct stage *stage)
{
	(void)stage;
}

static const struct step steps[] = {
	{.name = "preflight", .text = "looks", .meaning = "nothing was changed"},
	{.name = "drain",
		.text = "drains",
		.meaning = "traffic returns",
		.limit = limit_of_drain,
		.undo = undo_of_drain},
	{.name = "window", .text = "stays warm", .meaning = "traffic returns"},
};

/* A swap's cycle that has ended well: green took over from blue. */
struct scene {
	struct app_view view;
	struct config config;
	struct stage stage;
	struct instance instances[COLOR_COUNT];
	struct step_story stories[ELEMENTS(steps)];
	struct receipt receipt;
	struct route route;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct record *record = &scene->view.record;

	*record = (struct record){
		.id = "0123456789abcdef0123456789abcdef",
		.step = "window",
		.outcome = RECORD_SUCCEEDED,
		.committed = true,
		.strategy = STRATEGY_SWAP,
		.primary = COLOR_GREEN,
		.former = {"1.0", "1.0"},
		.verb = "deploy",
		.started_realtime_usec = UINT64_C(1763716000500000),
		.ended_realtime_usec = UINT64_C(1763716010500000),
		.asked_by_uid = 0,
		.asked_by_pid = 4711,
		.asked_by = "root (bash)",
		.release = "1.1",
	};
	scene->config.window_usec = 60 * USEC_PER_SEC;
	scene->config.hold_usec = 30 * USEC_PER_SEC;
	scene->config.drain_requests_usec = 7 * USEC_PER_SEC;
	scene->stage.config = &scene->config;
	scene->stage.primary = COLOR_GREEN;
	scene->stage.state_dir = "/nonexistent";
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct instance *instance = &scene->instances[color];

		instance->color = color;
		instance->role = color == COLOR_GREEN ? ROLE_PRIMARY : ROLE_FALLBACK;
		strcpy(instance->release, color == COLOR_GREEN ? "1.1" : "1.0");
		snprintf(instance->unit, sizeof(instance->unit), "app@%s.service",
			color_name(color));
		scene->view.instances[color] = instance;
	}
	scene->stories[0] =
		(struct step_story){.state = STEP_SUCCEEDED, .begun_usec = 1, .took_usec = 250000};
	scene->stories[1] = (struct step_story){
		.state = STEP_SUCCEEDED, .begun_usec = 1, .took_usec = 9700000, .text = "idle"};
	assert_return_code(
		route_parse("reads=blue:0,green:100 writes=green:100", &scene->route), 0);
	scene->view.name = "app";
	scene->view.config = &scene->config;
	scene->view.stage = &scene->stage;
	scene->view.route = &scene->route;
	scene->view.steps = steps;
	scene->view.step_count = ELEMENTS(steps);
	scene->view.stories = scene->stories;
	scene->view.recorded = true;
	scene->view.state = APP_STEADY;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* "a.b.0.c": what is there, as compact JSON; "" if there is nothing. */
static const char *at(const json_t *value, const char *path)
{
	static char text[4][4096];
	static unsigned int turn;
	char *words = strdup(path), *rest = words, *dumped;

	for (char *word; value && (word = strsep(&rest, "."));)
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(word))
					     : json_object_get(value, word);
	turn = (turn + 1) % 4;
	dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | SHOW_REAL);
	snprintf(text[turn], sizeof(text[turn]), "%s", dumped ? dumped : "");
	free(dumped);
	free(words);
	return text[turn];
}

static json_t *cycle_of(const struct scene *scene)
{
	json_t *cycle = show_cycle(&scene->view, &scene->view.record, "succeeded");
	char *text = json_dumps(cycle, 0);
	json_t *back;

	assert_non_null(cycle);
	assert_non_null(text);
	back = json_loads(text, 0, NULL);
	assert_int_equal(json_equal(cycle, back), 1);
	json_decref(back);
	free(text);
	return cycle;
}

static void a_cycle_says_who_wanted_what_and_what_was_before(void **state)
{
	json_t *cycle = cycle_of(*state);

	assert_string_equal(at(cycle, "id"), "\"0123456789abcdef0123456789abcdef\"");
	assert_string_equal(at(cycle, "outcome"), "\"succeeded\"");
	assert_string_equal(at(cycle, "verb"), "\"deploy\"");
	assert_string_equal(at(cycle, "strategy"), "\"swap\"");
	assert_string_equal(at(cycle, "primary"), "\"green\"");
	assert_string_equal(at(cycle, "release"), "\"1.1\"");
	assert_string_equal(at(cycle, "former"), "{\"blue\":\"1.0\",\"green\":\"1.0\"}");
	assert_string_equal(at(cycle, "asked_by"), "\"root (bash)\"");
	assert_string_equal(at(cycle, "asked_by_pid"), "4711");
	assert_string_equal(at(cycle, "started"), "1763716000.5");
	assert_string_equal(at(cycle, "ended"), "1763716010.5");
	json_decref(cycle);
}

static void an_upgrade_says_what_was_replaced(void **state)
{
	struct scene *scene = *state;
	struct record *queue = &scene->view.queue;
	char sentence[1024];
	json_t *cycle;

	strcpy(scene->view.record.verb, "upgrade");
	strcpy(scene->view.record.cause, "libx1: /usr/lib/libx.so.1");
	scene->view.causes = "[{\"path\":\"/usr/lib/libx.so.1\"}]";
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "cause"), "\"libx1: /usr/lib/libx.so.1\"");
	assert_string_equal(at(cycle, "causes.0.path"), "\"/usr/lib/libx.so.1\"");
	show_sentence(cycle, sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "release 1.1, for `libx1: /usr/lib/libx.so.1', asked"));
	json_decref(cycle);
	/* Each its own: the one that waits, one whose supervisor went. */
	*queue = scene->view.record;
	memset(queue->id, 'e', 32);
	scene->view.queue_causes = "[{\"path\":\"/usr/bin/y\"}]";
	cycle = show_cycle(&scene->view, queue, "queued");
	assert_string_equal(at(cycle, "causes.0.path"), "\"/usr/bin/y\"");
	json_decref(cycle);
	scene->view.causes = NULL;
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "causes"), "");
	assert_string_equal(at(cycle, "cause"), "\"libx1: /usr/lib/libx.so.1\"");
	json_decref(cycle);
}

/* Of a file's name in a sentence, say, or of a character that did not fit. */
static void bytes_that_are_no_text_do_not_lose_a_cycle(void **state)
{
	struct scene *scene = *state;
	json_t *cycle, *status, *progress;
	struct step_story story = {.text = "\xe4\xb8"};

	snprintf(scene->view.record.reason, sizeof(scene->view.record.reason),
		"prune: /srv/\xff\xc3\xa4/x\xc3");
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "reason"), "\"prune: /srv/?\xc3\xa4/x?\"");
	json_decref(cycle);
	snprintf(scene->view.reason, sizeof(scene->view.reason), "blue: \x80");
	status = show_status(&scene->view);
	assert_string_equal(at(status, "reason"), "\"blue: ?\"");
	assert_string_equal(at(status, "cycle.reason"), "\"prune: /srv/?\xc3\xa4/x?\"");
	json_decref(status);
	progress = show_progress("0123", &scene->view.steps[0], &story);
	assert_string_equal(at(progress, "detail"), "\"??\"");
	json_decref(progress);
}

static void steps_have_their_durations_and_the_rest_is_the_supervisors_own(void **state)
{
	json_t *cycle = cycle_of(*state);

	assert_string_equal(at(cycle, "steps.0.step"), "\"preflight\"");
	assert_string_equal(at(cycle, "steps.0.seconds"), "0.25");
	assert_string_equal(at(cycle, "steps.1.state"), "\"done\"");
	assert_string_equal(at(cycle, "steps.1.detail"), "\"idle\"");
	assert_string_equal(at(cycle, "steps.2.state"), "\"pending\"");
	/* 10 s, of which the drain had 9.7. */
	assert_string_equal(at(cycle, "supervisor_seconds"), "0.3");
	json_decref(cycle);
}

static void what_is_not_known_is_not_said(void **state)
{
	struct scene *scene = *state;
	json_t *cycle;

	/* Another supervisor has run it. */
	scene->view.stories = NULL;
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "steps"), "[]");
	assert_string_equal(at(cycle, "supervisor_seconds"), "");
	assert_string_equal(at(cycle, "requests"), "");
	json_decref(cycle);
	/* Or has begun it. */
	scene->view.stories = scene->stories;
	scene->stories[0].begun_usec = 0;
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "supervisor_seconds"), "");
	json_decref(cycle);
	/* A row that was taken back has lost its duration. */
	scene->stories[0].begun_usec = 1;
	scene->view.record.outcome = RECORD_FAILED;
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "supervisor_seconds"), "");
	json_decref(cycle);
}

static void the_stories_of_one_cycle_are_not_told_of_another(void **state)
{
	struct scene *scene = *state;
	struct record other = scene->view.record;
	json_t *cycle;

	receipt_begin(&scene->receipt, &scene->view.record, NULL, 0);
	scene->view.receipt = &scene->receipt;
	memset(other.id, 'f', 32);
	cycle = show_cycle(&scene->view, &other, "superseded");
	assert_string_equal(at(cycle, "steps"), "[]");
	assert_string_equal(at(cycle, "probes"), "");
	json_decref(cycle);
}

static void receipt_fill(struct scene *scene)
{
	struct steer_counters counters = {.held = 1, .hold_longest_usec = 400000};
	struct probe_result refused = {.verdict = PROBE_REFUSED, .duration_usec = 1000};
	struct probe_result passed = {
		.verdict = PROBE_PASSED, .status = 200, .duration_usec = 2000};

	receipt_begin(&scene->receipt, &scene->view.record, &counters, 10 * USEC_PER_SEC);
	receipt_probe(&scene->receipt, COLOR_GREEN, &refused, 11 * USEC_PER_SEC);
	receipt_probe(&scene->receipt, COLOR_GREEN, &refused, 12 * USEC_PER_SEC);
	receipt_probe(&scene->receipt, COLOR_GREEN, &passed, 13500000);
	receipt_gate(&scene->receipt, "passed: 0 of 60 failed", 14 * USEC_PER_SEC);
	receipt_note(&scene->receipt, "a drain ended 2 streams", 15 * USEC_PER_SEC);
	counters.reads[COLOR_GREEN] = 60;
	counters.writes[COLOR_GREEN] = 5;
	counters.errors[COLOR_GREEN] = 3;
	counters.failed[COLOR_BLUE] = 1;
	counters.held = 3;
	counters.hold_expired = 1;
	counters.cut = (struct steer_cut){.exchanges = 2, .streams = 1};
	counters.hold_longest_usec = 1500000;
	receipt_counters(&scene->receipt, &counters);
	scene->view.receipt = &scene->receipt;
}

static void a_receipt_tells_probes_gate_and_counts(void **state)
{
	struct scene *scene = *state;
	json_t *cycle;

	receipt_fill(scene);
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "probes.0"),
		"{\"color\":\"green\",\"verdict\":\"refused\",\"status\":0,\"from\":1.0,\"to\":2.0,"
		"\"count\":2,\"longest\":0.001}");
	assert_string_equal(at(cycle, "probes.1.from"), "3.5");
	assert_string_equal(
		at(cycle, "gate"), "[{\"at\":4.0,\"text\":\"passed: 0 of 60 failed\"}]");
	assert_string_equal(at(cycle, "notes.0.text"), "\"a drain ended 2 streams\"");
	assert_string_equal(at(cycle, "requests.green"),
		"{\"reads\":60,\"writes\":5,\"errors\":3,\"failed\":0}");
	assert_string_equal(at(cycle, "requests.blue.failed"), "1");
	assert_string_equal(at(cycle, "requests.relay_began_anew"), "false");
	assert_string_equal(at(cycle, "held"),
		"{\"count\":2,\"expired\":1,\"longest\":1.5,\"longest_is_a_bound\":false}");
	assert_string_equal(at(cycle, "cut"), "2");
	assert_string_equal(at(cycle, "cut_streams"), "1");
	json_decref(cycle);
}

static void the_longest_hold_is_called_a_bound_if_it_is_an_older_one(void **state)
{
	struct scene *scene = *state;
	struct steer_counters counters = {.held = 1, .hold_longest_usec = 400000};
	json_t *cycle;

	receipt_begin(&scene->receipt, &scene->view.record, &counters, 0);
	scene->view.receipt = &scene->receipt;
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "held.longest"), "0.0");
	assert_string_equal(at(cycle, "held.longest_is_a_bound"), "false");
	json_decref(cycle);
	counters.held = 2;
	receipt_counters(&scene->receipt, &counters);
	cycle = cycle_of(scene);
	assert_string_equal(at(cycle, "held.longest"), "0.4");
	assert_string_equal(at(cycle, "held.longest_is_a_bound"), "true");
	json_decref(cycle);
}

static void the_sentence_has_the_figures(void **state)
{
	struct scene *scene = *state;
	char sentence[1024];
	json_t *cycle;

	receipt_fill(scene);
	cycle = cycle_of(scene);
	show_sentence(cycle, sentence, sizeof(sentence));
	assert_string_equal(sentence,
		"cycle 01234567 of release 1.1 asked for by root (bash): succeeded after 10.0 s, "
		"0.300 s of them the supervisor's own; blue answered 0 requests, green 65; 2 "
		"waited "
		"(at most 1.500 s), 1 of them too long; 1 failed, 2 were cut, 1 of them streams");
	json_decref(cycle);
	/* And none where there are none. */
	scene->view.receipt = NULL;
	scene->view.stories = NULL;
	cycle = cycle_of(scene);
	show_sentence(cycle, sentence, sizeof(sentence));
	assert_string_equal(sentence,
		"cycle 01234567 of release 1.1 asked for by root (bash): succeeded after 10.0 s");
	json_decref(cycle);
}

static void the_status_has_role_release_share_and_window(void **state)
{
	struct scene *scene = *state;
	json_t *status = show_status(&scene->view);

	assert_string_equal(at(status, "primary"), "\"green\"");
	assert_string_equal(at(status, "colors.green.role"), "\"primary\"");
	assert_string_equal(at(status, "colors.blue.role"), "\"fallback\"");
	assert_string_equal(at(status, "colors.blue.release"), "\"1.0\"");
	assert_string_equal(at(status, "ramp"), "");
	assert_string_equal(at(status, "window"), "");
	assert_string_equal(at(status, "hold_limit"), "30.0");
	json_decref(status);

	assert_return_code(route_parse("reads=blue:90,green:10 writes=hold", &scene->route), 0);
	scene->view.state = APP_CYCLE;
	scene->view.record.outcome = RECORD_RUNNING;
	scene->stories[2] =
		(struct step_story){.state = STEP_BEGUN, .begun_usec = now_usec() - 1000};
	status = show_status(&scene->view);
	assert_string_equal(at(status, "ramp"), "{\"blue\":90.0,\"green\":10.0}");
	assert_string_equal(at(status, "window.former"), "\"1.0\"");
	assert_in_range((int)atof(at(status, "window.seconds_left")), 50, 60);
	json_decref(status);
}

static void a_release_names_who_runs_it_the_primary_first(void **state)
{
	const struct release releases[] = {{"1.2", 3000000}, {"1.1", 2000000}, {"1.0", 1000000}};
	struct scene *scene = *state;
	char dir[] = "/tmp/test-show-XXXXXX", path[64];
	json_t *shown;

	assert_non_null(mkdtemp(dir));
	scene->stage.state_dir = dir;
	assert_return_code(release_link(dir, COLOR_BLUE, "/srv/app", "1.2"), 0);
	shown = show_releases(&scene->view, releases, ELEMENTS(releases));
	assert_string_equal(at(shown, "0"),
		"{\"tag\":\"1.2\",\"since\":3.0,\"colors\":[],\"links\":[\"blue\"],\"primary\":"
		"false}");
	assert_string_equal(at(shown, "1.primary"), "true");
	assert_string_equal(at(shown, "2.colors"), "[\"blue\"]");
	json_decref(shown);
	strcpy(scene->instances[COLOR_BLUE].release, "1.1");
	shown = show_releases(&scene->view, releases, ELEMENTS(releases));
	assert_string_equal(at(shown, "1.colors"), "[\"green\",\"blue\"]");
	json_decref(shown);
	snprintf(path, sizeof(path), "%s/blue", dir);
	assert_return_code(unlink(path), errno);
	assert_return_code(rmdir(dir), errno);
}

static void a_plan_has_steps_limits_and_findings(void **state)
{
	struct scene *scene = *state;
	struct app_forecast forecast = {
		.stage = scene->stage,
		.steps = steps,
		.step_count = ELEMENTS(steps),
		.release = "1.1",
		.findings = {{.subject = "release",
			.answer = PREFLIGHT_REFUSES,
			.text = "there is no release 1.1"}},
		.count = 1,
	};
	json_t *plan = show_forecast(&forecast);

	assert_string_equal(at(plan, "release"), "\"1.1\"");
	assert_string_equal(at(plan, "steps.1.limit"), "7.0");
	assert_string_equal(at(plan, "steps.1.undone"), "true");
	assert_string_equal(at(plan, "steps.0.undone"), "false");
	assert_string_equal(at(plan, "steps.0.on_failure"), "\"nothing was changed\"");
	assert_string_equal(at(plan, "preflight"),
		"[{\"subject\":\"release\",\"answer\":\"refuses\",\"text\":\"there is no release "
		"1.1\"}]");
	json_decref(plan);
}

static void news_are_what_a_webhook_needs(void **state)
{
	struct scene *scene = *state;
	json_t *news = show_news(&scene->view, &(struct show_news){.event = "cycle",
						       .outcome = "failed",
						       .id = "0123",
						       .release = "1.1",
						       .reason = "healthy: \"500\"",
						       .cause = "libx1: /usr/lib/libx.so.1"});

	assert_string_equal(at(news, "app"), "\"app\"");
	assert_string_equal(at(news, "event"), "\"cycle\"");
	assert_string_equal(at(news, "outcome"), "\"failed\"");
	assert_string_equal(at(news, "id"), "\"0123\"");
	assert_string_equal(at(news, "release"), "\"1.1\"");
	assert_string_equal(at(news, "reason"), "\"healthy: \\\"500\\\"\"");
	assert_string_equal(at(news, "cause"), "\"libx1: /usr/lib/libx.so.1\"");
	assert_true(atof(at(news, "time")) > 1e9);
	assert_true(strlen(at(news, "host")) > 2);
	json_decref(news);
	news = show_news(
		&scene->view, &(struct show_news){.event = "degraded", .reason = "blue is sick"});
	assert_string_equal(at(news, "reason"), "\"blue is sick\"");
	assert_string_equal(at(news, "outcome"), "");
	json_decref(news);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_cycle_says_who_wanted_what_and_what_was_before),
		TEST(steps_have_their_durations_and_the_rest_is_the_supervisors_own),
		TEST(an_upgrade_says_what_was_replaced),
		TEST(what_is_not_known_is_not_said),
		TEST(the_stories_of_one_cycle_are_not_told_of_another),
		TEST(a_receipt_tells_probes_gate_and_counts),
		TEST(the_longest_hold_is_called_a_bound_if_it_is_an_older_one),
		TEST(the_sentence_has_the_figures),
		TEST(the_status_has_role_release_share_and_window),
		TEST(a_release_names_who_runs_it_the_primary_first),
		TEST(bytes_that_are_no_text_do_not_lose_a_cycle),
		TEST(a_plan_has_steps_limits_and_findings),
		TEST(news_are_what_a_webhook_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
