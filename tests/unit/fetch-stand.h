/* SPDX-License-Identifier: MIT */
/*
 * For the tests of fetch*.c: archives that the real tar made, the server of tests/fetch that serves
 * them well or badly, and a fetch from it to its end. Tests run in the root of the tree, or say in
 * TEST_ROOT where that is.
 */
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fetch.h"
#include "release-stand.h"

static pid_t server;
static unsigned int server_port;
static FILE *server_says;

static inline void sh(const char *dir, const char *script)
{
	char *command = NULL;
	int status;

	assert_true(asprintf(&command, "set -e; cd '%s'; %s", dir, script) > 0);
	status = system(command);
	if (status != 0)
		print_error("%s\n", command);
	free(command);
	assert_int_equal(status, 0);
}

static inline void server_start(const char *dir)
{
	const char *root = getenv("TEST_ROOT");
	const char *program = in(root ? root : ".", "tests/fetch/release-server");
	int ends[2];

	assert_return_code(pipe(ends), errno);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl(program, program, dir, NULL);
		_exit(127);
	}
	close(ends[1]);
	server_says = fdopen(ends[0], "r");
	assert_int_equal(fscanf(server_says, "%u", &server_port), 1);
	assert_int_equal(fgetc(server_says), '\n');
}

static inline void server_stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	fclose(server_says);
}

/* The server's next line. */
static inline const char *server_heard(void)
{
	static char line[512];

	assert_non_null(fgets(line, sizeof(line), server_says));
	return line;
}

/* pub/ is what is published: v1 in its own directory, 600 kB; releases/ is where they come to. */
static inline int fetch_setup(void **state)
{
	setup(state);
	sh(*state, "mkdir pub releases app-v1; echo one >app-v1/app.py;"
		   "head -c 600000 /dev/urandom >app-v1/data; ln -s app.py app-v1/link;"
		   "tar -czf pub/app-v1.tar.gz app-v1; cd pub; sha256sum * >SHA256SUMS");
	server_start(in(*state, "pub"));
	return 0;
}

static inline int fetch_teardown(void **state)
{
	server_stop();
	return teardown(state);
}

struct fetched {
	sd_event *event;
	enum fetch_result result;
	int told;
	char why[1024];
};

static inline void on_fetched(void *owner, enum fetch_result result, const char *why)
{
	struct fetched *fetched = owner;

	fetched->result = result;
	fetched->told++;
	snprintf(fetched->why, sizeof(fetched->why), "%s", why);
	sd_event_exit(fetched->event, 0);
}

static inline struct fetched fetch_by(const struct fetch_order *order)
{
	_cleanup_(cleanup_fetch_end) struct fetch *fetch = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct fetched fetched = {0};

	assert_return_code(sd_event_new(&event), 0);
	fetched.event = event;
	assert_return_code(fetch_begin(event, order, on_fetched, &fetched, &fetch), 0);
	assert_int_equal(fetched.told, 0);
	assert_return_code(sd_event_loop(event), 0);
	assert_int_equal(fetched.told, 1);
	return fetched;
}

/* Of a manner of the server's: "", "break-1000/" and the like. */
static inline struct fetched fetch_from(
	const char *dir, const char *manner, const char *tag, const char *sha256)
{
	char source[256];
	struct fetch_order order = {
		.source = source,
		.tag = tag,
		.directory = in(dir, "releases"),
		.sha256 = sha256,
		.patience_usec = USEC_PER_SEC,
	};

	snprintf(source, sizeof(source), "http://127.0.0.1:%u/%sapp-{tag}.tar.gz", server_port,
		manner);
	return fetch_by(&order);
}

static inline void assert_fetched(struct fetched fetched, enum fetch_result expected)
{
	if (fetched.result != expected)
		print_error("%s\n", fetched.why);
	assert_int_equal(fetched.result, expected);
}

static inline void assert_why(struct fetched fetched, const char *text)
{
	if (!strstr(fetched.why, text))
		print_error("%s\n", fetched.why);
	assert_non_null(strstr(fetched.why, text));
}

#define fetch_test(function) cmocka_unit_test_setup_teardown(function, fetch_setup, fetch_teardown)
