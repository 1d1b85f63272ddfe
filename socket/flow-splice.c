/* SPDX-License-Identifier: MIT */
/*
 * Knows how the kernel moves the bytes of a long body from one socket to the other without our
 * having them (splice(2)), and the pipes that this takes. Knows nothing of what they mean.
 *
 * A pipe is a flow's own only while bytes are in it. It is filled only while the buffer is empty,
 * and the buffer only while the pipe is: so what is in the buffer always goes first.
 */
#include "flow-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

/* What is left of a length, or of a chunk, from which on it costs less to move it so: below, it
 * takes about as many system calls as two or three buffers, and those cost less each. */
#define SPLICE_MIN (64 * 1024)

/* Bytes in a pipe, at most, and its slots (a page each, though the kernel puts more into one): half
 * a socket's buffer, so that one side is never idle while the other is served. */
#define PIPE_SIZE (256 * 1024)

static bool pipe_get(struct buffer_pool *pool, int ret_ends[2])
{
	_cleanup_fd_ int from = -EBADF, to = -EBADF;
	int ends[2];

	if (pool->pipe_count > 0) {
		memcpy(ret_ends, pool->pipes[--pool->pipe_count], sizeof(ends));
		if (pool->pipe_count < pool->pipe_least)
			pool->pipe_least = pool->pipe_count;
		return true;
	}
	if (pool->pipes_used >= pool->pipes_max || pool->pipes_refused)
		return false;
	/* Once refused, no more are asked for until the next trim. */
	pool->pipes_refused = true;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	from = ends[0];
	to = ends[1];
	/* A user who is over the limit gets pipes of two pages, which are worth nothing here. */
	if (fcntl(to, F_SETPIPE_SZ, PIPE_SIZE) < 0)
		return false;
	pool->pipes_refused = false;
	ret_ends[0] = take_fd(from);
	ret_ends[1] = take_fd(to);
	return true;
}

static void pipe_close(const int ends[2])
{
	(void)fd_close(ends[0]);
	(void)fd_close(ends[1]);
}

/* The flow's pipe is empty, and for the next one. */
static void pipe_put(struct flow *flow, struct buffer_pool *pool)
{
	pool->pipes_used--;
	if (pool->pipe_count < PIPES_SPARE_MAX)
		memcpy(pool->pipes[pool->pipe_count++], flow->pipe, sizeof(flow->pipe));
	else
		pipe_close(flow->pipe);
}

void pipe_pool_trim(struct buffer_pool *pool, uint32_t count)
{
	while (count-- > 0 && pool->pipe_count > 0)
		pipe_close(pool->pipes[--pool->pipe_count]);
	pool->pipes_refused = false;
}

void flow_adopt_pipe(struct flow *flow, const int ends[2], uint32_t size, struct buffer_pool *pool)
{
	memcpy(flow->pipe, ends, sizeof(flow->pipe));
	flow->piped = size;
	pool->pipes_used++;
}

void flow_drop_piped(struct flow *flow, struct buffer_pool *pool)
{
	if (flow->piped == 0)
		return;
	/* Bytes are left in it: it is not for others. */
	pipe_close(flow->pipe);
	flow->piped = 0;
	pool->pipes_used--;
}

/* Whether the next bytes are to be moved by the kernel. */
static bool is_for_splice(const struct flow *flow, const struct http1_body *body)
{
	if (flow->buffer || flow->keeping || http1_body_opaque(body) < SPLICE_MIN)
		return false;
	return flow->bulk || body->framing == HTTP1_LENGTH || body->framing == HTTP1_CHUNKED;
}

static ssize_t splice_once(int from, int to, size_t size)
{
	ssize_t n;

	do
		n = splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	return n;
}

/*
 * EAGAIN may mean that the socket is empty or that the pipe has no slot left, and only with an
 * empty pipe is it known which. With bytes in it the socket still counts as readable: they have to
 * leave first, and then it is asked again. A short count means nothing either: many small pieces
 * fill the slots.
 */
static enum flow_result splice_in(
	struct flow *flow, struct peer *peer, struct http1_body *body, struct buffer_pool *pool)
{
	uint64_t size = http1_body_opaque(body);
	ssize_t n;

	if (size > PIPE_SIZE - flow->piped)
		size = PIPE_SIZE - flow->piped;
	n = splice_once(peer->fd, flow->pipe[1], size);
	if (n < 0 && (errno == EINVAL || errno == ENOSYS) && flow->piped == 0) {
		/* A socket, or a kernel, that cannot. */
		pool->pipes_max = 0;
		return flow_fill(flow, peer, pool);
	}
	if (n > 0) {
		flow->piped += (uint32_t)n;
		pool->moved += (uint32_t)n;
		http1_body_moved(body, (uint64_t)n);
		return FLOW_MOVED;
	}
	if (n < 0 && errno == EAGAIN) {
		if (flow->piped > 0)
			return FLOW_BLOCKED;
		peer->readable = flow->bulk = false;
		return FLOW_BLOCKED;
	}
	peer->readable = false;
	if (n < 0) {
		peer->error = errno;
		return FLOW_BROKEN;
	}
	peer->ended = true;
	return FLOW_ENDED;
}

enum flow_result flow_receive(
	struct flow *flow, struct peer *peer, struct http1_body *body, struct buffer_pool *pool)
{
	enum flow_result result;

	if (!is_for_splice(flow, body))
		return flow_fill(flow, peer, pool);
	if (!peer->readable || flow->piped >= PIPE_SIZE)
		return FLOW_BLOCKED;
	if (flow->piped == 0) {
		if (!pipe_get(pool, flow->pipe))
			return flow_fill(flow, peer, pool);
		pool->pipes_used++;
	}
	result = splice_in(flow, peer, body, pool);
	if (flow->piped == 0)
		pipe_put(flow, pool);
	return result;
}

enum flow_result flow_splice_out(struct flow *flow, struct peer *peer, struct buffer_pool *pool)
{
	ssize_t n;

	if (flow->piped == 0 || !peer->writable)
		return FLOW_BLOCKED;
	n = splice_once(flow->pipe[0], peer->fd, flow->piped);
	/* The pipe is not empty, so it is the socket that takes no more. */
	if (n < 0 && errno == EAGAIN) {
		peer->writable = false;
		return FLOW_BLOCKED;
	}
	if (n <= 0) {
		peer->error = n < 0 ? errno : EPIPE;
		return FLOW_BROKEN;
	}
	peer->sent += (uint64_t)n;
	flow->piped -= (uint32_t)n;
	if (flow->piped == 0)
		pipe_put(flow, pool);
	return FLOW_MOVED;
}
