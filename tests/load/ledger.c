/* SPDX-License-Identifier: MIT */
/*
 * Four bytes a request. Knows nothing of connections.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

#define EXECUTED_MAX UINT8_MAX

struct entry {
	uint8_t fate;
	uint8_t color; /* of the answer; COLOR_COUNT: none named */
	uint8_t executed;
	bool write : 1;
	bool by_primary : 1; /* the last execution */
};

struct ledger {
	char prefix[16];
	struct entry *entries;
	uint32_t count, room;
	ledger_complaint complain;
	void *owner;
	struct ledger_findings findings;
};

int ledger_issue(struct ledger *ledger, bool write, uint32_t *ret_number)
{
	if (ledger->count == ledger->room) {
		uint32_t room = ledger->room ? ledger->room * 2 : 4096;
		struct entry *entries = reallocarray(ledger->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		ledger->entries = entries;
		ledger->room = room;
	}
	ledger->entries[ledger->count] = (struct entry){.color = COLOR_COUNT, .write = write};
	*ret_number = ledger->count++;
	return 0;
}

void ledger_settle(struct ledger *ledger, uint32_t number, enum fate fate, enum color color)
{
	ledger->entries[number].fate = (uint8_t)fate;
	ledger->entries[number].color = (uint8_t)color;
}

static void complain(struct ledger *ledger, uint64_t *finding, const char *line, const char *what)
{
	char sentence[256];

	(*finding)++;
	snprintf(sentence, sizeof(sentence), "%.120s: %s", line, what);
	ledger->complain(ledger->owner, sentence);
}

static void read_line(struct ledger *ledger, const char *line)
{
	struct ledger_findings *found = &ledger->findings;
	size_t prefix = strlen(ledger->prefix);
	char role[16], method[16], color_word[16], *end;
	enum color color;
	unsigned long number;
	struct entry *entry;

	if (strncmp(line, ledger->prefix, prefix) != 0 || line[prefix] != '-')
		return;
	found->lines++;
	number = strtoul(line + prefix + 1, &end, 10);
	if (sscanf(end, " %15s %15s %15s", color_word, role, method) != 3 ||
		color_from_name(color_word, &color) < 0) {
		complain(ledger, &found->garbled, line, "is not `ID COLOR ROLE METHOD`");
		return;
	}
	if (number >= ledger->count) {
		complain(ledger, &found->unknown, line, "executed, but never sent");
		return;
	}
	entry = &ledger->entries[number];
	found->executed[color]++;
	if (!entry->write)
		complain(ledger, &found->reads_executed, line, "was a read, executed as a write");
	if (entry->executed < EXECUTED_MAX)
		entry->executed++;
	if (entry->executed > 1)
		complain(ledger, &found->twice, line, "executed again");
	entry->by_primary = strcmp(role, "primary") == 0;
	if (!entry->by_primary)
		complain(ledger, &found->by_fallback, line, "executed, but not by a primary");
	if (entry->fate == FATE_ACKNOWLEDGED && entry->color != color)
		complain(ledger, &found->other_color, line,
			"executed by another color than the answer named");
}

static void judge_entry(struct ledger *ledger, uint32_t number)
{
	struct ledger_findings *found = &ledger->findings;
	const struct entry *entry = &ledger->entries[number];
	char id[48];

	snprintf(id, sizeof(id), "%s-%08u", ledger->prefix, number);
	switch ((enum fate)entry->fate) {
	case FATE_ACKNOWLEDGED:
		found->acknowledged++;
		if (entry->executed == 1 && entry->by_primary)
			found->executed_once++;
		else if (entry->executed == 0)
			complain(ledger, &found->lost, id, "acknowledged, but never executed");
		break;
	case FATE_REFUSED:
		if (entry->executed > 0)
			complain(ledger, &found->refused_executed, id,
				"refused with 503, but executed");
		break;
	case FATE_UNANSWERED:
		found->unanswered++;
		if (entry->executed > 0)
			complain(ledger, &found->unacknowledged, id,
				"executed, but no good answer came");
		break;
	}
}

int ledger_check(struct ledger *ledger, const char *path, ledger_complaint complaint, void *owner,
	struct ledger_findings *ret_findings)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t size;
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	ledger->complain = complaint;
	ledger->owner = owner;
	while ((size = getline(&line, &room, file)) > 0) {
		if (line[size - 1] == '\n')
			line[size - 1] = '\0';
		read_line(ledger, line);
	}
	fclose(file);
	for (uint32_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].write)
			judge_entry(ledger, i);
	*ret_findings = ledger->findings;
	return 0;
}

bool ledger_findings_are_bad(const struct ledger_findings *f)
{
	return f->lost || f->twice || f->by_fallback || f->other_color || f->refused_executed ||
	       f->unacknowledged || f->reads_executed || f->unknown || f->garbled;
}

int ledger_open(const char *prefix, struct ledger **ret_ledger)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	snprintf(ledger->prefix, sizeof(ledger->prefix), "%s", prefix);
	*ret_ledger = ledger;
	return 0;
}

struct ledger *ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	free(ledger->entries);
	free(ledger);
	return NULL;
}
