/* SPDX-License-Identifier: MIT */
/*
 * ctl-screen-cycle.c and ctl-screen-status.c: what people see of an upgrade and of what is
 * outdated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl-screen.h"

static const struct ctl ctl = {.app = "shop", .sha256 = ""};

#define FILES                                                                                      \
	"[{\"color\":\"blue\",\"path\":\"/usr/lib/libx.so.1\",\"package\":\"libx1\"},"             \
	"{\"color\":\"blue\",\"path\":\"/srv/main.py\",\"package\":\"\"},"                         \
	"{\"color\":\"green\",\"path\":\"/usr/lib/libx.so.1\",\"package\":\"libx1\"}]"

/* What is printed of the JSON; the caller frees. */
static char *print(void (*screen)(const struct ctl *ctl, const json_t *value), const char *json)
{
	json_t *value = json_loads(json, 0, NULL);
	char *text = calloc(1, 65536);
	FILE *file = tmpfile();
	int before;

	assert_non_null(value);
	assert_non_null(file);
	fflush(stdout);
	before = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	screen(&ctl, value);
	fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	close(before);
	rewind(file);
	(void)!fread(text, 1, 65535, file);
	fclose(file);
	json_decref(value);
	return text;
}

static void assert_shown(void (*screen)(const struct ctl *ctl, const json_t *value),
	const char *json, const char *what)
{
	char *text = print(screen, json);

	if (!strstr(text, what))
		fail_msg("\"%s\" is not in:\n%s", what, text);
	free(text);
}

static void a_cycle_shows_each_replaced_file_once(void **state)
{
	(void)state;
	assert_shown(screen_cycle,
		"{\"id\":\"0123456789\",\"verb\":\"upgrade\",\"cause\":\"libx1: "
		"/usr\",\"causes\":" FILES "}",
		"  cause   both   /usr/lib/libx.so.1 (libx1)\n          blue   /srv/main.py\n");
	/* Of one whose supervisor was killed the sentence is left. */
	assert_shown(screen_cycle, "{\"verb\":\"upgrade\",\"cause\":\"libx1: /usr/lib/libx.so.1\"}",
		"  cause   libx1: /usr/lib/libx.so.1\n");
}

static void the_history_has_the_sentence(void **state)
{
	(void)state;
	assert_shown(screen_history,
		"[{\"id\":\"0123456789\",\"verb\":\"upgrade\",\"outcome\":\"succeeded\",\"ended\":"
		"1,"
		"\"cause\":\"libx1: /usr/lib/libx.so.1, and 1 more file\"}]",
		"\n          for libx1: /usr/lib/libx.so.1, and 1 more file\n");
}

static void the_status_says_what_is_outdated_and_when_that_ends(void **state)
{
	char *text;

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_shown(screen_status,
		"{\"app\":\"shop\",\"outdated\":{\"due\":1763776800,\"files\":" FILES "}}",
		"stale   installed files were replaced; a cycle restarts both colors at 2025-11-22 "
		"02:00:\n          both   /usr/lib/libx.so.1 (libx1)\n          blue   "
		"/srv/main.py\n");
	assert_shown(screen_status, "{\"app\":\"shop\",\"outdated\":{\"files\":" FILES "}}",
		"installed files were replaced; `bluegreenctl --app shop reload' restarts both "
		"colors:\n");
	text = print(screen_status, "{\"app\":\"shop\"}");
	assert_null(strstr(text, "stale"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cycle_shows_each_replaced_file_once),
		cmocka_unit_test(the_history_has_the_sentence),
		cmocka_unit_test(the_status_says_what_is_outdated_and_when_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
