/* SPDX-License-Identifier: MIT */
/*
 * For the tests of release*.c: a directory for each test, and releases in it.
 */
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "release-tree.h"
#include "release.h"

/* Paths live until the test has ended. */
static char *paths[32768];
static size_t path_count;

static inline const char *in(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(path_count < ELEMENTS(paths));
	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return paths[path_count++] = path;
}

#ifndef STAND_TEMPLATE
#define STAND_TEMPLATE "/tmp/test-release-XXXXXX"
#endif

static inline int setup(void **state)
{
	char *dir = strdup(STAND_TEMPLATE);

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	assert_return_code(chmod(dir, 0755), errno);
	*state = dir;
	return 0;
}

static inline int teardown(void **state)
{
	char where[256];

	assert_return_code(tree_remove(AT_FDCWD, *state, where, sizeof(where)), 0);
	free(*state);
	while (path_count > 0)
		free(paths[--path_count]);
	return 0;
}

static inline void make_file(const char *dir, const char *name)
{
	assert_return_code(file_write_atomic(dir, name, "content\n", 0644), 0);
}

/* With a file, a directory and a link in it; `age` in seconds. */
static inline void make_release(const char *dir, const char *tag, int age)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};

	assert_return_code(mkdir(in(dir, tag), 0755), errno);
	assert_return_code(mkdir(in(in(dir, tag), "lib"), 0755), errno);
	make_file(in(dir, tag), "app.py");
	make_file(in(in(dir, tag), "lib"), "deep.py");
	assert_return_code(symlink("/etc", in(in(dir, tag), "etc")), errno);
	assert_return_code(utimensat(AT_FDCWD, in(dir, tag), times, 0), errno);
}

static inline bool there(const char *dir, const char *name)
{
	struct stat st;

	return lstat(in(dir, name), &st) == 0;
}

#define stand_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
