/* SPDX-License-Identifier: MIT */
/*
 * Knows what must never happen; knows neither which faults there were nor which rows there are,
 * but for the names that a record can have.
 */
#include "judge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "app-inside.h"
#include "fake-event.h"
#include "stand.h"

/* Found sick, decided, said: as long as somebody who is well may be without the traffic. */
#define READS_LIMIT_USEC  (10 * WORLD_SEC)
/* Writes may wait for a whole cycle that takes its time. */
#define WRITES_LIMIT_USEC (40 * WORLD_SEC)
/* Whoever was well so recently may be taken to be well: it takes three probes to find out. */
#define MEMORY_USEC	  (6 * WORLD_SEC)
/* And whoever has only just become so is not known to be: that takes two. */
#define NOTICE_USEC	  (1 * WORLD_SEC)
/* Two share the writes as long as a ramp lasts, or until a supervisor is back that ends it. */
#define SHARED_LIMIT_USEC (20 * WORLD_SEC)

static struct judge_order order;
static char broken[512];
static uint64_t lost_since[ROUTE_CLASS_COUNT], shared_since;
static uint64_t last_well[COLOR_COUNT];
static bool killed;
static struct record killed_in; /* what the disk said then */
static char hook_id[RECORD_ID_MAX], restart_id[RECORD_ID_MAX];
static struct judge_set *states_world, *states_all;

static void breaks(const char *what)
{
	if (!*broken)
		snprintf(broken, sizeof(broken), "at %.3f s: %s",
			(double)(fake_event_now() - 1000000000) / 1e6, what);
}

const char *judge_broken(void)
{
	return broken;
}

/* Killed between the file and the start, a supervisor cannot know whether there is a primary, and
 * does not use it as one. */
static bool is_doubted(enum color color)
{
	const struct app *app = stand_app();

	return killed && app && instances_get(app->instances, color)->role == ROLE_FALLBACK;
}

static bool can_take(enum color color, enum route_class class)
{
	return world_is_well(color) &&
	       (class == ROUTE_READS || order.pass ||
		       (world.processes[color].role == ROLE_PRIMARY && !is_doubted(color)));
}

/* The weighted colors, or the standby if none of them accepts a connection. */
bool judge_is_served(enum route_class class)
{
	bool accepted = false;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (world.route.weight[class][color] <= ROUTE_STANDBY)
			continue;
		accepted |= world.processes[color].listening;
		if (can_take(color, class))
			return true;
	}
	for (enum color color = 0; color < COLOR_COUNT && !accepted; color++)
		if (world.route.weight[class][color] == ROUTE_STANDBY && can_take(color, class))
			return true;
	return false;
}

/* Since when somebody could have served; 0: nobody can. */
static uint64_t somebody_since(enum route_class class)
{
	uint64_t since = 0;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		uint64_t well = world.processes[color].well_since_usec;

		if (well > 0 && can_take(color, class) && (since == 0 || well < since))
			since = well;
	}
	return since;
}

/* How long nobody was asked although somebody has been well all the time. */
static uint64_t lost_for(enum route_class class)
{
	uint64_t now = fake_event_now(), well_since = somebody_since(class), from;

	if (judge_is_served(class) || well_since == 0 || !world.relay_up || world.relay_deaf) {
		lost_since[class] = 0;
		return 0;
	}
	if (lost_since[class] == 0)
		lost_since[class] = now;
	from = lost_since[class] > well_since ? lost_since[class] : well_since;
	return now > from ? now - from : 0;
}

static void watch_writes(void)
{
	unsigned writers = 0;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		if (world.route.weight[ROUTE_WRITES][color] == ROUTE_NEVER)
			continue;
		writers += world.route.weight[ROUTE_WRITES][color] > ROUTE_STANDBY;
		/* A standby is asked when nobody else accepts. */
		if (!order.pass && world.processes[color].listening &&
			world.processes[color].role == ROLE_FALLBACK)
			breaks("writes go to a process that was started as a fallback");
	}
	/* A relay that is deaf keeps what it was told last. */
	if (writers < 2 || world.relay_deaf)
		shared_since = 0;
	else if (shared_since == 0)
		shared_since = fake_event_now();
	else if (fake_event_now() - shared_since > SHARED_LIMIT_USEC)
		breaks("two colors take writes, and no ramp lasts so long");
}

static void watch_everything(void)
{
	uint64_t state;

	if (!stand_app() && !killed && world.recorded &&
		(world.record.outcome == RECORD_RUNNING || world.record.undoing)) {
		killed = true;
		killed_in = world.record;
	}
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (world.processes[color].well_since_usec > 0)
			last_well[color] = fake_event_now();
	if (lost_for(ROUTE_READS) > READS_LIMIT_USEC)
		breaks("a color is well, and reads do not get to it");
	if (lost_for(ROUTE_WRITES) > WRITES_LIMIT_USEC)
		breaks("a primary is well, and writes do not get to it");
	watch_writes();
	if (world.pruned_in_use)
		breaks("a release that is in use was not spared");
	state = judge_state();
	if (states_world)
		(void)judge_set_add(states_world, state);
	if (states_all)
		(void)judge_set_add(states_all, state);
}

static void watch_restart(enum color color)
{
	enum color other = color_other(color);

	/* What the preflight puts right is as it was before. */
	if (strcmp(world.record.step, "preflight") != 0)
		memcpy(restart_id, world.record.id, sizeof(restart_id));
	if (world_is_well(color) &&
		fake_event_now() - world.processes[color].well_since_usec > NOTICE_USEC &&
		!world_is_well(other) && fake_event_now() - last_well[other] > MEMORY_USEC)
		breaks("the only healthy color is restarted");
	if (world_is_well(color) && world.relay_up && !world.relay_deaf &&
		route_uses(&world.route, color))
		breaks("a color is restarted while traffic goes to it");
}

static void watch_hook(const char *unit)
{
	if (!strstr(unit, "migrate"))
		return;
	if (strcmp(hook_id, world.record.id) == 0)
		breaks("the hook before the restart has run twice in a cycle");
	if (strcmp(restart_id, world.record.id) == 0)
		breaks("the hook before the restart has run after a restart");
	memcpy(hook_id, world.record.id, sizeof(hook_id));
}

static int code_of(const char *release)
{
	return *release ? atoi(release + 1) : world.code;
}

static bool runs(enum color color, const char *release, enum role role)
{
	const struct world_process *process = &world.processes[color];

	return process->code == code_of(release) && process->role == role;
}

/* The record and what runs say the same. */
static void check_record(enum judge_rigor rigor)
{
	const struct record *record = &world.record;
	enum color primary = record->primary, other = color_other(primary);
	bool strict = rigor == JUDGE_STRICT;

	if (!world.recorded || world.disk_full)
		return;
	if (record->outcome == RECORD_RUNNING)
		breaks("the record says that the cycle still runs");
	if (can_take(primary, ROUTE_WRITES) &&
		world.route.weight[ROUTE_WRITES][primary] <= ROUTE_STANDBY)
		breaks("the record's primary is well, and writes do not go to it");
	if (record->outcome == RECORD_SUCCEEDED && strict &&
		(!runs(primary, record->release, ROLE_PRIMARY) ||
			!runs(other, record->release, ROLE_FALLBACK)))
		breaks("a cycle that succeeded left another release or other roles");
	/* What was there before is well. */
	if (record->outcome == RECORD_SUCCEEDED && world.code_mood != MOOD_WELL && strict &&
		(order.in_place || code_of(record->release) > 1))
		breaks("a cycle with broken code succeeded");
	if (!strict || record->outcome == RECORD_SUCCEEDED)
		return;
	if (record->committed && !runs(primary, record->release, ROLE_PRIMARY))
		breaks("what was accepted was not kept");
	if (record->committed || order.in_place)
		return;
	if (!runs(primary, record->former[primary], ROLE_PRIMARY))
		breaks("the cycle was not accepted, and the primary is not as before");
}

/* What systemd would start in its place is what runs, or what the record wants to run. */
static void check_starts(enum judge_rigor rigor)
{
	const struct record *record = &world.record;

	/* Where what was written cannot be taken back either, nothing helps. */
	if (world.disk_full || world.writes_failed > 1 || rigor == JUDGE_SERVED)
		return;
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct world_process *process = &world.processes[color];
		const struct environment_part *part = &world.parts[color];
		const char *wanted = record->committed ? record->release : record->former[color];
		enum role role = color == record->primary ? ROLE_PRIMARY : ROLE_FALLBACK;

		if (!process->running || !world.told[color])
			continue;
		if (process->role != part->role && (!world.recorded || part->role != role))
			breaks("a color would be started with another role");
		if (*world.links[color] && process->code != atoi(world.links[color] + 1) &&
			strcmp(world.links[color], wanted) != 0)
			breaks("a color would be started with another release");
		if (rigor == JUDGE_STRICT && strcmp(world.links[color], part->release) != 0)
			breaks("a color's link and its environment name two releases");
	}
}

static bool has_writer(void)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (world.route.weight[ROUTE_WRITES][color] > ROUTE_STANDBY &&
			world.processes[color].role == ROLE_PRIMARY)
			return true;
	return false;
}

static void check_colors(void)
{
	bool sick = false;

	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct world_process *process = &world.processes[color];

		sick |= process->stopped || process->mood != MOOD_WELL;
	}
	for (enum color color = 0; !sick && color < COLOR_COUNT; color++)
		if (!world_is_well(color))
			breaks("in the end a color is down, and nobody has stopped it");
}

void judge_end(enum judge_rigor rigor)
{
	const struct app *app = stand_app();

	if (!app) {
		breaks("in the end there is no supervisor");
		return;
	}
	if (app->running || app->queued)
		breaks("the cycle never ends");
	if (somebody_since(ROUTE_READS) && !judge_is_served(ROUTE_READS))
		breaks("in the end reads are not served");
	if (somebody_since(ROUTE_WRITES) && !judge_is_served(ROUTE_WRITES))
		breaks("in the end writes are not served");
	if (shared_since > 0)
		breaks("in the end two colors take writes");
	/* Where nobody is well, the route is as it may be. */
	if (somebody_since(ROUTE_WRITES) && world.target_active != has_writer())
		breaks("the target does not follow the primary");
	check_record(rigor);
	check_starts(rigor);
	check_colors();
}

static bool goes_on_from(const struct record *record)
{
	bool swap = record->strategy == STRATEGY_SWAP;
	const struct step *steps = swap ? steps_swap : steps_fallback;
	size_t count = swap ? steps_swap_count : steps_fallback_count;

	for (size_t i = 0; i < count; i++)
		if (strcmp(steps[i].name, record->step) == 0)
			return steps[i].resume != NULL;
	return false;
}

/* Before the first restart it is taken back, from there on it is finished. */
void judge_kill(void)
{
	enum record_outcome wanted;

	if (!killed || killed_in.undoing)
		return;
	wanted = goes_on_from(&killed_in) ? RECORD_SUCCEEDED : RECORD_INTERRUPTED;
	if (world.record.outcome != wanted)
		breaks(wanted == RECORD_SUCCEEDED
				? "a cycle that was cut after the restart was not finished"
				: "a cycle that was cut before the restart was not taken back");
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 29;
}

static void mix_text(uint64_t *hash, const char *text)
{
	for (; *text; text++)
		mix(hash, (uint64_t)*text);
	mix(hash, 0);
}

static void mix_world(uint64_t *hash)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct world_process *process = &world.processes[color];

		mix(hash, (uint64_t)(process->running | process->listening << 1 |
				     process->stopped << 2 | process->mood << 3 |
				     (int)process->role << 6 | process->code << 7));
		mix(hash, (uint64_t)(world.route.weight[ROUTE_READS][color] + 1) << 8 |
				  (uint64_t)(world.route.weight[ROUTE_WRITES][color] + 1));
		mix(hash, (uint64_t)(*world.links[color] ? world.links[color][1] : 0) << 8 |
				  world.parts[color].role);
	}
	mix(hash, (uint64_t)(world.relay_up | world.relay_deaf << 1 | world.disk_full << 2 |
			     world.connections_stay << 3 | world.target_active << 4));
	mix(hash, (uint64_t)(world.record.outcome | world.record.committed << 4 |
			     world.record.undoing << 5 | world.record.primary << 6 |
			     world.record.strategy << 7));
	mix_text(hash, world.record.step);
	mix_text(hash, world.record.release);
}

uint64_t judge_state(void)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	const struct app *app = stand_app();

	mix_world(&hash);
	if (!app)
		return hash;
	mix(&hash, (uint64_t)(1 | app->running << 1 | app->finishing << 2 | app->queued << 3 |
			      app->state << 4));
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = instances_get(app->instances, color);

		mix(&hash, (uint64_t)(instance->verdict.health << 1) | instance->role);
	}
	mix(&hash, (uint64_t)(watch_stance(app->watch)->kind << 1) |
			   watch_stance(app->watch)->primary);
	for (size_t i = 0; app->deploy && i < app->plan.count; i++)
		mix(&hash, deploy_stories(app->deploy)[i].state);
	return hash;
}

void judge_begin(const struct judge_order *ordered)
{
	order = *ordered;
	broken[0] = hook_id[0] = restart_id[0] = '\0';
	memset(lost_since, 0, sizeof(lost_since));
	memset(last_well, 0, sizeof(last_well));
	shared_since = 0;
	killed = false;
	world.watch = watch_everything;
	world.restarting = watch_restart;
	world.hook = watch_hook;
	world.state = judge_state;
}

#define SET_MAX (UINT64_C(1) << 22)

struct judge_set {
	uint64_t count;
	uint64_t hashes[SET_MAX];
};

struct judge_set *judge_set_new(void)
{
	void *set = mmap(NULL, sizeof(struct judge_set), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(set != MAP_FAILED);
	return set;
}

void judge_set_clear(struct judge_set *set)
{
	assert(madvise(set, sizeof(*set), MADV_REMOVE) == 0);
}

bool judge_set_add(struct judge_set *set, uint64_t hash)
{
	uint64_t none = 0;

	hash |= 1;
	for (uint64_t i = hash / 2 % SET_MAX;; i = (i + 1) % SET_MAX) {
		uint64_t found = __atomic_load_n(&set->hashes[i], __ATOMIC_RELAXED);

		if (found == hash)
			return false;
		none = 0;
		if (found == 0 && __atomic_compare_exchange_n(&set->hashes[i], &none, hash, false,
					  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
		if (none == hash)
			return false;
	}
	assert(__atomic_add_fetch(&set->count, 1, __ATOMIC_RELAXED) < SET_MAX / 2);
	return true;
}

size_t judge_set_count(const struct judge_set *set)
{
	return __atomic_load_n(&set->count, __ATOMIC_RELAXED);
}

void judge_count_in(struct judge_set *one, struct judge_set *all)
{
	states_world = one;
	states_all = all;
}
