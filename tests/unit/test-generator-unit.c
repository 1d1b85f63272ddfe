/* SPDX-License-Identifier: MIT */
/*
 * generator-unit.c: on the units that are shipped, as they are in units/.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "generator-unit.h"

#define SHIPPED_DIR "units"
#define OTHER	    "shop"

/* Where a line may say app-bluegreen of any application: the package, its user, its pages. */
static const char *const stays[] = {
	"SourcePath=" SHIPPED_DIR "/app-bluegreen",
	"SourcePath=" SHIPPED_DIR "/app-primary",
	"=app-bluegreen\n",
	"--app " OTHER,
	"man:app-bluegreen(7)",
	"man:app-bluegreen.conf(5)",
	"/usr/libexec/app-bluegreen",
	"/run/app-bluegreen/" OTHER,
	"/var/lib/app-bluegreen/" OTHER,
	"Directory=app-bluegreen/" OTHER,
};

/* Units that are of the host and of no application. */
static const char *const of_the_host[] = {"app-bluegreen-recheck"};

static char *shipped_read(const char *name)
{
	char path[512];
	char *text;

	snprintf(path, sizeof(path), "%s/%s", SHIPPED_DIR, name);
	assert_int_equal(file_read(path, UNIT_TEXT_MAX, &text, NULL), 0);
	return text;
}

/* Blanks what may stay. */
static void cover(char *text, const char *what)
{
	for (char *p = strstr(text, what); p; p = strstr(p, what))
		memset(p, '.', strlen(what));
}

static void cover_comments(char *text)
{
	for (char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (*p == '#')
			memset(p, '.', strcspn(p, "\n"));
	}
}

/* The name as a word of its own, or as the beginning of one that is put together of it. */
static const char *name_find(const char *text)
{
	for (const char *p = strstr(text, "app"); p; p = strstr(p + 1, "app")) {
		bool begins = p == text || strchr(" =/-\n@+:", p[-1]);
		bool ends = strchr(" -@/.\n,\"'", p[3]) || p[3] == '\0';

		if (begins && ends)
			return p;
	}
	return NULL;
}

static void derive(const struct unit_shipped *unit, char **ret_text, char **ret_wanted_by)
{
	char name[UNIT_NAME_MAX], path[512];
	_cleanup_free_ char *text = NULL;

	unit_name(unit, "app", name);
	text = shipped_read(name);
	snprintf(path, sizeof(path), "%s/%s", SHIPPED_DIR, name);
	assert_int_equal(unit_derive(unit, OTHER, path, text, ret_text, ret_wanted_by), 0);
}

static void no_name_of_the_shipped_app_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < units_shipped_count; i++) {
		_cleanup_free_ char *text = NULL, *wanted_by = NULL;
		const char *left;

		derive(&units_shipped[i], &text, &wanted_by);
		cover_comments(text);
		for (size_t j = 0; j < ELEMENTS(stays); j++)
			cover(text, stays[j]);
		left = name_find(text);
		if (left)
			fail_msg("%s%s%s still says: %.60s", units_shipped[i].before, OTHER,
				units_shipped[i].after, left);
		assert_non_null(strstr(text, OTHER));
	}
}

/* The search above finds something in what is shipped. */
static void the_shipped_units_name_their_app(void **state)
{
	(void)state;
	for (size_t i = 0; i < units_shipped_count; i++) {
		_cleanup_free_ char *text = NULL;
		char name[UNIT_NAME_MAX];

		unit_name(&units_shipped[i], "app", name);
		text = shipped_read(name);
		cover_comments(text);
		for (size_t j = 0; j < ELEMENTS(stays); j++)
			cover(text, stays[j]);
		assert_non_null(name_find(text));
	}
}

/* Who ships another unit says here whether each application has one. */
static void every_shipped_unit_is_an_apps_or_the_hosts(void **state)
{
	DIR *directory = opendir(SHIPPED_DIR);
	struct dirent *entry;

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		const char *name = entry->d_name, *kind = strrchr(name, '.');
		char own[UNIT_NAME_MAX];
		bool known = false;

		if (!kind || (strcmp(kind, ".service") && strcmp(kind, ".socket") &&
				     strcmp(kind, ".target") && strcmp(kind, ".timer")))
			continue;
		for (size_t i = 0; i < units_shipped_count; i++) {
			unit_name(&units_shipped[i], "app", own);
			known |= strcmp(own, name) == 0;
		}
		for (size_t i = 0; i < ELEMENTS(of_the_host); i++)
			known |= strncmp(name, of_the_host[i], strlen(of_the_host[i])) == 0;
		/* Its own, of each application: `bluegreenctl new' writes it. */
		known |= strcmp(name, "app@.service") == 0;
		if (!known)
			fail_msg("the generator knows nothing of %s/%s", SHIPPED_DIR, name);
	}
	closedir(directory);
}

static void what_is_shipped_for_one_app_alone_is_left_out(void **state)
{
	_cleanup_free_ char *text = NULL, *wanted_by = NULL;

	(void)state;
	derive(&units_shipped[0], &text, &wanted_by);
	assert_null(strstr(text, "ListenStream="));
	assert_non_null(strstr(text, "\nFileDescriptorName=public\n"));
	assert_null(strstr(text, "[Install]"));
	assert_null(strstr(text, "WantedBy="));
	assert_string_equal(wanted_by, "sockets.target ");
}

static void wanted_units_are_told_apart(void **state)
{
	static const char shipped[] = "[Unit]\nDescription=x\n[Install]\n# why\n"
				      "WantedBy=a.target b.target\nWantedBy=c.target\n";
	_cleanup_free_ char *text = NULL, *wanted_by = NULL;

	(void)state;
	assert_int_equal(
		unit_derive(&units_shipped[1], OTHER, "/x", shipped, &text, &wanted_by), 0);
	assert_string_equal(wanted_by, "a.target b.target c.target ");
	assert_non_null(strstr(text, "\n[Unit]\nSourcePath=/x\nDescription=x\n"));
}

static char *replace(const char *text)
{
	static char replaced[512];
	FILE *file;

	memset(replaced, 0, sizeof(replaced));
	file = fmemopen(replaced, sizeof(replaced), "w");

	assert_non_null(file);
	unit_names_replace(text, strlen(text), OTHER, file);
	fclose(file);
	return replaced;
}

static void names_are_replaced_where_they_are_the_apps(void **state)
{
	static const struct {
		const char *shipped, *replaced;
	} places[] = {
		{"After=app-bluegreen.socket app-bluegreen-control.socket network.target",
			"After=shop-bluegreen.socket shop-bluegreen-control.socket network.target"},
		{"PropagatesStopTo=app@blue.service app@green.service app-primary.target",
			"PropagatesStopTo=shop@blue.service shop@green.service "
			"shop-primary.target"},
		{"ExecStart=/usr/libexec/app-bluegreen/supervisor app",
			"ExecStart=/usr/libexec/app-bluegreen/supervisor shop"},
		{"ExecReload=/usr/bin/bluegreenctl --app app reload",
			"ExecReload=/usr/bin/bluegreenctl --app shop reload"},
		{"EnvironmentFile=-/run/app-bluegreen/app/%i.env",
			"EnvironmentFile=-/run/app-bluegreen/shop/%i.env"},
		{"Description=app, the %i instance", "Description=shop, the %i instance"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(places); i++)
		assert_string_equal(replace(places[i].shipped), places[i].replaced);
}

static void names_that_only_begin_alike_stay(void **state)
{
	static const char *const lines[] = {
		"User=app-bluegreen",
		"Documentation=man:app-bluegreen(7)",
		"ExecPaths=/usr/libexec/app-bluegreen /usr/lib",
		"After=myapp-bluegreen.service",
		"After=app-bluegreen.services",
		"After=app-bluegreen-recheck.service",
		"ReadOnlyPaths=/run/app-bluegreen/apple /etc/app-bluegreen/app.config",
		"ExecStart=/opt/app@blue.service",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		assert_string_equal(replace(lines[i]), lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_name_of_the_shipped_app_is_left),
		cmocka_unit_test(the_shipped_units_name_their_app),
		cmocka_unit_test(every_shipped_unit_is_an_apps_or_the_hosts),
		cmocka_unit_test(what_is_shipped_for_one_app_alone_is_left_out),
		cmocka_unit_test(wanted_units_are_told_apart),
		cmocka_unit_test(names_are_replaced_where_they_are_the_apps),
		cmocka_unit_test(names_that_only_begin_alike_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
