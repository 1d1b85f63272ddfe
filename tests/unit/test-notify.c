/* SPDX-License-Identifier: MIT */
/*
 * notify.c against servers on the loopback: what arrives, in which order, what is tried again and
 * how often, and that nobody waits for it. The tries' own times (10 s, and 1 s and 10 s between)
 * are the real ones, so the stories that need them run beside each other in one loop.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "notify.h"
#include "report.h"

#define ANSWER(status) "HTTP/1.1 " status "\r\nContent-Length: 2\r\n\r\nok"
#define HEARD_MAX      32
#define SILENCE	       "" /* takes the request, and says nothing until the client has gone */

/* What the journal would have. */
static unsigned int warnings;
static char told[REPORT_MESSAGE_MAX * 4];

void report(
	enum report_message message, const struct report_fields *fields, const char *format, ...)
{
	size_t size = strlen(told);
	va_list arguments;

	(void)fields;
	if (message != REPORT_WARNING)
		return;
	warnings++;
	va_start(arguments, format);
	(void)vsnprintf(told + size, sizeof(told) - size, format, arguments);
	va_end(arguments);
}

/* Takes one connection after the other; the answers in order, the last one again and again. */
struct server {
	int fd;
	uint16_t port;
	const char *const *answers;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned int count;
	char heads[HEARD_MAX][2048], bodies[HEARD_MAX][256];
	uint64_t times[HEARD_MAX];
};

/* The head with its empty line, then as many bytes as it announces. */
static bool request_read(int fd, char *head, char *body)
{
	char text[NOTIFY_BODY_MAX + 4096] = "";
	size_t size = 0, length;
	const char *end, *announced;
	ssize_t n;

	for (;;) {
		end = strstr(text, "\r\n\r\n");
		announced = strcasestr(text, "content-length:");
		length = announced ? strtoul(announced + 15, NULL, 10) : 0;
		if (end && size >= (size_t)(end + 4 - text) + length)
			break;
		n = recv(fd, text + size, sizeof(text) - 1 - size, 0);
		if (n <= 0)
			return false;
		size += (size_t)n;
		text[size] = '\0';
	}
	snprintf(head, 2048, "%.*s", (int)(end - text), text);
	snprintf(body, 256, "%.255s", end + 4);
	return true;
}

static void serve_one(struct server *server, int fd)
{
	struct timeval patience = {.tv_sec = 30};
	char head[2048], body[256], rest[64];
	const char *answer = server->answers[0];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!request_read(fd, head, body))
		return;
	pthread_mutex_lock(&server->lock);
	for (unsigned int i = 1; i <= server->count && server->answers[i]; i++)
		answer = server->answers[i];
	if (server->count < HEARD_MAX) {
		memcpy(server->heads[server->count], head, sizeof(head));
		memcpy(server->bodies[server->count], body, sizeof(body));
		server->times[server->count++] = now_usec();
	}
	pthread_mutex_unlock(&server->lock);
	if (*answer)
		(void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	else
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			;
}

static void *serve(void *owner)
{
	struct server *server = owner;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		serve_one(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, const char *const *answers)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);

	memset(server, 0, sizeof(*server));
	server->answers = answers;
	pthread_mutex_init(&server->lock, NULL);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(server->fd >= 0);
	assert_return_code(bind(server->fd, (struct sockaddr *)&name, sizeof(name)), errno);
	assert_return_code(listen(server->fd, 32), errno);
	assert_return_code(getsockname(server->fd, (struct sockaddr *)&name, &size), errno);
	server->port = ntohs(name.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	pthread_mutex_destroy(&server->lock);
}

static const char *url_of(const struct server *server)
{
	static char urls[8][64];
	static unsigned int turn;
	char *url = urls[turn++ % 8];

	snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%u/hook?secret=1", server->port);
	return url;
}

static unsigned int heard(struct server *server)
{
	unsigned int count;

	pthread_mutex_lock(&server->lock);
	count = server->count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

/* Turns the loop for so long. */
static void turn(sd_event *event, uint64_t usec)
{
	uint64_t end = now_usec() + usec;

	while (now_usec() < end)
		assert_return_code(sd_event_run(event, 20 * USEC_PER_MSEC), 0);
}

/* Until the server has heard so many requests and has been answered, or 30 s. */
static void turn_until(sd_event *event, struct server *server, unsigned int count)
{
	uint64_t end = now_usec() + 30 * USEC_PER_SEC;

	while (heard(server) < count && now_usec() < end)
		turn(event, 20 * USEC_PER_MSEC);
	assert_int_equal(heard(server), count);
	turn(event, 100 * USEC_PER_MSEC);
}

struct desk {
	sd_event *event;
	struct notify *notify;
};

static int setup(void **state)
{
	static struct desk desk;

	warnings = 0;
	told[0] = '\0';
	assert_return_code(sd_event_new(&desk.event), 0);
	assert_return_code(notify_open(desk.event, &desk.notify), 0);
	*state = &desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;

	notify_close(desk->notify);
	sd_event_unref(desk->event);
	return 0;
}

static const char *const well[] = {ANSWER("204 No Content"), NULL};

static void a_message_arrives_as_json_by_post(void **state)
{
	struct desk *desk = *state;
	struct server server;

	server_start(&server, well);
	notify_send(desk->notify, url_of(&server), "{\"app\":\"shop\"}");
	turn_until(desk->event, &server, 1);
	server_stop(&server);
	assert_non_null(strstr(server.heads[0], "POST /hook?secret=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(server.heads[0], "Content-Type: application/json"));
	assert_null(strstr(server.heads[0], "Expect"));
	assert_string_equal(server.bodies[0], "{\"app\":\"shop\"}");
	assert_int_equal(warnings, 0);
}

static void messages_arrive_in_order_and_once(void **state)
{
	struct desk *desk = *state;
	struct server server;
	char body[32];

	server_start(&server, well);
	for (int i = 0; i < 10; i++) {
		snprintf(body, sizeof(body), "{\"n\":%d}", i);
		notify_send(desk->notify, url_of(&server), body);
	}
	turn_until(desk->event, &server, 10);
	turn(desk->event, 200 * USEC_PER_MSEC);
	server_stop(&server);
	assert_int_equal(server.count, 10);
	for (int i = 0; i < 10; i++) {
		snprintf(body, sizeof(body), "{\"n\":%d}", i);
		assert_string_equal(server.bodies[i], body);
	}
}

static void without_an_address_nothing_happens(void **state)
{
	struct desk *desk = *state;

	notify_send(desk->notify, NULL, "{}");
	turn(desk->event, 50 * USEC_PER_MSEC);
	assert_int_equal(warnings, 0);
}

/* Nobody waits: the server is silent, and the queue is full. */
static void the_oldest_that_waits_makes_room_for_a_newer_one(void **state)
{
	static const char *const silent[] = {SILENCE, NULL};
	struct desk *desk = *state;
	struct server server;
	uint64_t begun = now_usec();

	server_start(&server, silent);
	for (int i = 0; i < NOTIFY_QUEUE_MAX + 1; i++)
		notify_send(desk->notify, url_of(&server), "{}");
	/* One is under way, the others wait. */
	assert_int_equal(warnings, 0);
	notify_send(desk->notify, url_of(&server), "{}");
	assert_int_equal(warnings, 1);
	assert_true(now_usec() - begun < USEC_PER_SEC);
	/* What is under way can be given up, too. */
	turn_until(desk->event, &server, 1);
	desk->notify = notify_close(desk->notify);
	server_stop(&server);
}

static void a_message_that_is_too_long_is_dropped(void **state)
{
	struct desk *desk = *state;
	char *body = malloc(NOTIFY_BODY_MAX + 1);
	struct server server;

	server_start(&server, well);
	memset(body, 'x', NOTIFY_BODY_MAX);
	body[NOTIFY_BODY_MAX] = '\0';
	notify_send(desk->notify, url_of(&server), body);
	assert_int_equal(warnings, 1);
	body[NOTIFY_BODY_MAX - 1] = '\0';
	notify_send(desk->notify, url_of(&server), body);
	turn_until(desk->event, &server, 1);
	server_stop(&server);
	free(body);
}

static void a_redirect_is_not_followed(void **state)
{
	struct desk *desk = *state;
	struct server there, here;
	char redirect[256];
	const char *answers[3] = {redirect, ANSWER("200 OK"), NULL};

	server_start(&there, well);
	snprintf(redirect, sizeof(redirect),
		"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%u/\r\n"
		"Content-Length: 0\r\n\r\n",
		there.port);
	server_start(&here, answers);
	notify_send(desk->notify, url_of(&here), "{}");
	/* It was no success: it is tried again, here. */
	turn_until(desk->event, &here, 2);
	server_stop(&here);
	server_stop(&there);
	assert_int_equal(there.count, 0);
	assert_in_range(here.times[1] - here.times[0], 900 * USEC_PER_MSEC, 3 * USEC_PER_SEC);
}

static void an_answer_without_end_is_not_read_to_its_end(void **state)
{
	static char flood[200000];
	static const char *const answers[] = {flood, ANSWER("200 OK"), NULL};
	struct desk *desk = *state;
	struct server server;

	strcpy(flood, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	memset(flood + strlen(flood), 'x', sizeof(flood) - strlen(flood) - 1);
	server_start(&server, answers);
	notify_send(desk->notify, url_of(&server), "{\"n\":1}");
	notify_send(desk->notify, url_of(&server), "{\"n\":2}");
	turn_until(desk->event, &server, 2);
	server_stop(&server);
	assert_string_equal(server.bodies[1], "{\"n\":2}");
	assert_int_equal(warnings, 0);
}

/* A TLS server whose certificate nobody vouches for. */
static pid_t stranger_start(const char *dir, char *url, size_t size)
{
	char command[1024], line[256];
	int pipe_fds[2];
	FILE *output;
	pid_t pid;

	snprintf(command, sizeof(command),
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
		"-nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2 "
		"-keyout key -out cert >log 2>&1",
		dir);
	assert_int_equal(system(command), 0);
	assert_return_code(pipe(pipe_fds), errno);
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		(void)!freopen("/dev/null", "w", stderr);
		if (chdir(dir) == 0)
			execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key",
				"key", "-cert", "cert", "-rev", NULL);
		_exit(1);
	}
	close(pipe_fds[1]);
	output = fdopen(pipe_fds[0], "r");
	url[0] = '\0';
	while (!*url && fgets(line, sizeof(line), output))
		if (strncmp(line, "ACCEPT ", 7) == 0)
			snprintf(url, size, "https://%.*s/hook", (int)strcspn(line + 7, "\n"),
				line + 7);
	assert_true(*url);
	return pid;
}

static void stranger_stop(pid_t pid, const char *dir)
{
	char command[128];

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf --one-file-system %s", dir);
	assert_int_equal(system(command), 0);
}

/* Three desks in one loop: a server that fails again and again, one that is silent at first, and
 * one that is not who it says. */
static void what_is_not_taken_is_tried_three_times_and_then_dropped(void **state)
{
	static const char *const broken[] = {
		ANSWER("500 Oops"), ANSWER("503 Busy"), ANSWER("404 Gone"), ANSWER("200 OK"), NULL};
	static const char *const slow[] = {SILENCE, ANSWER("202 Accepted"), NULL};
	struct desk *desk = *state;
	struct notify *second, *third;
	struct server failing, silent;
	char dir[] = "/tmp/test-notify-XXXXXX", url[64];
	pid_t stranger;

	assert_non_null(mkdtemp(dir));
	stranger = stranger_start(dir, url, sizeof(url));
	assert_return_code(notify_open(desk->event, &second), 0);
	assert_return_code(notify_open(desk->event, &third), 0);
	server_start(&failing, broken);
	server_start(&silent, slow);
	notify_send(desk->notify, url_of(&failing), "{\"n\":1}");
	notify_send(desk->notify, url_of(&failing), "{\"n\":2}");
	notify_send(second, url_of(&silent), "{\"n\":3}");
	notify_send(third, url, "{\"n\":4}");
	turn_until(desk->event, &silent, 2);
	turn_until(desk->event, &failing, 4);
	turn(desk->event, USEC_PER_SEC);
	stranger_stop(stranger, dir);
	notify_close(second);
	notify_close(third);
	server_stop(&failing);
	server_stop(&silent);

	assert_string_equal(failing.bodies[0], "{\"n\":1}");
	assert_string_equal(failing.bodies[2], "{\"n\":1}");
	assert_string_equal(failing.bodies[3], "{\"n\":2}");
	assert_in_range(failing.times[1] - failing.times[0], 900 * USEC_PER_MSEC, 3 * USEC_PER_SEC);
	assert_in_range(failing.times[2] - failing.times[1], 9 * USEC_PER_SEC, 13 * USEC_PER_SEC);
	assert_in_range(failing.times[3] - failing.times[2], 0, 2 * USEC_PER_SEC);
	/* Its 10 s, and the second until the next try. */
	assert_string_equal(silent.bodies[1], "{\"n\":3}");
	assert_in_range(silent.times[1] - silent.times[0], 10 * USEC_PER_SEC, 14 * USEC_PER_SEC);
	/* Two are told: who, and why, but not the address, which may have a secret. */
	assert_int_equal(warnings, 2);
	assert_non_null(strstr(told, "127.0.0.1"));
	assert_non_null(strstr(told, "it answered 404"));
	assert_non_null(strcasestr(told, "certificate"));
	assert_null(strstr(told, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_arrives_as_json_by_post, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_arrive_in_order_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_an_address_nothing_happens, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_oldest_that_waits_makes_room_for_a_newer_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_message_that_is_too_long_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_redirect_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_answer_without_end_is_not_read_to_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_taken_is_tried_three_times_and_then_dropped, setup, teardown),
	};

	/* Whoever runs this may have a proxy for everything. */
	setenv("no_proxy", "*", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
