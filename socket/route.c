/* SPDX-License-Identifier: MIT */
/*
 * Knows shares and their text; knows neither connections nor who decides.
 */
#include "route.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"

static const char *const route_class_names[ROUTE_CLASS_COUNT] = {
	[ROUTE_READS] = "reads",
	[ROUTE_WRITES] = "writes",
};

static const char *const affinity_names[AFFINITY_COUNT] = {
	[AFFINITY_NONE] = "none",
	[AFFINITY_COOKIE] = "cookie",
	[AFFINITY_ADDRESS] = "address",
};

const char *affinity_name(enum affinity affinity)
{
	return affinity_names[affinity];
}

const char *route_class_name(enum route_class class)
{
	return route_class_names[class];
}

struct route route_held(void)
{
	struct route route;

	memset(route.weight, ROUTE_NEVER, sizeof(route.weight));
	return route;
}

bool route_equal(const struct route *a, const struct route *b)
{
	return memcmp(a->weight, b->weight, sizeof(a->weight)) == 0;
}

bool route_uses(const struct route *route, enum color color)
{
	return route->weight[ROUTE_READS][color] != ROUTE_NEVER ||
	       route->weight[ROUTE_WRITES][color] != ROUTE_NEVER;
}

/* "blue:100" */
static int share_parse(const char *text, int8_t weight[static COLOR_COUNT])
{
	char name[16];
	const char *colon = strchr(text, ':');
	enum color color;
	char *end;
	long share;
	int r;

	if (!colon || (size_t)(colon - text) >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, (size_t)(colon - text));
	name[colon - text] = '\0';
	r = color_from_name(name, &color);
	if (r < 0)
		return r;
	if (weight[color] != ROUTE_NEVER || !isdigit((unsigned char)colon[1]))
		return -EINVAL;
	share = strtol(colon + 1, &end, 10);
	if (*end != '\0' || share > ROUTE_WEIGHT_MAX)
		return -EINVAL;
	weight[color] = (int8_t)share;
	return 0;
}

/* "blue:100,green:0" or "hold"; writes into the text. */
static int class_parse(char *text, int8_t weight[static COLOR_COUNT])
{
	char *rest = text, *share;
	int r;

	if (strcmp(text, "hold") == 0)
		return 0;
	while ((share = strsep(&rest, ","))) {
		r = share_parse(share, weight);
		if (r < 0)
			return r;
	}
	return 0;
}

int route_parse(const char *text, struct route *ret_route)
{
	struct route route = route_held();
	char copy[ROUTE_TEXT_MAX];
	bool seen[ROUTE_CLASS_COUNT] = {false};
	char *rest = copy, *word;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);

	while ((word = strsep(&rest, " "))) {
		char *equals = strchr(word, '=');
		int class, r;

		if (!equals)
			return -EINVAL;
		*equals = '\0';
		class = name_lookup(route_class_names, ROUTE_CLASS_COUNT, word);
		if (class < 0 || seen[class])
			return -EINVAL;
		seen[class] = true;
		r = class_parse(equals + 1, route.weight[class]);
		if (r < 0)
			return r;
	}
	if (!seen[ROUTE_READS] || !seen[ROUTE_WRITES])
		return -EINVAL;
	*ret_route = route;
	return 0;
}

static size_t class_format(
	const struct route *route, enum route_class class, char *buffer, size_t size)
{
	const char *separator = "";
	size_t length = 0;

	length += (size_t)snprintf(buffer, size, "%s=", route_class_name(class));
	for (int color = 0; color < COLOR_COUNT; color++) {
		if (route->weight[class][color] == ROUTE_NEVER)
			continue;
		length += (size_t)snprintf(buffer + length, size - length, "%s%s:%d", separator,
			color_name((enum color)color), route->weight[class][color]);
		separator = ",";
	}
	if (*separator == '\0')
		length += (size_t)snprintf(buffer + length, size - length, "hold");
	return length;
}

const char *route_format(const struct route *route, char buffer[static ROUTE_TEXT_MAX])
{
	size_t length = class_format(route, ROUTE_READS, buffer, ROUTE_TEXT_MAX);

	buffer[length++] = ' ';
	class_format(route, ROUTE_WRITES, buffer + length, ROUTE_TEXT_MAX - length);
	return buffer;
}

bool route_pick(const struct route *route, enum route_class class, struct route_turn *turn,
	unsigned int refused, enum color *ret_color)
{
	const int8_t *weight = route->weight[class];
	int32_t sum = 0;
	int best = -1, standby = -1;

	/* Smooth weighted round-robin: each color earns its weight, the richest pays the sum. */
	for (int color = 0; color < COLOR_COUNT; color++) {
		if ((refused & (1U << color)) || weight[color] == ROUTE_NEVER)
			continue;
		if (weight[color] == ROUTE_STANDBY) {
			standby = color;
			continue;
		}
		turn->credit[color] += weight[color];
		sum += weight[color];
		if (best < 0 || turn->credit[color] > turn->credit[best])
			best = color;
	}
	if (best < 0 && standby < 0)
		return false;
	if (best < 0) {
		*ret_color = (enum color)standby;
		return true;
	}
	turn->credit[best] -= sum;
	*ret_color = (enum color)best;
	return true;
}
