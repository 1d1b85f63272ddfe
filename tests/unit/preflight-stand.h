/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the preflight: what it looks at. The colors, the relay, systemd and the disk are
 * the test's own; control groups and /proc are a directory.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup.h"
#include "listener.h"
#include "preflight.h"
#include "release.h"
#include "snapshot.h"

struct instances {
	struct instance of[COLOR_COUNT];
};

static char dir[] = "/tmp/test-preflight-XXXXXX";
static struct instances instances;
static struct config config;
static struct stage stage;
static bool relay_answers;
static uint16_t squatted; /* the port that a stranger has */
static struct unit_status hook;
static bool hook_known;
static manager_unit_fn hook_changed;
static void *hook_owner;
static unsigned pokes;
static int release_answer, snapshot_answer;
static struct release_reader reader;
static gid_t reader_gids[8];
static const char *full; /* the path whose disk is `room` */
static struct statvfs room;
static struct preflight_finding findings[PREFLIGHT_MAX];
static size_t count;

const struct instance *instances_get(const struct instances *all, enum color color)
{
	return &all->of[color];
}

bool steer_is_connected(const struct steer *steer)
{
	(void)steer;
	return relay_answers;
}

enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size)
{
	(void)sockdiag;
	(void)control_group;
	if (port != squatted)
		return LISTENER_OURS;
	snprintf(sentence, size, "port %u is held by pid 1234 (nginx)", port);
	return LISTENER_STRANGER;
}

const struct unit_status *manager_unit_look(
	struct manager *manager, const char *unit, manager_unit_fn changed, void *owner)
{
	(void)manager;
	assert_true(strncmp(unit, "app-", 4) == 0);
	hook_changed = changed;
	hook_owner = owner;
	return hook_known ? &hook : NULL;
}

bool release_tag_valid(const char *tag)
{
	return strspn(tag, "v0123456789.") == strlen(tag);
}

int release_check(const char *directory, const char *tag, const struct release_reader *who,
	char reason[static RELEASE_REASON_MAX])
{
	reader = *who;
	for (size_t i = 0; i < who->gid_count && i < ELEMENTS(reader_gids); i++)
		reader_gids[i] = who->gids[i];
	snprintf(reason, RELEASE_REASON_MAX, "%s/%s cannot be read; make it so", directory, tag);
	return release_answer;
}

int snapshot_check(
	const char *directory, const char *const *paths, char reason[static RELEASE_REASON_MAX])
{
	snprintf(reason, RELEASE_REASON_MAX, "%s cannot be copied into %s; make it so", paths[0],
		directory);
	return snapshot_answer;
}

int statvfs(const char *path, struct statvfs *ret_disk)
{
	if (strncmp(path, dir, strlen(dir)) != 0) {
		errno = ENOENT;
		return -1;
	}
	*ret_disk = (struct statvfs){.f_bavail = 100000, .f_frsize = 4096};
	if (full && strcmp(path, full) == 0)
		*ret_disk = room;
	return 0;
}

static void on_poke(void *owner)
{
	(void)owner;
	pokes++;
}

static void on_told(void *owner, const char *unit, const struct unit_status *status)
{
	(void)unit;
	(void)status;
	on_poke(owner);
}

static const struct preflight_finding *finding(const char *subject)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(findings[i].subject, subject) == 0)
			return &findings[i];
	return NULL;
}

static void look(const char *release)
{
	memset(findings, 0xff, sizeof(findings));
	count = preflight_look(&stage, release, findings);
}

static enum preflight_answer answer_of(const char *subject)
{
	look("");
	assert_non_null(finding(subject));
	return finding(subject)->answer;
}

static void assert_refuses(const char *subject, const char *what, const char *fix)
{
	const struct preflight_finding *found = finding(subject);

	assert_non_null(found);
	assert_int_equal(found->answer, PREFLIGHT_REFUSES);
	if (!strstr(found->text, what) || !strstr(found->text, fix))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", found->text, what, fix);
}

static void set_health(enum color color, enum health health)
{
	struct instance *instance = &instances.of[color];

	instance->verdict.health = health;
	instance->probed = true;
	snprintf(instance->answer.reason, sizeof(instance->answer.reason), "%s answered so",
		color_name(color));
}

static void put(const char *name, const char *content)
{
	assert_int_equal(file_write_atomic(dir, name, content, 0600), 0);
}

static int drop(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int begin(void **state)
{
	(void)state;
	config = (struct config){.app = "app", .ports = {9000, 9001}};
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		struct instance *instance = &instances.of[color];

		*instance = (struct instance){
			.color = color, .port = config.ports[color], .known = true};
		snprintf(instance->unit, sizeof(instance->unit), "app@%s.service",
			color_name(color));
		instance->status = (struct unit_status){.activity = UNIT_ACTIVE, .loaded = true};
		snprintf(instance->status.control_group, sizeof(instance->status.control_group),
			"/%s", color_name(color));
		set_health(color, HEALTH_HEALTHY);
	}
	stage = (struct stage){.config = &config,
		.instances = &instances,
		.state_dir = dir,
		.primary = COLOR_BLUE,
		.release = "",
		.poke = on_poke,
		.told = on_told};
	relay_answers = true;
	squatted = 0;
	hook = (struct unit_status){.loaded = true};
	hook_known = true;
	pokes = 0;
	release_answer = snapshot_answer = 0;
	full = NULL;
	put("meminfo", "MemAvailable: 102400 kB\n");
	return drop("memory");
}

static int make(void **state)
{
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/green", dir);
	cgroup_root_given = cgroup_proc_given = dir;
	if (mkdir(path, 0700) < 0)
		return -1;
	return file_write_atomic(path, "memory.current", "52428800\n", 0600);
}

static int end(void **state)
{
	static const char *const names[] = {"meminfo", "memory", "green/memory.current", "green"};
	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (drop(names[i]) < 0)
			return -1;
	return rmdir(dir);
}
