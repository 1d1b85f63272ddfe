/* SPDX-License-Identifier: MIT */
/*
 * Knows how a request shows its client's place, and what becomes of the client's cookie. What a
 * place means, affinity.c knows.
 */
#include "session-parts.h"

#include "cookie.h"

/* Cookies of our name in one request that are looked at: a browser has one, two at most (of two
 * hosts of one domain). More would be work for us at no cost to who sends them. */
#define COOKIES_MAX 4

struct shown {
	bool any;    /* a cookie of our name: the application is not shown it */
	bool ours;   /* one of our form */
	bool sealed; /* and made with the key of now */
	uint8_t place;
	const char *value; /* of the sealed one */
	size_t length;
};

static void pair_look(
	const struct affinity_plan *plan, const struct cookie_pair *pair, struct shown *shown)
{
	switch (affinity_read(plan, pair->value, pair->value_length, &shown->place)) {
	case AFFINITY_STRANGE:
		return;
	case AFFINITY_FORGED:
		shown->ours = true;
		return;
	case AFFINITY_SEALED:
		break;
	}
	shown->ours = shown->sealed = true;
	shown->value = pair->value;
	shown->length = pair->value_length;
}

/* Fields that ours is in are marked, so that they are not passed on as they are. */
static struct shown cookies_look(struct session *session, const char *bytes)
{
	const struct affinity_plan *plan = &session->worker->plan.affinity;
	struct http1_head *head = &session->worker->head;
	struct shown shown = {0};
	int looked = 0;

	for (uint32_t i = 0; i < head->header_count; i++) {
		struct http1_header *header = &head->headers[i];
		const char *at = bytes + header->value.offset, *end = at + header->value.length;
		struct cookie_pair pair;

		if (!cookie_is_field(bytes, header))
			continue;
		while (cookie_next(&at, end, &pair)) {
			if (!cookie_is_named(&pair, plan->name))
				continue;
			header->hop_by_hop = shown.any = true;
			if (!shown.sealed && looked++ < COOKIES_MAX)
				pair_look(plan, &pair, &shown);
		}
	}
	session->cookie_hidden = shown.any;
	return shown;
}

static void pin(struct session *session, uint8_t share)
{
	enum color fresh = session->worker->plan.affinity.fresh;

	session->pinned = true;
	session->pin = session->place < share ? fresh : color_other(fresh);
}

static void place_by_cookie(struct session *session, const struct shown *shown, uint8_t share)
{
	struct worker *worker = session->worker;
	const struct affinity_plan *plan = &worker->plan.affinity;

	if (shown->sealed)
		session->place = shown->place;
	else if (session->place == AFFINITY_NOWHERE)
		session->place = affinity_deal(&worker->deck);
	pin(session, share);
	if (!shown->sealed ||
		!affinity_names(shown->value, shown->length, affinity_tag(plan, session->pin)))
		session->cookie_due = SESSION_COOKIE_SET;
}

/* Without an address, as on a unix socket, the weights decide: what a front end says of its client
 * is good for a log, but whoever may say it could choose. */
static void place_by_address(struct session *session, uint8_t share)
{
	const struct affinity_plan *plan = &session->worker->plan.affinity;

	if (affinity_place_of_address(&plan->key, &session->source, &session->place))
		pin(session, share);
}

/* A cookie of a ramp that is over is taken back, as long as any can be left. */
static void cookie_forget(struct session *session, const char *bytes)
{
	struct worker *worker = session->worker;

	if (worker->plan.affinity.life_usec == 0)
		return;
	if (worker->plan.affinity.life_usec <= worker->now) {
		worker->plan.affinity.life_usec = 0;
		return;
	}
	if (cookies_look(session, bytes).ours)
		session->cookie_due = SESSION_COOKIE_FORGET;
}

void session_place(struct session *session)
{
	struct worker *worker = session->worker;
	const struct affinity_plan *plan = &worker->plan.affinity;
	const char *bytes = flow_bytes(&session->request);
	struct shown shown;
	uint8_t share = 0;
	bool shared;

	shared = affinity_share(&worker->plan.route, session->class, plan->fresh, &share);
	if (session->tcp) {
		/* Nothing can be told to who does not speak HTTP. */
		if (shared && plan->kind == AFFINITY_ADDRESS)
			place_by_address(session, share);
		return;
	}
	bytes += session->request.kept;
	switch (plan->kind) {
	case AFFINITY_COOKIE:
		shown = cookies_look(session, bytes);
		if (shared)
			place_by_cookie(session, &shown, share);
		break;
	case AFFINITY_ADDRESS:
		if (shared)
			place_by_address(session, share);
		cookie_forget(session, bytes);
		break;
	case AFFINITY_NONE:
	case AFFINITY_COUNT:
		cookie_forget(session, bytes);
		break;
	}
}

size_t session_put_cookie(struct session *session, char *head, size_t length)
{
	const struct worker *worker = session->worker;
	const struct affinity_plan *plan = &worker->plan.affinity;
	char line[AFFINITY_LINE_MAX];
	size_t size = 0;

	/* The plan may have changed since the request was sent: its key makes no cookie any more.
	 */
	switch (session->cookie_due) {
	case SESSION_COOKIE_STAYS:
		break;
	case SESSION_COOKIE_SET:
		if (plan->kind == AFFINITY_COOKIE)
			size = affinity_line(plan, affinity_tag(plan, session->pin), session->place,
				worker->now, line);
		break;
	case SESSION_COOKIE_FORGET:
		if (plan->kind != AFFINITY_COOKIE)
			size = affinity_line_forget(plan, line);
		break;
	}
	return forward_add_lines(head, length, line, size);
}
