/* SPDX-License-Identifier: MIT */
/*
 * Knows one request to an instance and its life; does not know how libcurl is turned
 * (transfer.c), what an answer must be (probe-answer.c), nor what follows from it.
 *
 * An owner must be free to begin, cancel or close from `done`. So the end of a transfer is only
 * kept when libcurl tells it, and the probe's timer, its deadline until then, is set to now. What
 * an owner hears he hears from that timer, in a callback that touches nothing afterwards.
 */
#include "probe.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "base/fd.h"
#include "probe-answer.h"
#include "transfer.h"

struct prober {
	sd_event *event;
	struct transfer_loop *loop;
	struct probe *probes;
};

struct probe {
	struct prober *prober;
	struct probe *next;
	struct probe_request request; /* the strings are ours */
	probe_done_fn done;
	void *owner;

	CURL *easy;
	bool added; /* to the loop */
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	sd_event_source *timer; /* the deadline; now, once it has ended */
	uint64_t started_usec;

	struct probe_answer answer;
	bool ended;
	struct probe_result result; /* if ended */
};

static enum probe_end end_of_transfer(const struct probe *probe, CURLcode code)
{
	long os_errno = 0;

	if (code == CURLE_OK)
		return PROBE_END_WHOLE;
	/* We told libcurl to stop: the part that is looked at is there. */
	if (code == CURLE_WRITE_ERROR && probe->answer.body_size == PROBE_BODY_MAX)
		return PROBE_END_WHOLE;
	curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT && os_errno == ECONNREFUSED)
		return PROBE_END_REFUSED;
	return PROBE_END_BROKEN;
}

static void probe_end(struct probe *probe, enum probe_end end, const char *detail)
{
	probe_answer_judge(&probe->answer, &probe->request, end, detail, &probe->result);
	probe->result.duration_usec = now_usec() - probe->started_usec;
	probe->ended = true;
}

/* Keeps how it ended; the probe's timer tells it on. */
static void on_transfer_ended(CURL *easy, CURLcode code)
{
	struct probe *probe;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &probe);
	probe_end(probe, end_of_transfer(probe, code),
		*probe->curl_error ? probe->curl_error : curl_easy_strerror(code));
	(void)sd_event_source_set_time(probe->timer, 0);
}

int prober_open(sd_event *event, struct prober **ret_prober)
{
	_cleanup_(cleanup_prober_close) struct prober *prober = calloc(1, sizeof(*prober));
	int r;

	if (!prober)
		return -ENOMEM;
	r = transfer_loop_open(event, on_transfer_ended, &prober->loop);
	if (r < 0)
		return r;
	prober->event = sd_event_ref(event);
	*ret_prober = take_ptr(prober);
	return 0;
}

struct prober *prober_close(struct prober *prober)
{
	if (!prober)
		return NULL;
	while (prober->probes)
		probe_cancel(prober->probes);
	transfer_loop_close(prober->loop);
	sd_event_unref(prober->event);
	free(prober);
	return NULL;
}

static void prober_forget(struct prober *prober, struct probe *probe)
{
	for (struct probe **link = &prober->probes; *link; link = &(*link)->next)
		if (*link == probe) {
			*link = probe->next;
			return;
		}
}

struct probe *probe_cancel(struct probe *probe)
{
	if (!probe)
		return NULL;
	prober_forget(probe->prober, probe);
	if (probe->added)
		transfer_loop_remove(probe->prober->loop, probe->easy);
	curl_easy_cleanup(probe->easy);
	curl_slist_free_all(probe->headers);
	sd_event_source_disable_unref(probe->timer);
	probe_answer_clear(&probe->answer);
	free((char *)probe->request.path);
	free((char *)probe->request.host);
	free((char *)probe->request.body);
	free(probe);
	return NULL;
}
DEFINE_CLEANUP(struct probe, probe_cancel);

static size_t on_header(char *line, size_t one, size_t size, void *owner)
{
	struct probe *probe = owner;

	(void)one;
	probe_answer_take_header(&probe->answer, line, size);
	return size;
}

/* Anything but `size` ends the transfer. */
static size_t on_body(char *bytes, size_t one, size_t size, void *owner)
{
	struct probe *probe = owner;
	long taken = probe_answer_take_body(&probe->answer, bytes, size);

	(void)one;
	return taken < 0 ? 0 : (size_t)taken;
}

/* Deadline or end, whichever came. */
static int on_probe_timer(sd_event_source *source, uint64_t usec, void *owner)
{
	struct probe *probe = owner;
	struct probe_result result;
	probe_done_fn done = probe->done;
	void *done_owner = probe->owner;

	(void)source;
	(void)usec;
	if (!probe->ended)
		probe_end(probe, PROBE_END_LATE, "");
	result = probe->result;
	probe_cancel(probe);
	done(done_owner, &result);
	return 0;
}

static int copy_string(const char *string, const char **ret_copy)
{
	char *copy;

	if (!string)
		return 0;
	copy = strdup(string);
	if (!copy)
		return -ENOMEM;
	*ret_copy = copy;
	return 0;
}

static int copy_request(const struct probe_request *request, struct probe_request *copy)
{
	int r;

	*copy = *request;
	copy->path = copy->host = copy->body = NULL;
	r = copy_string(request->path, &copy->path);
	if (r < 0)
		return r;
	r = copy_string(request->host, &copy->host);
	if (r < 0)
		return r;
	return copy_string(request->body, &copy->body);
}

static int add_header(struct probe *probe, const char *line)
{
	struct curl_slist *headers = curl_slist_append(probe->headers, line);

	if (!headers)
		return -ENOMEM;
	probe->headers = headers;
	return 0;
}

static int add_headers(struct probe *probe)
{
	char line[300];
	int r;

	r = add_header(probe, "Connection: close");
	if (r < 0 || !probe->request.host)
		return r;
	r = snprintf(line, sizeof(line), "Host: %s", probe->request.host);
	if (r < 0 || (size_t)r >= sizeof(line))
		return -EINVAL;
	return add_header(probe, line);
}

/* curl_easy_setopt() can fail for want of memory only, and then the transfer fails as well. */
static int probe_open_easy(struct probe *probe)
{
	char url[sizeof("http://127.0.0.1:65535/")];
	CURL *easy;
	int r;

	easy = probe->easy = curl_easy_init();
	if (!easy)
		return -ENOMEM;
	r = add_headers(probe);
	if (r < 0)
		return r;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", probe->request.port);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(
		easy, CURLOPT_CONNECT_ONLY, probe->request.kind == PROBE_CONNECT ? 1L : 0L);
	/* As it stands, without libcurl's opinion of what a path is. */
	if (probe->request.kind == PROBE_HTTP)
		curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, probe->request.path);
	curl_easy_setopt(easy, CURLOPT_HAPROXYPROTOCOL, probe->request.proxy_header ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, probe->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "app-bluegreen");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->curl_error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
	return 0;
}

static int probe_open(
	struct prober *prober, const struct probe_request *request, struct probe **ret_probe)
{
	_cleanup_(cleanup_probe_cancel) struct probe *probe = calloc(1, sizeof(*probe));
	uint64_t deadline;
	int r;

	if (!probe)
		return -ENOMEM;
	probe->prober = prober;
	probe->started_usec = now_usec();
	r = copy_request(request, &probe->request);
	if (r < 0)
		return r;
	r = probe_open_easy(probe);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(probe->started_usec, request->timeout_usec, &deadline))
		deadline = USEC_INFINITY - 1;
	r = sd_event_add_time(
		prober->event, &probe->timer, CLOCK_MONOTONIC, deadline, 1, on_probe_timer, probe);
	if (r < 0)
		return r;
	r = transfer_loop_add(prober->loop, probe->easy);
	if (r < 0)
		return r;
	probe->added = true;
	*ret_probe = take_ptr(probe);
	return 0;
}

/* A socket that we cannot have (EMFILE) must not be taken for one that nobody answers. */
static int probe_can_ask(void)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : 0;
}

int probe_begin(struct prober *prober, const struct probe_request *request, probe_done_fn done,
	void *owner, struct probe **ret_probe)
{
	struct probe *probe;
	int r;

	r = probe_can_ask();
	if (r >= 0)
		r = probe_open(prober, request, &probe);
	if (r < 0)
		return r;
	probe->done = done;
	probe->owner = owner;
	probe->next = prober->probes;
	prober->probes = probe;
	if (ret_probe)
		*ret_probe = probe;
	return 0;
}
