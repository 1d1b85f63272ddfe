/* SPDX-License-Identifier: MIT */
/*
 * config.c and config-terms.c: strategies, ramps, releases, gates and hooks, and which keys exclude
 * each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config-builder.h"
#include "config-terms.h"

#define MIN (60 * USEC_PER_SEC)

static void defaults_are_a_fallback_with_code_in_place(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = build("");

	(void)state;
	assert_int_equal(config->strategy, STRATEGY_FALLBACK);
	assert_int_equal(config->protocol, PROTOCOL_HTTP);
	assert_int_equal(config->affinity, AFFINITY_NONE);
	assert_int_equal(config->ramp_count, 0);
	assert_int_equal(config->slow_start_usec, 0);
	assert_null(config->release_directory);
	assert_int_equal(config->release_keep, 5);
	assert_int_equal(config->window_usec, MIN);
	assert_null(config->release_source);
	assert_float_equal(config->gate.max_error_rate, 0.01, 1e-12);
	assert_float_equal(config->gate.max_latency_ratio, 2, 1e-12);
	assert_int_equal(config->gate.min_requests, 50);
	assert_int_equal(config->probation_usec, 10 * USEC_PER_SEC);
	assert_null(config->hook_before);
	assert_null(config->hook_after);
	assert_null(config->notify_url);
}

static void every_key_is_taken(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = build(
		"[App]\nStrategy=swap\nProtocol=http\n"
		"[Route]\nSteering=relay\nAffinity=cookie\nRamp=10%:2min '50%:5min 30s'\n"
		"SlowStart=30s\n"
		"[Release]\nDirectory=/srv/notes/my releases\nKeep=7\nWindow=0\n"
		"Source=https://example.org/n-{tag}.tar.gz\n"
		"[Gate]\nMaxErrorRate=0.5%\nMaxLatencyRatio=1.25\nMinRequests=1000000\n"
		"Probation=1d\n"
		"[Hooks]\nBeforeRestart=app-migrate.service\nAfterDeploy=app-tell@all.service\n"
		"[Upgrade]\nRestart=no\nWatchPath=/srv/notes '/srv/a b.py'\n"
		"MaintenanceWindow=Sat..Sun 02:00-05:00\n"
		"[Notify]\nUrl=http://127.0.0.1:8000/x?y\n");

	(void)state;
	assert_int_equal(config->strategy, STRATEGY_SWAP);
	assert_false(config->upgrade_restart);
	assert_string_equal(config->watch_paths[0], "/srv/notes");
	assert_string_equal(config->watch_paths[1], "/srv/a b.py");
	assert_null(config->watch_paths[2]);
	assert_int_equal(config->maintenance.count, 1);
	assert_int_equal(config->maintenance.spans[0].from, 120);
	assert_null(config->release_snapshot[0]);
	assert_int_equal(config->affinity, AFFINITY_COOKIE);
	assert_int_equal(config->ramp_count, 2);
	assert_int_equal(config->ramp[0].share, 10);
	assert_int_equal(config->ramp[0].usec, 2 * MIN);
	assert_int_equal(config->ramp[1].share, 50);
	assert_int_equal(config->ramp[1].usec, 5 * MIN + 30 * USEC_PER_SEC);
	assert_int_equal(config->slow_start_usec, 30 * USEC_PER_SEC);
	assert_string_equal(config->release_directory, "/srv/notes/my releases");
	assert_int_equal(config->release_keep, 7);
	assert_int_equal(config->window_usec, 0);
	assert_string_equal(config->release_source, "https://example.org/n-{tag}.tar.gz");
	assert_float_equal(config->gate.max_error_rate, 0.005, 1e-12);
	assert_float_equal(config->gate.max_latency_ratio, 1.25, 1e-12);
	assert_int_equal(config->gate.min_requests, 1000000);
	assert_int_equal(config->probation_usec, 1440 * MIN);
	assert_string_equal(config->hook_before, "app-migrate.service");
	assert_string_equal(config->hook_after, "app-tell@all.service");
	assert_string_equal(config->notify_url, "http://127.0.0.1:8000/x?y");
}

static void a_later_empty_ramp_is_none(void **state)
{
	const char *const texts[] = {
		"[Route]\nRamp=10%:1s 20%:1s\n[Gate]\nMaxLatencyRatio=off\n", "[Route]\nRamp=\n"};
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	int r;

	(void)state;
	config = build_all(texts, 2, &r);
	assert_return_code(r, 0);
	assert_int_equal(config->ramp_count, 0);
	assert_int_equal(config->ramp[0].share, 0);
	assert_float_equal(config->gate.max_latency_ratio, 0, 0);
}

static void bad_values_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"App", "Strategy=blue"},
		{"App", "Protocol=udp"},
		{"Route", "Affinity=ip"},
		{"Route", "Ramp=0%:1s"},
		{"Route", "Ramp=100%:1s"},
		{"Route", "Ramp=10%:0"},
		{"Route", "Ramp=10%:25h"},
		{"Route", "Ramp=10%"},
		{"Route", "Ramp=10:1s"},
		{"Route", "Ramp=10%:1s 10%:1s"},
		{"Route", "Ramp=50%:1s 10%:1s"},
		{"Route", "Ramp=10%:infinity"},
		{"Route", "SlowStart=2h"},
		{"Release", "Directory=srv"},
		{"Release", "Directory=/srv/../etc"},
		{"Release", "Directory=/srv/./x"},
		{"Release", "Directory=/"},
		{"Release", "Keep=0"},
		{"Release", "Keep=1001"},
		{"Release", "Window=25h"},
		{"Release", "Source=https://example.org/x"},
		{"Release", "Source=https://example.org/{tag}/{tag}"},
		{"Release", "Source=https://{tag}.example.org/"},
		{"Release", "Source=ftp://example.org/{tag}"},
		{"Release", "Source=file://host/{tag}"},
		{"Release", "Source=https:///{tag}"},
		{"Release", "Source=https://e.org/a b{tag}"},
		{"Release", "Snapshot=/usr/share/notes usr/lib/notes"},
		{"Release", "Snapshot=/"},
		{"Upgrade", "Restart=perhaps"},
		{"Upgrade", "WatchPath=/srv/../etc"},
		{"Upgrade", "MaintenanceWindow=2-5"},
		{"Gate", "MaxErrorRate=1"},
		{"Gate", "MaxErrorRate=101%"},
		{"Gate", "MaxErrorRate=-1%"},
		{"Gate", "MaxErrorRate=.5%"},
		{"Gate", "MaxLatencyRatio=0.5"},
		{"Gate", "MaxLatencyRatio=1001"},
		{"Gate", "MaxLatencyRatio=inf"},
		{"Gate", "MaxLatencyRatio=2."},
		{"Gate", "MinRequests=0"},
		{"Gate", "MinRequests=1000001"},
		{"Gate", "Probation=25h"},
		{"Hooks", "BeforeRestart=app-x"},
		{"Hooks", "AfterDeploy=app-x@.service"},
		{"Hooks", "AfterDeploy=app-x/y.service"},
		{"Hooks", "AfterDeploy=.service"},
		{"Notify", "Url=file:///x"},
		{"Notify", "Url=http://"},
		{"Notify", "Url=example.org"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char text[200], sentence[300];

		snprintf(text, sizeof(text), "[%s]\n%s\n", bad[i][0], bad[i][1]);
		snprintf(sentence, sizeof(sentence), "a.conf:2: %s is not possible; it must be ",
			bad[i][1]);
		if (strncmp(refusal(text), sentence, strlen(sentence)) != 0)
			fail_msg("%s: %s", text, error);
	}
}

static void the_kernel_does_not_steer_yet(void **state)
{
	(void)state;
	assert_refused("[Route]\nSteering=kernel\n",
		"a.conf:2: Steering=kernel is not possible; it must be relay: this version cannot "
		"steer in the kernel");
}

static void a_source_needs_a_directory(void **state)
{
	const char *const texts[] = {"[App]\n\n[Release]\nSource=file:///x/{tag}\n", "[Hold]\n"};
	int r;

	(void)state;
	assert_null(build_all(texts, 2, &r));
	assert_string_equal(error,
		"a.conf:4: Source= is given without Directory=, so that a release has nowhere to "
		"go; say in [Release] Directory= where releases lie");
	config_free(build("[Release]\nSource=file:///x/{tag}\nDirectory=/srv\n"));
}

static void a_snapshot_needs_a_directory_and_no_source(void **state)
{
	struct config *config;

	(void)state;
	assert_refused("[Release]\nSnapshot=/usr/share/notes\n",
		"a.conf:2: Snapshot= is given without Directory=, so that a copy has nowhere to "
		"go; "
		"say in [Release] Directory= where releases lie");
	assert_refused(
		"[Release]\nDirectory=/srv\nSnapshot=/usr/share/notes\nSource=file:///{tag}\n",
		"a.conf:4: Snapshot= and Source= are both given; releases are either copied from "
		"what is installed here or fetched, so leave one of them out");
	config = build("[Release]\nDirectory=/srv\nSnapshot=/usr/share/notes /usr/lib/notes\n");
	assert_string_equal(config->release_snapshot[0], "/usr/share/notes");
	assert_string_equal(config->release_snapshot[1], "/usr/lib/notes");
	assert_null(config->release_snapshot[2]);
	config_free(config);
}

static void a_hook_is_named_after_its_app(void **state)
{
	static const char *const bad[] = {"shop-migrate.service", "app-bluegreen.service",
		"app-bluegreen-relay.service", "app.service", "application-x.service",
		"app@blue.service"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char text[200], sentence[300];

		snprintf(text, sizeof(text), "[Hooks]\nAfterDeploy=%s\n", bad[i]);
		snprintf(sentence, sizeof(sentence),
			"a.conf:2: AfterDeploy=%s is not possible; a hook's name must begin with "
			"app-, but not with app-bluegreen, and end in .service, like "
			"app-migrate.service",
			bad[i]);
		assert_refused(text, sentence);
	}
}

static void keys_that_exclude_each_other_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"tcp", "[Probe]\nWarmUp=/a"},
		{"none", "[Probe]\nWarmUp=/a"},
		{"tcp", "[Probe]\nExpectBody=x"},
		{"tcp", "[Probe]\nHost=x"},
		{"tcp", "[Route]\nAffinity=cookie"},
		{"none", "[Route]\nAffinity=cookie"},
		{"none", "[Route]\nAffinity=address"},
		{"none", "[Route]\nRamp=1%:1s"},
		{"none", "[Route]\nSlowStart=1s"},
		{"none", "[Route]\nAcceptProxyProtocol=yes"},
		{"none", "[Route]\nSendProxyProtocol=v1"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char text[200], sentence[100];

		snprintf(text, sizeof(text), "[App]\nProtocol=%s\n%s\n", bad[i][0], bad[i][1]);
		snprintf(sentence, sizeof(sentence), "[App] Protocol=%s exclude each other",
			bad[i][0]);
		if (strncmp(refusal(text), "a.conf:4: ", 10) != 0 || !strstr(error, sentence))
			fail_msg("%s: %s", text, error);
	}
	config_free(build("[App]\nProtocol=tcp\n[Route]\nAffinity=address\nRamp=1%:1s\n"));
}

static void strategies_and_protocols_have_names(void **state)
{
	(void)state;
	assert_string_equal(strategy_name(STRATEGY_FALLBACK), "fallback");
	assert_string_equal(strategy_name(STRATEGY_SWAP), "swap");
	assert_int_equal(strategy_from_name("swap"), STRATEGY_SWAP);
	assert_true(strategy_from_name("") < 0);
	assert_string_equal(protocol_name(PROTOCOL_HTTP), "http");
	assert_string_equal(protocol_name(PROTOCOL_TCP), "tcp");
	assert_string_equal(protocol_name(PROTOCOL_NONE), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_a_fallback_with_code_in_place),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(a_later_empty_ramp_is_none),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(the_kernel_does_not_steer_yet),
		cmocka_unit_test(a_source_needs_a_directory),
		cmocka_unit_test(a_snapshot_needs_a_directory_and_no_source),
		cmocka_unit_test(a_hook_is_named_after_its_app),
		cmocka_unit_test(keys_that_exclude_each_other_are_refused),
		cmocka_unit_test(strategies_and_protocols_have_names),
	};

	return cmocka_run_group_tests_name("config-release", tests, NULL, NULL);
}
