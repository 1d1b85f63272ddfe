/* SPDX-License-Identifier: MIT */
/*
 * The engine and the real tables above the fakes, explored. Everything that the supervisor asks of
 * the world is a place where something can go wrong, or where somebody can come by. Each scene
 * below is lived once without a fault; then with every fault at every of its places; then with two
 * faults, the second at each place after the first that the first has led to.
 *
 * EXPLORE_PAIRS=N: of all second faults that meet a state in which that fault was not tried yet,
 * every Nth is. EXPLORE_PAIRS=all: all second faults, whatever state they meet.
 * EXPLORE_SCENE=NAME: only this one. EXPLORE_LIFE=PLACE:ALTERNATIVE,... WORLD_VERBOSE=1: and in it
 * one life, told in full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fake/fake-event.h"
#include "../fake/judge.h"
#include "../fake/stand.h"
#include "base/fd.h"

/* A plain build has a minute on two slow cores, one with sanitizers is five times as slow. */
#ifdef __SANITIZE_ADDRESS__
#define PAIRS_DEFAULT 400
#define SINGLES_EVERY 5
#else
#define PAIRS_DEFAULT 40
#define SINGLES_EVERY 1
#endif

#define WORKERS	     2
#define TOLD_MAX     40 /* lives that broke something, a worker */
#define HORIZON_USEC (900 * WORLD_SEC)
/* So long nothing has happened: what is to come, comes by itself (a flapping color is relied on
 * again, a full disk is tried again). */
#define QUIET_USEC   (12 * WORLD_SEC)

#define PROBES                                                                                     \
	"[Probe]\nInterval=500ms\nTimeout=1s\nStartTimeout=20s\nSoak=1s\nWarmUp=/warm\n"           \
	"[Hold]\nLimit=8s\n[Drain]\nRequests=2s\nStreams=4s\n[Gate]\nProbation=2s\n"
#define RELEASES PROBES "[Release]\nDirectory=/srv/releases\nWindow=3s\n"
#define IN_PLACE PROBES "[Release]\nWindow=3s\n"
#define SWAP	 "[App]\nStrategy=swap\n"
#define MORE                                                                                       \
	"[Hooks]\nBeforeRestart=app-migrate.service\nAfterDeploy=app-tell.service\n"               \
	"[Route]\nRamp=10%:1s 50%:1s\n"
#define COPIED RELEASES "Snapshot=/usr/share/notes\n"
#define SOURCE "Source=http://build.example/app-{tag}.tar\n"

enum visitor {
	VISITOR_NOBODY,
	VISITOR_ABORTS,
	VISITOR_DEPLOYS, /* a third version */
	VISITOR_RELOADS,
	VISITOR_ROLLS_BACK,
	/* From here on: those after whom a life cannot be judged strictly. */
	VISITOR_STOPS_BLUE,
	VISITOR_STOPS_GREEN,
	VISITOR_RESTARTS_BLUE,
	VISITOR_RESTARTS_GREEN,
	VISITOR_CRASHES_BLUE,
	VISITOR_CRASHES_GREEN,
	VISITOR_SPOILS, /* the second version's answers under traffic */
	VISITOR_COUNT,
};

struct scene {
	const char *name;
	const char *config;
	bool releases;
	bool pass;
	bool copied;	       /* releases are made of what is in place */
	bool sick;	       /* from the beginning: not everything can be made good */
	void (*before)(void);  /* the supervisor opens */
	void (*between)(void); /* its start and the deployment */
};

static void code_errors(void)
{
	world.code_mood = MOOD_ERRORS;
}

static void code_exits(void)
{
	world.code_mood = MOOD_EXITS;
}

static void traffic_errors(void)
{
	world.bad_percent = 20;
}

static void release_is_elsewhere(void)
{
	world.missing = 2;
}

static void blue_is_sick(void)
{
	world_set_mood(COLOR_BLUE, MOOD_ERRORS);
	stand_run(5 * WORLD_SEC);
}

static void green_is_sick(void)
{
	world_set_mood(COLOR_GREEN, MOOD_HANGS);
	stand_run(5 * WORLD_SEC);
}

static void green_is_stopped(void)
{
	world_stop(COLOR_GREEN);
	stand_run(2 * WORLD_SEC);
}

/* As after a swap. */
static void green_is_primary(void)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		world.parts[color].role = world.processes[color].role =
			color == COLOR_GREEN ? ROLE_PRIMARY : ROLE_FALLBACK;
}

static const struct scene scenes[] = {
	{"fallback", RELEASES, true, false, false, false, NULL, NULL},
	{"fallback-more", RELEASES MORE, true, false, false, false, NULL, NULL},
	{"fallback-in-place", IN_PLACE, false, false, false, false, NULL, NULL},
	{"fallback-in-place-more", IN_PLACE MORE, false, false, false, false, NULL, NULL},
	{"fallback-errors", RELEASES, true, false, false, false, NULL, code_errors},
	{"fallback-in-place-exits", IN_PLACE, false, false, false, false, NULL, code_exits},
	{"fallback-bad", RELEASES MORE, true, false, false, false, NULL, traffic_errors},
	{"fallback-pass", RELEASES "[Fallback]\nWrites=pass\n", true, true, false, false, NULL,
		NULL},
	{"fallback-green-sick", RELEASES, true, false, false, false, NULL, green_is_sick},
	{"fallback-blue-sick", IN_PLACE, false, false, false, true, NULL, blue_is_sick},
	{"fallback-mirrored", RELEASES, true, false, false, false, green_is_primary, NULL},
	{"swap", SWAP RELEASES, true, false, false, false, NULL, NULL},
	{"swap-more", SWAP RELEASES MORE, true, false, false, false, NULL, NULL},
	{"swap-in-place", SWAP IN_PLACE, false, false, false, false, NULL, NULL},
	{"swap-in-place-more", SWAP IN_PLACE MORE, false, false, false, false, NULL, NULL},
	{"swap-exits", SWAP RELEASES, true, false, false, false, NULL, code_exits},
	{"swap-errors-in-place", SWAP IN_PLACE, false, false, false, false, NULL, code_errors},
	{"swap-bad", SWAP RELEASES MORE, true, false, false, false, NULL, traffic_errors},
	{"swap-fetched", SWAP RELEASES SOURCE, true, false, false, false, release_is_elsewhere,
		NULL},
	{"swap-green-stopped", SWAP RELEASES, true, false, false, false, NULL, green_is_stopped},
	{"swap-blue-sick", SWAP RELEASES, true, false, false, true, NULL, blue_is_sick},
	{"swap-mirrored", SWAP RELEASES, true, false, false, false, green_is_primary, NULL},
	{"fallback-copied", COPIED, true, false, true, false, NULL, NULL},
	{"fallback-copied-more", COPIED MORE, true, false, true, false, NULL, NULL},
	{"fallback-copied-errors", COPIED, true, false, true, false, NULL, code_errors},
	{"swap-copied", SWAP COPIED, true, false, true, false, NULL, NULL},
	{"swap-copied-exits", SWAP COPIED MORE, true, false, true, false, NULL, code_exits},
};

struct fault {
	size_t place;
	unsigned alternative;
};

/* A place of a life, for those who deviate at it. */
struct place {
	const char *name;
	unsigned alternatives;
	uint64_t state;
};

static struct report {
	size_t places, singles, pairs, states, bad;
} * reports; /* one a scene, shared by the workers */
static size_t *scene_next;
static struct judge_set *states_all;
static const struct scene *scene; /* that is being played */

/* Who deploys says which release. */
static bool is_named(void)
{
	return scene->releases && !scene->copied;
}

static void on_visit(unsigned visitor)
{
	if (!stand_app() && visitor < VISITOR_STOPS_BLUE)
		return;
	switch ((enum visitor)visitor) {
	case VISITOR_ABORTS:
		(void)stand_abort();
		break;
	case VISITOR_DEPLOYS:
		world.code = 3;
		(void)stand_deploy_release(is_named() ? "v3" : "");
		break;
	case VISITOR_RELOADS:
		(void)stand_deploy();
		break;
	case VISITOR_ROLLS_BACK:
		(void)stand_rollback("");
		break;
	case VISITOR_STOPS_BLUE:
	case VISITOR_STOPS_GREEN:
		world_stop(visitor == VISITOR_STOPS_BLUE ? COLOR_BLUE : COLOR_GREEN);
		break;
	case VISITOR_RESTARTS_BLUE:
	case VISITOR_RESTARTS_GREEN:
		world_start(visitor == VISITOR_RESTARTS_BLUE ? COLOR_BLUE : COLOR_GREEN);
		break;
	case VISITOR_CRASHES_BLUE:
	case VISITOR_CRASHES_GREEN:
		world_crash(visitor == VISITOR_CRASHES_BLUE ? COLOR_BLUE : COLOR_GREEN);
		break;
	case VISITOR_SPOILS:
		world.bad_percent = 50;
		break;
	case VISITOR_NOBODY:
	case VISITOR_COUNT:
		break;
	}
}

static bool is_quiet(void)
{
	struct app_view view;

	if (!stand_app() || !world.relay_up || world.relay_deaf)
		return false;
	stand_view(&view);
	if (view.state == APP_CYCLE || view.queued)
		return false;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct world_process *process = &world.processes[color];

		if (!world_is_well(color) && !process->stopped && process->mood == MOOD_WELL)
			return false;
	}
	return true;
}

/* Until nothing happens any more. Returns how many places there were up to then. */
static size_t run_out(void)
{
	uint64_t end = fake_event_now() + HORIZON_USEC, quiet_since = 0;
	size_t places = world_places();

	while (fake_event_now() < end && !*judge_broken()) {
		stand_run(500 * WORLD_MSEC);
		if (!is_quiet()) {
			quiet_since = 0;
			continue;
		}
		if (quiet_since == 0) {
			quiet_since = fake_event_now();
			places = world_places();
		}
		if (fake_event_now() - quiet_since >= QUIET_USEC)
			break;
	}
	return places;
}

static void deploy(void)
{
	stand_run(2 * WORLD_SEC);
	for (int i = 0; i < 10 && !stand_app(); i++)
		stand_run(WORLD_SEC);
	world.code = 2;
	if (scene->between)
		scene->between();
	if (stand_app())
		(void)stand_deploy_release(is_named() ? "v2" : "");
}

/* By itself this deployment fails: that is a fault too. */
static bool is_spoiled(void)
{
	return scene->sick || scene->between == code_errors || scene->between == code_exits ||
	       scene->between == traffic_errors;
}

static enum judge_rigor rigor_of(const struct fault *faults, size_t count)
{
	size_t wrong = count + is_spoiled();
	bool visited = false;

	for (size_t i = 0; i < count; i++)
		visited |= strcmp(world_place_name(faults[i].place), "visit") == 0 &&
			   faults[i].alternative >= VISITOR_STOPS_BLUE;
	if (wrong > 2)
		return JUDGE_SERVED;
	return wrong < 2 && !visited ? JUDGE_STRICT : JUDGE_CONSISTENT;
}

static void life_tell(const struct fault *faults, size_t count)
{
	char text[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu:%u",
			used > 0 ? "," : "", faults[i].place, faults[i].alternative);
	printf("# EXPLORE_SCENE=%s EXPLORE_LIFE=%s:", scene->name, text);
	for (size_t i = 0; i < count; i++)
		printf(" %s", world_place_name(faults[i].place));
	printf(": %s\n", judge_broken());
}

/* One life with these faults; false if something was not true. */
static bool life(const struct fault *faults, size_t count, size_t *ret_places)
{
	struct judge_order order = {.in_place = !scene->releases, .pass = scene->pass};
	bool good;

	stand_begin(scene->config);
	/* Code in place has no tag; but who runs was told its part, or would not have started. */
	stand_release(scene->releases ? "v1" : "");
	world.copied = scene->copied;
	judge_begin(&order);
	world.visit = on_visit;
	world.visitors = VISITOR_COUNT;
	for (size_t i = 0; i < count; i++)
		world_deviate(faults[i].place, faults[i].alternative);
	if (scene->before)
		scene->before();
	stand_open();
	deploy();
	*ret_places = run_out();
	if (!*judge_broken()) {
		judge_end(rigor_of(faults, count));
		if (count == 1 && world.crashes > 0 && !is_spoiled())
			judge_kill();
	}
	good = !*judge_broken();
	if (!good)
		life_tell(faults, count);
	stand_end();
	return good;
}

/* The places of the life that was played last. */
static struct place *places_copy(size_t count)
{
	struct place *places = calloc(count + 1, sizeof(*places));

	assert_non_null(places);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){
			world_place_name(i), world_place_alternatives(i), world_place_state(i)};
	return places;
}

static uint64_t fault_hash(const struct place *place, unsigned alternative)
{
	uint64_t hash = place->state;

	for (const char *c = place->name; *c; c++)
		hash = (hash ^ (uint64_t)*c) * UINT64_C(0x100000001b3);
	return (hash ^ alternative) * UINT64_C(0x9e3779b97f4a7c15);
}

struct exploration {
	struct report *report;
	struct judge_set *tried, *states;
	size_t every; /* of the new second faults; 0: all there are */
	size_t novel;
};

static void life_report(struct exploration *exploration, const struct fault *faults, size_t count,
	size_t *ret_places)
{
	if (!life(faults, count, ret_places))
		exploration->report->bad++;
	if (count == 1)
		exploration->report->singles++;
	else
		exploration->report->pairs++;
}

static bool is_wanted(
	struct exploration *exploration, const struct place *place, unsigned alternative)
{
	if (exploration->every == 0)
		return true;
	return judge_set_add(exploration->tried, fault_hash(place, alternative)) &&
	       exploration->novel++ % exploration->every == 0;
}

/* What can follow the fault whose life was played last. */
static void explore_second(struct exploration *exploration, struct fault first, size_t count)
{
	struct place *places = places_copy(count);
	size_t played;

	for (size_t i = first.place + 1; i < count; i++)
		for (unsigned alternative = 1; alternative < places[i].alternatives;
			alternative++) {
			const struct fault faults[] = {first, {i, alternative}};

			if (is_wanted(exploration, &places[i], alternative))
				life_report(exploration, faults, 2, &played);
		}
	free(places);
}

static void explore(struct exploration *exploration)
{
	struct report *report = exploration->report;
	struct place *places;
	size_t count, lives = 0;

	judge_set_clear(exploration->tried);
	judge_set_clear(exploration->states);
	judge_count_in(exploration->states, states_all);
	if (!life(NULL, 0, &report->places))
		report->bad++;
	places = places_copy(report->places);
	for (size_t i = 0; i < report->places; i++)
		for (unsigned alternative = 1; alternative < places[i].alternatives; alternative++)
			(void)judge_set_add(
				exploration->tried, fault_hash(&places[i], alternative));
	for (size_t i = 0; i < report->places; i++)
		for (unsigned alternative = 1; alternative < places[i].alternatives;
			alternative++) {
			const struct fault fault = {i, alternative};

			if (lives++ % SINGLES_EVERY != 0)
				continue;
			life_report(exploration, &fault, 1, &count);
			explore_second(exploration, fault, count);
		}
	free(places);
	report->states = judge_set_count(exploration->states);
}

/* A process that takes one scene after the other. */
static void work(void)
{
	const char *wanted = getenv("EXPLORE_PAIRS"), *only = getenv("EXPLORE_SCENE");
	struct exploration exploration = {
		.tried = judge_set_new(),
		.states = judge_set_new(),
		.every = !wanted		      ? PAIRS_DEFAULT
			 : strcmp(wanted, "all") == 0 ? 0
						      : strtoul(wanted, NULL, 10),
	};

	for (;;) {
		size_t i = __atomic_fetch_add(scene_next, 1, __ATOMIC_RELAXED);

		if (i >= ELEMENTS(scenes))
			return;
		scene = &scenes[i];
		exploration.report = &reports[i];
		exploration.novel = 0;
		if (!only || strcmp(only, scene->name) == 0)
			explore(&exploration);
	}
}

static void *shared_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

static void reports_tell(void)
{
	struct report all = {0};

	for (size_t i = 0; i < ELEMENTS(scenes); i++) {
		const struct report *report = &reports[i];

		print_message("# %s: %zu places, %zu lives with one fault, %zu with two: %zu "
			      "states\n",
			scenes[i].name, report->places, report->singles, report->pairs,
			report->states);
		all.singles += report->singles;
		all.pairs += report->pairs;
		all.bad += report->bad;
	}
	print_message("# in all: %zu lives with one fault, %zu with two: %zu states explored, "
		      "%zu lives broke something\n",
		all.singles, all.pairs, judge_set_count(states_all), all.bad);
	assert_int_equal(all.bad, 0);
	assert_true(getenv("EXPLORE_SCENE") || all.singles > 1000);
}

static void whatever_goes_wrong_somebody_who_is_well_serves(void **state)
{
	pid_t workers[WORKERS];
	int status;

	(void)state;
	reports = shared_new(sizeof(*reports) * ELEMENTS(scenes));
	scene_next = shared_new(sizeof(*scene_next));
	states_all = judge_set_new();
	fflush(stdout);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		assert_true(workers[i] >= 0);
		if (workers[i] == 0) {
			work();
			exit(EXIT_SUCCESS);
		}
	}
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	}
	reports_tell();
}

/* To look at what the exploration has found. */
static int one_life(const char *name, const char *text)
{
	struct fault faults[WORLD_DEVIATIONS_MAX];
	size_t count = 0, places;
	char *end = NULL;

	for (size_t i = 0; i < ELEMENTS(scenes); i++)
		if (!name || strcmp(scenes[i].name, name) == 0) {
			scene = &scenes[i];
			break;
		}
	for (; *text && count < ELEMENTS(faults); text = *end == ',' ? end + 1 : end) {
		faults[count].place = strtoul(text, &end, 10);
		faults[count].alternative = *end == ':' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
		count++;
	}
	return scene && life(faults, count, &places) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	const char *wanted = getenv("EXPLORE_LIFE");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_goes_wrong_somebody_who_is_well_serves),
	};

	if (wanted)
		return one_life(getenv("EXPLORE_SCENE"), wanted);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
