/* SPDX-License-Identifier: MIT */
/*
 * The verdict, for people and for programs. Fields of the JSON: README.md.
 */
#pragma once

#include <stdio.h>

#include "judge.h"
#include "options.h"

struct report {
	const struct options *options;
	const struct judge *judge;
	bool log_checked; /* findings are set */
	struct ledger_findings findings;
};

bool report_is_good(const struct report *report);
void report_text(const struct report *report, FILE *file);
void report_json(const struct report *report, FILE *file);
