/* SPDX-License-Identifier: MIT */
/*
 * What the relay says, taken apart (socket/README.md). Pure. Used by steer-relay.c only.
 */
#pragma once

#include "steer.h"

#define STEER_WORDS_MAX 48 /* words of a message that are looked at */

/* "reads", "all". */
const char *drain_scope_name(enum drain_scope scope);

/* "http", "tcp". */
const char *steer_protocol_name(enum steer_protocol protocol);

/* "trust=127.0.0.0/8,::1 accept-proxy=no send-proxy=v2". Returns buffer. */
#define STEER_WORDS_CLIENTS_MAX (TRUST_TEXT_MAX + 64)
const char *steer_words_clients(
	const struct steer_clients *clients, char buffer[static STEER_WORDS_CLIENTS_MAX]);

/* Whether its releases and its cookie's name are made of the letters that a cookie can carry. */
bool steer_affinity_is_sayable(const struct steer_affinity *affinity);

/* Of what is counted for a release: a tag, or what stands for one. */
bool steer_release_is_sayable(const char word[static STEER_RELEASE_MAX]);

/* "none", "address ...", "cookie ...". Returns buffer. */
#define STEER_WORDS_AFFINITY_MAX (3 * STEER_RELEASE_MAX + 160)
const char *steer_words_affinity(
	const struct steer_affinity *affinity, char buffer[static STEER_WORDS_AFFINITY_MAX]);

/* Splits text in place; words is NULL-terminated. Returns how many there are. */
size_t steer_words_split(char *text, char *words[static STEER_WORDS_MAX + 1]);

/* "reads=... writes=...". 0, or -EINVAL for anything else. */
int steer_words_route(char **words, struct route *ret_route);

/* "blue.reads=12" and the like. A name that a later relay knows and we do not is passed over, a
 * counter that an earlier one does not know is 0. */
void steer_words_counters(char **words, struct steer_counters *ret_counters);

/* "n,n,n"; what is not said stays as it is. */
void steer_words_latency(const char *text, uint64_t counts[static STEER_LATENCY_BUCKETS]);

/* steer-relay-words-numbers.c: "blue release=1.2 reads=N ...", "blue earlier=1 ...", "relay
 * clients=N
 * ...", into what they are of; -EBADMSG for anything else. What is not known is passed over. */
int steer_words_numbers(char **words, struct steer_numbers *numbers);

/* "scope=all cut=2 streams=1". 0, or -EBADMSG if the scope is missing or unknown. */
int steer_words_drained(char **words, enum drain_scope *ret_scope, struct steer_cut *ret_cut);
