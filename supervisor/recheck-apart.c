/* SPDX-License-Identifier: MIT */
/*
 * Knows how findings get from one process to the other: a line each, "CERTAIN IDENTITY PATH". Does
 * not know what is looked at.
 */
#include "recheck-apart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "recheck-process.h"
#include "recheck-words.h"

/* FINDINGS_MAX paths, all of them long and escaped. */
#define OUTPUT_MAX (8 << 20)

#define LEFT_OUT "left-out"

uint64_t apart_usec_given;

/* ---- the process apart ----------------------------------------------------------------------- */

static void tell(FILE *file, const struct findings *findings, size_t from)
{
	for (size_t i = from; i < findings->count; i++) {
		fprintf(file, "%d ", findings->items[i].certain);
		word_write(file, findings->items[i].identity);
		fputc(' ', file);
		word_write(file, findings->items[i].path);
		fputc('\n', file);
	}
}

/* The status is the first failure. */
static void look_and_end(int fd, const char *unit, const pid_t *pids, size_t count,
	enum subject subject) __attribute__((noreturn));
static void look_and_end(
	int fd, const char *unit, const pid_t *pids, size_t count, enum subject subject)
{
	struct findings findings = {0};
	FILE *file = fdopen(fd, "w");
	int r, failed = 0;

	for (size_t i = 0; file && i < count; i++) {
		size_t known = findings.count;

		r = process_look(pids[i], subject, &findings);
		if (r < 0 && !failed)
			log_warning("process %d of %s cannot be looked into: %s", (int)pids[i],
				unit, strerror(-r));
		failed = failed ? failed : r;
		tell(file, &findings, known);
		(void)fflush(file);
	}
	/* What a later process made certain. */
	if (file) {
		tell(file, &findings, 0);
		fprintf(file, LEFT_OUT " %zu\n", findings.left_out);
	}
	if (!file || fclose(file) != 0)
		failed = failed ? failed : -EIO;
	_exit(-failed);
}

/* ---- who waits for it ------------------------------------------------------------------------ */

static int line_take(char *line, enum subject subject, struct findings *findings)
{
	struct finding finding = {.subject = subject};
	const char *first = word_take(&line), *identity = first ? word_take(&line) : NULL;

	if (!identity)
		return -EBADMSG;
	if (strcmp(first, LEFT_OUT) == 0) {
		findings->left_out += strtoul(identity, NULL, 10);
		return 0;
	}
	finding.path = word_take(&line);
	if (!finding.path)
		return -EBADMSG;
	finding.certain = strcmp(first, "1") == 0;
	snprintf(finding.identity, sizeof(finding.identity), "%s", identity);
	return findings_add(findings, &finding);
}

/* Until it closes its end, or it is time. */
static int output_read(int fd, uint64_t deadline, char output[static OUTPUT_MAX])
{
	size_t used = 0;
	ssize_t n = 1;
	int r = 0;

	while (r >= 0 && n > 0 && used < OUTPUT_MAX - 1) {
		uint64_t now = now_usec();
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};

		if (now >= deadline) {
			r = -ETIME;
			break;
		}
		if (poll(&pollfd, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(fd, output + used, OUTPUT_MAX - 1 - used);
		if (n < 0)
			r = -errno;
		else
			used += (size_t)n;
	}
	output[used] = '\0';
	return r;
}

/* One that the kernel does not let go of is not waited for: systemd has the rest of it. */
static int end_read(pid_t pid, int result)
{
	int status = 0;

	if (result < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, WNOHANG);
		return result;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int apart_look(const char *unit, const pid_t *pids, size_t count, enum subject subject,
	struct findings *findings)
{
	uint64_t usec = apart_usec_given ? apart_usec_given : APART_USEC_MAX;
	_cleanup_free_ char *output = malloc(OUTPUT_MAX);
	_cleanup_fd_ int from = -EBADF, to = -EBADF;
	char *rest = output, *line;
	int fds[2], r, failed = 0;
	pid_t pid;

	if (!output)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		look_and_end(to, unit, pids, count, subject);
	(void)fd_close(take_fd(to));
	r = end_read(pid, output_read(from, now_usec() + usec, output));
	if (r == -ETIME)
		log_warning("the processes of %s cannot be looked at in %d s; only what was found "
			    "until then counts",
			unit, (int)(usec / USEC_PER_SEC));
	while ((line = strsep(&rest, "\n")) && rest)
		if (failed >= 0)
			failed = line_take(line, subject, findings);
	return r < 0 ? r : failed;
}
