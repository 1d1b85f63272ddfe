/* SPDX-License-Identifier: MIT */
/*
 * One table of options. Values are checked here and nowhere else.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "options.h"

#define KEEPALIVE_DEFAULT UINT32_MAX /* not given */
#define CLIENTS_MAX	  10000	     /* of each sort; more would need another load machine */

static const char usage[] =
	"Usage: load [OPTION]...\n"
	"Drives an application that answers with a receipt (tests/apps/README.md) and judges it.\n"
	"  --url URL            http://HOST:PORT (http://127.0.0.1:8080)\n"
	"  --keepalive N        clients that keep their connection (8)\n"
	"  --close N            clients with a connection for every request (0)\n"
	"  --spare N            with --rate: more kept connections, used while all others wait, "
	"so\n"
	"                       that a held write keeps no read waiting (0)\n"
	"  --websocket N        WebSocket clients, each echo verified (0)\n"
	"  --sse N              event-stream clients (0)\n"
	"  --writes PERCENT     share of POST (0)\n"
	"  --think MSEC         mean pause of a client between requests, random (0)\n"
	"  --rate R             R requests a second by the clock; time counts from when each was\n"
	"                       due, whether or not a connection was free (not with --think)\n"
	"  --duration SEC       (10)\n"
	"  --timeout SEC        the longest wait for an answer (60)\n"
	"  --download BYTES     GET /bytes/BYTES once, verified\n"
	"  --upload BYTES       POST /count once, verified\n"
	"  --read-path PATH     (/)\n"
	"  --write-path PATH    (/notes)\n"
	"  --log FILE           what the apps executed; compared after the run\n"
	"  --json FILE          the report for programs (tests/load/README.md)\n"
	"  --hold-ok            503 with Retry-After is counted as held-refused, not as failed\n"
	"  --cut-ok             streams and WebSockets may end at any time\n"
	"  --no-receipt         the app is a stranger: judge framing and status only\n"
	"  --quiet              no failures on stderr while they happen, no table\n"
	"Exit status: 0 nothing failed, 1 something failed, 2 the run could not be made.\n";

enum form {
	FORM_COUNT, /* unsigned int */
	FORM_BYTES, /* uint64_t */
	FORM_MSEC,  /* uint64_t, stored as usec */
	FORM_SEC,   /* uint64_t, stored as usec */
	FORM_RATE,  /* double */
	FORM_WORD,
	FORM_YES, /* no value */
};

struct rule {
	const char *name;
	enum form form;
	size_t place; /* in struct options */
	double max;
};

#define RULE(NAME, FORM, MEMBER, MAX)                                                              \
	{                                                                                          \
		.name = NAME, .form = FORM, .place = offsetof(struct options, MEMBER), .max = MAX  \
	}

static const struct rule rules[] = {
	RULE("url", FORM_WORD, url, 0),
	RULE("keepalive", FORM_COUNT, keepalive, CLIENTS_MAX),
	RULE("close", FORM_COUNT, close, CLIENTS_MAX),
	RULE("spare", FORM_COUNT, spare, CLIENTS_MAX),
	RULE("websocket", FORM_COUNT, websocket, CLIENTS_MAX),
	RULE("sse", FORM_COUNT, sse, CLIENTS_MAX),
	RULE("writes", FORM_COUNT, writes, 100),
	RULE("think", FORM_MSEC, think_usec, 1e6),
	RULE("rate", FORM_RATE, rate, 1e6),
	RULE("duration", FORM_SEC, duration_usec, 1e6),
	RULE("timeout", FORM_SEC, timeout_usec, 1e6),
	RULE("download", FORM_BYTES, download, 1e12),
	RULE("upload", FORM_BYTES, upload, 1e12),
	RULE("read-path", FORM_WORD, read_path, 0),
	RULE("write-path", FORM_WORD, write_path, 0),
	RULE("log", FORM_WORD, log, 0),
	RULE("json", FORM_WORD, json, 0),
	RULE("hold-ok", FORM_YES, hold_ok, 0),
	RULE("cut-ok", FORM_YES, cut_ok, 0),
	RULE("no-receipt", FORM_YES, no_receipt, 0),
	RULE("quiet", FORM_YES, quiet, 0),
};

static int refuse(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "load: --%s %s: %s\n", option, value, wanted);
	return -EINVAL;
}

static int read_number(const char *option, const char *value, double max, double *ret)
{
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end || !(number >= 0) || number > max) {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "a number from 0 to %.0f is wanted", max);
		return refuse(option, value, wanted);
	}
	*ret = number;
	return 0;
}

static int read_url(struct options *options)
{
	const char *rest = options->url;
	char host[256], port[8] = "80";
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	if (sscanf(rest, "http://[%255[0-9a-fA-F:.]]:%7[0-9]", host, port) < 1 &&
		sscanf(rest, "http://%255[^:/]:%7[0-9]", host, port) < 1)
		return refuse("url", rest, "http://HOST:PORT is wanted");
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return refuse("url", rest, "the host has no address");
	memcpy(&options->address, found->ai_addr, found->ai_addrlen);
	options->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	snprintf(options->host, sizeof(options->host), "%.*s", (int)strcspn(rest + 7, "/"),
		rest + 7);
	return 0;
}

static int take_option(struct options *options, const struct rule *rule, const char *value)
{
	char *place = (char *)options + rule->place;
	double n = 0;

	if (rule->form != FORM_WORD && rule->form != FORM_YES) {
		int r = read_number(rule->name, value, rule->max, &n);

		if (r < 0)
			return r;
	}
	switch (rule->form) {
	case FORM_COUNT:
		*(unsigned int *)place = (unsigned int)n;
		break;
	case FORM_BYTES:
		*(uint64_t *)place = (uint64_t)n;
		break;
	case FORM_MSEC:
		*(uint64_t *)place = (uint64_t)(n * (double)USEC_PER_MSEC);
		break;
	case FORM_SEC:
		*(uint64_t *)place = (uint64_t)(n * (double)USEC_PER_SEC);
		break;
	case FORM_RATE:
		*(double *)place = n;
		break;
	case FORM_WORD:
		*(const char **)place = value;
		break;
	case FORM_YES:
		*(bool *)place = true;
		break;
	}
	return 0;
}

static int check(struct options *options)
{
	if (options->rate > 0 && options->think_usec > 0)
		return refuse("rate", "with --think",
			"the clock says when to ask, or the client does: choose one");
	if (options->rate > 0 && options->keepalive + options->close == 0)
		return refuse("rate", "without clients", "give --keepalive or --close");
	if (options->rate <= 0 && options->spare > 0)
		return refuse("spare", "without --rate", "there is nothing to step in for");
	if (options->timeout_usec == 0)
		return refuse("timeout", "0", "every wait has an end: give one");
	return read_url(options);
}

/* Reads argv into options. 1: help was asked for. */
static int read_line(int argc, char **argv, struct options *options)
{
	struct option known[ELEMENTS(rules) + 2] = {0};
	int which, r;

	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		known[i].name = rules[i].name;
		known[i].has_arg = rules[i].form == FORM_YES ? no_argument : required_argument;
		known[i].val = (int)i;
	}
	known[ELEMENTS(rules)] = (struct option){"help", no_argument, NULL, (int)ELEMENTS(rules)};
	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (which == '?')
			return -EINVAL;
		if (which == (int)ELEMENTS(rules))
			return 1;
		r = take_option(options, &rules[which], optarg);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return refuse("help", argv[optind], "arguments are not known, only options");
	return 0;
}

int options_read(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.url = "http://127.0.0.1:8080",
		.keepalive = KEEPALIVE_DEFAULT,
		.duration_usec = 10 * USEC_PER_SEC,
		.timeout_usec = 60 * USEC_PER_SEC,
		.read_path = "/",
		.write_path = "/notes",
	};
	int r;

	r = read_line(argc, argv, &options);
	if (r > 0)
		fputs(usage, stdout);
	if (r != 0)
		return r;
	/* Whoever names other clients wants those, and not the default ones beside them. */
	if (options.keepalive == KEEPALIVE_DEFAULT) {
		bool others = options.close || options.websocket || options.sse ||
			      options.download || options.upload;

		options.keepalive = others ? 0 : 8;
	}
	r = check(&options);
	if (r < 0)
		return r;
	*ret_options = options;
	return 0;
}
