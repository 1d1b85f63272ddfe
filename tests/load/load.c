/* SPDX-License-Identifier: MIT */
/*
 * The load client: starts the clients that were asked for, ends the run at its time or by a
 * signal, waits for what is under way, and says what it saw. It never asks twice for anything,
 * and it believes nobody: neither the relay's counters nor the app's, only what came over the
 * wire and what the apps wrote down while they executed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "events.h"
#include "report.h"
#include "schedule.h"
#include "transfer.h"
#include "websocket.h"

/* How long is listened after the last answer, for bytes that nobody asked for. */
#define HUSH_USEC (200 * USEC_PER_MSEC)

struct clients {
	struct client **clients;
	size_t client_count;
	struct websocket **websockets;
	size_t websocket_count;
	struct events **streams;
	size_t stream_count;
	struct transfer *transfers[2];
};

/* A run of transfers alone ends with them; everything else with its duration. */
static bool has_only_transfers(const struct options *o)
{
	return o->keepalive + o->close + o->websocket + o->sse == 0;
}

static bool transfers_are_over(const struct clients *all)
{
	for (size_t i = 0; i < ELEMENTS(all->transfers); i++)
		if (all->transfers[i] && !transfer_is_over(all->transfers[i]))
			return false;
	return true;
}

enum ending_state {
	ENDING_NOT,
	ENDING_BEGUN,  /* nothing new is begun, what is under way is awaited */
	ENDING_HUSHED, /* nothing is under way; whoever says more now speaks out of turn */
	ENDING_OVER,
};

struct ending {
	struct actor clock;   /* when the state ends */
	struct actor signals; /* SIGINT and SIGTERM; the second one is impatient */
	struct run *run;
	const struct clients *all;
	enum ending_state state;
};

static void ending_enter(struct ending *ending, enum ending_state state)
{
	struct run *run = ending->run;
	uint64_t deadline = USEC_INFINITY;

	ending->state = state;
	if (state == ENDING_BEGUN) {
		run->ending = true;
		judge_reads_over(run->judge);
		schedule_stop(run->schedule);
		/* Every exchange has its own deadline by then; those still to be sent have not. */
		deadline = now_usec() + run->options.timeout_usec + USEC_PER_SEC;
	} else if (state == ENDING_HUSHED) {
		run->judge->ended = now_usec();
		deadline = now_usec() + HUSH_USEC;
	} else if (run->judge->ended == 0) {
		run->judge->ended = now_usec();
	}
	(void)loop_set_deadline(run->loop, &ending->clock, deadline);
}

static void on_clock(struct actor *actor)
{
	struct ending *ending = (struct ending *)((char *)actor - offsetof(struct ending, clock));

	if (ending->state == ENDING_BEGUN && !transfers_are_over(ending->all))
		/* A transfer takes as long as it moves; its own deadline bounds its pauses. */
		(void)loop_set_deadline(ending->run->loop, &ending->clock,
			now_usec() + ending->run->options.timeout_usec);
	else
		ending_enter(ending, ending->state == ENDING_NOT ? ENDING_BEGUN : ENDING_OVER);
}

static void on_signal(struct actor *actor, uint32_t events)
{
	struct ending *ending = (struct ending *)((char *)actor - offsetof(struct ending, signals));
	struct signalfd_siginfo signal_read;

	(void)events;
	if (read(actor->fd, &signal_read, sizeof(signal_read)) > 0)
		ending_enter(ending, ending->state == ENDING_NOT ? ENDING_BEGUN : ENDING_OVER);
}

static int ending_open(struct ending *ending, struct run *run, const struct clients *all)
{
	sigset_t set;
	int fd;

	*ending = (struct ending){.run = run,
		.all = all,
		.clock = {.fd = -EBADF, .deadline = USEC_INFINITY, .on_deadline = on_clock},
		.signals = {.fd = -EBADF, .deadline = USEC_INFINITY, .on_ready = on_signal}};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	return loop_adopt(run->loop, &ending->signals, fd, EPOLLIN);
}

static enum client_sort sort_of(const struct options *o, size_t number)
{
	if (number < o->keepalive)
		return CLIENT_KEEPS;
	return number < (size_t)o->keepalive + o->close ? CLIENT_CLOSES : CLIENT_SPARE;
}

static int open_clients(struct clients *all, struct run *run)
{
	const struct options *o = &run->options;
	size_t clients = (size_t)o->keepalive + o->close + o->spare;
	int r = 0;

	all->clients = calloc(clients + 1, sizeof(struct client *));
	all->websockets = calloc((size_t)o->websocket + 1, sizeof(struct websocket *));
	all->streams = calloc((size_t)o->sse + 1, sizeof(struct events *));
	if (!all->clients || !all->websockets || !all->streams)
		return -ENOMEM;
	while (r >= 0 && all->client_count < clients) {
		enum client_sort sort = sort_of(o, all->client_count);

		r = client_open(run, sort, &all->clients[all->client_count]);
		all->client_count += r >= 0;
	}
	while (r >= 0 && all->websocket_count < o->websocket) {
		r = websocket_open(run, &all->websockets[all->websocket_count]);
		all->websocket_count += r >= 0;
	}
	while (r >= 0 && all->stream_count < o->sse) {
		r = events_open(run, &all->streams[all->stream_count]);
		all->stream_count += r >= 0;
	}
	if (r >= 0 && o->download)
		r = transfer_open(run, KIND_DOWNLOAD, &all->transfers[0]);
	if (r >= 0 && o->upload)
		r = transfer_open(run, KIND_UPLOAD, &all->transfers[1]);
	return r;
}

static void close_clients(struct clients *all)
{
	for (size_t i = 0; i < all->client_count; i++)
		client_close(all->clients[i]);
	for (size_t i = 0; i < all->websocket_count; i++)
		websocket_close(all->websockets[i]);
	for (size_t i = 0; i < all->stream_count; i++)
		events_close(all->streams[i]);
	for (size_t i = 0; i < ELEMENTS(all->transfers); i++)
		transfer_close(all->transfers[i]);
	free(all->clients);
	free(all->websockets);
	free(all->streams);
}

static void end_in_time(struct ending *ending)
{
	const struct run *run = ending->run;

	if (ending->state == ENDING_NOT && has_only_transfers(&run->options) &&
		transfers_are_over(ending->all))
		ending_enter(ending, ENDING_BEGUN);
	if (ending->state == ENDING_BEGUN && run->judge->busy == 0 &&
		schedule_waiting(run->schedule) == 0)
		ending_enter(ending, ENDING_HUSHED);
}

static int turn_until_over(struct run *run, struct clients *all, struct ending *ending)
{
	int r;

	r = open_clients(all, run);
	if (r < 0)
		return r;
	if (!has_only_transfers(&run->options))
		(void)loop_set_deadline(
			run->loop, &ending->clock, run->judge->began + run->options.duration_usec);
	while (ending->state != ENDING_OVER) {
		r = loop_turn(run->loop);
		if (r < 0)
			return r;
		end_in_time(ending);
	}
	schedule_give_up(run->schedule);
	/* Ledger fates of these stay "unanswered". */
	run->judge->late[OUTCOME_ABANDONED] += run->judge->busy;
	return 0;
}

static void tell(void *owner, const char *sentence)
{
	judge_tell(owner, sentence);
}

static int write_reports(struct report *report)
{
	const struct options *o = report->options;
	int r;

	if (o->log) {
		r = ledger_check(report->judge->ledger, o->log, tell, (void *)report->judge,
			&report->findings);
		if (r < 0) {
			fprintf(stderr, "load: %s: %s; the writes cannot be judged\n", o->log,
				strerror(-r));
			return r;
		}
		report->log_checked = true;
	}
	if (!o->quiet)
		report_text(report, stdout);
	if (o->json) {
		FILE *file = fopen(o->json, "we");

		if (!file) {
			fprintf(stderr, "load: %s: %s\n", o->json, strerror(errno));
			return -errno;
		}
		report_json(report, file);
		if (fclose(file) != 0)
			return -errno;
	}
	return 0;
}

static int run_all(struct run *run)
{
	_cleanup_(cleanup_loop_close) struct loop *loop = NULL;
	struct clients all = {0};
	struct ending ending;
	int r;

	r = loop_open(&loop);
	if (r < 0)
		return r;
	run->loop = loop;
	r = ending_open(&ending, run, &all);
	if (r < 0)
		return r;
	r = schedule_open(run, &run->schedule);
	if (r < 0)
		return r;
	r = turn_until_over(run, &all, &ending);
	close_clients(&all);
	run->schedule = schedule_close(run->schedule);
	fd_close(ending.signals.fd);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(cleanup_judge_close) struct judge *judge = NULL;
	struct rlimit files;
	struct run run = {0};
	struct report report;
	int r;

	r = options_read(argc, argv, &run.options);
	if (r != 0)
		return r > 0 ? 0 : 2;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	r = judge_open(&judge);
	if (r >= 0) {
		judge->quiet = run.options.quiet;
		run.judge = judge;
		run.random = now_usec() | 1;
		r = run_all(&run);
	}
	if (r < 0) {
		fprintf(stderr, "load: the run could not be made: %s\n", strerror(-r));
		return 2;
	}
	report = (struct report){.options = &run.options, .judge = judge};
	if (write_reports(&report) < 0)
		return 2;
	return report_is_good(&report) ? 0 : 1;
}
