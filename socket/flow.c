/* SPDX-License-Identifier: MIT */
/*
 * Knows sockets, bytes and their buffers; of HTTP only where a body ends. Does not know how bytes
 * pass without a buffer (flow-splice.c).
 */
#include "flow-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cleanup.h"

/* A head and the body behind it that are sent in one piece. */
#define JOIN_MAX 4096

struct buffer {
	struct buffer *next_spare;
	char bytes[BUFFER_SIZE];
};

static struct buffer *buffer_get(struct buffer_pool *pool)
{
	struct buffer *buffer = pool->spare;

	if (!buffer)
		return malloc(sizeof(*buffer));
	pool->spare = buffer->next_spare;
	pool->spare_count--;
	if (pool->spare_count < pool->spare_least)
		pool->spare_least = pool->spare_count;
	return buffer;
}

static void buffer_put(struct buffer_pool *pool, struct buffer *buffer)
{
	if (pool->spare_count >= BUFFERS_SPARE_MAX) {
		free(buffer);
		return;
	}
	buffer->next_spare = pool->spare;
	pool->spare = buffer;
	pool->spare_count++;
}

static void buffers_free(struct buffer_pool *pool, uint32_t count)
{
	while (count-- > 0 && pool->spare) {
		struct buffer *buffer = pool->spare;

		pool->spare = buffer->next_spare;
		pool->spare_count--;
		free(buffer);
	}
}

bool buffer_pool_trim(struct buffer_pool *pool)
{
	bool any = pool->spare_least + pool->pipe_least > 0;

	buffers_free(pool, pool->spare_least);
	pool->spare_least = pool->spare_count;
	pipe_pool_trim(pool, pool->pipe_least);
	pool->pipe_least = pool->pipe_count;
	return any;
}

void buffer_pool_clear(struct buffer_pool *pool)
{
	buffers_free(pool, pool->spare_count);
	pipe_pool_trim(pool, pool->pipe_count);
}

const char *flow_bytes(const struct flow *flow)
{
	return flow->buffer ? flow->buffer->bytes : NULL;
}

static uint32_t flow_first(const struct flow *flow)
{
	return flow->keeping ? flow->kept : flow->next;
}

/* Moves what is still needed to the start of the buffer. */
static void flow_compact(struct flow *flow)
{
	uint32_t first = flow_first(flow);

	if (first == 0)
		return;
	memmove(flow->buffer->bytes, flow->buffer->bytes + first, flow->end - first);
	flow->kept = 0;
	flow->next -= first;
	flow->limit -= first;
	flow->parsed -= first;
	flow->end -= first;
}

bool flow_is_full(const struct flow *flow)
{
	return flow->buffer && flow->end - flow_first(flow) == BUFFER_SIZE;
}

bool flow_has_unsent(const struct flow *flow)
{
	return flow->front || flow->next < flow->limit || flow->piped > 0;
}

enum flow_result flow_fill(struct flow *flow, struct peer *peer, struct buffer_pool *pool)
{
	size_t space;
	ssize_t n;

	if (!peer->readable || flow_is_full(flow) || flow->piped > 0)
		return FLOW_BLOCKED;
	if (!flow->buffer) {
		flow->buffer = buffer_get(pool);
		if (!flow->buffer) {
			peer->error = ENOMEM;
			return FLOW_BROKEN;
		}
	}
	if (flow->end > BUFFER_SIZE / 2)
		flow_compact(flow);
	space = BUFFER_SIZE - flow->end;
	do
		n = recv(peer->fd, flow->buffer->bytes + flow->end, space, 0);
	while (n < 0 && errno == EINTR);

	if (n < 0 && errno == EAGAIN) {
		peer->readable = false;
		flow_settle(flow, pool);
		return FLOW_BLOCKED;
	}
	if (n < 0) {
		peer->error = errno;
		peer->readable = false;
		flow_settle(flow, pool);
		return FLOW_BROKEN;
	}
	if (n == 0) {
		peer->ended = true;
		peer->readable = false;
		flow_settle(flow, pool);
		return FLOW_ENDED;
	}
	flow->end += (uint32_t)n;
	flow->bulk = (size_t)n == space && space > BUFFER_SIZE / 2;
	/* Less than asked: the socket is empty (epoll(7)), unless its end stands behind it. */
	if ((size_t)n < space && !peer->hung_up)
		peer->readable = false;
	return FLOW_MOVED;
}

static void front_advance(struct flow *flow, size_t n)
{
	flow->front_next += (uint32_t)n;
	if (flow->front_next < flow->front_end)
		return;
	free(flow->front);
	flow->front = NULL;
}

int flow_put_front(struct flow *flow, const char *front, size_t front_size)
{
	size_t old = flow->front ? flow->front_end - flow->front_next : 0;
	char *copy = malloc(old + front_size);

	if (!copy)
		return -ENOMEM;
	if (old > 0)
		memcpy(copy, flow->front + flow->front_next, old);
	memcpy(copy + old, front, front_size);
	free(flow->front);
	flow->front = copy;
	flow->front_next = 0;
	flow->front_end = (uint32_t)(old + front_size);
	return 0;
}

/* One piece goes by send(), which costs the kernel less than sendmsg(); two small ones are made
 * one for that. */
static ssize_t send_once(int fd, const struct iovec pieces[static 2], int flags)
{
	const struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = 2};
	size_t first = pieces[0].iov_len, second = pieces[1].iov_len;
	char joined[JOIN_MAX];

	if (second == 0)
		return send(fd, pieces[0].iov_base, first, flags);
	if (first == 0)
		return send(fd, pieces[1].iov_base, second, flags);
	if (first + second > sizeof(joined))
		return sendmsg(fd, &message, flags);
	memcpy(joined, pieces[0].iov_base, first);
	memcpy(joined + first, pieces[1].iov_base, second);
	return send(fd, joined, first + second, flags);
}

static enum flow_result send_pieces(
	struct flow *flow, struct peer *peer, const struct iovec pieces[static 2], size_t *ret_sent)
{
	size_t size = pieces[0].iov_len + pieces[1].iov_len;
	int flags = MSG_NOSIGNAL | (flow->last ? MSG_MORE : 0);
	ssize_t n;

	*ret_sent = 0;
	if (size == 0 || !peer->writable)
		return FLOW_BLOCKED;
	do
		n = send_once(peer->fd, pieces, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		peer->writable = false;
		return FLOW_BLOCKED;
	}
	if (n < 0) {
		peer->error = errno;
		return FLOW_BROKEN;
	}
	if ((size_t)n < size)
		peer->writable = false;
	peer->sent += (uint64_t)n;
	*ret_sent = (size_t)n;
	return FLOW_MOVED;
}

enum flow_result flow_send_behind(struct flow *flow, struct peer *peer, const char *front,
	size_t front_size, struct buffer_pool *pool)
{
	struct iovec pieces[2] = {{(void *)(uintptr_t)front, front_size}};
	enum flow_result result;
	size_t sent;

	if (flow->front) {
		/* Something of ours waits already: keep the order. */
		if (flow_put_front(flow, front, front_size) < 0) {
			peer->error = ENOMEM;
			return FLOW_BROKEN;
		}
		return flow_send(flow, peer, pool);
	}
	if (flow->buffer) {
		pieces[1].iov_base = flow->buffer->bytes + flow->next;
		pieces[1].iov_len = flow->limit - flow->next;
	}
	result = send_pieces(flow, peer, pieces, &sent);
	if (result == FLOW_BROKEN)
		return result;
	if (sent < front_size) {
		if (flow_put_front(flow, front + sent, front_size - sent) < 0) {
			peer->error = ENOMEM;
			return FLOW_BROKEN;
		}
		return result;
	}
	flow->next += (uint32_t)(sent - front_size);
	flow_settle(flow, pool);
	return result;
}

enum flow_result flow_send(struct flow *flow, struct peer *peer, struct buffer_pool *pool)
{
	struct iovec pieces[2] = {{NULL, 0}, {NULL, 0}};
	enum flow_result result;
	size_t sent, of_front;

	if (flow->front) {
		pieces[0].iov_base = flow->front + flow->front_next;
		pieces[0].iov_len = flow->front_end - flow->front_next;
	}
	if (flow->buffer) {
		pieces[1].iov_base = flow->buffer->bytes + flow->next;
		pieces[1].iov_len = flow->limit - flow->next;
	}
	if (pieces[0].iov_len + pieces[1].iov_len == 0)
		return flow_splice_out(flow, peer, pool);
	result = send_pieces(flow, peer, pieces, &sent);
	if (result != FLOW_MOVED)
		return result;
	of_front = sent < pieces[0].iov_len ? sent : pieces[0].iov_len;
	if (of_front > 0)
		front_advance(flow, of_front);
	flow->next += (uint32_t)(sent - of_front);
	flow_settle(flow, pool);
	return result;
}

/* Payload is moved down over the framing that was taken out, so that it is sent in one piece. */
static enum http1_verdict frame_unchunked(struct flow *flow, struct http1_body *body)
{
	enum http1_verdict verdict = HTTP1_MORE;
	char *bytes = flow->buffer->bytes;

	while (flow->parsed < flow->end && verdict == HTTP1_MORE) {
		size_t taken = 0;
		bool payload = false;

		verdict = http1_body_feed_span(
			body, bytes + flow->parsed, flow->end - flow->parsed, &taken, &payload);
		if (payload) {
			memmove(bytes + flow->limit, bytes + flow->parsed, taken);
			flow->limit += (uint32_t)taken;
		}
		flow->parsed += (uint32_t)taken;
	}
	return verdict;
}

enum http1_verdict flow_frame(struct flow *flow, struct http1_body *body, bool unchunk)
{
	enum http1_verdict verdict;
	size_t taken = 0;

	if (http1_body_ended(body))
		return HTTP1_OK;
	if (!flow->buffer || flow->parsed == flow->end)
		return HTTP1_MORE;
	if (unchunk)
		return frame_unchunked(flow, body);
	verdict = http1_body_feed(
		body, flow->buffer->bytes + flow->parsed, flow->end - flow->parsed, &taken);
	flow->parsed += (uint32_t)taken;
	flow->limit = flow->parsed;
	return verdict;
}

void flow_skip_head(struct flow *flow, uint32_t size)
{
	flow->parsed += size;
	flow->next = flow->limit = flow->parsed;
}

static void front_clear(struct flow *flow)
{
	free(flow->front);
	flow->front = NULL;
}

void flow_rewind(struct flow *flow, uint32_t head_size)
{
	front_clear(flow);
	flow->next = flow->kept + head_size;
}

void flow_drop_unsent(struct flow *flow, struct buffer_pool *pool)
{
	front_clear(flow);
	flow_drop_piped(flow, pool);
	flow->next = flow->limit;
}

void flow_forget(struct flow *flow)
{
	flow->keeping = false;
	flow->kept = flow->next;
}

int flow_adopt(struct flow *flow, const struct flow *image, const char *bytes, const char *front,
	size_t front_size, struct buffer_pool *pool)
{
	*flow = *image;
	flow->buffer = NULL;
	flow->front = NULL;
	if (image->end > 0) {
		flow->buffer = buffer_get(pool);
		if (!flow->buffer)
			return -ENOMEM;
		memcpy(flow->buffer->bytes, bytes, image->end);
	}
	return front_size > 0 ? flow_put_front(flow, front, front_size) : 0;
}

void flow_settle(struct flow *flow, struct buffer_pool *pool)
{
	if (!flow->buffer)
		return;
	/* Framing that was taken out is over as soon as what stands before it was sent. */
	if (!flow->keeping && flow->next == flow->limit)
		flow->next = flow->limit = flow->parsed;
	if (flow_first(flow) != flow->end)
		return;
	buffer_put(pool, flow->buffer);
	flow->buffer = NULL;
	flow->kept = flow->next = flow->limit = flow->parsed = flow->end = 0;
}

void flow_clear(struct flow *flow, struct buffer_pool *pool)
{
	free(flow->front);
	flow_drop_piped(flow, pool);
	if (flow->buffer)
		buffer_put(pool, flow->buffer);
	*flow = (struct flow){0};
}
