/* SPDX-License-Identifier: MIT */
#include "color.h"

#include "base/names.h"

static const char *const color_names[COLOR_COUNT] = {
	[COLOR_BLUE] = "blue",
	[COLOR_GREEN] = "green",
};

const char *color_name(enum color color)
{
	return color_names[color];
}

int color_from_name(const char *word, enum color *ret_color)
{
	int index = name_lookup(color_names, COLOR_COUNT, word);

	if (index < 0)
		return index;
	*ret_color = (enum color)index;
	return 0;
}
