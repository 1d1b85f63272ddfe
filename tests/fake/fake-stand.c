/* SPDX-License-Identifier: MIT */
/*
 * Knows how a supervisor is opened, dies, and comes back.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fake-event.h"
#include "stand.h"

#define BACK_USEC (150 * WORLD_MSEC)

static char dir[] = "/dev/shm/bluegreen-stand-XXXXXX";
static bool dir_made;
static sd_event *event;
static struct app *app;
static char outcome[32];
static unsigned finished;

static void on_finished(void *owner, const struct record *record, const char *word)
{
	(void)owner;
	(void)record;
	if (world.dead)
		return;
	snprintf(outcome, sizeof(outcome), "%s", word);
	finished++;
}

static void on_back(void *owner, unsigned number)
{
	(void)owner;
	(void)number;
	stand_open();
}

static void bury(void)
{
	app = app_close(app);
	world.dead = false;
	world.crashes++;
	fake_event_later(BACK_USEC, on_back, NULL, 0);
}

void stand_configure(const char *config)
{
	static char written[4096];

	if (strcmp(config, written) == 0)
		return;
	snprintf(written, sizeof(written), "%s", config);
	assert(file_write_atomic(dir, "app.conf", config, 0600) == 0);
}

static void dir_remove(void)
{
	static const char *const names[] = {"app.conf", "hook.env"};
	char path[128];

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

/* What the file says that the supervisor has written; without one, as at the very first start. */
static enum role role_of(enum color color)
{
	if (world.told[color])
		return world.parts[color].role;
	return color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK;
}

void stand_release(const char *tag)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		world.told[color] = true;
		world.parts[color] = (struct environment_part){
			.port = color == COLOR_BLUE ? 9000 : 9001,
			.role = color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK,
		};
		snprintf(world.parts[color].release, sizeof(world.parts[color].release), "%s", tag);
		snprintf(world.links[color], sizeof(world.links[color]), "%s", tag);
	}
}

void stand_begin(const char *config)
{
	if (!dir_made) {
		assert(mkdtemp(dir));
		dir_made = true;
		atexit(dir_remove);
	}
	stand_configure(config);
	event = fake_event_new();
	outcome[0] = '\0';
	finished = 0;
	world_begin();
	world.role = role_of;
}

void stand_open(void)
{
	const struct app_dirs dirs = {dir, dir, dir};
	static const struct app_events events = {.finished = on_finished};
	char error[APP_ERROR_MAX];
	int r;

	r = app_open(event, "app", &dirs, error, &app);
	if (r < 0)
		fprintf(stderr, "# app_open: %s\n", error);
	assert(r >= 0);
	app_on_event(app, &events, NULL);
}

void stand_end(void)
{
	world_end();
	app = app_close(app);
	event = sd_event_unref(event);
}

static bool step(uint64_t until)
{
	bool more = fake_event_step(event, until);

	if (world.dead)
		bury();
	if (more && world.watch)
		world.watch();
	return more;
}

void stand_run(uint64_t usec)
{
	uint64_t until = fake_event_now() + usec;

	while (step(until))
		;
	fake_event_run(event, until - fake_event_now());
}

void stand_run_cycle(uint64_t usec)
{
	uint64_t until = fake_event_now() + usec;
	unsigned before = finished;

	while (finished == before && step(until))
		;
}

struct app *stand_app(void)
{
	return app;
}

void stand_view(struct app_view *ret_view)
{
	assert(app);
	app_look(app, ret_view);
}

static const struct app_asker root = {.uid = 0, .pid = 1, .name = "root"};
static char error[APP_ERROR_MAX];

const char *stand_deploy_release(const char *tag)
{
	static char id[RECORD_ID_MAX];
	const struct app_order order = {
		.verb = *tag ? "deploy" : "reload", .release = tag, .sha256 = ""};

	assert(app && app_deploy(app, &root, &order, id, error) == 0);
	return id;
}

const char *stand_deploy(void)
{
	return stand_deploy_release("");
}

int stand_abort(void)
{
	char id[RECORD_ID_MAX];

	return app_abort(app, &root, id, error);
}

int stand_rollback(const char *tag)
{
	char id[RECORD_ID_MAX];

	return app_rollback(app, &root, tag, id, error);
}

const char *stand_error(void)
{
	return error;
}

const char *stand_outcome(void)
{
	return outcome;
}

unsigned stand_finished(void)
{
	return finished;
}
