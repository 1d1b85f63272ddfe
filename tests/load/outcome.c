/* SPDX-License-Identifier: MIT */
/*
 * Names, as in the report.
 */
#include "outcome.h"

static const char *const kind_names[KIND_COUNT] = {
	[KIND_GET] = "get",
	[KIND_POST] = "post",
	[KIND_WEBSOCKET] = "websocket",
	[KIND_ECHO] = "echo",
	[KIND_EVENTS] = "events",
	[KIND_DOWNLOAD] = "download",
	[KIND_UPLOAD] = "upload",
};

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_ANSWERED] = "answered",
	[OUTCOME_HELD_REFUSED] = "held-refused",
	[OUTCOME_CUT] = "cut",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_EARLY_EOF] = "early-eof",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_5XX] = "5xx",
	[OUTCOME_STATUS] = "status",
	[OUTCOME_BAD_HTTP] = "bad-http",
	[OUTCOME_WRONG_BODY] = "wrong-body",
	[OUTCOME_BY_FALLBACK] = "by-fallback",
	[OUTCOME_ANSWERED_TWICE] = "answered-twice",
	[OUTCOME_NEVER_SENT] = "never-sent",
	[OUTCOME_ABANDONED] = "abandoned",
};

const char *kind_name(enum kind kind)
{
	return kind_names[kind];
}

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

bool outcome_is_failure(enum outcome outcome)
{
	return outcome >= OUTCOME_REFUSED;
}

bool kind_is_write(enum kind kind)
{
	return kind == KIND_POST || kind == KIND_UPLOAD;
}
