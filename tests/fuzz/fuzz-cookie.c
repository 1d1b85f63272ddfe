/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the value of a Cookie field: its pairs stand in it, one behind the other, and none
 * is taken for ours that is not exactly what we would have written.
 */
#include <string.h>

#include "affinity.h"
#include "cookie.h"
#include "fuzz.h"

static const struct affinity_plan plan = {.kind = AFFINITY_COOKIE, .key = {1, 2}, .name = "name"};

/* What we read, we would write again. */
static void value_check(const char *value, size_t length)
{
	char tag[AFFINITY_RELEASE_MAX], line[AFFINITY_LINE_MAX];
	const char *again = line + strlen("Set-Cookie: name=");
	uint8_t place = AFFINITY_NOWHERE;
	size_t tag_length;

	if (affinity_read(&plan, value, length, &place) != AFFINITY_SEALED) {
		must(place == AFFINITY_NOWHERE);
		return;
	}
	must(place < AFFINITY_PLACES);
	tag_length = length - 17 - (place < 10 ? 2 : 3);
	must(tag_length < sizeof(tag));
	memcpy(tag, value, tag_length);
	tag[tag_length] = '\0';
	must(affinity_names(value, length, tag));
	affinity_line(&plan, tag, place, 0, line);
	must(memcmp(again, value, length) == 0 && again[length] == ';');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *begin = (const char *)bytes, *end = begin + size, *at = begin, *before = begin;
	struct cookie_pair pair;

	while (cookie_next(&at, end, &pair)) {
		must(pair.length > 0 && pair.text >= before && pair.text + pair.length <= at);
		must(at <= end && at > before);
		must(memchr(pair.text, ';', pair.length) == NULL);
		must(pair.value + pair.value_length == pair.text + pair.length);
		must(pair.name_length < pair.length);
		(void)cookie_is_named(&pair, plan.name);
		value_check(pair.value, pair.value_length);
		before = at;
	}
	value_check(begin, size);
	return 0;
}
