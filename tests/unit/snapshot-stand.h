/* SPDX-License-Identifier: MIT */
/*
 * For the tests of snapshot*.c: code in two directories, a dpkg of the test's own, and a copy that
 * is waited for.
 */
#pragma once

#include <fcntl.h>

#include "dpkg-lock.h"
#include "dpkg-state.h"
/* A copy waits until the disk has it, and this machine's may be busy. */
#define STAND_TEMPLATE "/dev/shm/test-snapshot-XXXXXX"
#include "release-stand.h"
#include "snapshot-manifest.h"
#include "snapshot.h"

static unsigned int locked; /* so often dpkg is at work when it is asked */
static bool unfinished;

bool dpkg_is_locked(struct dpkg_holder *ret_holder)
{
	if (locked == 0)
		return false;
	locked--;
	*ret_holder = (struct dpkg_holder){.pid = 77, .name = "apt-get"};
	return true;
}

bool dpkg_is_unfinished(
	const char *root, const char *const *of, struct dpkg_unfinished *ret_unfinished)
{
	(void)root;
	(void)of;
	if (unfinished)
		*ret_unfinished = (struct dpkg_unfinished){"notes", "half-installed"};
	return unfinished;
}

struct made {
	sd_event *event;
	enum snapshot_result result;
	int told;
	char tag[RELEASE_TAG_MAX], text[RELEASE_REASON_MAX];
	char described[RELEASE_REASON_MAX];
};

static inline void on_made(
	void *owner, enum snapshot_result result, const char *tag, const char *text)
{
	struct made *made = owner;

	made->result = result;
	made->told++;
	snprintf(made->tag, sizeof(made->tag), "%s", tag);
	snprintf(made->text, sizeof(made->text), "%s", text);
	sd_event_exit(made->event, 0);
}

/* Of DIR/code and DIR/lib into DIR/releases. */
static inline const char *const *code_of(const char *dir)
{
	static const char *paths_of[3];

	paths_of[0] = in(dir, "code");
	paths_of[1] = in(dir, "lib");
	paths_of[2] = NULL;
	return paths_of;
}

static inline struct made snapshot(const char *dir)
{
	_cleanup_(cleanup_snapshot_end) struct snapshot *begun = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct snapshot_order order = {.directory = in(dir, "releases"),
		.paths = code_of(dir),
		.wait_usec = 3 * USEC_PER_SEC};
	struct made made = {0};

	assert_return_code(sd_event_new(&event), 0);
	made.event = event;
	assert_return_code(snapshot_begin(event, &order, on_made, &made, &begun), 0);
	assert_int_equal(made.told, 0);
	if (locked > 0)
		snapshot_describe(begun, made.described, sizeof(made.described));
	assert_return_code(sd_event_loop(event), 0);
	assert_int_equal(made.told, 1);
	return made;
}

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void code_make(const char *dir)
{
	assert_return_code(mkdir(in(dir, "code"), 0755), errno);
	assert_return_code(mkdir(in(dir, "code/views"), 0755), errno);
	assert_return_code(mkdir(in(dir, "lib"), 0755), errno);
	put(in(dir, "code/app.py"), "import views\n");
	put(in(dir, "code/views/__init__.py"), "");
	put(in(dir, "lib/core.py"), "version = 1\n");
	locked = 0;
	unfinished = false;
}

/* The path of a file in the copy. */
static inline const char *copied(const char *dir, const struct made *made, const char *name)
{
	return in(in(in(dir, "releases"), made->tag), in(dir, name) + 1);
}

static inline bool has(const char *path, const char *wanted)
{
	_cleanup_free_ char *text = NULL;

	return file_read(path, 65536, &text, NULL) >= 0 && strcmp(text, wanted) == 0;
}

static inline enum snapshot_state state_of(const char *dir, char path[static PATH_MAX])
{
	struct snapshot_comparison comparison;
	char reason[RELEASE_REASON_MAX] = "";

	assert_return_code(
		snapshot_compare(in(dir, "releases"), code_of(dir), &comparison, reason), 0);
	snprintf(path, PATH_MAX, "%s", comparison.path);
	return comparison.state;
}

static inline size_t entries_of(const char *dir)
{
	struct release *releases = NULL;
	size_t count = 0;

	assert_return_code(release_list(dir, &releases, &count), 0);
	free(releases);
	return count;
}
