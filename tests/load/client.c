/* SPDX-License-Identifier: MIT */
/*
 * The life of one request: begun, connected if need be, asked, answered, judged; then the
 * connection rests, or its announced end is awaited to see that nothing more comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "client.h"
#include "schedule.h"

#define BODY_MAX     (UINT64_C(1) << 20) /* kept for the receipt; what is longer is not searched */
#define RECEIVE_SIZE 65536

enum client_state {
	CLIENT_RESTING,	   /* nothing asked; a kept connection may stand */
	CLIENT_CONNECTING, /* a request waits for its connection */
	CLIENT_ASKING,	   /* the request is on its way, or its answer */
	CLIENT_LINGERING,  /* answered; the server is to close */
};

struct client {
	struct actor actor; /* first: the loop knows only this */
	struct run *run;
	struct client *next;
	enum client_state state;
	enum client_sort sort;
	unsigned int asked; /* requests on this connection */
	struct ticket ticket;
	char previous[ID_SIZE]; /* asked before on this connection */
	struct request request;
	struct answer answer;
	char *body;
	size_t body_size, body_room;
};

struct client **client_link(struct client *client)
{
	return &client->next;
}

enum client_sort client_sort(const struct client *client)
{
	return client->sort;
}

static struct connection_counts *counts(struct client *client)
{
	return &client->run->judge->connections;
}

static void drop(struct client *client)
{
	loop_drop(client->run->loop, &client->actor);
	client->asked = 0;
	client->previous[0] = '\0';
}

void client_rest(struct client *client, uint64_t usec)
{
	client->state = CLIENT_RESTING;
	(void)loop_set_deadline(
		client->run->loop, &client->actor, usec ? now_usec() + usec : USEC_INFINITY);
	if (usec == 0)
		schedule_ready(client->run->schedule, client);
}

static void fail(struct client *client, enum outcome outcome, const char *detail)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s (request %u on its connection)", detail, client->asked);
	judge_settle(client->run->judge, &client->ticket, outcome, client->answer.color, whole);
	drop(client);
	client_rest(client, PAUSE_AFTER_FAILURE);
}

static void keep_body(void *owner, const char *bytes, size_t size)
{
	struct client *client = owner;

	if (client->body_size + size > BODY_MAX)
		return;
	if (client->body_size + size > client->body_room) {
		size_t room = (client->body_size + size) * 2;
		char *body = realloc(client->body, room);

		if (!body)
			return;
		client->body = body;
		client->body_room = room;
	}
	memcpy(client->body + client->body_size, bytes, size);
	client->body_size += size;
}

static void compose(struct client *client)
{
	static const char words[] =
		"the+quiet+reader+turns+a+page+and+finds+that+nothing+was+lost+while+blue+became+"
		"green+and+green+became+blue+again+which+is+all+that+was+ever+asked+of+it+";
	const struct options *o = &client->run->options;
	const char *connection = client->sort == CLIENT_CLOSES ? "Connection: close\r\n" : "";
	char fields[256], body[512];

	if (client->ticket.kind == KIND_GET) {
		snprintf(fields, sizeof(fields), "Accept: text/html\r\n%s", connection);
		request_write(
			&client->request, client->run, &client->ticket, o->read_path, fields, "");
		return;
	}
	snprintf(body, sizeof(body), "id=%s&title=Note+%s&text=%.*s", client->ticket.id,
		client->ticket.id, 1 + (int)run_random(client->run, sizeof(words) - 1), words);
	snprintf(fields, sizeof(fields),
		"Accept: text/plain\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		"Content-Length: %zu\r\n%s",
		strlen(body), connection);
	request_write(&client->request, client->run, &client->ticket, o->write_path, fields, body);
}

static void connect_anew(struct client *client)
{
	int r;

	drop(client);
	client->asked = 1;
	client->state = CLIENT_CONNECTING;
	r = wire_connect(client->run, &client->actor);
	if (r < 0)
		fail(client, OUTCOME_REFUSED, strerror(-r));
}

static void ask(struct client *client)
{
	bool fresh = client->state == CLIENT_CONNECTING;
	int r;

	client->state = CLIENT_ASKING;
	r = request_send(&client->request, client->actor.fd);
	if (r < 0 && client->request.sent == 0 && !fresh) {
		/* The kernel knew before we did, and nothing was sent. */
		counts(client)->idle_reset++;
		connect_anew(client);
	} else if (r < 0) {
		fail(client, OUTCOME_RESET, "while the request was being sent");
	} else {
		(void)loop_watch(
			client->run->loop, &client->actor, r ? EPOLLIN : EPOLLIN | EPOLLOUT);
	}
}

/* Looks whether a connection at rest still stands. Drops it if not. */
static void look_at_idle(struct client *client)
{
	char bytes[64];
	ssize_t n = wire_receive(client->actor.fd, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return;
	if (n == 0)
		counts(client)->idle_eof++;
	else if (n < 0)
		counts(client)->idle_reset++;
	else
		judge_settle_late(client->run->judge, &client->ticket, OUTCOME_ANSWERED_TWICE,
			"bytes came after the whole answer, with nothing asked");
	drop(client);
}

void client_begin(struct client *client, uint64_t intended)
{
	struct run *run = client->run;
	enum kind kind = run_random(run, 100) < run->options.writes ? KIND_POST : KIND_GET;

	if (client->actor.fd >= 0)
		look_at_idle(client);
	if (judge_issue(run->judge, kind, intended, &client->ticket) < 0)
		return;
	compose(client);
	answer_begin(&client->answer);
	client->body_size = 0;
	(void)loop_set_deadline(run->loop, &client->actor, now_usec() + run->options.timeout_usec);
	client->asked++;
	if (client->actor.fd < 0)
		connect_anew(client);
	else
		ask(client);
}

static enum outcome judge_whole(struct client *client, const char **ret_why)
{
	enum outcome outcome = run_status_outcome(client->run, &client->answer, 200);

	if (outcome != OUTCOME_ANSWERED || client->run->options.no_receipt)
		return outcome;
	return judge_answer(&client->ticket, &client->answer, client->previous,
		client->body ? client->body : "", client->body_size, ret_why);
}

static void finish(struct client *client, bool more_came)
{
	struct judge *judge = client->run->judge;
	char status[64];
	const char *why = status;
	enum outcome outcome;

	snprintf(status, sizeof(status), "status %u", client->answer.status);
	outcome = judge_whole(client, &why);
	if (outcome_is_failure(outcome)) {
		fail(client, outcome, why);
		return;
	}
	judge_settle(judge, &client->ticket, outcome, client->answer.color, "");
	memcpy(client->previous, client->ticket.id, sizeof(client->previous));
	if (more_came) {
		judge_settle_late(judge, &client->ticket, OUTCOME_ANSWERED_TWICE,
			"more bytes came with the answer than it has");
		drop(client);
	}
	if (client->actor.fd >= 0 && (client->answer.closes || client->sort == CLIENT_CLOSES)) {
		client->state = CLIENT_LINGERING;
		(void)loop_set_deadline(
			client->run->loop, &client->actor, now_usec() + LINGER_USEC);
		return;
	}
	client_rest(client, run_think(client->run));
}

static void end_early(struct client *client)
{
	char detail[128];

	if (answer_end(&client->answer)) {
		drop(client);
		finish(client, false);
		return;
	}
	if (!client->answer.began)
		snprintf(detail, sizeof(detail), "closed before the answer's first byte");
	else if (client->answer.status == 0)
		snprintf(detail, sizeof(detail), "closed within the answer's head");
	else
		snprintf(detail, sizeof(detail), "closed within the body, after %llu bytes of it",
			(unsigned long long)client->answer.body_size);
	fail(client, OUTCOME_EARLY_EOF, detail);
}

static void receive(struct client *client)
{
	static char bytes[RECEIVE_SIZE];
	const struct answer_sink sink = {.take = keep_body, .owner = client};
	ssize_t n = wire_receive(client->actor.fd, bytes, sizeof(bytes));
	size_t taken;

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		fail(client, wire_outcome((int)n),
			client->answer.began ? "within the answer" : "before the answer");
		return;
	}
	if (n == 0) {
		end_early(client);
		return;
	}
	taken = answer_feed(&client->answer, bytes, (size_t)n, &sink);
	if (client->answer.state == ANSWER_BAD)
		fail(client, OUTCOME_BAD_HTTP, client->answer.flaw);
	else if (client->answer.state == ANSWER_WHOLE)
		finish(client, taken < (size_t)n);
}

static void linger(struct client *client)
{
	char bytes[64];
	ssize_t n = wire_receive(client->actor.fd, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return;
	if (n > 0)
		judge_settle_late(client->run->judge, &client->ticket, OUTCOME_ANSWERED_TWICE,
			"more bytes came after the last answer of a connection");
	else
		counts(client)->announced++;
	drop(client);
	client_rest(client, run_think(client->run));
}

static void on_ready(struct actor *actor, uint32_t events)
{
	struct client *client = (struct client *)actor;
	int r;

	switch (client->state) {
	case CLIENT_RESTING:
		look_at_idle(client);
		break;
	case CLIENT_CONNECTING:
		r = wire_connected(actor->fd);
		if (r < 0)
			fail(client, OUTCOME_REFUSED, strerror(-r));
		else
			ask(client);
		break;
	case CLIENT_ASKING:
		if (events & EPOLLIN)
			receive(client);
		else if (events & (EPOLLERR | EPOLLHUP))
			receive(client);
		else
			ask(client);
		break;
	case CLIENT_LINGERING:
		linger(client);
		break;
	}
}

static void on_deadline(struct actor *actor)
{
	struct client *client = (struct client *)actor;

	switch (client->state) {
	case CLIENT_RESTING:
		schedule_ready(client->run->schedule, client);
		break;
	case CLIENT_CONNECTING:
		fail(client, OUTCOME_TIMEOUT, "no connection within --timeout");
		break;
	case CLIENT_ASKING:
		fail(client, OUTCOME_TIMEOUT, "no whole answer within --timeout");
		break;
	case CLIENT_LINGERING:
		counts(client)->unclosed++;
		drop(client);
		client_rest(client, run_think(client->run));
		break;
	}
}

int client_open(struct run *run, enum client_sort sort, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->actor = (struct actor){.fd = -EBADF,
		.deadline = USEC_INFINITY,
		.on_ready = on_ready,
		.on_deadline = on_deadline};
	client->run = run;
	client->sort = sort;
	client_rest(client, run_think(run));
	*ret_client = client;
	return 0;
}

struct client *client_close(struct client *client)
{
	if (!client)
		return NULL;
	fd_close(client->actor.fd);
	free(client->body);
	free(client);
	return NULL;
}
