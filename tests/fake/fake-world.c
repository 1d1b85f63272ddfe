/* SPDX-License-Identifier: MIT */
/*
 * Knows processes, choices and death; what the seams make of them is in the fakes beside it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fake-event.h"
#include "world.h"

#define PLACES_MAX   65536
#define RESTART_USEC (1 * WORLD_SEC) /* RestartSec= */
#define EXIT_USEC    (100 * WORLD_MSEC)
#define VISIT_USEC   (1 * WORLD_MSEC)

struct world world;

static struct {
	const char *name;
	unsigned alternatives;
	uint64_t state;
} places[PLACES_MAX];
static size_t place_count;

static struct {
	size_t place;
	unsigned alternative;
} deviations[WORLD_DEVIATIONS_MAX];
static size_t deviation_count;

unsigned world_choose(const char *what, unsigned alternatives)
{
	size_t place = place_count++;

	assert(place < PLACES_MAX);
	places[place].name = what;
	places[place].alternatives = alternatives;
	places[place].state = world.state ? world.state() : 0;
	for (size_t i = 0; i < deviation_count; i++)
		if (deviations[i].place == place && deviations[i].alternative < alternatives)
			return deviations[i].alternative;
	return 0;
}

void world_deviate(size_t place, unsigned alternative)
{
	assert(deviation_count < WORLD_DEVIATIONS_MAX);
	deviations[deviation_count].place = place;
	deviations[deviation_count++].alternative = alternative;
}

static void on_visit(void *owner, unsigned visitor)
{
	(void)owner;
	if (world.visit)
		world.visit(visitor);
}

void world_visit(void)
{
	unsigned visitor = world.visit ? world_choose("visit", world.visitors) : 0;

	if (visitor > 0)
		fake_event_later(VISIT_USEC, on_visit, NULL, visitor);
}

size_t world_places(void)
{
	return place_count;
}

const char *world_place_name(size_t place)
{
	return places[place].name;
}

unsigned world_place_alternatives(size_t place)
{
	return places[place].alternatives;
}

uint64_t world_place_state(size_t place)
{
	return places[place].state;
}

void world_kill(void)
{
	world.dead = true;
}

bool world_is_well(enum color color)
{
	const struct world_process *process = &world.processes[color];

	return process->running && process->listening && process->mood == MOOD_WELL;
}

static void process_follow(enum color color)
{
	struct world_process *process = &world.processes[color];

	if (!world_is_well(color))
		process->well_since_usec = 0;
	else if (process->well_since_usec == 0)
		process->well_since_usec = fake_event_now();
}

static void on_up(void *owner, unsigned number)
{
	struct world_process *process = owner;
	enum color color = (enum color)(process - world.processes);

	if (process->generation != number)
		return;
	process->listening = true;
	process_follow(color);
}

static void on_exit_by_itself(void *owner, unsigned number)
{
	struct world_process *process = owner;

	if (process->generation == number)
		world_crash((enum color)(process - world.processes));
}

void world_start(enum color color)
{
	struct world_process *process = &world.processes[color];

	process->generation++;
	process->running = true;
	process->listening = false;
	process->stopped = false;
	process->code = *world.links[color] ? atoi(world.links[color] + 1) : world.code;
	/* What was there before is well; it is the new code that may not be. */
	process->mood = *world.links[color] && process->code == 1 ? MOOD_WELL : world.code_mood;
	if (world.role)
		process->role = world.role(color);
	process->invocation++;
	process->started_usec = fake_event_now();
	process_follow(color);
	if (process->mood == MOOD_EXITS)
		fake_event_later(EXIT_USEC, on_exit_by_itself, process, process->generation);
	else
		fake_event_later(world.start_usec, on_up, process, process->generation);
	fake_manager_tell(color);
}

static void on_systemd_restart(void *owner, unsigned number)
{
	struct world_process *process = owner;

	if (process->generation != number || process->stopped)
		return;
	process->restarts++;
	world_start((enum color)(process - world.processes));
}

static void process_down(enum color color)
{
	struct world_process *process = &world.processes[color];

	process->generation++;
	process->running = process->listening = false;
	process_follow(color);
}

void world_stop(enum color color)
{
	process_down(color);
	world.processes[color].stopped = true;
	fake_manager_tell(color);
}

void world_crash(enum color color)
{
	struct world_process *process = &world.processes[color];

	process_down(color);
	fake_event_later(RESTART_USEC, on_systemd_restart, process, process->generation);
	fake_manager_tell(color);
}

void world_close(enum color color)
{
	world.processes[color].generation++;
	world.processes[color].listening = false;
	process_follow(color);
}

void world_set_mood(enum color color, enum mood mood)
{
	world.processes[color].mood = mood;
	process_follow(color);
}

void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	place_count = deviation_count = 0;
	world.code = 1;
	world.start_usec = 3 * WORLD_SEC;
	world.relay_up = true;
	world.route = route_held();
	for (enum color color = 0; color < COLOR_COUNT; color++)
		world.processes[color] = (struct world_process){.running = true,
			.listening = true,
			.code = 1,
			.invocation = 1,
			.role = color == COLOR_BLUE ? ROLE_PRIMARY : ROLE_FALLBACK,
			.well_since_usec = fake_event_now()};
	fake_report_reset();
}

void world_end(void)
{
	world.watch = NULL;
	world.restarting = NULL;
	world.role = NULL;
	world.hook = NULL;
	world.visit = NULL;
	world.state = NULL;
}
