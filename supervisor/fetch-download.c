/* SPDX-License-Identifier: MIT */
/*
 * Knows one transfer by libcurl and its life; does not know what it is good for.
 *
 * As with a probe, the end of a transfer is only kept when libcurl tells it, and the timer, which
 * is the patience with a silent server until then, is set to now: an owner hears from the timer.
 */
#include "fetch-download.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/fd.h"
#include "fetch-answer.h"
#include "fetch-file.h"
#include "transfer.h"

#define REDIRECTS_MAX	5
#define CONNECT_SECONDS 30L
#define MIB(bytes)	((double)(bytes) / (1024 * 1024))

struct download {
	struct download_order order;
	download_over_fn over;
	void *owner;
	struct transfer_loop *loop;
	CURL *easy;
	struct curl_slist *headers;
	sd_event_source *timer;
	char curl_error[CURL_ERROR_SIZE];
	CURLcode code;
	bool ended, late;

	int fd;
	uint64_t offset; /* asked for from here on */
	struct answer answer;
	bool begun; /* the body is the file's, and from where is known */
	bool resumed;
	bool complete; /* nothing was missing */
	bool again;    /* what is there is of no use: ask for everything */
	char *text;
	uint64_t done, total;
	char reason[DOWNLOAD_REASON_MAX]; /* why we ended it; "": we did not */
};

void download_url_shown(const char *url, char *buffer, size_t size)
{
	CURLU *parts = curl_url();
	char *shown = NULL;

	if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
		(void)curl_url_set(parts, CURLUPART_USER, NULL, 0);
		(void)curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
		(void)curl_url_set(parts, CURLUPART_QUERY, NULL, 0);
		(void)curl_url_get(parts, CURLUPART_URL, &shown, 0);
	}
	snprintf(buffer, size, "%s", shown ? shown : "an address that is none");
	curl_free(shown);
	curl_url_cleanup(parts);
}

/* To be returned from libcurl's callbacks: ends the transfer. */
static _printf_(2, 3) size_t give_up(struct download *download, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(download->reason, sizeof(download->reason), format, arguments);
	va_end(arguments);
	return 0;
}

static void patience_renew(struct download *download)
{
	if (!download->ended)
		(void)sd_event_source_set_time(
			download->timer, now_usec() + download->order.patience_usec);
}

/* ---- the head ----------------------------------------------------------------------------------
 */

static size_t on_header(char *bytes, size_t one, size_t size, void *owner)
{
	struct download *download = owner;
	char line[VALIDATOR_MAX + 64];

	(void)one;
	patience_renew(download);
	if (size < sizeof(line)) {
		memcpy(line, bytes, size);
		line[size] = '\0';
		answer_take(&download->answer, line);
	}
	return size;
}

/* ---- the body ----------------------------------------------------------------------------------
 */

static bool size_fits(struct download *download)
{
	const struct download_order *order = &download->order;
	struct statvfs fs;
	curl_off_t length = -1;

	curl_easy_getinfo(download->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length < 0)
		return true;
	download->total = download->done + (uint64_t)length;
	if (download->total > order->size_max) {
		give_up(download, "it has %.1f MiB, more than the %.0f MiB that are taken",
			MIB(download->total), MIB(order->size_max));
		return false;
	}
	/* Before the disk is full for everybody. */
	if (order->name && fstatvfs(download->fd, &fs) == 0 &&
		(uint64_t)length > (uint64_t)fs.f_bavail * fs.f_frsize) {
		give_up(download,
			"it needs %.1f MiB more, and %s has %.1f MiB free: remove old releases, "
			"or lower Keep=",
			MIB(length), order->directory, MIB((uint64_t)fs.f_bavail * fs.f_frsize));
		return false;
	}
	return true;
}

static int begin_anew(struct download *download)
{
	download->done = 0;
	if (!download->order.name)
		return 0;
	return file_part_begin(download->order.dir_fd, download->order.name, download->fd,
		download->order.url, answer_validator(&download->answer));
}

/* Once the status is known, and before the first byte is kept. */
static bool body_begin(struct download *download)
{
	long status = 0;
	int r = 0;

	download->begun = true;
	curl_easy_getinfo(download->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 206 && download->offset > 0 && download->answer.ranged &&
		download->answer.first == download->offset) {
		download->done = download->offset;
		download->resumed = true;
		if (lseek(download->fd, (off_t)download->offset, SEEK_SET) < 0)
			r = -errno;
	} else if (status == 200)
		r = begin_anew(download);
	else if (status == 416 && download->offset > 0 && download->answer.ranged &&
		 download->answer.whole == download->offset) {
		download->complete = download->resumed = true;
		download->done = download->total = download->offset;
		return false;
	} else {
		/* 206 and 416 of something else. */
		download->again = download->offset > 0 && (status == 206 || status == 416);
		return false;
	}
	if (r < 0) {
		give_up(download, "%s/%s: %s", download->order.directory, download->order.name,
			strerror(-r));
		return false;
	}
	return size_fits(download);
}

static bool write_all(struct download *download, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(download->fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			/* The disk is not ours alone. */
			if (error == ENOSPC || error == EDQUOT)
				(void)!ftruncate(download->fd, 0);
			give_up(download, "%s cannot be written: %s%s", download->order.directory,
				strerror(error),
				error == ENOSPC ? "; remove old releases, or lower Keep=" : "");
			return false;
		}
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *owner)
{
	struct download *download = owner;

	(void)one;
	patience_renew(download);
	if (!download->begun && !body_begin(download))
		return 0;
	if (size > download->order.size_max - download->done)
		return give_up(download, "it has more than the %.0f MiB that are taken",
			MIB(download->order.size_max));
	if (download->order.name) {
		if (!write_all(download, bytes, size))
			return 0;
	} else {
		memcpy(download->text + download->done, bytes, size);
		download->text[download->done + size] = '\0';
	}
	download->done += size;
	return size;
}

/* ---- its life ----------------------------------------------------------------------------------
 */

static void on_transfer_ended(CURL *easy, CURLcode code)
{
	struct download *download;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &download);
	download->code = code;
	download->ended = true;
	(void)sd_event_source_set_time(download->timer, 0);
}

static int add_header(struct download *download, const char *line)
{
	struct curl_slist *headers = curl_slist_append(download->headers, line);

	if (!headers)
		return -ENOMEM;
	download->headers = headers;
	return 0;
}

static int ask_for_rest(struct download *download)
{
	char validator[VALIDATOR_MAX], line[VALIDATOR_MAX + 32], range[32];

	download->offset = file_part_size(download->order.dir_fd, download->order.name,
		download->fd, download->order.url, validator);
	if (download->offset == 0)
		return 0;
	/* Not CURLOPT_RESUME_FROM, which takes a full answer for an error. */
	snprintf(range, sizeof(range), "%" PRIu64 "-", download->offset);
	curl_easy_setopt(download->easy, CURLOPT_RANGE, range);
	snprintf(line, sizeof(line), "If-Range: %s", validator);
	return add_header(download, line);
}

/* curl_easy_setopt() can fail for want of memory only, and then the transfer fails as well. */
static int easy_open(struct download *download)
{
	CURL *easy = download->easy = curl_easy_init();
	bool tls = strncasecmp(download->order.url, "https:", 6) == 0;
	int r = easy ? 0 : -ENOMEM;

	if (r >= 0 && download->order.name)
		r = ask_for_rest(download);
	if (r < 0)
		return r;
	curl_easy_setopt(easy, CURLOPT_URL, download->order.url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, download->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "app-bluegreen/" VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs is left to itself, not waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, download->curl_error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, download);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, download);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, download);
	return 0;
}

static int attempt_begin(struct download *download)
{
	int r;

	download->ended = download->begun = download->again = false;
	download->offset = download->done = download->total = 0;
	download->curl_error[0] = download->reason[0] = '\0';
	r = easy_open(download);
	if (r >= 0)
		r = transfer_loop_add(download->loop, download->easy);
	if (r < 0) {
		curl_easy_cleanup(download->easy);
		download->easy = NULL;
		return r;
	}
	patience_renew(download);
	return sd_event_source_set_enabled(download->timer, SD_EVENT_ONESHOT);
}

static void attempt_end(struct download *download)
{
	if (download->easy) {
		transfer_loop_remove(download->loop, download->easy);
		curl_easy_cleanup(download->easy);
		download->easy = NULL;
	}
	curl_slist_free_all(download->headers);
	download->headers = NULL;
}

static enum download_end judge_status(struct download *download, const char *url, char *why)
{
	long status = 0;

	curl_easy_getinfo(download->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 404 || status == 410) {
		snprintf(why, DOWNLOAD_REASON_MAX, "%s is not there (the server answered %ld)", url,
			status);
		return DOWNLOAD_NOT_THERE;
	}
	if (download->code == CURLE_OK && status == 200)
		return DOWNLOAD_WHOLE;
	if (download->code == CURLE_OK && status == 206)
		return DOWNLOAD_WHOLE;
	/* Our own end of it, because it is no archive; else libcurl knows more than the status. */
	if (status / 100 != 2 &&
		(download->code == CURLE_OK || download->code == CURLE_WRITE_ERROR))
		snprintf(why, DOWNLOAD_REASON_MAX,
			"%s cannot be downloaded: the server answered %ld", url, status);
	else
		snprintf(why, DOWNLOAD_REASON_MAX, "%s cannot be downloaded: %s%s", url,
			*download->curl_error ? download->curl_error
					      : curl_easy_strerror(download->code),
			download->done ? "; the next attempt goes on there" : "");
	return DOWNLOAD_FAILED;
}

static enum download_end judge(struct download *download, char why[static DOWNLOAD_REASON_MAX])
{
	char url[200];

	why[0] = '\0';
	download_url_shown(download->order.url, url, sizeof(url));
	/* An answer without a body is one, too. */
	if (download->ended && download->code == CURLE_OK && !download->begun)
		(void)body_begin(download);
	if (download->complete)
		return DOWNLOAD_WHOLE;
	if (*download->reason) {
		snprintf(why, DOWNLOAD_REASON_MAX, "%s cannot be downloaded: %.280s", url,
			download->reason);
		return DOWNLOAD_FAILED;
	}
	if (!download->ended) {
		snprintf(why, DOWNLOAD_REASON_MAX,
			"%s cannot be downloaded: no byte came for %.0f s%s", url,
			(double)download->order.patience_usec / (double)USEC_PER_SEC,
			download->done ? "; the next attempt goes on there" : "");
		return DOWNLOAD_FAILED;
	}
	return judge_status(download, url, why);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *owner)
{
	struct download *download = owner;
	char why[DOWNLOAD_REASON_MAX];
	enum download_end end = judge(download, why);

	(void)source;
	(void)usec;
	attempt_end(download);
	if (download->again) {
		int r = file_part_begin(download->order.dir_fd, download->order.name, download->fd,
			download->order.url, "");

		if (r >= 0)
			r = attempt_begin(download);
		if (r >= 0)
			return 0;
		snprintf(why, sizeof(why), "%s: %s", download->order.directory, strerror(-r));
		end = DOWNLOAD_FAILED;
	}
	download->over(download->owner, end, why);
	return 0;
}

int download_begin(sd_event *event, const struct download_order *order, download_over_fn over,
	void *owner, struct download **ret_download)
{
	_cleanup_(cleanup_download_close) struct download *download = calloc(1, sizeof(*download));
	int r;

	if (!download)
		return -ENOMEM;
	download->order = *order;
	download->over = over;
	download->owner = owner;
	download->fd = -EBADF;
	if (!order->name)
		download->text = calloc(1, order->size_max + 1);
	if (!order->name && !download->text)
		return -ENOMEM;
	r = order->name ? file_part_open(order->dir_fd, order->name, &download->fd) : 0;
	if (r >= 0)
		r = sd_event_add_time(
			event, &download->timer, CLOCK_MONOTONIC, 0, 0, on_timer, download);
	if (r >= 0)
		r = transfer_loop_open(event, on_transfer_ended, &download->loop);
	if (r >= 0)
		r = attempt_begin(download);
	if (r < 0)
		return r;
	*ret_download = take_ptr(download);
	return 0;
}

struct download *download_close(struct download *download)
{
	if (!download)
		return NULL;
	attempt_end(download);
	transfer_loop_close(download->loop);
	sd_event_source_disable_unref(download->timer);
	fd_close(download->fd);
	free(download->text);
	free(download);
	return NULL;
}

void download_progress(const struct download *download, uint64_t *ret_done, uint64_t *ret_total)
{
	*ret_done = download->done;
	*ret_total = download->total;
}

bool download_resumed(const struct download *download)
{
	return download->resumed;
}

const char *download_text(const struct download *download)
{
	return download->text;
}

void download_forget(int dir_fd, const char *name)
{
	char beside[256];

	snprintf(beside, sizeof(beside), "%s.etag", name);
	(void)unlinkat(dir_fd, beside, 0);
	(void)unlinkat(dir_fd, name, 0);
}
