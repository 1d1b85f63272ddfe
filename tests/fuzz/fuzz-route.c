/* SPDX-License-Identifier: MIT */
/*
 * Any text as a route: what is read is written as a text that reads the same, and a pick never
 * leaves what the route lists.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "route.h"

static void picks_check(const struct route *route, enum route_class class)
{
	struct route_turn turn = {0};

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int refused = i % (1U << COLOR_COUNT);
		enum color color = COLOR_COUNT;
		bool picked = route_pick(route, class, &turn, refused, &color);
		bool possible = false;

		for (int c = 0; c < COLOR_COUNT; c++)
			possible |= !(refused & (1U << c)) && route->weight[class][c] >= 0;
		must(picked == possible);
		must(picked || color == COLOR_COUNT);
		must(!picked || route->weight[class][color] >= 0);
		must(!picked || !(refused & (1U << color)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char text[4 * ROUTE_TEXT_MAX], again_text[ROUTE_TEXT_MAX], formatted[ROUTE_TEXT_MAX];
	struct route route, again;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	if (route_parse(text, &route) < 0)
		return 0;
	for (int class = 0; class < ROUTE_CLASS_COUNT; class ++) {
		for (int color = 0; color < COLOR_COUNT; color++)
			must(route.weight[class][color] >= ROUTE_NEVER &&
				route.weight[class][color] <= ROUTE_WEIGHT_MAX);
		picks_check(&route, (enum route_class) class);
	}
	must(strlen(route_format(&route, formatted)) < ROUTE_TEXT_MAX);
	must(route_parse(formatted, &again) == 0);
	must(route_equal(&route, &again));
	must(strcmp(route_format(&again, again_text), formatted) == 0);
	return 0;
}
