/* SPDX-License-Identifier: MIT */
/*
 * The bench's other end. When each connection has had its first answer the warm-up begins; after
 * it the line `counting` is printed, at the end of all load a JSON object; then the process waits
 * for the end of its standard input, so that its processor time can still be read.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "loop.h"
#include "message.h"

#define CONNECTIONS_MAX 100000

static const char usage[] =
	"Usage: client [OPTION...] PORT\n"
	"  --path=/ --method=GET   what is asked; /large answers a MiB\n"
	"  --connections=64        at once; each asks when it has its answer\n"
	"  --close                 a connection for every request\n"
	"  --warm-up=0.5           seconds that are not counted\n"
	"  --seconds=2             that are\n"
	"  --rate=N                so many requests a second at random times, instead\n"
	"  --count=N               exactly so many requests, instead\n"
	"  --idle                  one request each, instead; prints `idle`, waits for a line, "
	"and\n"
	"                          then one more each\n";

struct options {
	const char *path, *method;
	double warm_up, seconds;
	bool idle;
};

static void say(const char *word)
{
	printf("%s\n", word);
	fflush(stdout);
}

/* Until a line or the end of the standard input comes. */
static void await_line(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0 && byte != '\n')
		continue;
}

static uint64_t usec_of(double seconds)
{
	return (uint64_t)(seconds * (double)USEC_PER_SEC);
}

/* Fixed in number, to be counted and not timed. */
static int run_count(struct loop *loop, const struct options *options)
{
	int r;

	loop_count(loop);
	r = loop_fill(loop);
	if (r < 0)
		return r;
	loop_run(loop, usec_of(options->seconds));
	return loop->answered >= loop->limit ? 0 : -ETIMEDOUT;
}

static int run_idle(struct loop *loop)
{
	int r = loop_fill(loop);

	if (r < 0)
		return r;
	say("idle");
	await_line();
	say("counting");
	loop_count(loop);
	return loop_fill(loop);
}

static int run_timed(struct loop *loop, const struct options *options)
{
	int r = loop_fill(loop);

	if (r < 0)
		return r;
	loop_run(loop, usec_of(options->warm_up));
	say("counting");
	loop_count(loop);
	loop_run(loop, usec_of(options->seconds));
	if (loop->kind == LOOP_OPEN)
		loop_finish(loop);
	return 0;
}

static void report(const struct loop *loop)
{
	double seconds = (double)(now_usec() - loop->counted_from) / (double)USEC_PER_SEC;

	printf("{\"requests\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"seconds\": %.6f, \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
	       ", \"max_us\": %" PRIu64 "}\n",
		loop->times.total, loop->errors, seconds, histogram_percentile(&loop->times, 0.5),
		histogram_percentile(&loop->times, 0.99), loop->times.max);
	fflush(stdout);
}

static void write_request(struct traffic *traffic, const struct options *options)
{
	bool post = strcmp(options->method, "POST") == 0;

	traffic->large = strcmp(options->path, "/large") == 0;
	traffic->request_size = (size_t)snprintf(traffic->request, sizeof(traffic->request),
		"%s %.100s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n%s", post ? "POST" : "GET",
		options->path, traffic->keep ? "" : "Connection: close\r\n",
		post ? "Content-Length: 5\r\n" : "", post ? SMALL_BODY : "");
}

/* False if the command line makes no sense. */
static bool read_options(int argc, char **argv, struct loop *loop, struct options *options)
{
	static const struct option names[] = {{"path", required_argument, NULL, 'p'},
		{"method", required_argument, NULL, 'm'},
		{"connections", required_argument, NULL, 'n'}, {"close", no_argument, NULL, 'c'},
		{"warm-up", required_argument, NULL, 'w'},
		{"seconds", required_argument, NULL, 's'}, {"rate", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'l'}, {"idle", no_argument, NULL, 'i'}, {0}};

	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'p')
			options->path = optarg;
		else if (c == 'm')
			options->method = optarg;
		else if (c == 'n')
			loop->count = strtoul(optarg, NULL, 10);
		else if (c == 'c')
			loop->traffic.keep = false;
		else if (c == 'w')
			options->warm_up = strtod(optarg, NULL);
		else if (c == 's')
			options->seconds = strtod(optarg, NULL);
		else if (c == 'i')
			options->idle = true;
		else if (c == 'r' && (loop->rate = strtod(optarg, NULL)) > 0)
			loop->kind = LOOP_OPEN;
		else if (c == 'l' && (loop->limit = strtoul(optarg, NULL, 10)) > 0)
			continue;
		else
			return false;
	}
	return optind == argc - 1 && loop->count >= 1 && loop->count <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
	struct options options = {.path = "/", .method = "GET", .warm_up = 0.5, .seconds = 2};
	static struct loop loop = {.count = 64, .limit = UINT64_MAX, .traffic.keep = true};
	int r;

	if (!read_options(argc, argv, &loop, &options)) {
		fputs(usage, stderr);
		return 2;
	}
	loop.traffic.address = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[optind])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	write_request(&loop.traffic, &options);
	/* Requests that are due are not asked 50 usec later, prctl(2). */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	r = loop_prepare(&loop);
	if (r == 0 && options.idle)
		r = run_idle(&loop);
	else if (r == 0 && loop.limit < UINT64_MAX)
		r = run_count(&loop, &options);
	else if (r == 0)
		r = run_timed(&loop, &options);
	if (r < 0) {
		fprintf(stderr, "client: %zu of %zu connections were answered: %s\n", loop.filled,
			loop.count, strerror(-r));
		return 1;
	}
	report(&loop);
	await_line();
	return 0;
}
