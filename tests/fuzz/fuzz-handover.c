/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a relay hands to its successor: what is told of it is within the bounds that
 * later code takes for granted, and its bodies can be read on with any bytes.
 */
#include <string.h>

#include "base/fd.h"
#include "fuzz.h"
#include "handover-fields.h"
#include "handover.h"

static const char *text_begin, *text_end;
static unsigned int told;

static void on_said(void *owner, uint64_t at, char *message)
{
	(void)owner;
	(void)at;
	must(message >= text_begin && message + strlen(message) < text_end);
	must(!strchr(message, '\n'));
	told++;
}

static void on_counters(void *owner, const uint64_t *values, size_t count)
{
	uint64_t sum = 0;

	(void)owner;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	told += sum != UINT64_MAX; /* so that each is looked at */
}

static void on_numbers(void *owner, const char *hex)
{
	uint8_t bytes[8];

	(void)owner;
	must(hex >= text_begin && hex < text_end);
	if (hex_read(hex, bytes, sizeof(bytes)) == 0)
		must(strlen(hex) == 2 * sizeof(bytes));
	told++;
}

static void fd_check(const struct handover_fd *fd)
{
	must(fd->number >= 0 || fd->number == -EBADF);
}

static void on_control(void *owner, const struct handover_fd *fd, const char *owed)
{
	(void)owner;
	must(fd->number >= 0);
	must(owed >= text_begin && owed < text_end);
	told++;
}

static void flow_check(const struct handover_flow *flow)
{
	const struct flow *of = &flow->flow;

	fd_check(&flow->pipe[0]);
	fd_check(&flow->pipe[1]);
	must(of->kept <= of->next && of->next <= of->limit && of->limit <= of->parsed);
	must(of->parsed <= of->end && of->end <= BUFFER_SIZE);
	if (!flow->bytes) {
		must(of->end == 0 && flow->front_size == 0);
		return;
	}
	must(flow->bytes >= text_begin && flow->bytes + of->end <= text_end);
	must(flow->front == flow->bytes + of->end && flow->front + flow->front_size < text_end);
}

/* It goes on as http1-body.c goes on with one of its own. */
static void body_check(struct http1_body body, const char *bytes, size_t size)
{
	size_t taken = 0;
	enum http1_verdict verdict;

	must(body.framing < HTTP1_FRAMING_COUNT);
	verdict = http1_body_feed(&body, bytes, size, &taken);
	must(verdict == HTTP1_OK || verdict == HTTP1_MORE || verdict == HTTP1_BAD);
	must(taken <= size && (verdict != HTTP1_MORE || taken == size));
}

static void on_session(void *owner, const struct handover_session *image)
{
	const struct session *session = &image->session;
	static const char trailers[] = "ontent-length: 5\r\nx: y\r\n\r\n";

	(void)owner;
	must(session->state < SESSION_STATE_COUNT && session->method < HTTP1_METHOD_COUNT);
	must(session->class < ROUTE_CLASS_COUNT && session->color < COLOR_COUNT);
	must(session->pin < COLOR_COUNT && session->place <= AFFINITY_NOWHERE);
	must(image->timer < TIMER_KIND_COUNT && image->timer != TIMER_POOL);
	must(image->client_fd.number >= 0);
	fd_check(&image->backend_fd);
	flow_check(&image->request);
	flow_check(&image->answer);
	flow_check(&image->response);
	must(session->head_size <= image->request.flow.end || !image->request.flow.keeping);
	body_check(session->request_body, trailers, sizeof(trailers) - 1);
	body_check(session->response_body, trailers, sizeof(trailers) - 1);
	body_check(session->request_body, text_begin, (size_t)(text_end - text_begin));
	told++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct handover_finds finds = {
		on_said, on_counters, on_numbers, on_control, on_session};
	_cleanup_free_ char *copy = malloc(size + 1);
	int r;

	must(copy);
	if (size > 0)
		memcpy(copy, bytes, size);
	/* As handover-take.c has it. */
	copy[size] = '\0';
	text_begin = copy;
	text_end = copy + size;
	told = 0;
	r = handover_read(copy, size, &finds, NULL);
	must(r == 0 || r == -EINVAL || r == -EPROTO);
	must(r != -EPROTO || told == 0);
	return 0;
}
