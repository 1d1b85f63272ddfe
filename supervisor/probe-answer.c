/* SPDX-License-Identifier: MIT */
/*
 * Knows what an answer must be and the sentence that says what it was; does not know libcurl.
 */
#include "probe-answer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define LINE_MAX_SHOWN 120 /* bytes of a body's line in a reason */
#define PATH_MAX_SHOWN 80

static const char *const verdict_names[PROBE_VERDICT_COUNT] = {
	[PROBE_PASSED] = "passed",
	[PROBE_REFUSED] = "refused",
	[PROBE_TIMED_OUT] = "timed-out",
	[PROBE_BROKEN] = "broken",
	[PROBE_STATUS] = "status",
	[PROBE_BODY] = "body",
};

const char *probe_verdict_name(enum probe_verdict verdict)
{
	assert(verdict < PROBE_VERDICT_COUNT);
	return verdict_names[verdict];
}

static bool is_printable(char c)
{
	return c >= ' ' && c < 0x7f;
}

/* "HTTP/1.1 500 Internal Server Error": what is behind the version. */
void probe_answer_take_header(struct probe_answer *answer, const char *line, size_t size)
{
	const char *text = memchr(line, ' ', size);
	size_t n = 0;

	if (size < strlen("HTTP/") || memcmp(line, "HTTP/", strlen("HTTP/")) != 0 || !text)
		return;
	answer->status = 0;
	for (text++; text < line + size && n < sizeof(answer->status_text) - 1; text++)
		if (is_printable(*text))
			answer->status_text[n++] = *text;
	answer->status_text[n] = '\0';
	(void)sscanf(answer->status_text, "%3u", &answer->status);
}

long probe_answer_take_body(struct probe_answer *answer, const char *bytes, size_t size)
{
	size_t room = PROBE_BODY_MAX - answer->body_size;
	char *body;

	if (size > room)
		size = room;
	if (size == 0)
		return 0;
	body = realloc(answer->body, answer->body_size + size);
	if (!body)
		return -ENOMEM;
	memcpy(body + answer->body_size, bytes, size);
	answer->body = body;
	answer->body_size += size;
	return (long)size;
}

void probe_answer_clear(struct probe_answer *answer)
{
	free(answer->body);
	*answer = (struct probe_answer){0};
}

/* A tag of an HTML page says nothing to a reader of the journal. */
static bool begins_tag(const char *p, const char *end)
{
	return *p == '<' && p + 1 < end &&
	       (p[1] == '/' || p[1] == '!' || (p[1] >= 'a' && p[1] <= 'z') ||
		       (p[1] >= 'A' && p[1] <= 'Z'));
}

/* The first line of the body that says something. */
static const char *first_line(const struct probe_answer *answer, char line[LINE_MAX_SHOWN])
{
	/* Without a body there is no pointer to count from. */
	const char *p = answer->body ? answer->body : "", *end = p + answer->body_size;
	bool in_tag = false;
	size_t n = 0;

	for (; p < end && n < LINE_MAX_SHOWN - 1; p++) {
		if (*p == '\n' && n > 0)
			break;
		if (begins_tag(p, end))
			in_tag = true;
		else if (in_tag)
			in_tag = *p != '>';
		else if (*p > ' ' || *p < 0 || (*p == ' ' && n > 0))
			line[n++] = *p;
	}
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return line;
}

/* "GET http://127.0.0.1:9000/health answered 500 …" */
_printf_(3, 4) static void say(
	struct probe_result *result, const struct probe_request *request, const char *format, ...)
{
	va_list arguments;
	int n;

	if (request->kind == PROBE_CONNECT)
		n = snprintf(result->reason, sizeof(result->reason), "a connection to port %u ",
			request->port);
	else
		n = snprintf(result->reason, sizeof(result->reason), "GET http://127.0.0.1:%u%.*s ",
			request->port, PATH_MAX_SHOWN, request->path);
	va_start(arguments, format);
	vsnprintf(result->reason + n, sizeof(result->reason) - (size_t)n, format, arguments);
	va_end(arguments);
	for (char *p = result->reason; *p; p++)
		if (!is_printable(*p))
			*p = '?';
}

static void judge_whole(const struct probe_answer *answer, const struct probe_request *request,
	struct probe_result *result)
{
	char line[LINE_MAX_SHOWN];

	if (request->kind == PROBE_CONNECT) {
		result->verdict = PROBE_PASSED;
		say(result, request, "was accepted");
		return;
	}
	first_line(answer, line);
	if (answer->status < request->status_min || answer->status > request->status_max) {
		result->verdict = PROBE_STATUS;
		say(result, request, "answered %s%s%s", answer->status_text, *line ? ": " : "",
			line);
	} else if (request->body && !memmem(answer->body ? answer->body : "", answer->body_size,
					    request->body, strlen(request->body))) {
		result->verdict = PROBE_BODY;
		say(result, request, "answered %s without the expected text%s%s",
			answer->status_text, *line ? ", but: " : "", line);
	} else {
		result->verdict = PROBE_PASSED;
		say(result, request, "answered %s", answer->status_text);
	}
}

static void judge_late(const struct probe_answer *answer, const struct probe_request *request,
	struct probe_result *result)
{
	double seconds = (double)request->timeout_usec / (double)USEC_PER_SEC;

	result->verdict = PROBE_TIMED_OUT;
	if (answer->status > 0)
		say(result, request, "answered %s, but the answer did not end within %gs",
			answer->status_text, seconds);
	else
		say(result, request, "was not %s within %gs",
			request->kind == PROBE_CONNECT ? "accepted" : "answered", seconds);
}

void probe_answer_judge(const struct probe_answer *answer, const struct probe_request *request,
	enum probe_end end, const char *detail, struct probe_result *ret_result)
{
	*ret_result = (struct probe_result){.status = answer->status};
	switch (end) {
	case PROBE_END_WHOLE:
		judge_whole(answer, request, ret_result);
		return;
	case PROBE_END_REFUSED:
		ret_result->verdict = PROBE_REFUSED;
		say(ret_result, request, "was refused: nobody listens on port %u", request->port);
		return;
	case PROBE_END_LATE:
		judge_late(answer, request, ret_result);
		return;
	case PROBE_END_BROKEN:
		ret_result->verdict = PROBE_BROKEN;
		say(ret_result, request, "%s%s%s",
			request->kind == PROBE_CONNECT ? "failed" : "got no whole answer",
			*detail ? ": " : "", detail);
		return;
	case PROBE_END_COUNT:
		break;
	}
	assert(false);
}
