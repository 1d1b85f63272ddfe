/* SPDX-License-Identifier: MIT */
/*
 * Knows the table of routes; knows neither probes nor the relay.
 */
#include "stance.h"

static const char *const stance_names[STANCE_COUNT] = {
	[STANCE_STEADY] = "steady",
	[STANCE_TURNED] = "turned",
	[STANCE_SHIELDED] = "shielded",
	[STANCE_ALONE] = "alone",
};

const char *stance_name(enum stance stance)
{
	return stance_names[stance];
}

/* Everything to blue; green as a standby for reads, if it may be asked at all. */
static struct route route_blue(bool standby)
{
	struct route route = route_held();

	route.weight[ROUTE_READS][COLOR_BLUE] = ROUTE_WEIGHT_MAX;
	route.weight[ROUTE_WRITES][COLOR_BLUE] = ROUTE_WEIGHT_MAX;
	if (standby)
		route.weight[ROUTE_READS][COLOR_GREEN] = ROUTE_STANDBY;
	return route;
}

/* Reads to green; writes wait, unless green's own read-only mode is to answer them. */
static struct route route_green(enum fallback_writes writes)
{
	struct route route = route_held();

	route.weight[ROUTE_READS][COLOR_GREEN] = ROUTE_WEIGHT_MAX;
	if (writes == FALLBACK_WRITES_PASS)
		route.weight[ROUTE_WRITES][COLOR_GREEN] = ROUTE_WEIGHT_MAX;
	return route;
}

static struct route route_turned(void)
{
	struct route route = route_held();

	route.weight[ROUTE_READS][COLOR_GREEN] = ROUTE_WEIGHT_MAX;
	route.weight[ROUTE_WRITES][COLOR_BLUE] = ROUTE_WEIGHT_MAX;
	return route;
}

static bool is_alive(enum standing standing)
{
	return standing != STANDING_GONE;
}

/* Both are healthy: the stance alone decides. */
static struct route route_of_stance(enum stance stance, enum fallback_writes writes)
{
	switch (stance) {
	case STANCE_STEADY:
		return route_blue(true);
	case STANCE_TURNED:
		return route_turned();
	case STANCE_SHIELDED:
		return route_green(writes);
	case STANCE_ALONE:
		return route_blue(false);
	case STANCE_COUNT:
		break;
	}
	return route_held();
}

static bool route_reaches_process(
	const struct route *route, const enum standing standing[static COLOR_COUNT])
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (is_alive(standing[color]) && route_uses(route, color))
			return true;
	return false;
}

static enum stance_answer answer(
	const struct route *best, const struct route *now, struct route *ret_route)
{
	if (now && route_equal(now, best))
		return STANCE_STANDS;
	*ret_route = *best;
	return STANCE_CHANGES;
}

/*
 * Nobody is healthy. The one that served last keeps serving as long as its process is there: a
 * sick answer may be better than none. Where there is none, requests wait for the first color
 * that becomes healthy.
 */
static enum stance_answer route_of_nobody(enum stance stance,
	const enum standing standing[static COLOR_COUNT], enum fallback_writes writes,
	const struct route *now, struct route *ret_route)
{
	struct route route = route_held();

	switch (stance) {
	case STANCE_SHIELDED: /* blue is, or will be, restarted: it gets nothing */
		if (is_alive(standing[COLOR_GREEN]))
			route = route_green(writes);
		break;
	case STANCE_ALONE: /* the same for green */
		if (is_alive(standing[COLOR_BLUE]))
			route = route_blue(false);
		break;
	case STANCE_STEADY:
	case STANCE_TURNED:
	case STANCE_COUNT:
		if (!now && (is_alive(standing[COLOR_BLUE]) || is_alive(standing[COLOR_GREEN])))
			return STANCE_UNDECIDED;
		if (now && route_reaches_process(now, standing))
			return STANCE_STANDS;
		break;
	}
	return answer(&route, now, ret_route);
}

enum stance_answer stance_route(enum stance stance,
	const enum standing standing[static COLOR_COUNT], enum fallback_writes writes,
	const struct route *now, struct route *ret_route)
{
	enum standing blue = standing[COLOR_BLUE], green = standing[COLOR_GREEN];
	struct route route;

	/* To decide on half of it would turn reads away from a blue that has not answered yet. */
	if (blue == STANDING_UNKNOWN || green == STANDING_UNKNOWN)
		return STANCE_UNDECIDED;
	if (blue == STANDING_HEALTHY && green == STANDING_HEALTHY)
		route = route_of_stance(stance, writes);
	else if (blue == STANDING_HEALTHY)
		/* A green that starts refuses connections at worst, and a standby may. */
		route = route_blue(stance == STANCE_STEADY && green == STANDING_STARTING);
	else if (green == STANDING_HEALTHY)
		route = route_green(writes);
	else
		return route_of_nobody(stance, standing, writes, now, ret_route);
	return answer(&route, now, ret_route);
}
