/* SPDX-License-Identifier: MIT */
/*
 * The one noun that relay, supervisor and operator share: which of the two instances.
 */
#pragma once

enum color {
	COLOR_BLUE,  /* app@blue, port 9000: the primary under strategy `fallback` */
	COLOR_GREEN, /* app@green, port 9001: the fallback */
	COLOR_COUNT,
};

/* "blue", "green". */
const char *color_name(enum color color);

/* 0, or -EINVAL if the word names no color. */
int color_from_name(const char *word, enum color *ret_color);

static inline enum color color_other(enum color color)
{
	return color == COLOR_BLUE ? COLOR_GREEN : COLOR_BLUE;
}
