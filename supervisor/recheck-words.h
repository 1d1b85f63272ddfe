/* SPDX-License-Identifier: MIT */
/*
 * A path as one word of a line: what a line or a word would end at, and %, is written %XX.
 */
#pragma once

#include <stdio.h>

/* "" is written as %, because a word has to be there. */
void word_write(FILE *file, const char *text);

/* Cuts the next word off *rest, decoded in place; NULL: there is none, or it is not well-formed. */
char *word_take(char **rest);
