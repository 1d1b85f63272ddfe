/* SPDX-License-Identifier: MIT */
/*
 * One message at a time, so that each echo has its time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "frame.h"
#include "websocket.h"

#define PAUSE_USEC (100 * USEC_PER_MSEC) /* between messages, if --think says nothing */

enum websocket_state {
	WEBSOCKET_RESTING, /* no connection */
	WEBSOCKET_CONNECTING,
	WEBSOCKET_OPENING, /* the handshake was sent */
	WEBSOCKET_OPEN,	   /* nothing under way */
	WEBSOCKET_ECHOING, /* an echo is awaited */
};

struct websocket {
	struct actor actor;
	struct run *run;
	enum websocket_state state;
	struct ticket ticket;
	struct request out;
	struct answer answer;
	char key[FRAME_KEY_SIZE];
	enum color color; /* who answered the handshake */
	char message[FRAME_PAYLOAD_MAX + 1];
	unsigned char in[1024];
	size_t in_size;
};

static void rest(struct websocket *ws, uint64_t usec)
{
	loop_drop(ws->run->loop, &ws->actor);
	ws->state = WEBSOCKET_RESTING;
	ws->in_size = 0;
	(void)loop_set_deadline(ws->run->loop, &ws->actor, now_usec() + usec);
}

static bool is_asking(const struct websocket *ws)
{
	return ws->state != WEBSOCKET_RESTING && ws->state != WEBSOCKET_OPEN;
}

static void fail(struct websocket *ws, enum outcome outcome, const char *detail)
{
	if (is_asking(ws))
		judge_settle(ws->run->judge, &ws->ticket, outcome, ws->color, detail);
	else
		judge_settle_late(ws->run->judge, &ws->ticket, outcome, detail);
	rest(ws, PAUSE_USEC);
}

/* It ended without a close frame. */
static void end_badly(struct websocket *ws, enum outcome outcome, const char *detail)
{
	bool stands = ws->state == WEBSOCKET_OPEN || ws->state == WEBSOCKET_ECHOING;

	if (!stands || !ws->run->options.cut_ok) {
		fail(ws, outcome, detail);
		return;
	}
	ws->run->judge->connections.streams_cut++;
	if (ws->state == WEBSOCKET_ECHOING)
		judge_settle(ws->run->judge, &ws->ticket, OUTCOME_CUT, ws->color, "");
	rest(ws, PAUSE_USEC);
}

static void flush(struct websocket *ws)
{
	int r = request_send(&ws->out, ws->actor.fd);

	if (r < 0)
		end_badly(ws, wire_outcome(r), "while sending");
	else
		(void)loop_watch(ws->run->loop, &ws->actor, r ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void send_frame(struct websocket *ws, enum frame_opcode opcode, const void *bytes, size_t n)
{
	if (ws->out.sent == ws->out.size)
		ws->out.sent = ws->out.size = 0;
	if (ws->out.size + FRAME_OVERHEAD_MAX + n > sizeof(ws->out.bytes))
		return; /* more pings than we can answer: the echo will be missed */
	ws->out.size += frame_write((unsigned char *)ws->out.bytes + ws->out.size, opcode, bytes, n,
		(uint32_t)run_random(ws->run, UINT32_MAX));
	flush(ws);
}

static void await_next(struct websocket *ws)
{
	uint64_t think = run_think(ws->run);

	ws->state = WEBSOCKET_OPEN;
	(void)loop_set_deadline(
		ws->run->loop, &ws->actor, now_usec() + (think ? think : PAUSE_USEC));
}

static void begin_echo(struct websocket *ws)
{
	if (judge_issue(ws->run->judge, KIND_ECHO, now_usec(), &ws->ticket) < 0)
		return;
	snprintf(ws->message, sizeof(ws->message), "echo %s", ws->ticket.id);
	ws->state = WEBSOCKET_ECHOING;
	(void)loop_set_deadline(
		ws->run->loop, &ws->actor, now_usec() + ws->run->options.timeout_usec);
	send_frame(ws, FRAME_TEXT, ws->message, strlen(ws->message));
}

static void begin_opening(struct websocket *ws)
{
	char fields[256];
	int r;

	if (judge_issue(ws->run->judge, KIND_WEBSOCKET, now_usec(), &ws->ticket) < 0)
		return;
	frame_key(run_random(ws->run, UINT64_MAX), run_random(ws->run, UINT64_MAX), ws->key);
	snprintf(fields, sizeof(fields),
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: %s\r\n",
		ws->key);
	request_write(&ws->out, ws->run, &ws->ticket, "/ws", fields, "");
	answer_begin(&ws->answer);
	ws->color = COLOR_COUNT;
	ws->state = WEBSOCKET_CONNECTING;
	(void)loop_set_deadline(
		ws->run->loop, &ws->actor, now_usec() + ws->run->options.timeout_usec);
	r = wire_connect(ws->run, &ws->actor);
	if (r < 0)
		fail(ws, OUTCOME_REFUSED, strerror(-r));
}

static void judge_opening(struct websocket *ws)
{
	enum outcome outcome = run_status_outcome(ws->run, &ws->answer, 101);
	char expected[FRAME_ACCEPT_SIZE], status[32];

	ws->color = ws->answer.color;
	frame_accept(ws->key, expected);
	snprintf(status, sizeof(status), "status %u", ws->answer.status);
	if (outcome == OUTCOME_HELD_REFUSED) {
		judge_settle(ws->run->judge, &ws->ticket, outcome, ws->color, "");
		rest(ws, PAUSE_USEC);
	} else if (outcome != OUTCOME_ANSWERED) {
		fail(ws, outcome, status);
	} else if (strcmp(ws->answer.accept, expected) != 0) {
		fail(ws, OUTCOME_WRONG_BODY, "Sec-WebSocket-Accept does not prove the key");
	} else if (strcmp(ws->answer.id, ws->ticket.id) != 0 || ws->color == COLOR_COUNT) {
		fail(ws, OUTCOME_WRONG_BODY, "the 101 lacks our X-Request-Id, or X-Color");
	} else {
		judge_settle(ws->run->judge, &ws->ticket, OUTCOME_ANSWERED, ws->color, "");
		await_next(ws);
	}
}

static void judge_echo(struct websocket *ws, const struct frame *frame)
{
	if (ws->state != WEBSOCKET_ECHOING) {
		judge_settle_late(ws->run->judge, &ws->ticket, OUTCOME_ANSWERED_TWICE,
			"a message came that answers nothing");
		rest(ws, PAUSE_USEC);
	} else if (frame->size != strlen(ws->message) ||
		   memcmp(frame->payload, ws->message, frame->size) != 0) {
		fail(ws, OUTCOME_WRONG_BODY, "the echo is not what was said");
	} else {
		ws->run->judge->echoes++;
		judge_settle(ws->run->judge, &ws->ticket, OUTCOME_ANSWERED, ws->color, "");
		await_next(ws);
	}
}

static void take_frame(struct websocket *ws, const struct frame *frame)
{
	switch (frame->opcode) {
	case FRAME_TEXT:
	case FRAME_BINARY:
		judge_echo(ws, frame);
		break;
	case FRAME_PING:
		send_frame(ws, FRAME_PONG, frame->payload, frame->size);
		break;
	case FRAME_PONG:
		break;
	case FRAME_CLOSE:
		if (ws->state == WEBSOCKET_ECHOING) {
			end_badly(ws, OUTCOME_EARLY_EOF, "a close frame came instead of the echo");
		} else {
			ws->run->judge->connections.streams_ended++;
			rest(ws, PAUSE_USEC);
		}
		break;
	case FRAME_CONTINUATION:
		fail(ws, OUTCOME_BAD_HTTP, "a continuation of nothing");
		break;
	}
}

static void take_frames(struct websocket *ws)
{
	struct frame frame;
	int n = 0;

	while (ws->actor.fd >= 0 && (n = frame_read(ws->in, ws->in_size, &frame)) > 0) {
		take_frame(ws, &frame);
		if (ws->actor.fd < 0)
			return;
		ws->in_size -= (size_t)n;
		memmove(ws->in, ws->in + n, ws->in_size);
	}
	if (n < 0)
		fail(ws, OUTCOME_BAD_HTTP, "a frame that RFC 6455 or its size forbids here");
}

static void receive(struct websocket *ws)
{
	ssize_t n = wire_receive(ws->actor.fd, ws->in + ws->in_size, sizeof(ws->in) - ws->in_size);
	size_t taken;

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		end_badly(ws, n == 0 ? OUTCOME_EARLY_EOF : wire_outcome((int)n),
			"it ended without a close frame");
		return;
	}
	ws->in_size += (size_t)n;
	if (ws->state == WEBSOCKET_OPENING) {
		taken = answer_feed(&ws->answer, (const char *)ws->in, ws->in_size, NULL);
		ws->in_size -= taken;
		memmove(ws->in, ws->in + taken, ws->in_size);
		if (ws->answer.state == ANSWER_BAD)
			fail(ws, OUTCOME_BAD_HTTP, ws->answer.flaw);
		else if (ws->answer.state == ANSWER_WHOLE || ws->answer.status >= 200)
			judge_opening(ws);
	}
	if (ws->state == WEBSOCKET_OPEN || ws->state == WEBSOCKET_ECHOING)
		take_frames(ws);
}

static void on_ready(struct actor *actor, uint32_t events)
{
	struct websocket *ws = (struct websocket *)actor;

	if (ws->state == WEBSOCKET_CONNECTING) {
		int r = wire_connected(actor->fd);

		if (r < 0) {
			fail(ws, OUTCOME_REFUSED, strerror(-r));
			return;
		}
		ws->state = WEBSOCKET_OPENING;
		flush(ws);
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		receive(ws);
	} else {
		flush(ws);
	}
}

static void on_deadline(struct actor *actor)
{
	struct websocket *ws = (struct websocket *)actor;

	switch (ws->state) {
	case WEBSOCKET_RESTING:
		if (!ws->run->ending)
			begin_opening(ws);
		break;
	case WEBSOCKET_OPEN:
		if (!ws->run->ending)
			begin_echo(ws);
		break;
	case WEBSOCKET_CONNECTING:
	case WEBSOCKET_OPENING:
		fail(ws, OUTCOME_TIMEOUT, "not opened within --timeout");
		break;
	case WEBSOCKET_ECHOING:
		fail(ws, OUTCOME_TIMEOUT, "no echo within --timeout");
		break;
	}
}

int websocket_open(struct run *run, struct websocket **ret_websocket)
{
	struct websocket *ws = calloc(1, sizeof(*ws));

	if (!ws)
		return -ENOMEM;
	ws->actor = (struct actor){.fd = -EBADF,
		.deadline = USEC_INFINITY,
		.on_ready = on_ready,
		.on_deadline = on_deadline};
	ws->run = run;
	rest(ws, 0);
	*ret_websocket = ws;
	return 0;
}

struct websocket *websocket_close(struct websocket *ws)
{
	if (!ws)
		return NULL;
	if (ws->state == WEBSOCKET_OPEN) {
		static const unsigned char going_away[] = {0x03, 0xe9}; /* 1001 */

		send_frame(ws, FRAME_CLOSE, going_away, sizeof(going_away));
	}
	fd_close(ws->actor.fd);
	free(ws);
	return NULL;
}
