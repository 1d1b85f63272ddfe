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
	[STANCE_SHARED] = "shared",
};

const char *stance_name(enum stance_kind kind)
{
	return stance_names[kind];
}

/* Everything to one color. */
static struct route route_alone(enum color color)
{
	struct route route = route_held();

	route.weight[ROUTE_READS][color] = ROUTE_WEIGHT_MAX;
	route.weight[ROUTE_WRITES][color] = ROUTE_WEIGHT_MAX;
	return route;
}

/* The same, with the other one as a standby for what it can take. */
static struct route route_steady(enum color primary, const struct stance_view *view)
{
	struct route route = route_alone(primary);
	enum color other = color_other(primary);

	route.weight[ROUTE_READS][other] = ROUTE_STANDBY;
	if (view->writer[other])
		route.weight[ROUTE_WRITES][other] = ROUTE_STANDBY;
	return route;
}

/* The primary has nothing: reads to the other one; writes too if it was started to take them, or
 * its read-only mode is to answer them. */
static struct route route_other(enum color primary, const struct stance_view *view)
{
	struct route route = route_held();
	enum color other = color_other(primary);

	route.weight[ROUTE_READS][other] = ROUTE_WEIGHT_MAX;
	if (view->writer[other] || view->writes == FALLBACK_WRITES_PASS)
		route.weight[ROUTE_WRITES][other] = ROUTE_WEIGHT_MAX;
	return route;
}

static struct route route_turned(enum color primary)
{
	struct route route = route_held();

	route.weight[ROUTE_READS][color_other(primary)] = ROUTE_WEIGHT_MAX;
	route.weight[ROUTE_WRITES][primary] = ROUTE_WEIGHT_MAX;
	return route;
}

static struct route route_shared(const struct stance *stance, const struct stance_view *view)
{
	struct route route = route_alone(stance->primary);
	enum color other = color_other(stance->primary);
	int8_t share = (int8_t)stance->share;

	route.weight[ROUTE_READS][stance->primary] = share;
	route.weight[ROUTE_READS][other] = (int8_t)(ROUTE_WEIGHT_MAX - share);
	if (view->writer[other]) {
		route.weight[ROUTE_WRITES][stance->primary] = share;
		route.weight[ROUTE_WRITES][other] = (int8_t)(ROUTE_WEIGHT_MAX - share);
	}
	return route;
}

static bool is_alive(enum standing standing)
{
	return standing != STANDING_GONE;
}

/* Both are healthy: the stance decides. But who has fallen again and again does not get the reads
 * back as long as the other one is steady. */
static struct route route_of_stance(const struct stance *stance, const struct stance_view *view)
{
	enum color other = color_other(stance->primary);

	switch (stance->kind) {
	case STANCE_STEADY:
		if (view->flapping[stance->primary] && !view->flapping[other])
			return view->writer[other] ? route_other(stance->primary, view)
						   : route_turned(stance->primary);
		return route_steady(stance->primary, view);
	case STANCE_TURNED:
		return route_turned(stance->primary);
	case STANCE_SHIELDED:
		return route_other(stance->primary, view);
	case STANCE_ALONE:
		return route_alone(stance->primary);
	case STANCE_SHARED:
		return route_shared(stance, view);
	case STANCE_COUNT:
		break;
	}
	return route_held();
}

static bool route_reaches_process(const struct route *route, const struct stance_view *view)
{
	for (enum color color = 0; color < COLOR_COUNT; color++)
		if (is_alive(view->standing[color]) && route_uses(route, color))
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
static enum stance_answer route_of_nobody(const struct stance *stance,
	const struct stance_view *view, const struct route *now, struct route *ret_route)
{
	struct route route = route_held();
	enum color primary = stance->primary, other = color_other(primary);

	switch (stance->kind) {
	case STANCE_SHIELDED: /* the primary is, or will be, restarted: it gets nothing */
		if (is_alive(view->standing[other]))
			route = route_other(primary, view);
		break;
	case STANCE_ALONE: /* the same for the other one */
		if (is_alive(view->standing[primary]))
			route = route_alone(primary);
		break;
	case STANCE_STEADY:
	case STANCE_TURNED:
	case STANCE_SHARED:
	case STANCE_COUNT:
		if (!now && (is_alive(view->standing[primary]) || is_alive(view->standing[other])))
			return STANCE_UNDECIDED;
		if (now && route_reaches_process(now, view))
			return STANCE_STANDS;
		break;
	}
	return answer(&route, now, ret_route);
}

enum stance_answer stance_route(const struct stance *stance, const struct stance_view *view,
	const struct route *now, struct route *ret_route)
{
	enum standing primary = view->standing[stance->primary];
	enum standing other = view->standing[color_other(stance->primary)];
	struct route route;

	/* To decide on half of it would turn reads away from a primary that has not answered yet.
	 */
	if (primary == STANDING_UNKNOWN || other == STANDING_UNKNOWN)
		return STANCE_UNDECIDED;
	if (primary == STANDING_HEALTHY && other == STANDING_HEALTHY)
		route = route_of_stance(stance, view);
	else if (primary == STANDING_HEALTHY && stance->kind == STANCE_STEADY &&
		 other == STANDING_STARTING)
		/* One that starts refuses connections at worst, and a standby may. */
		route = route_steady(stance->primary, view);
	else if (primary == STANDING_HEALTHY)
		route = route_alone(stance->primary);
	else if (other == STANDING_HEALTHY)
		route = route_other(stance->primary, view);
	else
		return route_of_nobody(stance, view, now, ret_route);
	return answer(&route, now, ret_route);
}
