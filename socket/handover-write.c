/* SPDX-License-Identifier: MIT */
/*
 * Knows how what a relay holds is written down; changes nothing, but what does not fit is ended.
 */
#include "handover.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "handover-fields.h"

bool handover_fd_look(int fd, struct handover_fd *ret_fd)
{
	struct stat stat;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &stat) < 0)
		return false;
	*ret_fd = (struct handover_fd){fd, stat.st_ino, (uint32_t)flags & O_ACCMODE};
	return true;
}

void handover_put_fd(FILE *file, const char *name, int fd)
{
	struct handover_fd look;

	if (handover_fd_look(fd, &look))
		fprintf(file, " %s=%d:%llu:%u", name, fd, (unsigned long long)look.inode,
			look.access);
}

/* Offsets are written as if the buffer began with the first byte that is still needed. */
static void flow_write(const char *what, const struct flow *flow, FILE *file)
{
	uint32_t first = flow->keeping ? flow->kept : flow->next;
	struct flow image = {
		.kept = flow->keeping ? 0 : flow->next - first,
		.next = flow->next - first,
		.limit = flow->limit - first,
		.parsed = flow->parsed - first,
		.end = flow->end - first,
		.keeping = flow->keeping,
		.bulk = flow->bulk,
		.last = flow->last,
		.front_end = flow->front ? flow->front_end - flow->front_next : 0,
		.piped = flow->piped,
	};

	if (image.end == 0 && image.front_end == 0 && !image.keeping && image.piped == 0)
		return;
	fprintf(file, "%s", what);
	if (image.piped > 0) {
		handover_put_fd(file, "out", flow->pipe[0]);
		handover_put_fd(file, "in", flow->pipe[1]);
	}
	fields_write(&flow_fields, &image, file);
	fputc('\n', file);
	if (image.end > 0)
		fwrite(flow_bytes(flow) + first, 1, image.end, file);
	if (image.front_end > 0)
		fwrite(flow->front + flow->front_next, 1, image.front_end, file);
	fputc('\n', file);
}

static void session_write(const struct session *session, FILE *file)
{
	const struct backend *backend = session->backend;

	fprintf(file, "session");
	handover_put_fd(file, "fd", session->client.fd);
	fields_write(&session_fields, session, file);
	fputc('\n', file);
	flow_write("request", &session->request, file);
	flow_write("answer", &session->answer, file);
	if (!backend)
		return;
	fprintf(file, "backend");
	handover_put_fd(file, "fd", backend->peer.fd);
	fields_write(&backend_fields, backend, file);
	fputc('\n', file);
	flow_write("response", &backend->flow, file);
}

static void counters_write(struct relay *relay, FILE *file)
{
	size_t count = sizeof(struct worker_counters) / sizeof(struct counter);

	fprintf(file, "counters");
	for (size_t i = 0; i < count; i++) {
		uint64_t sum = 0;

		for (uint32_t w = 0; w < relay_worker_count(relay); w++) {
			const struct worker *worker = relay_worker(relay, w);

			sum += counter_read((const struct counter *)&worker->counters + i);
		}
		fprintf(file, " %llu", (unsigned long long)sum);
	}
	fputc('\n', file);
}

/* ---- all of them, in the order of their deadlines ---- */

struct sessions {
	struct session **all;
	size_t count;
};

static int by_deadline(const void *a, const void *b)
{
	const struct session *one = *(struct session *const *)a,
			     *other = *(struct session *const *)b;

	return one->timer.since < other->timer.since ? -1 : one->timer.since > other->timer.since;
}

/* A list of timers is filled from its end: in this order each takes one step. */
static int sessions_collect(struct relay *relay, struct sessions *ret_sessions)
{
	struct sessions sessions = {0};
	struct link *link, *after;

	for (uint32_t i = 0; i < relay_worker_count(relay); i++)
		list_for_each(link, after, &relay_worker(relay, i)->sessions) sessions.count++;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers they are */
	sessions.all = calloc(sessions.count + 1, sizeof(*sessions.all));
	if (!sessions.all)
		return -ENOMEM;
	sessions.count = 0;
	for (uint32_t i = 0; i < relay_worker_count(relay); i++)
		list_for_each(link, after, &relay_worker(relay, i)->sessions)
			sessions.all[sessions.count++] = container_of(link, struct session, link);
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	qsort(sessions.all, sessions.count, sizeof(*sessions.all), by_deadline);
	*ret_sessions = sessions;
	return 0;
}

int handover_write(struct relay *relay, const struct control *control, FILE *file)
{
	struct sessions sessions;
	int r;

	r = sessions_collect(relay, &sessions);
	if (r < 0)
		return r;
	fprintf(file, HANDOVER_FIRST_LINE "%d\n", HANDOVER_VERSION);
	control_write(control, file);
	counters_write(relay, file);
	for (size_t i = 0; i < sessions.count; i++)
		session_write(sessions.all[i], file);
	fprintf(file, "end\n");
	free(sessions.all);
	return fflush(file) == 0 && !ferror(file) ? 0 : -EIO;
}

/* ---- descriptors ---- */

/* Both sockets, and a pipe for each direction. */
#define FDS_A_SESSION 6

static size_t flow_list_fds(const struct flow *flow, int *fds)
{
	if (flow->piped == 0)
		return 0;
	fds[0] = flow->pipe[0];
	fds[1] = flow->pipe[1];
	return 2;
}

static size_t session_list_fds(const struct session *session, int fds[static FDS_A_SESSION])
{
	size_t count = 0;

	fds[count++] = session->client.fd;
	count += flow_list_fds(&session->request, fds + count);
	if (!session->backend)
		return count;
	fds[count++] = session->backend->peer.fd;
	return count + flow_list_fds(&session->backend->flow, fds + count);
}

int handover_list_fds(
	struct relay *relay, const struct control *control, int **ret_fds, size_t *ret_count)
{
	int control_fds[CONTROL_CLIENTS_MAX];
	size_t count = control_list_fds(control, control_fds);
	struct sessions sessions;
	int *fds, r;

	r = sessions_collect(relay, &sessions);
	if (r < 0)
		return r;
	fds = calloc(FDS_A_SESSION * sessions.count + count + 1, sizeof(*fds));
	if (!fds) {
		free(sessions.all);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		fds[i] = control_fds[i];
	for (size_t i = 0; i < sessions.count; i++)
		count += session_list_fds(sessions.all[i], fds + count);
	free(sessions.all);
	*ret_fds = fds;
	*ret_count = count;
	return 0;
}

static size_t fds_of(const struct sessions *sessions)
{
	size_t count = CONTROL_CLIENTS_MAX;
	int fds[FDS_A_SESSION];

	for (size_t i = 0; i < sessions->count; i++)
		count += session_list_fds(sessions->all[i], fds);
	return count;
}

void handover_trim(struct relay *relay, size_t fds_max)
{
	struct sessions sessions;
	size_t fds, ended = 0;
	int its[FDS_A_SESSION];

	if (sessions_collect(relay, &sessions) < 0)
		return;
	fds = fds_of(&sessions);
	for (int idle = 1; idle >= 0; idle--)
		for (size_t i = 0; i < sessions.count && fds > fds_max; i++) {
			struct session *session = sessions.all[i];

			if (session->state == SESSION_DEAD ||
				idle != (session->timer.kind == TIMER_IDLE))
				continue;
			fds -= session_list_fds(session, its);
			session_end(session, idle ? SESSION_CLOSE : SESSION_CUT);
			ended++;
		}
	if (ended > 0)
		log_warning("%zu connections were ended: a successor is handed %zu descriptors at "
			    "most.",
			ended, fds_max);
	free(sessions.all);
}
