/* SPDX-License-Identifier: MIT */
/*
 * config-load.c: which files are read, in which order, and which are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config.h"

static char error[CONFIG_ERROR_MAX];

static int setup(void **state)
{
	char *dir = strdup("/tmp/test-config-XXXXXX");

	assert_non_null(mkdtemp(dir));
	*state = dir;
	return 0;
}

static const char *in(const char *dir, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *dir, const char *name, const char *content)
{
	FILE *file = fopen(in(dir, name), "we");

	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static int teardown(void **state)
{
	static const char *const names[] = {"app.conf", "app.conf.d/10-a.conf",
		"app.conf.d/9-b.conf", "app.conf.d/.hidden.conf", "app.conf.d/x.conf~",
		"app.conf.d/null.conf", "app.conf.d/fifo.conf"};
	char *dir = *state;

	for (size_t i = 0; i < ELEMENTS(names); i++)
		unlink(in(dir, names[i]));
	for (int i = 0; i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "app.conf.d/%02d.conf", i);
		unlink(in(dir, name));
	}
	rmdir(in(dir, "app.conf.d"));
	assert_return_code(rmdir(dir), errno);
	free(dir);
	return 0;
}

static void missing_files_are_defaults(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL, *other = NULL;

	assert_return_code(config_load(*state, "app", error, &config), 0);
	assert_int_equal(config->ports[COLOR_BLUE], 9000);
	assert_return_code(config_load("/nonexistent/x", "shop", error, &other), 0);
	assert_string_equal(other->app, "shop");
}

static void drop_ins_are_read_in_the_order_of_their_names(void **state)
{
	_cleanup_(cleanup_config_free) struct config *config = NULL;
	const char *dir = *state;

	put(dir, "app.conf", "[App]\nBluePort=1\n[Hold]\nRequests=1\n[Probe]\nRise=9\n");
	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	put(dir, "app.conf.d/10-a.conf", "[App]\nBluePort=2\n[Hold]\nRequests=2\n");
	put(dir, "app.conf.d/9-b.conf", "[App]\nBluePort=3\n");
	put(dir, "app.conf.d/.hidden.conf", "[App]\nBluePort=4\n");
	put(dir, "app.conf.d/x.conf~", "[App]\nBluePort=5\n");
	assert_return_code(symlink("/dev/null", in(dir, "app.conf.d/null.conf")), errno);
	assert_return_code(config_load(dir, "app", error, &config), 0);
	assert_int_equal(config->ports[COLOR_BLUE], 3);
	assert_int_equal(config->hold_requests, 2);
	assert_int_equal(config->probe.rise, 9);
}

static void error_names_the_file_it_is_in(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	put(dir, "app.conf", "[App]\nBluePort=1\n");
	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	put(dir, "app.conf.d/10-a.conf", "[App]\n\nBluePort=x\n");
	assert_int_equal(config_load(dir, "app", error, &config), -EINVAL);
	assert_null(config);
	snprintf(sentence, sizeof(sentence),
		"%s/app.conf.d/10-a.conf:3: BluePort=x is not possible; it must be a port from 1 "
		"to 65535",
		dir);
	assert_string_equal(error, sentence);
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	assert_return_code(mkfifo(in(dir, "app.conf.d/fifo.conf"), 0644), errno);
	assert_int_equal(config_load(dir, "app", error, &config), -EINVAL);
	snprintf(sentence, sizeof(sentence), "%s/app.conf.d/fifo.conf: is not a file; remove it",
		dir);
	assert_string_equal(error, sentence);
}

static void link_to_nothing_is_named(void **state)
{
	struct config *config = NULL;
	char sentence[300];
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	assert_return_code(symlink("/nonexistent/x", in(dir, "app.conf.d/null.conf")), errno);
	assert_int_equal(config_load(dir, "app", error, &config), -ENOENT);
	snprintf(sentence, sizeof(sentence),
		"%s/app.conf.d/null.conf: cannot be read: No such file or directory", dir);
	assert_string_equal(error, sentence);
}

static void file_that_is_too_long_is_refused(void **state)
{
	static char text[CONFIG_FILE_MAX + 2];
	struct config *config = NULL;
	const char *dir = *state;

	memset(text, '#', CONFIG_FILE_MAX);
	put(dir, "app.conf", text);
	assert_return_code(config_load(dir, "app", error, &config), 0);
	config = config_free(config);
	text[CONFIG_FILE_MAX] = '#';
	put(dir, "app.conf", text);
	assert_int_equal(config_load(dir, "app", error, &config), -EFBIG);
	assert_non_null(strstr(error, "/app.conf: is longer than 64 KiB; shorten it"));
}

static void too_many_files_are_refused(void **state)
{
	struct config *config = NULL;
	const char *dir = *state;

	assert_return_code(mkdir(in(dir, "app.conf.d"), 0755), errno);
	for (int i = 0; i < CONFIG_FILES_MAX; i++) {
		char name[64];

		snprintf(name, sizeof(name), "app.conf.d/%02d.conf", i);
		put(dir, name, "");
	}
	assert_return_code(config_load(dir, "app", error, &config), 0);
	config = config_free(config);
	put(dir, "app.conf", "");
	assert_int_equal(config_load(dir, "app", error, &config), -E2BIG);
	assert_non_null(strstr(error, "/app.conf.d/63.conf: is one file too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(missing_files_are_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(
			drop_ins_are_read_in_the_order_of_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(error_names_the_file_it_is_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_file_is_refused_and_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(link_to_nothing_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(file_that_is_too_long_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_files_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("config-load", tests, NULL, NULL);
}
