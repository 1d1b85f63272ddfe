/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor tells: sentences with fields to the journal (sd_journal_sendv(3)), and its
 * own state to systemd (sd_notify(3)). If stderr is not the journal (a terminal, a test), the
 * sentences go to stderr instead. It decides nothing and keeps nothing but the app's name. A seam:
 * tests/fake/fake-report.c.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define REPORT_MESSAGE_MAX 1024 /* bytes of a sentence; what is longer is cut */

/* Each but the first three has a MESSAGE_ID of its own and an entry in
 * units/app-bluegreen.catalog; its level is in the table of report.c. */
enum report_message {
	REPORT_DEBUG,	/* no MESSAGE_ID; only if SYSTEMD_LOG_LEVEL=debug */
	REPORT_NOTE,	/* no MESSAGE_ID; info */
	REPORT_WARNING, /* no MESSAGE_ID */

	REPORT_STARTED, /* the supervisor watches; what it found */
	REPORT_CYCLE_BEGUN,
	REPORT_CYCLE_SUCCEEDED,
	REPORT_CYCLE_FAILED,	  /* step, reason, where to look */
	REPORT_CYCLE_INTERRUPTED, /* the supervisor was gone in the middle of it */
	REPORT_RECEIPT,		  /* what a cycle did; the whole of it is in the field */
	REPORT_STEP_BEGUN,
	REPORT_STEP_DONE,
	REPORT_STEP_FAILED,
	REPORT_STEP_UNDONE,
	REPORT_ROUTE, /* the route in force has changed */
	REPORT_COLOR_HEALTHY,
	REPORT_COLOR_SICK,     /* with the probe's answer */
	REPORT_DEGRADED,       /* green serves reads, writes wait or are refused */
	REPORT_RESTORED,       /* no longer degraded */
	REPORT_NOBODY_HEALTHY, /* neither color answers */
	REPORT_DRAIN_CUT,      /* exchanges were ended by a drain's limit */
	REPORT_UNIT_CHANGED,   /* a unit was stopped or restarted by somebody else */
	REPORT_PORT_TAKEN,     /* somebody else listens on a color's port */
	REPORT_CONFIG_BAD,     /* the configuration cannot be used; the former stays */
	REPORT_RECORD_BAD,     /* the record was torn or foreign, and put aside */
	REPORT_RECORD_LOST,    /* the record cannot be written */
	REPORT_RELAY_LOST,
	REPORT_RELAY_FOUND,
	REPORT_BUS_LOST,
	REPORT_BUS_FOUND,
	REPORT_RENEWAL_FAILED, /* the program that is installed now does not run here */
	REPORT_MESSAGE_COUNT,
};

/* What the message is about; NULL (or "") where it does not apply. In the journal these are COLOR=,
 * STEP=, CYCLE=, RELEASE=, UNIT= and BLUEGREEN_RECEIPT=, beside BLUEGREEN_APP=, which every message
 * has. A receipt may be long; the others are cut at 256 bytes. */
struct report_fields {
	const char *color;
	const char *step;
	const char *cycle;
	const char *release;
	const char *unit;
	const char *receipt; /* of a cycle, as JSON */
};

/* Whose supervisor this is, and where its sentences go; call it first. The name is copied. */
void report_open(const char *app);

/* One sentence, without a newline. fields may be NULL. */
void report(enum report_message message, const struct report_fields *fields, const char *format,
	...) _printf_(3, 4);

/* The MESSAGE_ID, 32 hexadecimal digits; NULL if it has none. */
const char *report_message_id(enum report_message message);

/* To systemd. Without NOTIFY_SOCKET nothing happens. */
void report_ready(void);
void report_stopping(void);
void report_status(const char *format, ...) _printf_(1, 2); /* the line in `systemctl status` */

/* If the unit has WatchdogSec=: as long as the event loop turns, systemd is told so. 0, 1 or
 * -errno. */
int report_watchdog_begin(sd_event *event);
