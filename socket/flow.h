/* SPDX-License-Identifier: MIT */
/*
 * Bytes on their way from one socket to another: what was received, what of it may be sent,
 * what was sent. Memory is there only while bytes are in it. Not thread-safe: a worker's own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http1.h"

/* A head must fit whole. */
#define BUFFER_SIZE HTTP1_HEAD_MAX

/* Buffers and pipes kept for the next user, per worker, so that a steady load calls neither malloc
 * nor pipe. */
#define BUFFERS_SPARE_MAX 64
#define PIPES_SPARE_MAX	  16

struct buffer;

struct buffer_pool {
	struct buffer *spare;
	uint32_t spare_count, spare_least; /* the fewest since the last trim */
	int pipes[PIPES_SPARE_MAX][2];	   /* empty ones */
	uint32_t pipe_count, pipe_least;
	uint32_t pipes_used, pipes_max; /* by flows */
	bool pipes_refused;		/* by the kernel, since the last trim */
	uint64_t moved;			/* bytes into pipes, ever */
};

/* Gives back what nobody needed since the last trim: true if that was anything. */
bool buffer_pool_trim(struct buffer_pool *pool);
/* Nothing is spare: there is nothing to trim. */
static inline bool buffer_pool_is_empty(const struct buffer_pool *pool)
{
	return pool->spare_count == 0 && pool->pipe_count == 0 && !pool->pipes_refused;
}
void buffer_pool_clear(struct buffer_pool *pool);

/*
 * One end of a connection, edge-triggered: a flag stays set until the kernel says EAGAIN, or
 * gives less than was asked for.
 */
struct peer {
	int fd;
	bool readable, writable;
	bool hung_up;  /* EPOLLRDHUP, HUP or ERR was seen: keep reading to find out what */
	bool reset;    /* EPOLLHUP or ERR: nobody reads there any more */
	bool ended;    /* end of file was read */
	int error;     /* the errno that broke it, or 0 */
	uint64_t sent; /* bytes that it took and that were not counted yet */
};

/*
 * kept <= next <= limit <= parsed <= end, all offsets into the buffer:
 * [kept, next) was sent and is kept for another try, [next, limit) may be sent, [limit, parsed) is
 * framing taken out, [parsed, end) was not looked at yet.
 *
 * Of a long body the kernel moves what needs no look at through a pipe. All of it may be sent,
 * behind what is in the buffer.
 */
struct flow {
	struct buffer *buffer;
	uint32_t kept, next, limit, parsed, end;
	bool keeping;
	bool bulk; /* the last read filled the buffer: more is to be expected */
	bool last; /* what may be sent is all there will be, and an end follows at once: the kernel
		    * sends the two in one packet */

	/* Bytes of our own that go before them (a head passed on): the rest of a short write. */
	char *front;
	uint32_t front_next, front_end;

	int pipe[2];	/* its ends, as in pipe(2): its own while bytes are in it */
	uint32_t piped; /* bytes in it; 0: there is none */
};

enum flow_result {
	FLOW_MOVED,   /* some bytes */
	FLOW_BLOCKED, /* nothing to do, no space, or the kernel has no more */
	FLOW_ENDED,   /* end of file */
	FLOW_BROKEN,  /* peer->error says why */
};

/* No more will come, or go, on this socket. */
static inline bool flow_is_over(enum flow_result result)
{
	return result == FLOW_ENDED || result == FLOW_BROKEN;
}

const char *flow_bytes(const struct flow *flow); /* the buffer's start, NULL if there is none */

/* Receives once. FLOW_BLOCKED too where the buffer is full, see flow_is_full(), or bytes are in a
 * pipe: they go first. */
enum flow_result flow_fill(struct flow *flow, struct peer *peer, struct buffer_pool *pool);

/* The same for a body that has begun: what is long and needs no look at goes into a pipe, and is
 * framed then. */
enum flow_result flow_receive(
	struct flow *flow, struct peer *peer, struct http1_body *body, struct buffer_pool *pool);

/* The flow goes on with a pipe in which so many bytes are (1 at least). */
void flow_adopt_pipe(struct flow *flow, const int ends[2], uint32_t size, struct buffer_pool *pool);

/* Sends `front_size` bytes of `front` (they need not outlive the call), then [next, limit). What is
 * in a pipe leaves with the next call. */
enum flow_result flow_send_behind(struct flow *flow, struct peer *peer, const char *front,
	size_t front_size, struct buffer_pool *pool);
enum flow_result flow_send(struct flow *flow, struct peer *peer, struct buffer_pool *pool);

/* Sends nothing now, keeps a copy to go first. -ENOMEM. */
int flow_put_front(struct flow *flow, const char *front, size_t front_size);

bool flow_is_full(const struct flow *flow);
bool flow_has_unsent(const struct flow *flow);
static inline uint32_t flow_unparsed(const struct flow *flow)
{
	return flow->end - flow->parsed;
}

/* Frames what is in [parsed, end): HTTP1_OK when the message ends, HTTP1_MORE, HTTP1_BAD.
 * unchunk: only payload may be sent. */
enum http1_verdict flow_frame(struct flow *flow, struct http1_body *body, bool unchunk);

/* [0, size) behind parsed was a head: it is not sent as it is. */
void flow_skip_head(struct flow *flow, uint32_t size);

/* Back to what was kept: everything behind its first `head_size` bytes is to be sent again. */
void flow_rewind(struct flow *flow, uint32_t head_size);

/* What may be sent will not be. */
void flow_drop_unsent(struct flow *flow, struct buffer_pool *pool);

/* Gives up what was kept. */
void flow_forget(struct flow *flow);

/* As it was elsewhere: the offsets of `image`, image->end bytes, and what goes before them.
 * -ENOMEM: clear it. */
int flow_adopt(struct flow *flow, const struct flow *image, const char *bytes, const char *front,
	size_t front_size, struct buffer_pool *pool);

/* Gives an empty buffer back. */
void flow_settle(struct flow *flow, struct buffer_pool *pool);
void flow_clear(struct flow *flow, struct buffer_pool *pool);
