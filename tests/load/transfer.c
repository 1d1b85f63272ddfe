/* SPDX-License-Identifier: MIT */
/*
 * The content is the pattern; an upload's answer must name the bytes and the CRC that were sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "pattern.h"
#include "transfer.h"

#define RECEIVE_SIZE (256 * 1024)
#define REPLY_MAX    512 /* of an upload's answer */

enum transfer_state {
	TRANSFER_CONNECTING,
	TRANSFER_ASKING,    /* sending the head */
	TRANSFER_SENDING,   /* sending the body */
	TRANSFER_RECEIVING, /* all is sent */
	TRANSFER_OVER,
};

struct transfer {
	struct actor actor;
	struct run *run;
	enum transfer_state state;
	struct ticket ticket;
	struct request request;
	struct answer answer;
	uint64_t size, moved;
	uint32_t crc;
	bool differs; /* a byte was not the pattern's */
	uint64_t differs_at;
	char reply[REPLY_MAX];
	size_t reply_size;
};

static void over(struct transfer *t, enum outcome outcome, const char *detail)
{
	judge_settle(t->run->judge, &t->ticket, outcome, t->answer.color, detail);
	loop_drop(t->run->loop, &t->actor);
	(void)loop_set_deadline(t->run->loop, &t->actor, USEC_INFINITY);
	t->state = TRANSFER_OVER;
}

static void bytes_moved(struct transfer *t)
{
	(void)loop_set_deadline(t->run->loop, &t->actor, now_usec() + t->run->options.timeout_usec);
}

static void take_body(void *owner, const char *bytes, size_t size)
{
	struct transfer *t = owner;

	if (t->ticket.kind == KIND_UPLOAD) {
		size_t room = sizeof(t->reply) - t->reply_size;

		memcpy(t->reply + t->reply_size, bytes, size < room ? size : room);
		t->reply_size += size < room ? size : room;
		return;
	}
	if (!t->differs && !pattern_matches(t->moved, bytes, size)) {
		t->differs = true;
		t->differs_at = t->moved;
	}
	t->moved += size;
}

static enum outcome judge_download(struct transfer *t, char *detail, size_t room)
{
	if (strcmp(t->answer.id, t->ticket.id) != 0 || t->answer.color == COLOR_COUNT) {
		snprintf(detail, room, "the answer lacks our X-Request-Id, or X-Color");
		return OUTCOME_WRONG_BODY;
	}
	if (t->differs) {
		snprintf(detail, room, "the bytes differ from the pattern behind %" PRIu64,
			t->differs_at);
		return OUTCOME_WRONG_BODY;
	}
	if (t->moved != t->size) {
		snprintf(detail, room, "%" PRIu64 " of %" PRIu64 " bytes came", t->moved, t->size);
		return OUTCOME_WRONG_BODY;
	}
	return OUTCOME_ANSWERED;
}

static enum outcome judge_upload(struct transfer *t, char *detail, size_t room)
{
	char expected[64];
	const char *why = "";
	enum outcome outcome =
		judge_answer(&t->ticket, &t->answer, "", t->reply, t->reply_size, &why);

	snprintf(detail, room, "%s", why);
	if (outcome != OUTCOME_ANSWERED)
		return outcome;
	snprintf(expected, sizeof(expected), " POST %" PRIu64 " %08" PRIx32, t->size, t->crc);
	if (memmem(t->reply, t->reply_size, expected, strlen(expected)))
		return OUTCOME_ANSWERED;
	snprintf(detail, room, "the app counted otherwise than `%s`: %.*s", expected + 6,
		(int)t->reply_size, t->reply);
	return OUTCOME_WRONG_BODY;
}

static void finish(struct transfer *t)
{
	enum outcome outcome = run_status_outcome(t->run, &t->answer, 200);
	char detail[256];

	snprintf(detail, sizeof(detail), "status %u", t->answer.status);
	if (outcome == OUTCOME_ANSWERED)
		outcome = t->ticket.kind == KIND_UPLOAD ? judge_upload(t, detail, sizeof(detail))
							: judge_download(t, detail, sizeof(detail));
	over(t, outcome, detail);
}

static void receive(struct transfer *t)
{
	static char bytes[RECEIVE_SIZE];
	const struct answer_sink sink = {.take = take_body, .owner = t};
	ssize_t n = wire_receive(t->actor.fd, bytes, sizeof(bytes));
	char detail[128];

	if (n == -EAGAIN)
		return;
	if (n > 0) {
		(void)answer_feed(&t->answer, bytes, (size_t)n, &sink);
		bytes_moved(t);
	}
	if (t->answer.state == ANSWER_BAD) {
		over(t, OUTCOME_BAD_HTTP, t->answer.flaw);
	} else if (t->answer.state == ANSWER_WHOLE || (n == 0 && answer_end(&t->answer))) {
		finish(t);
	} else if (n <= 0) {
		snprintf(detail, sizeof(detail), "after %" PRIu64 " bytes", t->moved);
		over(t, n == 0 ? OUTCOME_EARLY_EOF : wire_outcome((int)n), detail);
	}
}

static int send_body(struct transfer *t)
{
	while (t->moved < t->size) {
		size_t run;
		const unsigned char *bytes = pattern_at(t->moved, &run);
		ssize_t n = wire_send(
			t->actor.fd, bytes, run < t->size - t->moved ? run : t->size - t->moved);

		if (n <= 0)
			return (int)n;
		t->crc = pattern_crc(t->crc, bytes, (size_t)n);
		t->moved += (uint64_t)n;
		bytes_moved(t);
	}
	return 1;
}

static void send_more(struct transfer *t)
{
	int r = 1;

	if (t->state == TRANSFER_ASKING) {
		r = request_send(&t->request, t->actor.fd);
		if (r > 0)
			t->state = t->ticket.kind == KIND_UPLOAD ? TRANSFER_SENDING
								 : TRANSFER_RECEIVING;
	}
	if (t->state == TRANSFER_SENDING) {
		r = send_body(t);
		if (r > 0)
			t->state = TRANSFER_RECEIVING;
	}
	if (r < 0)
		over(t, wire_outcome(r), "while sending");
	else
		(void)loop_watch(t->run->loop, &t->actor, r ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void on_ready(struct actor *actor, uint32_t events)
{
	struct transfer *t = (struct transfer *)actor;

	if (t->state == TRANSFER_CONNECTING) {
		int r = wire_connected(actor->fd);

		if (r < 0) {
			over(t, OUTCOME_REFUSED, strerror(-r));
			return;
		}
		t->state = TRANSFER_ASKING;
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		receive(t);
	}
	if (t->state == TRANSFER_ASKING || t->state == TRANSFER_SENDING)
		send_more(t);
}

static void on_deadline(struct actor *actor)
{
	struct transfer *t = (struct transfer *)actor;
	char detail[128];

	snprintf(detail, sizeof(detail),
		"no byte moved within --timeout, after %" PRIu64 " of %" PRIu64, t->moved, t->size);
	over(t, OUTCOME_TIMEOUT, detail);
}

static int begin(struct transfer *t, enum kind kind)
{
	char path[64] = "/count", fields[128] = "";
	int r;

	r = judge_issue(t->run->judge, kind, now_usec(), &t->ticket);
	if (r < 0)
		return r;
	if (kind == KIND_DOWNLOAD)
		snprintf(path, sizeof(path), "/bytes/%" PRIu64, t->size);
	else
		snprintf(fields, sizeof(fields),
			"Content-Type: application/octet-stream\r\nContent-Length: %" PRIu64 "\r\n",
			t->size);
	request_write(&t->request, t->run, &t->ticket, path, fields, "");
	answer_begin(&t->answer);
	bytes_moved(t);
	r = wire_connect(t->run, &t->actor);
	if (r < 0)
		over(t, OUTCOME_REFUSED, strerror(-r));
	return 0;
}

bool transfer_is_over(const struct transfer *t)
{
	return t->state == TRANSFER_OVER;
}

int transfer_open(struct run *run, enum kind kind, struct transfer **ret_transfer)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->actor = (struct actor){.fd = -EBADF,
		.deadline = USEC_INFINITY,
		.on_ready = on_ready,
		.on_deadline = on_deadline};
	t->run = run;
	t->size = kind == KIND_UPLOAD ? run->options.upload : run->options.download;
	r = begin(t, kind);
	if (r < 0) {
		free(t);
		return r;
	}
	*ret_transfer = t;
	return 0;
}

struct transfer *transfer_close(struct transfer *t)
{
	if (!t)
		return NULL;
	fd_close(t->actor.fd);
	free(t);
	return NULL;
}
