/* SPDX-License-Identifier: MIT */
/*
 * Knows words and the plan they make; does not know how it is carried out.
 */
#include "relay-control-parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay-words.h"

static int request_backends(struct control_client *client, char *words)
{
	struct control *control = client->control;
	struct plan plan = control->plan;
	int r;

	r = words_backends(words, &plan);
	if (r < 0)
		return r;
	control->plan = plan;
	control_publish(control);
	control_say(client, "ok backends");
	return 0;
}

static int request_limits(struct control_client *client, char *words)
{
	struct control *control = client->control;
	struct plan plan = control->plan;
	int r;

	r = words_limits(words, &plan);
	if (r < 0)
		return r;
	control->plan = plan;
	control_publish(control);
	control_say(client, "ok limits");
	return 0;
}

static int request_protocol(struct control_client *client, char *words)
{
	struct control *control = client->control;
	int r;

	r = words_protocol(words, &control->plan);
	if (r < 0)
		return r;
	control_publish(control);
	control_owe(client, OWED_PROTOCOL);
	return 0;
}

static int request_clients(struct control_client *client, char *words)
{
	struct control *control = client->control;
	int r;

	r = words_clients(words, &control->plan);
	if (r < 0)
		return r;
	control_publish(control);
	control_owe(client, OWED_CLIENTS);
	return 0;
}

static bool drain_is_over(const struct route *route, enum color color, enum drain_extent extent)
{
	return route->weight[ROUTE_READS][color] != ROUTE_NEVER ||
	       (extent == DRAIN_OF_ALL && route->weight[ROUTE_WRITES][color] != ROUTE_NEVER);
}

static int request_route(struct control_client *client, char *words)
{
	struct control *control = client->control;
	char text[ROUTE_TEXT_MAX];
	struct route route;
	int r;

	r = route_parse(words, &route);
	if (r < 0)
		return r;
	if (!route_equal(&route, &control->plan.route))
		log_info("Route: %s.", route_format(&route, text));
	control->plan.route = route;
	/* An earlier supervisor says no more of them than this. */
	control->plan.clients.said = true;
	for (int color = 0; color < COLOR_COUNT; color++)
		if (drain_is_over(&route, (enum color)color, control->plan.drain[color].extent)) {
			control->plan.drain[color].extent = DRAIN_NONE;
			control_forget_drain(control, (enum color)color);
		}
	control_publish(control);
	control->routed = true;
	control_owe(client, OWED_ROUTE);
	return 0;
}

static int request_drain(struct control_client *client, char *words)
{
	struct control *control = client->control;
	struct plan_drain drain;
	enum color color;
	int r;

	r = words_drain(words, control->now, &color, &drain);
	if (r < 0)
		return r;
	drain.serial = control->plan.serial + 1;
	control->plan.drain[color] = drain;
	control->drain_announced[color] = false;
	control_publish(control);
	control_say(client, "ok drain");
	return 0;
}

static int request_counters(struct control_client *client, char *words)
{
	struct relay_totals totals = relay_count(client->control->relay);
	char text[CONTROL_ANSWER_MAX - 16];

	(void)words;
	words_counters(&totals, text, sizeof(text));
	control_say(client, "ok counters %s", text);
	return 0;
}

static int request_release(struct control_client *client, char *words)
{
	struct control *control = client->control;
	struct relay_totals totals = relay_count(control->relay);
	char release[COLOR_COUNT][NUMBERS_RELEASE_MAX];
	int r;

	r = words_release(words, release);
	if (r < 0)
		return r;
	for (int color = 0; color < COLOR_COUNT; color++)
		numbers_release(
			&control->numbers, &totals, (enum color)color, release[color], now_usec());
	control_say(client, "ok release");
	return 0;
}

static int request_numbers(struct control_client *client, char *words)
{
	struct control *control = client->control;
	struct relay_totals totals = relay_count(control->relay);
	struct numbers_question question;
	char text[CONTROL_ANSWER_MAX - 16];
	int r;

	r = words_numbers_question(words, &question);
	if (r < 0)
		return r;
	words_numbers(&control->numbers, &totals, &question, now_usec(), text, sizeof(text));
	control_say(client, "ok numbers %s", text);
	return 0;
}

static int request_affinity(struct control_client *client, char *words)
{
	struct control *control = client->control;
	enum affinity before = control->plan.affinity.kind;
	int r;

	r = words_affinity(words, control->now, &control->plan.affinity);
	if (r < 0)
		return r;
	if (control->plan.affinity.kind != before)
		log_info("Affinity: %s.", affinity_name(control->plan.affinity.kind));
	control_publish(control);
	control_owe(client, OWED_AFFINITY);
	return 0;
}

static int request_renew(struct control_client *client, char *words)
{
	struct control *control = client->control;

	if (*words != '\0')
		return -EINVAL;
	if (control->stopping) {
		control_say(client, "error renew the relay is stopping");
		return 0;
	}
	control->renew_asked = true;
	control_owe(client, OWED_RENEW);
	return 0;
}

static int request_show(struct control_client *client, char *words)
{
	if (*words != '\0')
		return -EINVAL;
	control_owe(client, OWED_SHOW);
	return 0;
}

struct request {
	const char *verb;
	int (*serve)(struct control_client *client, char *words);
	bool holds; /* its last one of each kind is said again to a successor */
	const char *usage;
};

static const struct request requests[] = {
	{"backends", request_backends, true, "backends blue=127.0.0.1:PORT green=127.0.0.1:PORT"},
	{"limits", request_limits, true, "limits hold-usec=N hold-requests=N hold-bytes=N"},
	{"protocol", request_protocol, true, "protocol http|tcp"},
	{"clients", request_clients, true,
		"clients trust=PREFIX,...|none accept-proxy=no|yes send-proxy=no|v1|v2"},
	{"route", request_route, true,
		"route reads=COLOR:WEIGHT,...|hold writes=COLOR:WEIGHT,...|hold"},
	{"drain", request_drain, true,
		"drain COLOR scope=reads|all requests-usec=N streams-usec=N"},
	{"counters", request_counters, false, "counters"},
	{"show", request_show, false, "show"},
	{"renew", request_renew, false, "renew"},
	{"release", request_release, true, "release blue=TAG green=TAG"},
	{"numbers", request_numbers, false,
		"numbers COLOR, numbers COLOR earlier=N, or numbers relay"},
	{"affinity", request_affinity, true,
		"affinity none, affinity address fresh=COLOR key=HEX, or affinity cookie "
		"fresh=COLOR "
		"key=HEX life-usec=N blue=RELEASE green=RELEASE name=NAME"},
};

static_assert(ELEMENTS(requests) <= CONTROL_REQUESTS_MAX, "each request has room in said[]");

static bool is_of_cookie(size_t row, const char *message)
{
	return requests[row].serve == request_affinity &&
	       strncmp(message, "affinity cookie ", strlen("affinity cookie ")) == 0;
}

/*
 * A request about one color has two that hold. So has the affinity: the cookies of the last one
 * outlive it, and what was said behind it does not tell what they were. Any other has one.
 */
static struct control_said *said_slot(struct control *control, size_t row, const char *message)
{
	const char *words = strchr(message, ' ');
	enum color color = COLOR_BLUE;
	char name[16] = "";

	if (words)
		(void)sscanf(words, "%15s", name);
	if (color_from_name(name, &color) < 0)
		color = COLOR_BLUE;
	if (requests[row].serve == request_affinity && !is_of_cookie(row, message))
		color = COLOR_GREEN;
	return &control->said[row * COLOR_COUNT + color];
}

static void said_forget(struct control_said *said)
{
	said->message[0] = '\0';
}

static void said_keep(struct control *control, size_t row, const char *message)
{
	struct control_said *said = said_slot(control, row, message);

	if (is_of_cookie(row, message))
		said_forget(said + 1); /* which is said behind it */
	said->at = control->now;
	(void)snprintf(said->message, sizeof(said->message), "%s", message);
}

void control_forget_drain(struct control *control, enum color color)
{
	for (size_t row = 0; row < ELEMENTS(requests); row++) {
		if (requests[row].serve == request_drain)
			said_forget(&control->said[row * COLOR_COUNT + color]);
	}
}

/* Only what is fit to be said back. */
static bool is_word(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	return length > 0 && length <= 32 && text[length] == '\0';
}

static void refuse_unknown(struct control_client *client, const char *verb)
{
	char known[256] = "";
	size_t length = 0;

	for (size_t i = 0; i < ELEMENTS(requests) && length < sizeof(known); i++)
		length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s",
			i > 0 ? ", " : "", requests[i].verb);
	control_say(client, "error %s no such request; there are %s", verb, known);
}

static void refuse_words(struct control_client *client, const struct request *request)
{
	control_say(client, "error %s not understood, expected: %s", request->verb, request->usage);
}

/* -ENOENT: there is no such request. -EINVAL: it is not understood. */
static int serve(struct control_client *client, char *message, const struct request **ret_request)
{
	char whole[CONTROL_MESSAGE_MAX + 1];
	char *words = message, *verb;
	int r;

	(void)snprintf(whole, sizeof(whole), "%s", message);
	verb = strsep(&words, " ");
	for (size_t row = 0; row < ELEMENTS(requests); row++) {
		if (strcmp(requests[row].verb, verb) != 0)
			continue;
		*ret_request = &requests[row];
		r = requests[row].serve(client, words ? words : message + strlen(message));
		if (r >= 0 && requests[row].holds)
			said_keep(client->control, row, whole);
		return r;
	}
	return -ENOENT;
}

void control_serve(struct control_client *client, char *message)
{
	const struct request *request = NULL;
	int r;

	client->control->now = now_usec();
	r = serve(client, message, &request);
	if (r == -ENOENT)
		refuse_unknown(client, is_word(message) ? message : "-");
	else if (r < 0 && request)
		refuse_words(client, request);
	else if (r < 0)
		control_say(client, "error - %s", strerror(-r));
}

int control_said(struct control *control, uint64_t said_at, char *message)
{
	struct control_client nobody = {.control = control, .fd = -EBADF};
	const struct request *request;
	int r;

	control->now = said_at;
	r = serve(&nobody, message, &request);
	return r < 0 ? -EINVAL : 0;
}
