/* SPDX-License-Identifier: MIT */
/*
 * Knows the journal's native protocol and systemd's notify socket (libsystemd speaks both), and
 * each message's id and level. Knows nothing of what the messages are about.
 */
#include "report.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include "base/log.h"

#define FIELD_MAX 256 /* bytes of NAME=VALUE; the longest value is a unit's or a release's name */
#define APP_MAX	  64

static const struct {
	int level;
	const char *id;
} messages[REPORT_MESSAGE_COUNT] = {
	[REPORT_DEBUG] = {LOG_DEBUG, NULL},
	[REPORT_NOTE] = {LOG_INFO, NULL},
	[REPORT_WARNING] = {LOG_WARNING, NULL},
	[REPORT_STARTED] = {LOG_INFO, "1257cea9813d4a01910a98ced43bd963"},
	[REPORT_CYCLE_BEGUN] = {LOG_NOTICE, "98b58970078f4a1691bc79cb47a01692"},
	[REPORT_CYCLE_SUCCEEDED] = {LOG_NOTICE, "1d3863420ed94c3b9cfaaf72611eeff1"},
	[REPORT_CYCLE_FAILED] = {LOG_ERR, "1b8b20b6de314e2986e3b6ee96fd61ea"},
	[REPORT_CYCLE_INTERRUPTED] = {LOG_WARNING, "c6a44ae79baf45af8ddbacd6ffade63c"},
	[REPORT_RECEIPT] = {LOG_INFO, "7801e11f8fd446e1a9afed7f9912b37a"},
	[REPORT_STEP_BEGUN] = {LOG_INFO, "094e489b21824320b0c2fdba4edc3eb9"},
	[REPORT_STEP_DONE] = {LOG_INFO, "d187544d18a948f7b35936b7205ce297"},
	[REPORT_STEP_FAILED] = {LOG_ERR, "ad2d4575e549445c863ad2b18c4fbab0"},
	[REPORT_STEP_UNDONE] = {LOG_NOTICE, "b483e4d769534f8ca8a0db0541f2e969"},
	[REPORT_ROUTE] = {LOG_INFO, "52844e74acc1459cbdf6afd478c95ee3"},
	[REPORT_COLOR_HEALTHY] = {LOG_NOTICE, "45df67d267214a239db9f04ddb2d1ae5"},
	[REPORT_COLOR_SICK] = {LOG_WARNING, "8ff88a89816844df980bd71e586f57c6"},
	[REPORT_DEGRADED] = {LOG_ERR, "8948ad35193e4c84a06606865e3114c5"},
	[REPORT_RESTORED] = {LOG_NOTICE, "c95de1b90bc447dfbcc71dba4be3d4b9"},
	[REPORT_NOBODY_HEALTHY] = {LOG_CRIT, "75c073be6029409fa7adb7c7e84d4c18"},
	[REPORT_DRAIN_CUT] = {LOG_WARNING, "cdf7af92d239403990a04df55e115476"},
	[REPORT_UNIT_CHANGED] = {LOG_NOTICE, "fb38a0750ff243be9f983e719185dcfb"},
	[REPORT_PORT_TAKEN] = {LOG_ERR, "276fe4bafe8c4d91acafa7e9c68e9d74"},
	[REPORT_CONFIG_BAD] = {LOG_ERR, "dcbd20b472b8469fba018fec8c5eec14"},
	[REPORT_RECORD_BAD] = {LOG_WARNING, "c6ebc6e0297e40139ada916c94a35408"},
	[REPORT_RECORD_LOST] = {LOG_ERR, "94d0ed1215c043dd95f3f1205b27369d"},
	[REPORT_RELAY_LOST] = {LOG_WARNING, "2a0da67dc7af450cb606b7240570739f"},
	[REPORT_RELAY_FOUND] = {LOG_INFO, "a242743f2a954692a5e2447f47a12232"},
	[REPORT_BUS_LOST] = {LOG_WARNING, "ced7333d1cfd4f43b36065ddb5bc5bd8"},
	[REPORT_BUS_FOUND] = {LOG_INFO, "528fff0b72a045c89212e23b910b019e"},
	[REPORT_RENEWAL_FAILED] = {LOG_ERR, "581e8b53397445319c39953db749a744"},
};

static char app_name[APP_MAX];
static bool stderr_is_journal;
static bool debugging;

/* The fields of one entry, for sendmsg(2): the text lives in the iovecs' own buffers. */
struct entry {
	size_t count;
	struct iovec fields[11];
	char text[10][FIELD_MAX];
	char *receipt; /* has no such limit */
};

/* systemd.exec(5), $JOURNAL_STREAM: true if what we write to stderr goes to the journal, so that
 * the native protocol may take its place. */
static bool stderr_leads_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == device && st.st_ino == inode;
}

/* One message is one line, whatever an outsider's words brought with them. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static void entry_add(struct entry *entry, const char *name, const char *value)
{
	char *text = entry->text[entry->count];
	int n;

	assert(entry->count < ELEMENTS(entry->text));
	if (!value || !*value)
		return;
	n = snprintf(text, FIELD_MAX, "%s=%s", name, value);
	if (n < 0)
		return;
	entry->fields[entry->count++] = (struct iovec){
		.iov_base = text,
		.iov_len = strlen(text),
	};
}

/* The last one, so that it takes no place in `text`. Without memory the entry goes without it. */
static void entry_add_receipt(struct entry *entry, const char *receipt)
{
	int n;

	if (!receipt || !*receipt)
		return;
	n = asprintf(&entry->receipt, "BLUEGREEN_RECEIPT=%s", receipt);
	if (n < 0) {
		entry->receipt = NULL;
		return;
	}
	entry->fields[entry->count++] = (struct iovec){
		.iov_base = entry->receipt,
		.iov_len = (size_t)n,
	};
}

static int journal_send(
	enum report_message message, const struct report_fields *fields, char *sentence)
{
	struct entry entry = {.count = 1};
	char word[FIELD_MAX / 2];
	int r;

	/* The sentence is longer than the others, and has its name in front of it already. */
	entry.fields[0] = (struct iovec){.iov_base = sentence, .iov_len = strlen(sentence)};
	snprintf(word, sizeof(word), "%d", messages[message].level);
	entry_add(&entry, "PRIORITY", word);
	snprintf(word, sizeof(word), "%s-bluegreen", app_name);
	entry_add(&entry, "SYSLOG_IDENTIFIER", word);
	entry_add(&entry, "MESSAGE_ID", messages[message].id);
	entry_add(&entry, "BLUEGREEN_APP", app_name);
	if (fields) {
		entry_add(&entry, "COLOR", fields->color);
		entry_add(&entry, "STEP", fields->step);
		entry_add(&entry, "CYCLE", fields->cycle);
		entry_add(&entry, "RELEASE", fields->release);
		entry_add(&entry, "UNIT", fields->unit);
		entry_add_receipt(&entry, fields->receipt);
	}
	r = sd_journal_sendv(entry.fields, (int)entry.count);
	free(entry.receipt);
	return r;
}

void report_open(const char *app)
{
	const char *level = getenv("SYSTEMD_LOG_LEVEL");

	snprintf(app_name, sizeof(app_name), "%s", app);
	stderr_is_journal = stderr_leads_to_journal();
	debugging = level && strcmp(level, "debug") == 0;
	if (debugging)
		log_set_level(LOG_DEBUG);
}

void report(
	enum report_message message, const struct report_fields *fields, const char *format, ...)
{
	static const char name[] = "MESSAGE=";
	char text[sizeof(name) - 1 + REPORT_MESSAGE_MAX];
	char *sentence = text + sizeof(name) - 1;
	va_list arguments;
	int n;

	assert(message < REPORT_MESSAGE_COUNT);
	if (messages[message].level == LOG_DEBUG && !debugging)
		return;
	memcpy(text, name, sizeof(name) - 1);
	va_start(arguments, format);
	n = vsnprintf(sentence, REPORT_MESSAGE_MAX, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	make_one_line(sentence);
	if (stderr_is_journal && journal_send(message, fields, text) >= 0)
		return;
	log_write(messages[message].level, "%s", sentence);
}

const char *report_message_id(enum report_message message)
{
	assert(message < REPORT_MESSAGE_COUNT);
	return messages[message].id;
}

void report_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void report_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void report_status(const char *format, ...)
{
	char status[REPORT_MESSAGE_MAX];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(status, sizeof(status), format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	make_one_line(status);
	(void)sd_notifyf(0, "STATUS=%s", status);
}

int report_watchdog_begin(sd_event *event)
{
	return sd_event_set_watchdog(event, 1);
}
