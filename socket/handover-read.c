/* SPDX-License-Identifier: MIT */
/*
 * Knows how what was handed over is read; pure. Whoever wrote it is of our own make, but memory is
 * not trusted to a file: what is out of bounds is refused.
 */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "handover-fields.h"

/* More than any version of the counters has. */
#define COUNTERS_MAX 4096

struct reading {
	char *at, *end;
	const struct handover_finds *finds;
	void *owner;
	struct handover_session image;
	bool in_session, has_backend;
	uint64_t counters[COUNTERS_MAX];
};

/* The next line, its newline replaced; NULL at the end. */
static char *line_next(struct reading *reading)
{
	char *line = reading->at, *newline;

	newline = memchr(line, '\n', (size_t)(reading->end - line));
	if (!newline)
		return NULL;
	*newline = '\0';
	reading->at = newline + 1;
	return line;
}

/* "NUMBER:INODE:ACCESS" */
static int fd_read(const char *value, struct handover_fd *ret_fd)
{
	unsigned long long inode;
	unsigned int number, access;
	char behind;

	if (sscanf(value, "%u:%llu:%u%c", &number, &inode, &access, &behind) != 3 ||
		number > INT32_MAX)
		return -EINVAL;
	*ret_fd = (struct handover_fd){(int)number, inode, access};
	return 0;
}

/* A descriptor among the words, and where it goes. */
struct fd_row {
	const char *name;
	struct handover_fd *fd;
};

static struct handover_fd *fd_row_find(const struct fd_row *rows, const char *word)
{
	size_t length = strcspn(word, "=");

	for (; rows->name; rows++)
		if (strlen(rows->name) == length && memcmp(rows->name, word, length) == 0)
			return rows->fd;
	return NULL;
}

/* Words of fields, and the descriptors among them. */
static int words_read(
	const struct fields *fields, char *words, void *object, const struct fd_row *fd_rows)
{
	struct handover_fd *fd;
	char *word;
	int r;

	while ((word = strsep(&words, " "))) {
		fd = fd_row_find(fd_rows, word);
		if (fd)
			r = word[strcspn(word, "=")] == '=' ? fd_read(strchr(word, '=') + 1, fd)
							    : -EINVAL;
		else
			r = *word ? field_read(fields, word, object) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool flow_is_sound(const struct flow *flow)
{
	return flow->kept <= flow->next && flow->next <= flow->limit &&
	       flow->limit <= flow->parsed && flow->parsed <= flow->end && flow->end <= BUFFER_SIZE;
}

static int read_flow(struct reading *reading, char *words, struct handover_flow *flow)
{
	const struct fd_row fds[] = {{"out", &flow->pipe[0]}, {"in", &flow->pipe[1]}, {NULL, NULL}};
	size_t left, size;
	int r;

	if (!reading->in_session || flow->bytes)
		return -EINVAL;
	flow->pipe[0].number = flow->pipe[1].number = -EBADF;
	r = words_read(&flow_fields, words, &flow->flow, fds);
	if (r < 0)
		return r;
	if (!flow_is_sound(&flow->flow) || (flow->flow.piped > 0) != (flow->pipe[0].number >= 0) ||
		(flow->flow.piped > 0) != (flow->pipe[1].number >= 0))
		return -EINVAL;
	left = (size_t)(reading->end - reading->at);
	size = (size_t)flow->flow.end + flow->flow.front_end;
	if (size >= left || reading->at[size] != '\n')
		return -EINVAL;
	flow->bytes = reading->at;
	flow->front = reading->at + flow->flow.end;
	flow->front_size = flow->flow.front_end;
	flow->flow.front_end = 0;
	reading->at += size + 1;
	return 0;
}

/* What later code takes for granted. */
static bool session_is_sound(const struct reading *reading)
{
	const struct session *session = &reading->image.session;
	bool needs_backend = session->state == SESSION_EXCHANGE || session->state == SESSION_TUNNEL;
	const struct flow *request = &reading->image.request.flow;

	if (reading->image.client_fd.number < 0 || needs_backend != reading->has_backend ||
		session->timer.kind == TIMER_POOL)
		return false;
	if (session->inflight != reading->has_backend || (session->stream && !session->inflight))
		return false;
	if (session->head_size > request->end && request->keeping)
		return false;
	if (!http1_body_is_sound(&session->request_body) ||
		!http1_body_is_sound(&session->response_body) || session->place > AFFINITY_NOWHERE)
		return false;
	return session->seen <= BUFFER_SIZE && session->response_seen <= BUFFER_SIZE;
}

static int session_tell(struct reading *reading)
{
	struct handover_session *image = &reading->image;

	if (!reading->in_session)
		return 0;
	reading->in_session = false;
	if (!session_is_sound(reading))
		return -EINVAL;
	image->timer = image->session.timer.kind;
	image->timer_since = image->session.timer.since;
	reading->finds->session(reading->owner, image);
	return 0;
}

static int read_session(struct reading *reading, char *words)
{
	const struct fd_row fds[] = {{"fd", &reading->image.client_fd}, {NULL, NULL}};

	reading->image =
		(struct handover_session){.client_fd.number = -EBADF, .backend_fd.number = -EBADF};
	reading->in_session = true;
	reading->has_backend = false;
	return words_read(&session_fields, words, &reading->image.session, fds);
}

static int read_backend(struct reading *reading, char *words)
{
	const struct fd_row fds[] = {{"fd", &reading->image.backend_fd}, {NULL, NULL}};
	int r;

	if (!reading->in_session || reading->has_backend)
		return -EINVAL;
	r = words_read(&backend_fields, words, &reading->image.backend, fds);
	reading->has_backend = reading->image.backend_fd.number >= 0;
	return r < 0 || !reading->has_backend ? -EINVAL : 0;
}

/* "at=USEC MESSAGE" */
static int read_said(struct reading *reading, char *words)
{
	char *at = strsep(&words, " ");
	unsigned long long usec;
	char behind;

	if (!words || sscanf(at, "at=%llu%c", &usec, &behind) != 1)
		return -EINVAL;
	reading->finds->said(reading->owner, usec, words);
	return 0;
}

static int read_counters(struct reading *reading, char *words)
{
	size_t count = 0;
	char *word;

	while ((word = strsep(&words, " ")))
		if (count == COUNTERS_MAX ||
			number_parse(word, UINT64_MAX, &reading->counters[count++]) < 0)
			return -EINVAL;
	reading->finds->counters(reading->owner, reading->counters, count);
	return 0;
}

/* "fd=… owed=WORD" */
static int read_control(struct reading *reading, char *words)
{
	char *fd_word = strsep(&words, " ");
	struct handover_fd fd;

	if (!words || strncmp(fd_word, "fd=", 3) != 0 || fd_read(fd_word + 3, &fd) < 0 ||
		strncmp(words, "owed=", 5) != 0)
		return -EINVAL;
	reading->finds->control(reading->owner, &fd, words + 5);
	return 0;
}

/* Lines of a later version that we do not know are passed over: they have no bytes behind them. */
static int line_read(struct reading *reading, char *line)
{
	char *words = line, *kind = strsep(&words, " ");

	if (!words)
		words = line + strlen(line);
	if (strcmp(kind, "backend") == 0)
		return read_backend(reading, words);
	if (strcmp(kind, "request") == 0)
		return read_flow(reading, words, &reading->image.request);
	if (strcmp(kind, "answer") == 0)
		return read_flow(reading, words, &reading->image.answer);
	if (strcmp(kind, "response") == 0)
		return read_flow(reading, words, &reading->image.response);
	if (session_tell(reading) < 0)
		return -EINVAL;
	if (strcmp(kind, "session") == 0)
		return read_session(reading, words);
	if (strcmp(kind, "said") == 0)
		return read_said(reading, words);
	if (strcmp(kind, "counters") == 0)
		return read_counters(reading, words);
	if (strcmp(kind, "numbers") == 0) {
		reading->finds->numbers(reading->owner, words);
		return 0;
	}
	if (strcmp(kind, "control") == 0)
		return read_control(reading, words);
	return 0;
}

int handover_read(char *text, size_t size, const struct handover_finds *finds, void *owner)
{
	_cleanup_free_ struct reading *reading = calloc(1, sizeof(*reading));
	const size_t prefix = strlen(HANDOVER_FIRST_LINE);
	char *line;
	int r;

	if (!reading)
		return -ENOMEM;
	reading->at = text;
	reading->end = text + size;
	reading->finds = finds;
	reading->owner = owner;
	line = line_next(reading);
	if (!line || strncmp(line, HANDOVER_FIRST_LINE, prefix) != 0 ||
		strtol(line + prefix, NULL, 10) != HANDOVER_VERSION)
		return -EPROTO;
	while ((line = line_next(reading))) {
		if (strcmp(line, "end") == 0)
			return session_tell(reading);
		r = line_read(reading, line);
		if (r < 0)
			return -EINVAL;
	}
	return -EINVAL;
}
