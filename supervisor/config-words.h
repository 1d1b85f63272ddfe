/* SPDX-License-Identifier: MIT */
/*
 * Lists of words as systemd.syntax(7) quotes them: white space separates; '…' and "…" keep it; \
 * escapes as in C, inside quotes and out (\s is a space). Pure but for the words, which are
 * allocated.
 */
#pragma once

#include <stddef.h>

/*
 * Up to `max` words into ret_words[0..max], a NULL behind them; they are the caller's to free.
 * -EINVAL: a quote without its end, or an escape that is none (a NUL byte cannot be escaped
 * either); -E2BIG: too many words; -ENOMEM. How many there are otherwise.
 */
int config_words_split(const char *text, size_t max, char **ret_words);
