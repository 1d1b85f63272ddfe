/* SPDX-License-Identifier: MIT */
/*
 * Knows how what was handed over becomes a relay again.
 */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "exchange.h"

struct taking {
	struct relay *relay;
	struct control *control;
	struct handover_store *store;
	uint32_t next_worker;
	struct handover_result result;
};

static int by_file(const void *a, const void *b)
{
	const struct handover_fd *one = a, *other = b;

	if (one->inode != other->inode)
		return one->inode < other->inode ? -1 : 1;
	return one->access < other->access ? -1 : one->access > other->access;
}

/* The descriptor that is this file now; nobody else is given it. */
static int fd_find(struct handover_store *store, const struct handover_fd *wanted)
{
	struct handover_fd look, *found;

	if (wanted->number < 0)
		return -EBADF;
	if (!store) {
		if (!handover_fd_look(wanted->number, &look) || by_file(&look, wanted) != 0 ||
			fcntl(wanted->number, F_SETFD, FD_CLOEXEC) < 0)
			return -EBADF;
		return wanted->number;
	}
	found = bsearch(wanted, store->fds, store->count, sizeof(*store->fds), by_file);
	return found ? take_fd(found->number) : -EBADF;
}

static void take_said(void *owner, uint64_t at, char *message)
{
	struct taking *taking = owner;

	if (control_said(taking->control, at, message) < 0)
		log_warning("The relay before was told something that this one does not know.");
}

/* Gauges say what is there now: they are counted anew with each session. */
static void take_counters(void *owner, const uint64_t *values, size_t count)
{
	struct taking *taking = owner;
	struct worker_counters *counters = &relay_worker(taking->relay, 0)->counters;
	struct counter *all = (struct counter *)counters;

	if (count != sizeof(*counters) / sizeof(*all)) {
		log_info("The counters begin anew: they are others than before.");
		control_count_anew(taking->control);
		return;
	}
	for (size_t i = 0; i < count; i++)
		atomic_store(&all[i].value, values[i]);
	worker_clear_gauges(counters);
}

static void take_numbers(void *owner, const char *hex)
{
	struct taking *taking = owner;

	if (control_adopt_numbers(taking->control, hex) < 0)
		log_info("The numbers of each release begin anew: they are others than before.");
}

static void take_control(void *owner, const struct handover_fd *fd, const char *owed)
{
	struct taking *taking = owner;
	int found = fd_find(taking->store, fd);

	if (found >= 0 && control_adopt(taking->control, found, owed) < 0)
		log_warning("A control connection of before was closed.");
}

static int flow_restore(struct taking *taking, struct flow *flow, const struct handover_flow *image,
	struct buffer_pool *buffers)
{
	struct flow plain = image->flow;
	int ends[2], r;

	plain.piped = 0;
	r = flow_adopt(flow, &plain, image->bytes, image->front, image->front_size, buffers);
	if (r < 0 || image->flow.piped == 0)
		return r;
	for (int end = 0; end < 2; end++)
		ends[end] = fd_find(taking->store, &image->pipe[end]);
	if (ends[0] < 0 || ends[1] < 0) {
		(void)fd_close(ends[0]);
		(void)fd_close(ends[1]);
		return -EBADF;
	}
	flow_adopt_pipe(flow, ends, image->flow.piped, buffers);
	return 0;
}

static int parts_restore(struct taking *taking, struct session *session,
	const struct handover_session *image, int *backend_fd)
{
	struct buffer_pool *buffers = &session->worker->buffers;
	int r;

	r = flow_restore(taking, &session->request, &image->request, buffers);
	if (r < 0)
		return r;
	r = flow_restore(taking, &session->answer, &image->answer, buffers);
	if (r < 0)
		return r;
	if (session->state == SESSION_HELD)
		session_hold_restore(session);
	if (*backend_fd < 0)
		return 0;
	r = exchange_adopt(session, &image->backend, *backend_fd);
	if (r < 0)
		return r;
	(void)take_fd_from(backend_fd);
	return flow_restore(taking, &session->backend->flow, &image->response, buffers);
}

/* What has found its owner is taken. */
static int session_restore(struct taking *taking, struct worker *worker,
	const struct handover_session *image, int *client_fd, int *backend_fd)
{
	struct session *session;
	int r;

	r = session_adopt(worker, &image->session, *client_fd, &session);
	if (r < 0)
		return r;
	(void)take_fd_from(client_fd);
	r = parts_restore(taking, session, image, backend_fd);
	if (r < 0)
		session_end(session, SESSION_CUT);
	return r;
}

static void take_session(void *owner, const struct handover_session *image)
{
	struct taking *taking = owner;
	uint32_t workers = relay_worker_count(taking->relay);
	struct worker *worker = relay_worker(taking->relay, taking->next_worker++ % workers);
	int client = fd_find(taking->store, &image->client_fd);
	int backend = fd_find(taking->store, &image->backend_fd);

	if (client < 0 || (backend < 0 && image->backend_fd.number >= 0) ||
		session_restore(taking, worker, image, &client, &backend) < 0) {
		(void)fd_close(client);
		(void)fd_close(backend);
		taking->result.lost++;
		return;
	}
	taking->result.sessions++;
}

static int file_load(int fd, char **ret_text, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	struct stat stat;
	size_t size = 0;

	if (fstat(fd, &stat) < 0)
		return -errno;
	text = malloc((size_t)stat.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (size < (size_t)stat.st_size) {
		ssize_t n = pread(fd, text + size, (size_t)stat.st_size - size, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size += (size_t)n;
	}
	*ret_text = take_ptr(text);
	*ret_size = size;
	return 0;
}

int handover_take(int fd, struct relay *relay, struct control *control,
	struct handover_store *store, struct handover_result *ret_result)
{
	static const struct handover_finds finds = {
		.said = take_said,
		.counters = take_counters,
		.numbers = take_numbers,
		.control = take_control,
		.session = take_session,
	};
	struct taking taking = {.relay = relay, .control = control, .store = store};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	if (store)
		qsort(store->fds, store->count, sizeof(*store->fds), by_file);
	r = file_load(fd, &text, &size);
	if (r >= 0)
		r = handover_read(text, size, &finds, &taking);
	for (size_t i = 0; store && i < store->count; i++)
		store->fds[i].number = fd_close(store->fds[i].number);
	*ret_result = taking.result;
	return r;
}
