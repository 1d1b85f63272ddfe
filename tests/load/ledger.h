/* SPDX-License-Identifier: MIT */
/*
 * What became of every request, by its number, seen from outside; and what the apps say they
 * executed. The two are compared once, after the run.
 *
 * The apps' log has one line for each executed write: `ID COLOR ROLE METHOD`, where ID is
 * PREFIX-NUMBER. Lines of other prefixes are other runs' and are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "color.h"

enum fate {
	FATE_UNANSWERED,   /* sent, or about to be; no answer that counts */
	FATE_ACKNOWLEDGED, /* a good answer came */
	FATE_REFUSED,	   /* told 503 and to come back later: must not be executed */
};

/* How often each disagreement was found. */
struct ledger_findings {
	uint64_t acknowledged;	   /* writes acknowledged */
	uint64_t executed_once;	   /* of these, executed exactly once, by a primary */
	uint64_t lost;		   /* acknowledged, never executed */
	uint64_t twice;		   /* executed more than once, acknowledged or not */
	uint64_t by_fallback;	   /* executed by another role than primary */
	uint64_t other_color;	   /* executed by another color than the answer named */
	uint64_t refused_executed; /* told 503, executed all the same */
	uint64_t unanswered;	   /* writes without an answer that counts */
	uint64_t unacknowledged;   /* of these, executed: known to nobody but us */
	uint64_t reads_executed;   /* a GET in the log of writes */
	uint64_t unknown;	   /* our prefix, but a number that was never sent */
	uint64_t garbled;	   /* lines that are not of the form */
	uint64_t lines;		   /* of this run */
	uint64_t executed[COLOR_COUNT];
};

struct ledger;

/* Told once for each finding that is a fault; the text is a sentence. */
typedef void (*ledger_complaint)(void *owner, const char *sentence);

int ledger_open(const char *prefix, struct ledger **ret_ledger);
struct ledger *ledger_close(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger, ledger_close);

/* The next request's number, from 0. */
int ledger_issue(struct ledger *ledger, bool write, uint32_t *ret_number);
void ledger_settle(struct ledger *ledger, uint32_t number, enum fate fate, enum color color);

/* Reads the log and compares. A log that cannot be opened is -errno: writes cannot be judged. */
int ledger_check(struct ledger *ledger, const char *path, ledger_complaint complain, void *owner,
	struct ledger_findings *ret_findings);

/* True if a finding means that a promise was broken. */
bool ledger_findings_are_bad(const struct ledger_findings *findings);
