/* SPDX-License-Identifier: MIT */
/*
 * report.c: to a journal and a systemd that this test plays, to stderr where there is none, and the
 * ids beside the catalog.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "report.h"

#define CATALOG "units/app-bluegreen.catalog"
#define JOURNAL "/run/systemd/journal/socket"
#define SKIPPED 77

/* Each story runs in a child: stderr, environment and mounts are a process's. 0 if all held. */
static int in_child(int (*story)(void))
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(30);
		_exit(story());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void must_hold(int (*story)(void))
{
	int r = in_child(story);

	if (r == SKIPPED)
		skip();
	assert_int_equal(r, 0);
}

static int bind_to(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return -errno;
	return fd;
}

/* A pipe takes the place of stderr; its other end. */
static int catch_stderr(void)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	close(ends[1]);
	return ends[0];
}

static void name_stderr_the_journal(ino_t off)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)(st.st_ino + off));
	setenv("JOURNAL_STREAM", stream, 1);
}

/* A /run of our own with nothing in it but the journal's socket, on fd. */
static int open_journal(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/run", "tmpfs", 0, "size=64k") < 0)
		return -EPERM;
	if (mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0)
		return -errno;
	return bind_to(JOURNAL);
}

/* What was read, as a string that ends with a newline; "" if there was nothing. */
static const char *heard(int fd)
{
	static char text[8192];
	ssize_t n = read(fd, text, sizeof(text) - 2);

	if (n <= 0)
		return "";
	if (text[n - 1] != '\n')
		text[n++] = '\n';
	text[n] = '\0';
	return text;
}

/* True if this is one of the lines. */
static bool has(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (; *text; text = strchr(text, '\n') + 1)
		if (strncmp(text, line, length) == 0 && text[length] == '\n')
			return true;
	return false;
}

static int tell_stderr(void)
{
	const struct report_fields fields = {.color = "blue"};
	int fd = catch_stderr();

	unsetenv("JOURNAL_STREAM");
	report_open("app");
	report(REPORT_COLOR_SICK, &fields, "blue is sick: %s", "GET / answered 500\nx");
	if (strcmp(heard(fd), "<4>blue is sick: GET / answered 500 x\n") != 0)
		return 1;
	report(REPORT_NOBODY_HEALTHY, NULL, "neither");
	if (strcmp(heard(fd), "<2>neither\n") != 0)
		return 2;
	/* A stream that is not ours: somebody redirected stderr. */
	name_stderr_the_journal(1);
	report_open("app");
	report(REPORT_NOTE, NULL, "note");
	return strcmp(heard(fd), "<6>note\n") == 0 ? 0 : 3;
}

static void sentences_go_to_stderr_if_it_is_not_the_journal(void **state)
{
	(void)state;
	must_hold(tell_stderr);
}

static int tell_journal(void)
{
	const struct report_fields fields = {
		.color = "blue",
		.step = "restart-blue",
		.cycle = "0123",
		.release = "",
		.unit = "app@blue.service",
	};
	int terminal = catch_stderr(), journal = open_journal();
	const char *entry;

	if (journal < 0)
		return SKIPPED;
	name_stderr_the_journal(0);
	report_open("app");
	report(REPORT_CYCLE_FAILED, &fields, "failed at %s\x1b[1m\n", "restart-blue");
	entry = heard(journal);
	if (!has(entry, "MESSAGE=failed at restart-blue [1m "))
		return 1;
	if (!has(entry, "MESSAGE_ID=1b8b20b6de314e2986e3b6ee96fd61ea") || !has(entry, "PRIORITY=3"))
		return 2;
	if (!has(entry, "BLUEGREEN_APP=app") || !has(entry, "SYSLOG_IDENTIFIER=app-bluegreen"))
		return 3;
	if (!has(entry, "COLOR=blue") || !has(entry, "STEP=restart-blue") ||
		!has(entry, "CYCLE=0123") || !has(entry, "UNIT=app@blue.service"))
		return 4;
	if (strstr(entry, "RELEASE="))
		return 5;
	return *heard(terminal) ? 6 : 0;
}

static void sentences_and_fields_go_to_the_journal(void **state)
{
	(void)state;
	must_hold(tell_journal);
}

static int tell_long_things(void)
{
	char name[400], sentence[3000], line[300];
	const struct report_fields fields = {.release = name};
	int journal = open_journal();
	const char *entry;

	if (journal < 0)
		return SKIPPED;
	catch_stderr();
	name_stderr_the_journal(0);
	memset(name, 'n', sizeof(name));
	memset(sentence, 's', sizeof(sentence));
	name[sizeof(name) - 1] = sentence[sizeof(sentence) - 1] = '\0';
	report_open("app");
	report(REPORT_NOTE, &fields, "%s", sentence);
	entry = heard(journal);
	snprintf(line, sizeof(line), "RELEASE=%.*s", 255 - (int)strlen("RELEASE="), name);
	if (!has(entry, line))
		return 1;
	sentence[REPORT_MESSAGE_MAX - 1] = '\0';
	if (!strstr(entry, sentence) || strstr(entry, "MESSAGE_ID="))
		return 2;
	return 0;
}

static void what_is_too_long_is_cut(void **state)
{
	(void)state;
	must_hold(tell_long_things);
}

/* With every other field there is; a journal's field has no limit of ours. */
static int tell_receipt(void)
{
	char receipt[4096], line[5000];
	const struct report_fields fields = {
		.color = "blue",
		.step = "commit",
		.cycle = "0123",
		.release = "1.2",
		.unit = "app@blue.service",
		.receipt = receipt,
	};
	int journal = open_journal();
	const char *entry;

	if (journal < 0)
		return SKIPPED;
	catch_stderr();
	name_stderr_the_journal(0);
	memset(receipt, 'r', sizeof(receipt));
	receipt[sizeof(receipt) - 1] = '\0';
	report_open("app");
	report(REPORT_RECEIPT, &fields, "it did this");
	entry = heard(journal);
	snprintf(line, sizeof(line), "BLUEGREEN_RECEIPT=%s", receipt);
	if (!has(entry, line) || !has(entry, "UNIT=app@blue.service"))
		return 1;
	return has(entry, "MESSAGE=it did this") ? 0 : 2;
}

static void a_receipt_is_told_as_a_whole(void **state)
{
	(void)state;
	must_hold(tell_receipt);
}

static int debug(void)
{
	int fd = catch_stderr();

	unsetenv("JOURNAL_STREAM");
	unsetenv("SYSTEMD_LOG_LEVEL");
	report_open("app");
	report(REPORT_DEBUG, NULL, "quiet");
	if (*heard(fd))
		return 1;
	setenv("SYSTEMD_LOG_LEVEL", "debug", 1);
	report_open("app");
	report(REPORT_DEBUG, NULL, "loud");
	return strcmp(heard(fd), "<7>loud\n") == 0 ? 0 : 2;
}

static void debug_messages_are_told_when_asked_for(void **state)
{
	(void)state;
	must_hold(debug);
}

/* Where systemd would listen; removed with the process's own directory. */
static int open_systemd(char dir[static 64])
{
	char path[100];
	int fd;

	strcpy(dir, "/tmp/test-report-XXXXXX");
	if (!mkdtemp(dir))
		return -errno;
	snprintf(path, sizeof(path), "%s/notify", dir);
	fd = bind_to(path);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static void close_systemd(const char *dir)
{
	unlink(getenv("NOTIFY_SOCKET"));
	rmdir(dir);
}

static int notify(void)
{
	char dir[64];
	int fd = open_systemd(dir), r = 0;

	report_ready();
	if (!has(heard(fd), "READY=1"))
		r = 1;
	report_status("step %s: %u of %u\nREADY=1", "drain-blue", 3, 9);
	if (strcmp(heard(fd), "STATUS=step drain-blue: 3 of 9 READY=1\n") != 0)
		r = 2;
	report_stopping();
	if (!has(heard(fd), "STOPPING=1"))
		r = 3;
	close_systemd(dir);
	unsetenv("NOTIFY_SOCKET");
	report_ready();
	report_status("nobody hears this");
	return r;
}

static void systemd_is_told_what_we_are(void **state)
{
	(void)state;
	must_hold(notify);
}

static int watchdog(void)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	uint64_t end = now_usec() + 2 * USEC_PER_SEC;
	char dir[64], pid[32];
	int fd = open_systemd(dir), told = 0;

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	if (sd_event_new(&event) < 0 || report_watchdog_begin(event) != 1)
		return 1;
	while (told < 3 && now_usec() < end) {
		if (sd_event_run(event, 10 * USEC_PER_MSEC) < 0)
			return 2;
		told += has(heard(fd), "WATCHDOG=1");
	}
	close_systemd(dir);
	return told == 3 ? 0 : 3;
}

static void systemd_is_told_that_the_loop_turns(void **state)
{
	(void)state;
	must_hold(watchdog);
}

static int no_watchdog(void)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;

	unsetenv("WATCHDOG_USEC");
	if (sd_event_new(&event) < 0)
		return 1;
	return report_watchdog_begin(event);
}

static void unit_without_a_watchdog_is_no_error(void **state)
{
	(void)state;
	must_hold(no_watchdog);
}

/* How often the catalog has an entry for the id, and the other way round. */
static void catalog_has_an_entry_for_each_id(void **state)
{
	int found[REPORT_MESSAGE_COUNT] = {0};
	char line[1024];
	FILE *catalog = fopen(CATALOG, "re");

	(void)state;
	if (!catalog)
		fail_msg("%s cannot be read; run this from the top of the source tree", CATALOG);
	while (fgets(line, sizeof(line), catalog)) {
		char id[64] = "";
		int matches = 0;

		if (sscanf(line, "-- %63s", id) != 1)
			continue;
		for (int i = 0; i < REPORT_MESSAGE_COUNT; i++) {
			const char *ours = report_message_id((enum report_message)i);

			if (ours && strcmp(ours, id) == 0) {
				found[i]++;
				matches++;
			}
		}
		assert_int_equal(matches, 1);
	}
	fclose(catalog);
	for (int i = 0; i < REPORT_MESSAGE_COUNT; i++) {
		const char *id = report_message_id((enum report_message)i);

		assert_int_equal(found[i], i > REPORT_WARNING);
		assert_int_equal(id != NULL, i > REPORT_WARNING);
		if (id)
			assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences_go_to_stderr_if_it_is_not_the_journal),
		cmocka_unit_test(sentences_and_fields_go_to_the_journal),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(a_receipt_is_told_as_a_whole),
		cmocka_unit_test(debug_messages_are_told_when_asked_for),
		cmocka_unit_test(systemd_is_told_what_we_are),
		cmocka_unit_test(systemd_is_told_that_the_loop_turns),
		cmocka_unit_test(unit_without_a_watchdog_is_no_error),
		cmocka_unit_test(catalog_has_an_entry_for_each_id),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
