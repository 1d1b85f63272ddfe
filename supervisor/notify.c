/* SPDX-License-Identifier: MIT */
/*
 * Knows how a message gets to a web address: one after the other, in order, each a few times. What
 * it says, and what happens that is worth telling, is not known here.
 *
 * One message is under way at a time, and one timer is everything that may happen to it: the
 * deadline of a try, its end (libcurl tells it in the middle of its own work, so it is only kept,
 * and the timer set to now), and the rest before the next try.
 */
#include "notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/fd.h"
#include "report.h"
#include "transfer.h"

#define TRY_USEC   (10 * USEC_PER_SEC)
/* Of an answer, which is not looked at; who sends more is not listened to. */
#define ANSWER_MAX 65536

static const uint64_t rests[NOTIFY_TRIES] = {
	[1] = 1 * USEC_PER_SEC,
	[2] = 10 * USEC_PER_SEC,
};

enum notify_state {
	NOTIFY_IDLE,	/* nothing to send */
	NOTIFY_SENDING, /* until the timer's deadline */
	NOTIFY_ENDED,	/* the try; the timer comes at once */
	NOTIFY_RESTING, /* before the next try */
	NOTIFY_STATE_COUNT,
};

struct message {
	char *url, *body;
};

struct notify {
	sd_event *event;
	struct transfer_loop *loop;
	struct curl_slist *headers;
	sd_event_source *timer;
	enum notify_state state;
	struct message *waiting[NOTIFY_QUEUE_MAX]; /* a ring; the oldest is at waiting_first */
	size_t waiting_first, waiting_count;

	struct message *message; /* unless idle */
	unsigned int tries;	 /* of the message, the present one included */
	CURL *easy;		 /* of the present try */
	CURLcode code;		 /* if ended */
	size_t answered;	 /* bytes */
	char curl_error[CURL_ERROR_SIZE];
};

static struct message *message_free(struct message *message)
{
	if (!message)
		return NULL;
	free(message->url);
	free(message->body);
	free(message);
	return NULL;
}
DEFINE_CLEANUP(struct message, message_free);

/* What may stand in the journal: an address may have a secret in its path or before its @. */
static void url_host(const char *url, char *buffer, size_t size)
{
	CURLU *parts = curl_url();
	char *host = NULL;

	if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
		(void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
	snprintf(buffer, size, "%s", host ? host : "an address that is none");
	curl_free(host);
	curl_url_cleanup(parts);
}

static struct message *waiting_take(struct notify *notify)
{
	struct message *message;

	if (notify->waiting_count == 0)
		return NULL;
	message = notify->waiting[notify->waiting_first];
	notify->waiting_first = (notify->waiting_first + 1) % NOTIFY_QUEUE_MAX;
	notify->waiting_count--;
	return message;
}

/* There must be room. */
static void waiting_add(struct notify *notify, struct message *message)
{
	size_t last = notify->waiting_first + notify->waiting_count++;

	notify->waiting[last % NOTIFY_QUEUE_MAX] = message;
}

static void try_end(struct notify *notify)
{
	if (!notify->easy)
		return;
	transfer_loop_remove(notify->loop, notify->easy);
	curl_easy_cleanup(notify->easy);
	notify->easy = NULL;
}

static void notify_enter(struct notify *notify, enum notify_state state, uint64_t timer_usec)
{
	notify->state = state;
	(void)sd_event_source_set_time(notify->timer, timer_usec);
	(void)sd_event_source_set_enabled(
		notify->timer, state == NOTIFY_IDLE ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static size_t on_answer(char *bytes, size_t one, size_t size, void *owner)
{
	struct notify *notify = owner;

	(void)bytes;
	(void)one;
	notify->answered += size;
	return notify->answered <= ANSWER_MAX ? size : 0;
}

static void on_transfer_ended(CURL *easy, CURLcode code)
{
	struct notify *notify;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &notify);
	notify->code = code;
	notify_enter(notify, NOTIFY_ENDED, 0);
}

/* curl_easy_setopt() can fail for want of memory only, and then the transfer fails as well. */
static int try_open(struct notify *notify)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return -ENOMEM;
	curl_easy_setopt(easy, CURLOPT_URL, notify->message->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, notify->message->body);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, notify->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "app-bluegreen/" VERSION);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs is left to itself, not waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, notify->curl_error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, notify);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, notify);
	if (transfer_loop_add(notify->loop, easy) < 0) {
		curl_easy_cleanup(easy);
		return -ENOMEM;
	}
	notify->easy = easy;
	return 0;
}

static void try_begin(struct notify *notify)
{
	notify->tries++;
	notify->answered = 0;
	notify->curl_error[0] = '\0';
	if (try_open(notify) >= 0) {
		notify_enter(notify, NOTIFY_SENDING, now_usec() + TRY_USEC);
		return;
	}
	notify->code = CURLE_OUT_OF_MEMORY;
	notify_enter(notify, NOTIFY_ENDED, 0);
}

static void message_begin(struct notify *notify, struct message *message)
{
	notify->message = message;
	notify->tries = 0;
	try_begin(notify);
}

/* The present one is over. */
static void message_next(struct notify *notify)
{
	struct message *next = waiting_take(notify);

	notify->message = message_free(notify->message);
	if (next)
		message_begin(notify, next);
	else
		notify_enter(notify, NOTIFY_IDLE, 0);
}

/* True if it was taken; else why not. A status is an answer, however its body ended. */
static bool try_judge(struct notify *notify, char *why, size_t size)
{
	long status = 0;

	if (notify->state == NOTIFY_SENDING) {
		snprintf(why, size, "no answer in %u s", (unsigned int)(TRY_USEC / USEC_PER_SEC));
		return false;
	}
	if (notify->easy)
		curl_easy_getinfo(notify->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status <= 299)
		return true;
	if (status)
		snprintf(why, size, "it answered %ld", status);
	else
		snprintf(why, size, "%s",
			*notify->curl_error ? notify->curl_error
					    : curl_easy_strerror(notify->code));
	return false;
}

static void try_over(struct notify *notify)
{
	char why[CURL_ERROR_SIZE], host[256];
	bool taken = try_judge(notify, why, sizeof(why));

	try_end(notify);
	if (taken) {
		message_next(notify);
		return;
	}
	url_host(notify->message->url, host, sizeof(host));
	if (notify->tries < NOTIFY_TRIES) {
		report(REPORT_DEBUG, NULL, "%s was not told: %s; it is tried again", host, why);
		notify_enter(notify, NOTIFY_RESTING, now_usec() + rests[notify->tries]);
		return;
	}
	report(REPORT_WARNING, NULL,
		"%s was not told what has happened, in %u tries: %s; see Url= in the "
		"configuration's [Notify]",
		host, NOTIFY_TRIES, why);
	message_next(notify);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct notify *notify = userdata;

	(void)source;
	(void)usec;
	switch (notify->state) {
	case NOTIFY_SENDING:
	case NOTIFY_ENDED:
		try_over(notify);
		break;
	case NOTIFY_RESTING:
		try_begin(notify);
		break;
	case NOTIFY_IDLE:
	case NOTIFY_STATE_COUNT:
		break;
	}
	return 0;
}

static int headers_make(struct curl_slist **ret_headers)
{
	/* Without the last, libcurl would wait a second for a server's leave to send the body. */
	static const char *const lines[] = {"Content-Type: application/json", "Expect:"};
	struct curl_slist *headers = NULL, *longer;

	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		longer = curl_slist_append(headers, lines[i]);
		if (!longer) {
			curl_slist_free_all(headers);
			return -ENOMEM;
		}
		headers = longer;
	}
	*ret_headers = headers;
	return 0;
}

int notify_open(sd_event *event, struct notify **ret_notify)
{
	_cleanup_(cleanup_notify_close) struct notify *notify = calloc(1, sizeof(*notify));
	int r;

	if (!notify)
		return -ENOMEM;
	notify->event = sd_event_ref(event);
	r = sd_event_add_time(event, &notify->timer, CLOCK_MONOTONIC, 0, 0, on_timer, notify);
	if (r >= 0)
		r = sd_event_source_set_enabled(notify->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = transfer_loop_open(event, on_transfer_ended, &notify->loop);
	if (r >= 0)
		r = headers_make(&notify->headers);
	if (r < 0)
		return r;
	*ret_notify = take_ptr(notify);
	return 0;
}

struct notify *notify_close(struct notify *notify)
{
	if (!notify)
		return NULL;
	try_end(notify);
	message_free(notify->message);
	while (notify->waiting_count > 0)
		message_free(waiting_take(notify));
	transfer_loop_close(notify->loop);
	curl_slist_free_all(notify->headers);
	sd_event_source_disable_unref(notify->timer);
	sd_event_unref(notify->event);
	free(notify);
	return NULL;
}

bool notify_is_idle(const struct notify *notify)
{
	return notify->state == NOTIFY_IDLE;
}

static struct message *message_new(const char *url, const char *body)
{
	_cleanup_(cleanup_message_free) struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->url = strdup(url);
	message->body = strdup(body);
	if (!message->url || !message->body)
		return NULL;
	return take_ptr(message);
}

void notify_send(struct notify *notify, const char *url, const char *body)
{
	struct message *message;

	if (!url)
		return;
	message = strlen(body) < NOTIFY_BODY_MAX ? message_new(url, body) : NULL;
	if (!message) {
		report(REPORT_WARNING, NULL,
			"a message for [Notify] Url= was dropped: it is too long, or memory is "
			"short");
		return;
	}
	if (notify->state == NOTIFY_IDLE) {
		message_begin(notify, message);
		return;
	}
	if (notify->waiting_count == NOTIFY_QUEUE_MAX) {
		message_free(waiting_take(notify));
		report(REPORT_WARNING, NULL,
			"the oldest of %u messages that wait for [Notify] Url= was dropped",
			NOTIFY_QUEUE_MAX);
	}
	waiting_add(notify, message);
}
